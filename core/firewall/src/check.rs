//! Warnings: a policy that compiles and probably says something else than its author meant.

use crate::action::ActionPattern;
use crate::advice::names_everything;
use crate::diagnostic::{Severity, Warning};
use crate::policy::Policy;
use crate::principal::Principals;
use crate::rule::Rule;
use ioi_types::Verdict;

/// How many deny rules are compared with every other rule.
const DENIES_MAX: usize = 200;

impl Policy {
    /// What the author should look at again, in the order of the file.
    #[must_use]
    pub fn check(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for rule in &self.rules {
            let mut warn = |message: String, help: &str| warnings.push(self.warning(rule, message, help));
            if rule.effect == Verdict::Allow {
                warn_allow(rule, &mut warn);
            }
            if self.context.roots.is_empty() && never_matches(rule) {
                warn(message(rule, "names only paths under `./`, and no folder is named"), "name a folder");
            }
        }
        warnings.extend(self.shadowed());
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        warnings
    }

    fn warning(&self, rule: &Rule, message: String, help: &str) -> Warning {
        let (file, line, column) = (self.name.clone(), rule.reference.line, rule.column);
        Warning { severity: Severity::Warning, file, line, column, message, help: Some(help.to_owned()) }
    }

    /// Allow and ask rules that a deny rule covers whole. Every pair would be the square of the
    /// rules, so only so many denies are compared: a warning may be missing, none is false.
    fn shadowed(&self) -> Vec<Warning> {
        let is_plain_deny = |rule: &&Rule| rule.effect == Verdict::Deny && rule.unless.is_none();
        let denies: Vec<&Rule> = self.rules.iter().filter(is_plain_deny).collect();
        let mut warnings = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.effect != Verdict::Deny) {
            let cover = denies.iter().take(DENIES_MAX).find(|deny| covers(deny, rule));
            if let Some(deny) = cover {
                let what = format!("never lets a call through: `{}` denies all of them", deny.reference.id);
                warnings.push(self.warning(
                    rule,
                    message(rule, &what),
                    "deny beats ask beats allow; the order does not matter",
                ));
            }
        }
        warnings
    }
}

fn message(rule: &Rule, what: &str) -> String {
    format!("the rule `{}` {what}", rule.reference.id)
}

fn never_matches(rule: &Rule) -> bool {
    rule.when.path.as_ref().is_some_and(Vec::is_empty)
}

fn warn_allow(rule: &Rule, warn: &mut impl FnMut(String, &str)) {
    if rule.accepts_untrusted {
        let help = "whoever wrote what a plugin or the network says can cause such calls; without it a human is asked";
        warn(message(rule, "accepts untrusted data"), help);
    }
    if names_everything(rule) {
        warn(message(rule, "allows every action"), "name the actions");
    }
    if rule.principals == Principals::Every && !rule.is_egress() {
        warn(message(rule, "allows every principal"), "name the principals");
    }
    let allows = |action: &str| rule.names_action(action) && !names_everything(rule);
    let anywhere =
        rule.when.path.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.covers_tree(b"/")));
    if anywhere && ["fs::read", "fs::write", "fs::delete"].into_iter().any(allows) {
        warn(message(rule, "allows files everywhere on the machine"), "give it a `path`");
    }
    if allows("net::fetch") && rule.when.host.is_none() && !rule.is_egress() {
        warn(message(rule, "allows every host"), "give it a `host`, or write an `[[egress]]` entry");
    }
    if allows("sys::exec") && rule.when.executable.is_none() && rule.when.digest.is_none() {
        warn(message(rule, "allows every program"), "give it an `executable` or a `digest`");
    }
    if let Some(request) = &rule.when.request
        && request.origin.starts_with("http://")
        && !["localhost", "127.0.0.1", "[::1]"].contains(&request.host.as_str())
    {
        warn(message(rule, "sends without encryption"), "write an `https` origin");
    }
}

fn covers(deny: &Rule, rule: &Rule) -> bool {
    let actions = |wanted: &ActionPattern| deny.actions.iter().any(|known| covers_action(known, wanted));
    let principals = match (&deny.principals, &rule.principals) {
        (Principals::Every, _) => true,
        (Principals::Listed(_), Principals::Every) => false,
        (known, Principals::Listed(names)) => names.iter().all(|name| known.holds(name)),
    };
    principals && rule.actions.iter().all(actions) && covers_when(deny, rule)
}

fn covers_action(known: &ActionPattern, wanted: &ActionPattern) -> bool {
    match wanted {
        ActionPattern::One(name) => known.matches(name),
        _ => known == wanted || *known == ActionPattern::Every,
    }
}

fn covers_when(deny: &Rule, rule: &Rule) -> bool {
    if deny.when.keys().is_empty() {
        return true;
    }
    let (Some(outer), Some(inner)) = (&deny.when.path, &rule.when.path) else { return false };
    let covered = |glob| outer.iter().any(|cover: &crate::glob::Glob| cover.covers(glob));
    deny.when.keys() == ["path"] && !inner.is_empty() && inner.iter().all(covered)
}
