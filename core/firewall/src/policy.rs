//! A compiled policy.

use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::glob::Anchors;
use crate::index::Index;
use crate::label::Labels;
use crate::protected::ProtectedSet;
use crate::rule::{self, Rule};
use crate::section::Section;
use crate::source::{Findings, Source, parse};
use ioi_canon::Value;
use ioi_types::{Digest, Verdict, nearest};
use sha2::{Digest as _, Sha256};

/// The version of the decision procedure; part of every policy's hash.
pub const ENGINE_VERSION: &str = "ioi-firewall/2";

/// The sandbox properties that a policy may require, and the four that none can do without first.
pub const SANDBOX_PROPERTIES: [&str; 7] = [
    "no-network",
    "no-foreign-sockets",
    "files-confined",
    "no-peeking",
    "memory-limited",
    "pids-limited",
    "dies-as-a-whole",
];
const SANDBOX_FLOOR: usize = 4;

const KEYS: [&str; 8] = ["version", "default", "sandbox", "limits", "rule", "egress", "label", "trusted"];
const KEYS_LATER: [&str; 7] = ["action", "locked", "budget", "declassify", "approval", "include", "project"];

/// Ceilings for a plugin that asks for nothing; `None` where the policy doesn't say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Hundredths of one processor.
    pub cpu_percent: Option<u32>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// A policy, compiled for one context. It never changes.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) name: String,
    pub(crate) hash: Digest,
    pub(crate) default: Verdict,
    pub(crate) require: Vec<&'static str>,
    pub(crate) limits: Limits,
    /// In the order of their ids: so the place of a rule is its precedence among equals,
    /// and the order in the file changes nothing.
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: Index,
    pub(crate) labels: Labels,
    pub(crate) protected: ProtectedSet,
    pub(crate) context: Context,
    /// False for a text without any key.
    pub(crate) has_version: bool,
}

impl Policy {
    /// Compiles a policy for a context. A text without any key is a policy that denies everything.
    ///
    /// # Errors
    /// Every finding, in the order of the text; a policy with a finding is not used.
    pub fn compile(source: &Source, context: &Context) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(source);
        if let Some(problem) = context.problem() {
            findings.error(
                0,
                problem,
                Some("this path is given by the caller, not by the policy".to_owned()),
            );
            return Err(findings.finish());
        }
        let Some(table) = parse(source, &mut findings) else { return Err(findings.finish()) };
        let context = context.canonical();
        let root = Section::new("a policy", 0, table.get_ref());
        let policy = Self::read(source, context, &root, &mut findings);
        if findings.is_clean() { Ok(policy) } else { Err(findings.finish()) }
    }

    fn read(source: &Source, context: Context, root: &Section<'_, '_>, findings: &mut Findings<'_>) -> Self {
        root.check_keys(findings, &KEYS, &KEYS_LATER);
        if !root.is_empty() {
            check_version(root, findings);
        }
        let labels = Labels::read(root, &anchors(&context), findings);
        let rules = read_rules(root, &context, &labels, findings);
        Self {
            name: source.name.clone(),
            hash: policy_hash(&source.text, &context),
            default: read_default(root, findings),
            require: read_require(root, findings),
            limits: read_limits(root, findings),
            has_version: root.get("version").is_some(),
            index: Index::new(&rules),
            protected: ProtectedSet::new(&context),
            labels,
            rules,
            context,
        }
    }

    /// SHA-256 over the canonical value of engine version, text and resolved context.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// The name that its source had.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is answered where no rule applies: deny or ask.
    #[must_use]
    pub const fn default_verdict(&self) -> Verdict {
        self.default
    }

    /// The sandbox properties required, the first four of [`SANDBOX_PROPERTIES`] always among them.
    #[must_use]
    pub fn sandbox_require(&self) -> &[&'static str] {
        &self.require
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How many rules there are, `[[egress]]` entries among them.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The labels of anything in a tree: what a program has taken in that may open all of it. A path that
    /// is not canonical has every label.
    #[must_use]
    pub fn labels_beneath(&self, tree: &[u8]) -> Vec<String> {
        self.labels.beneath(tree)
    }

    /// Whether there is such a label, for whoever types one.
    ///
    /// # Errors
    /// A sentence with the one that was probably meant.
    pub fn check_label(&self, name: &str) -> Result<(), String> {
        let unknown = |(message, help): (String, Option<String>)| match help {
            Some(help) => format!("{message}; {help}"),
            None => message,
        };
        self.labels.named(name).map(drop).map_err(unknown)
    }

    /// Whether what this principal says is not `untrusted`.
    #[must_use]
    pub fn trusts(&self, principal: &str) -> bool {
        self.labels.trusts(principal)
    }

    /// The context it was compiled for, in canonical order.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }
}

fn policy_hash(text: &str, context: &Context) -> Digest {
    let value = Value::map([
        ("context", context.to_value()),
        ("engine", Value::from(ENGINE_VERSION)),
        ("text", Value::from(text)),
    ]);
    Digest::sha256(Sha256::digest(value.to_bytes()).into())
}

fn check_version(root: &Section<'_, '_>, findings: &mut Findings<'_>) {
    match root.get("version") {
        Some(item) => drop(item.natural(findings, 1, 1)),
        None => findings.error(0, "a policy has no `version`", Some("write `version = 1`".to_owned())),
    }
}

fn read_default(root: &Section<'_, '_>, findings: &mut Findings<'_>) -> Verdict {
    let item = root.get("default");
    let Some((item, text)) = item.and_then(|item| Some((item, item.text(findings)?))) else {
        return Verdict::Deny;
    };
    match Verdict::from_name(text) {
        Some(verdict) if verdict != Verdict::Allow => verdict,
        other => {
            let why =
                if other.is_some() { "the default can't be `allow`" } else { "the default is not a verdict" };
            findings.error(item.at, why, Some("write `deny` or `ask`".to_owned()));
            Verdict::Deny
        }
    }
}

fn read_require(root: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<&'static str> {
    let mut required: Vec<&'static str> = SANDBOX_PROPERTIES[..SANDBOX_FLOOR].to_vec();
    let Some(section) = root.get("sandbox").and_then(|item| item.table(findings, "`[sandbox]`")) else {
        return required;
    };
    section.check_keys(findings, &["require"], &[]);
    let Some(texts) = section.get("require").and_then(|item| item.texts(findings)) else { return required };
    for (at, text) in texts {
        match SANDBOX_PROPERTIES.iter().find(|name| **name == text) {
            Some(name) => required.push(name),
            None => {
                let near = nearest(text, SANDBOX_PROPERTIES).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| format!("there are: {}", SANDBOX_PROPERTIES.join(", ")));
                let message = format!("there is no sandbox property `{}`", text.escape_debug());
                findings.error(at, message, Some(help));
            }
        }
    }
    SANDBOX_PROPERTIES.into_iter().filter(|name| required.contains(name)).collect()
}

fn read_limits(root: &Section<'_, '_>, findings: &mut Findings<'_>) -> Limits {
    const MEMORY_BYTES_MIN: u64 = 1 << 20;
    let Some(section) = root.get("limits").and_then(|item| item.table(findings, "`[limits]`")) else {
        return Limits::default();
    };
    section.check_keys(findings, &["memory", "cpu", "pids"], &["files", "disk", "time", "network"]);
    let memory = section.get("memory");
    let memory_bytes = memory.and_then(|item| Some((item.at, item.size(findings)?)));
    if let Some((at, _)) = memory_bytes.filter(|(_, bytes)| *bytes < MEMORY_BYTES_MIN) {
        findings.error(at, "`memory` is below 1 MiB, in which nothing starts", None);
    }
    let pids = section.get("pids").and_then(|item| item.natural(findings, 1, 1 << 22));
    Limits {
        memory_bytes: memory_bytes.map(|(_, bytes)| bytes),
        cpu_percent: read_percent(&section, findings),
        pids: pids.and_then(|pids| u32::try_from(pids).ok()),
    }
}

fn read_percent(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<u32> {
    const PERCENT_MAX: u32 = 102_400;
    let item = section.get("cpu")?;
    let text = item.text(findings)?;
    let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let percent =
        digits.and_then(|digits| digits.parse().ok()).filter(|percent| (1..=PERCENT_MAX).contains(percent));
    if percent.is_none() {
        let help = format!("from 1% to {PERCENT_MAX}%; 100% is one processor");
        findings.error(
            item.at,
            format!("`{}` is not a share of a processor", text.escape_debug()),
            Some(help),
        );
    }
    percent
}

fn anchors(context: &Context) -> Anchors<'_> {
    Anchors { roots: &context.roots, home: context.home.as_deref() }
}

fn read_rules(
    root: &Section<'_, '_>,
    context: &Context,
    labels: &Labels,
    findings: &mut Findings<'_>,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for section in root.tables(findings, "rule", "a rule") {
        rules.extend(rule::read(&section, &anchors(context), labels, findings));
    }
    for section in root.tables(findings, "egress", "an egress entry") {
        rules.extend(rule::read_egress(&section, findings));
    }
    rules
        .sort_unstable_by(|one, other| one.reference.id.cmp(&other.reference.id).then(one.at.cmp(&other.at)));
    for pair in rules.windows(2).filter(|pair| pair[0].reference.id == pair[1].reference.id) {
        let first = &pair[0].reference;
        findings.error(
            pair[1].at,
            format!("the id `{}` is already used in line {}", first.id, first.line),
            None,
        );
    }
    rules
}
