//! One `[[rule]]` or `[[egress]]`, read and compiled.

use crate::action::{ActionPattern, suggestion};
use crate::condition::{self, Conditions, Holds, Subject, applies_to, each};
use crate::glob::Anchors;
use crate::principal::{Principals, is_name, is_principal};
use crate::section::{Item, Section};
use crate::source::Findings;
use ioi_types::{Verdict, nearest};

/// A rule by its id and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The rule's `id`.
    pub id: String,
    /// The line of its `[[rule]]` or `[[egress]]`, from 1.
    pub line: u64,
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) reference: RuleRef,
    pub(crate) at: usize,
    pub(crate) column: u64,
    pub(crate) effect: Verdict,
    pub(crate) principals: Principals,
    pub(crate) actions: Vec<ActionPattern>,
    pub(crate) when: Box<Conditions>,
    pub(crate) unless: Option<Box<Conditions>>,
    pub(crate) credential: Option<String>,
}

impl Rule {
    pub(crate) const fn is_egress(&self) -> bool {
        self.when.request.is_some()
    }

    pub(crate) fn names_action(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| pattern.matches(action))
    }

    /// Tests everything but principal, action and rate. A deny or ask compares
    /// names widely, and its exceptions narrowly; an allow the other way round.
    pub(crate) fn test(&self, subject: Subject<'_>) -> Holds {
        let wide = self.effect != Verdict::Allow;
        let when = self.when.test(subject, wide);
        let Some(unless) = self.unless.as_ref().filter(|_| !matches!(when, Holds::No(_))) else {
            return when;
        };
        match unless.test(subject, !wide) {
            Holds::Yes => Holds::No("unless"),
            Holds::No(_) => when,
            Holds::Unknown(_) => Holds::Unknown("unless"),
        }
    }

    /// An allow without a bound or exception: the only kind under which a whole tree may be granted.
    pub(crate) const fn is_plain_allow(&self) -> bool {
        matches!(self.effect, Verdict::Allow)
            && self.when.size_max.is_none()
            && self.when.rate.is_none()
            && self.unless.is_none()
    }
}

const RULE_KEYS: [&str; 6] = ["id", "effect", "principal", "action", "when", "unless"];
const RULE_KEYS_LATER: [&str; 6] = ["flow", "act_as", "untrusted", "treat", "scrub", "bind"];
const EGRESS_KEYS: [&str; 6] = ["id", "origin", "methods", "paths", "credential", "principal"];
const EGRESS_KEYS_LATER: [&str; 6] = ["scrub", "bind", "extra", "redirects", "headers", "untrusted"];

/// Reads one `[[rule]]`; `None` if anything in it can't be used.
pub(crate) fn read(
    section: &Section<'_, '_>,
    anchors: &Anchors<'_>,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let found_before = findings.count();
    section.check_keys(findings, &RULE_KEYS, &RULE_KEYS_LATER);
    let id = id(section, findings);
    let effect = effect(section, findings);
    let principals = principals(section, findings);
    let actions = actions(section, findings);
    let when = conditions(section, "when", anchors, findings);
    let unless = conditions(section, "unless", anchors, findings);
    let (line, column) = findings.place(section.at);
    let rule = Rule {
        reference: RuleRef { id: id?, line },
        at: section.at,
        column,
        effect: effect?,
        principals: principals?,
        actions: actions?,
        when: Box::new(when.unwrap_or_default()),
        unless: unless.map(Box::new),
        credential: None,
    };
    check_rates(section, &rule, findings);
    if findings.count() == found_before {
        check_satisfiable(section, &rule, findings);
    }
    Some(rule)
}

/// Reads one `[[egress]]`: an allow rule of `net::fetch`.
pub(crate) fn read_egress(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Rule> {
    section.check_keys(findings, &EGRESS_KEYS, &EGRESS_KEYS_LATER);
    let id = id(section, findings);
    let principals = principals(section, findings);
    let credential = section.get("credential").and_then(|item| name(&item, findings));
    let request = condition::read_request(section, findings);
    let (line, column) = findings.place(section.at);
    Some(Rule {
        reference: RuleRef { id: id?, line },
        at: section.at,
        column,
        effect: Verdict::Allow,
        principals: principals?,
        actions: vec![ActionPattern::One("net::fetch".to_owned())],
        when: Box::new(Conditions { request: Some(request?), ..Conditions::default() }),
        unless: None,
        credential,
    })
}

fn id(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<String> {
    let item = section.require(findings, "id")?;
    name(&item, findings)
}

fn name(item: &Item<'_, '_>, findings: &mut Findings<'_>) -> Option<String> {
    let text = item.text(findings)?;
    if is_name(text) {
        return Some(text.to_owned());
    }
    let help = "1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first";
    let shown = text.chars().take(100).collect::<String>();
    let message = format!("`{}` can't be a name in `{}`", shown.escape_debug(), item.key);
    findings.error(item.at, message, Some(help.to_owned()));
    None
}

fn effect(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Verdict> {
    let item = section.require(findings, "effect")?;
    let text = item.text(findings)?;
    let effect = Verdict::from_name(text);
    if effect.is_none() {
        let near = nearest(text, ["allow", "ask", "deny"]);
        let help = near
            .map_or("an effect is allow, ask or deny".to_owned(), |near| format!("did you mean `{near}`?"));
        findings.error(item.at, format!("there is no effect `{}`", text.escape_debug()), Some(help));
    }
    effect
}

fn principals(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Principals> {
    let Some(item) = section.get("principal") else { return Some(Principals::Every) };
    let texts = item.texts(findings)?;
    let parse = |text: &str| match text == "*" || is_principal(text) {
        true => Ok(text.to_owned()),
        false => {
            let help = "a principal is `*`, `plugin:<id>`, `session:<command>` or `program`".to_owned();
            Err((format!("`{}` is not a principal", text.escape_debug()), Some(help)))
        }
    };
    let mut names = each(&texts, findings, parse);
    if names.iter().any(|name| name == "*") {
        return Some(Principals::Every);
    }
    names.sort();
    names.dedup();
    (!names.is_empty()).then_some(Principals::Listed(names))
}

fn actions(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Vec<ActionPattern>> {
    let texts = section.require(findings, "action")?.texts(findings)?;
    let parse = |text: &str| ActionPattern::parse(text).map_err(|message| (message, suggestion(text, ["*"])));
    let actions = each(&texts, findings, parse);
    (actions.len() == texts.len()).then_some(actions)
}

fn conditions(
    section: &Section<'_, '_>,
    key: &'static str,
    anchors: &Anchors<'_>,
    findings: &mut Findings<'_>,
) -> Option<Conditions> {
    let table = section.get(key)?.table(findings, if key == "when" { "`when`" } else { "`unless`" })?;
    Some(condition::read(&table, anchors, findings))
}

/// A rate is a bound on what is let through; anywhere else it would let through by being used up.
fn check_rates(section: &Section<'_, '_>, rule: &Rule, findings: &mut Findings<'_>) {
    let place = |key| section.get(key).map_or(section.at, |item: Item<'_, '_>| item.at);
    if rule.effect == Verdict::Deny && rule.when.rate.is_some() {
        findings.error(place("when"), "`rate` can't stand in a deny rule", None);
    }
    if rule.unless.as_ref().is_some_and(|unless| unless.rate.is_some()) {
        findings.error(place("unless"), "`rate` can't stand in `unless`", None);
    }
}

/// Refuses a rule that can never apply: a mistake that would otherwise stay unseen.
fn check_satisfiable(section: &Section<'_, '_>, rule: &Rule, findings: &mut Findings<'_>) {
    let place = |key| section.get(key).map_or(section.at, |item: Item<'_, '_>| item.at);
    let keys = rule.when.keys();
    for pattern in &rule.actions {
        let entries = pattern.table_entries();
        let decides = |key: &str| entries.iter().any(|action| applies_to(key, action));
        if let Some(key) = keys.iter().find(|key| !decides(key)) {
            findings.error(place("when"), format!("`{key}` never holds for `{pattern}`"), None);
        } else if !entries.iter().any(|action| keys.iter().all(|key| applies_to(key, action))) {
            let message = format!("the keys of `when` never hold together for `{pattern}`");
            findings.error(place("when"), message, None);
        }
    }
    let Some(unless) = &rule.unless else { return };
    let entries: Vec<_> = rule.actions.iter().flat_map(ActionPattern::table_entries).collect();
    let unless_keys = unless.keys();
    if !entries.iter().any(|action| unless_keys.iter().all(|key| applies_to(key, action))) {
        findings.error(place("unless"), "`unless` never holds for the rule's actions", None);
    }
    if excepts_everything(&rule.when, unless) {
        findings.error(
            place("unless"),
            "`unless` holds wherever `when` does, so the rule never applies",
            None,
        );
    }
}

pub(crate) fn excepts_everything(when: &Conditions, unless: &Conditions) -> bool {
    if when == unless {
        return true;
    }
    let (Some(inner), Some(outer)) = (&when.path, &unless.path) else { return false };
    let covered = |glob| outer.iter().any(|cover: &crate::glob::Glob| cover.covers(glob));
    unless.keys() == ["path"] && !inner.is_empty() && inner.iter().all(covered)
}
