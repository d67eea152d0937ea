//! A policy's tests: calls, and what is to become of each. They stand in a file beside the policy.
//!
//! Each test is decided as the first call of a session, with every bucket full. A call that rules can't
//! decide fails its test whatever was expected, since a slip of the fingers would be denied, too.

use crate::call::Call;
use crate::context::Context;
use crate::decide::{Decision, Origin};
use crate::diagnostic::Diagnostic;
use crate::facts::{Facts, Object, ObjectKind};
use crate::path::bytes_value;
use crate::policy::Policy;
use crate::rate::RateState;
use crate::rule::RuleRef;
use crate::section::{Item, Section};
use crate::source::{Findings, Source, parse};
use ioi_canon::{Map, Value};
use ioi_types::Verdict;
use std::collections::BTreeSet;

const KEYS: [&str; 15] = [
    "name",
    "expect",
    "rule",
    "principal",
    "action",
    "labels",
    "size",
    "path",
    "executable",
    "digest",
    "argv",
    "method",
    "url",
    "host",
    "port",
];

/// Tests, in the order of their file.
#[derive(Clone, Debug)]
pub struct Suite {
    file: String,
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
struct Test {
    name: String,
    line: u64,
    call: Call,
    facts: Facts,
    expected: Verdict,
    /// The rule that is to decide.
    rule: Option<String>,
}

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Its `name`.
    pub name: String,
    /// `file:line` of its `[[test]]`.
    pub place: String,
    /// Why it failed, one plain sentence; `None` where it passed.
    pub failure: Option<String>,
}

/// All of them, and what none of them touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order of the file.
    pub tests: Vec<Tested>,
    /// Rules that decided none of the calls, in the order of their ids.
    pub untested: Vec<RuleRef>,
}

impl Suite {
    /// Reads the tests. `./` is the first root of the context, `~/` its home.
    ///
    /// # Errors
    /// Every finding, in the order of the text.
    pub fn read(source: &Source, context: &Context) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(source);
        let Some(table) = parse(source, &mut findings) else { return Err(findings.finish()) };
        let root = Section::new("a file of tests", 0, table.get_ref());
        root.check_keys(&mut findings, &["test"], &[]);
        let sections = root.tables(&mut findings, "test", "a test");
        if sections.is_empty() && findings.is_clean() {
            findings.error(0, "there is no `[[test]]`", None);
        }
        let tests =
            sections.iter().filter_map(|section| read_test(section, context, &mut findings)).collect();
        if findings.is_clean() {
            Ok(Self { file: source.name.clone(), tests })
        } else {
            Err(findings.finish())
        }
    }

    /// Decides each call by a policy.
    #[must_use]
    pub fn run(&self, policy: &Policy) -> Report {
        let mut deciding = BTreeSet::new();
        let tests = self.tests.iter().map(|test| {
            let decision = policy.decide(&test.call, &test.facts, &mut RateState::new());
            deciding.extend(decision.rule.as_ref().map(|rule| rule.id.clone()));
            let place = format!("{}:{}", self.file, test.line);
            Tested { name: test.name.clone(), place, failure: test.failure(policy, &decision) }
        });
        let tests = tests.collect();
        let rules = policy.rules.iter().map(|rule| &rule.reference);
        let untested = rules.filter(|rule| !deciding.contains(&rule.id)).cloned().collect();
        Report { tests, untested }
    }
}

impl Test {
    fn failure(&self, policy: &Policy, decision: &Decision) -> Option<String> {
        if let Some(message) = self.facts.labels.keys().find_map(|name| policy.check_label(name).err()) {
            return Some(message);
        }
        if decision.origin == Origin::Malformed {
            return Some(format!("rules can't decide the call: {}", decision.reason));
        }
        if decision.verdict != self.expected {
            let (found, reason) = (decision.verdict, &decision.reason);
            return Some(format!("expected {}, got {found}: {reason}", self.expected));
        }
        let wanted = self.rule.as_ref()?;
        let found = decision.rule.as_ref().map(|rule| rule.id.as_str());
        (found != Some(wanted.as_str())).then(|| {
            let found = found.map_or_else(|| "no rule".to_owned(), |id| format!("`{id}`"));
            format!("expected the rule `{wanted}` to decide, and it was {found}")
        })
    }
}

fn read_test(section: &Section<'_, '_>, context: &Context, findings: &mut Findings<'_>) -> Option<Test> {
    section.check_keys(findings, &KEYS, &[]);
    let line = findings.place(section.at).0;
    let name = section.require(findings, "name").and_then(|item| item.text(findings));
    let expected = section.require(findings, "expect").and_then(|item| verdict(&item, findings));
    let action = section.require(findings, "action").and_then(|item| item.text(findings));
    let principals = section.require(findings, "principal").and_then(|item| item.texts(findings));
    let rule = section.get("rule").and_then(|item| item.text(findings)).map(str::to_owned);
    let labels = section.get("labels").and_then(|item| item.texts(findings)).unwrap_or_default();
    let labels = labels.into_iter().map(|(_, name)| (name.to_owned(), 0)).collect();
    let size = section.get("size").and_then(|item| item.size(findings));
    let args = arguments(section, context, findings);
    let principals = principals?.into_iter().map(|(_, name)| name);
    let call = Call::new(principals, action?, args);
    let kind = if call.action == "fs::list" { ObjectKind::Folder } else { ObjectKind::File };
    let object = Object { kind, size: size.unwrap_or(0), device: 0, inode: 0 };
    let is_file = call.action.starts_with("fs::");
    let facts = Facts { time_ms: 0, object: is_file.then_some(object), labels };
    Some(Test { name: name?.to_owned(), line, call, facts, expected: expected?, rule })
}

fn verdict(item: &Item<'_, '_>, findings: &mut Findings<'_>) -> Option<Verdict> {
    let text = item.text(findings)?;
    let verdict = Verdict::from_name(text);
    if verdict.is_none() {
        let message = format!("`{}` is no verdict", text.escape_debug());
        findings.error(item.at, message, Some("expect `allow`, `ask` or `deny`".to_owned()));
    }
    verdict
}

fn arguments(section: &Section<'_, '_>, context: &Context, findings: &mut Findings<'_>) -> Map {
    let mut args = Map::new();
    for key in ["path", "executable"] {
        if let Some((item, text)) = section.get(key).and_then(|item| Some((item, item.text(findings)?))) {
            match resolved(text, context) {
                Some(path) => drop(args.insert(key.to_owned(), bytes_value(&path))),
                None => {
                    let help = "a path starts with `/`, with `./` (the folder that is named) or with `~/`";
                    findings.error(
                        item.at,
                        format!("`{}` is no path here", text.escape_debug()),
                        Some(help.into()),
                    );
                }
            }
        }
    }
    for key in ["digest", "method", "url", "host"] {
        if let Some(text) = section.get(key).and_then(|item| item.text(findings)) {
            args.insert(key.to_owned(), text.into());
        }
    }
    if let Some(words) = section.get("argv").and_then(|item| item.texts(findings)) {
        let words = words.into_iter().map(|(_, word)| bytes_value(word.as_bytes())).collect();
        args.insert("argv".to_owned(), Value::List(words));
    }
    if let Some(port) = section.get("port").and_then(|item| item.natural(findings, 1, 65535)) {
        args.insert("port".to_owned(), Value::Integer(i64::try_from(port).unwrap_or(0)));
    }
    if section
        .get("action")
        .and_then(|item| item.text(findings))
        .is_some_and(|name| name.starts_with("mcp::"))
    {
        args.insert("arguments".to_owned(), Value::Map(Map::new()));
    }
    args
}

/// A path as a call has it. `./` alone is the folder itself.
fn resolved(text: &str, context: &Context) -> Option<Vec<u8>> {
    let beneath = |base: &[u8], rest: &str| {
        let base = base.strip_suffix(b"/").unwrap_or(base);
        if rest.is_empty() { base.to_vec() } else { [base, b"/", rest.as_bytes()].concat() }
    };
    if text.starts_with('/') {
        return Some(text.as_bytes().to_vec());
    }
    if let Some(rest) = text.strip_prefix("./") {
        return context.roots.first().map(|root| beneath(root, rest));
    }
    text.strip_prefix("~/").and_then(|rest| Some(beneath(context.home.as_ref()?, rest)))
}
