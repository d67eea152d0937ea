//! Labels: what data is, so that rules can say where it may go.
//!
//! A policy names labels and the files that carry them; `untrusted` is built in. What a session has
//! taken in are facts of its calls: here is decided only which label a call brings, and never that
//! one goes away.

use crate::action;
use crate::call::Target;
use crate::condition::{each, globs};
use crate::glob::{Anchors, Glob};
use crate::path::CallPath;
use crate::principal::{is_name, is_principal};
use crate::section::Section;
use crate::source::Findings;
use crate::text::show;
use crate::url::parse_origin;
use ioi_types::{FlowClass, nearest};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What comes from plugins, servers and the network: somebody else may have written it.
pub const UNTRUSTED: &str = "untrusted";

/// Each file call is compared with every pattern of every label.
const PATTERNS_MAX: usize = 256;

#[derive(Clone, Debug)]
struct Label {
    name: String,
    paths: Vec<Glob>,
}

/// The labels of a policy, and whose data is not `untrusted`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    declared: Vec<Label>,
    trusted_principals: BTreeSet<String>,
    trusted_origins: BTreeSet<String>,
}

impl Labels {
    pub(crate) fn read(root: &Section<'_, '_>, anchors: &Anchors<'_>, findings: &mut Findings<'_>) -> Self {
        let mut labels = Self::default();
        for section in root.tables(findings, "label", "a label") {
            labels.declare(&section, anchors, findings);
        }
        let patterns: usize = labels.declared.iter().map(|label| label.paths.len()).sum();
        if patterns > PATTERNS_MAX {
            let message = format!("the labels have {patterns} paths; the limit is {PATTERNS_MAX}");
            findings.error(root.at, message, Some("write one pattern for a whole tree".to_owned()));
        }
        if let Some(section) = root.get("trusted").and_then(|item| item.table(findings, "`[trusted]`")) {
            labels.trust(&section, findings);
        }
        labels
    }

    fn declare(&mut self, section: &Section<'_, '_>, anchors: &Anchors<'_>, findings: &mut Findings<'_>) {
        section.check_keys(findings, &["name", "paths"], &["sources"]);
        let name = section.require(findings, "name");
        let Some((item, name)) = name.and_then(|item| Some((item, item.text(findings)?))) else { return };
        let problem = if name == UNTRUSTED {
            Some("is built in")
        } else if !is_name(name) {
            Some("can't be a name: 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first")
        } else if self.is_declared(name) {
            Some("is declared twice")
        } else {
            None
        };
        if let Some(problem) = problem {
            let shown = show(name.chars().take(100).collect::<String>().as_bytes());
            findings.error(item.at, format!("the label `{shown}` {problem}"), None);
        }
        let texts = section.require(findings, "paths").and_then(|item| item.texts(findings));
        let paths = texts.map_or_else(Vec::new, |texts| globs(&texts, anchors, findings));
        self.declared.push(Label { name: name.to_owned(), paths });
    }

    fn trust(&mut self, section: &Section<'_, '_>, findings: &mut Findings<'_>) {
        section.check_keys(findings, &["principal", "origin"], &["server", "memory"]);
        let principal = |text: &str| match is_principal(text) {
            true => Ok(text.to_owned()),
            false => Err((format!("`{}` is not a principal", text.escape_debug()), None)),
        };
        let origin = |text: &str| match parse_origin(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(why) => Err((format!("the origin `{}` {why}", text.escape_debug()), None)),
        };
        if let Some(texts) = section.get("principal").and_then(|item| item.texts(findings)) {
            self.trusted_principals = each(&texts, findings, principal).into_iter().collect();
        }
        if let Some(texts) = section.get("origin").and_then(|item| item.texts(findings)) {
            self.trusted_origins = each(&texts, findings, origin).into_iter().collect();
        }
    }

    fn is_declared(&self, name: &str) -> bool {
        self.declared.iter().any(|label| label.name == name)
    }

    /// Reads the name of a label that a rule looks at.
    pub(crate) fn named(&self, text: &str) -> Result<String, (String, Option<String>)> {
        if text == UNTRUSTED || self.is_declared(text) {
            return Ok(text.to_owned());
        }
        let known = || self.declared.iter().map(|label| label.name.as_str()).chain([UNTRUSTED]);
        let help = nearest(text, known()).map(|near| format!("did you mean `{near}`?"));
        let help = help.unwrap_or_else(|| "declare it in a `[[label]]` table".to_owned());
        Err((format!("there is no label `{}`", text.escape_debug()), Some(help)))
    }

    /// The labels of what a call is about: of a file, by its path. Names that are equal after NFC are equal.
    pub(crate) fn of_target(&self, target: &Target<'_>) -> Vec<String> {
        match target {
            Target::File(path) => self.carried(|glob| glob.matches_widely(path)),
            _ => Vec::new(),
        }
    }

    /// The labels of anything in a tree, or of the tree itself.
    pub(crate) fn beneath(&self, tree: &[u8]) -> Vec<String> {
        match CallPath::new(Cow::Borrowed(tree)) {
            Ok(tree) => self.carried(|glob| glob.may_touch_tree(tree.nfc())),
            Err(_) => self.carried(|_| true),
        }
    }

    fn carried(&self, fits: impl Fn(&Glob) -> bool) -> Vec<String> {
        let carries = |label: &&Label| label.paths.iter().any(&fits);
        self.declared.iter().filter(carries).map(|label| label.name.clone()).collect()
    }

    /// What a session has taken in once this call was released: the labels of what it reads, and
    /// `untrusted` with what comes from elsewhere.
    pub(crate) fn brought(&self, action: &str, target: &Target<'_>, own: &[String]) -> Vec<String> {
        let mut brought = match action {
            "fs::read" | "fs::list" => own.to_vec(),
            _ => Vec::new(),
        };
        let is_trusted = match target {
            Target::Fetch { url, .. } => self.trusted_origins.contains(url.origin),
            _ => false,
        };
        if is_from_elsewhere(action) && !is_trusted {
            brought.push(UNTRUSTED.to_owned());
        }
        brought
    }

    pub(crate) fn trusts(&self, principal: &str) -> bool {
        self.trusted_principals.contains(principal)
    }

    /// Each label with its patterns, then who is trusted, for `ioi policy show`.
    pub(crate) fn shown(&self) -> impl Iterator<Item = String> {
        let label = |label: &Label| {
            let paths: Vec<_> = label.paths.iter().map(Glob::text).collect();
            format!("label `{}`: {}", label.name, paths.join(", "))
        };
        let trusted = self.trusted_principals.iter().chain(&self.trusted_origins);
        self.declared.iter().map(label).chain(trusted.map(|name| format!("trusted: {name}")))
    }
}

fn is_from_elsewhere(action: &str) -> bool {
    ["net::", "mcp::", "browser::"].iter().any(|space| action.starts_with(space))
}

/// What a session that holds `untrusted` data does only with a human's leave: what somebody who wrote
/// that data could want of it.
pub(crate) fn is_guarded(action: &str) -> bool {
    let by_name = ["sys::exec", "fs::write", "fs::delete", "memory::erase"].contains(&action);
    by_name || action.starts_with("ui::") || action::flow_class(action) == Some(FlowClass::Out)
}

/// What no rule lets such a session do by itself.
pub(crate) fn is_never_accepted(action: &str) -> bool {
    action.starts_with("wallet::") || action == "memory::erase"
}
