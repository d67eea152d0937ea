//! One `[[rule]]` or `[[egress]]`, read and compiled.

use crate::action::{Action, ActionPattern, flow_class, suggestion};
use crate::condition::{self, Conditions, Holds, Subject, applies_to, each};
use crate::glob::Anchors;
use crate::label::{Labels, is_never_accepted};
use crate::principal::{Principals, is_name, is_principal};
use crate::section::{Item, Section};
use crate::source::Findings;
use ioi_types::{FlowClass, Verdict, nearest};

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
    /// Only actions that move data this way.
    pub(crate) flow: Option<FlowClass>,
    /// An allow also for a session that has taken in untrusted data.
    pub(crate) accepts_untrusted: bool,
}

impl Rule {
    pub(crate) const fn is_egress(&self) -> bool {
        self.when.request.is_some()
    }

    pub(crate) fn names_action(&self, action: &str) -> bool {
        self.flows(flow_class(action)) && self.actions.iter().any(|pattern| pattern.matches(action))
    }

    /// Whether it is about actions that move data this way.
    pub(crate) fn flows(&self, flow: Option<FlowClass>) -> bool {
        self.flow.is_none() || self.flow == flow
    }

    /// The actions that a pattern of it names, MCP tools as one.
    fn entries(&self, pattern: &ActionPattern) -> Vec<&'static Action> {
        let mut entries = pattern.table_entries();
        entries.retain(|action| self.flows(Some(action.flow)));
        entries
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
    pub(crate) fn is_plain_allow(&self) -> bool {
        matches!(self.effect, Verdict::Allow)
            && self.when.size_max.is_none()
            && self.when.rate.is_none()
            && self.when.labels().next().is_none()
            && self.unless.is_none()
    }
}

const RULE_KEYS: [&str; 8] = ["id", "effect", "principal", "action", "when", "unless", "flow", "untrusted"];
const RULE_KEYS_LATER: [&str; 4] = ["act_as", "treat", "scrub", "bind"];
const EGRESS_KEYS: [&str; 7] = ["id", "origin", "methods", "paths", "credential", "principal", "untrusted"];
const EGRESS_KEYS_LATER: [&str; 5] = ["scrub", "bind", "extra", "redirects", "headers"];

/// Reads one `[[rule]]`; `None` if anything in it can't be used.
pub(crate) fn read(
    section: &Section<'_, '_>,
    anchors: &Anchors<'_>,
    labels: &Labels,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let found_before = findings.count();
    section.check_keys(findings, &RULE_KEYS, &RULE_KEYS_LATER);
    let id = id(section, findings);
    let effect = effect(section, findings);
    let principals = principals(section, findings);
    let actions = actions(section, findings);
    let when = conditions(section, "when", anchors, labels, findings);
    let unless = conditions(section, "unless", anchors, labels, findings);
    let flow = flow(section, findings);
    let accepts_untrusted = accepts_untrusted(section, findings);
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
        flow,
        accepts_untrusted,
    };
    check_rates(section, &rule, findings);
    check_acceptance(section, &rule, findings);
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
    let accepts_untrusted = accepts_untrusted(section, findings);
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
        flow: None,
        accepts_untrusted,
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
    labels: &Labels,
    findings: &mut Findings<'_>,
) -> Option<Conditions> {
    let table = section.get(key)?.table(findings, if key == "when" { "`when`" } else { "`unless`" })?;
    Some(condition::read(&table, anchors, labels, findings))
}

fn flow(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<FlowClass> {
    let item = section.get("flow")?;
    let text = item.text(findings)?;
    let flow = FlowClass::from_name(text);
    if flow.is_none() {
        let message = format!("data does not flow `{}`", text.escape_debug());
        findings.error(item.at, message, Some("write `out`, `store`, `in` or `local`".to_owned()));
    }
    flow
}

fn accepts_untrusted(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> bool {
    let text = section.get("untrusted").and_then(|item| Some((item.at, item.text(findings)?)));
    if let Some((at, text)) = text.filter(|(_, text)| *text != "accept") {
        let message = format!("`untrusted` is `accept` or absent, not `{}`", text.escape_debug());
        findings.error(at, message, None);
    }
    text.is_some()
}

/// What a rule can't promise, or needs no promise for.
fn check_acceptance(section: &Section<'_, '_>, rule: &Rule, findings: &mut Findings<'_>) {
    if !rule.accepts_untrusted {
        return;
    }
    let at = section.get("untrusted").map_or(section.at, |item| item.at);
    if rule.effect != Verdict::Allow {
        findings.error(at, "`untrusted` stands in rules that allow", None);
    }
    let is_wanted = |pattern: &&ActionPattern| {
        **pattern != ActionPattern::Every
            && rule.entries(pattern).iter().any(|action| is_never_accepted(action.name))
    };
    if let Some(pattern) = rule.actions.iter().find(is_wanted) {
        let message = format!("no rule accepts untrusted data for `{pattern}`: a human decides each call");
        findings.error(at, message, Some("give it a rule of its own, without `untrusted`".to_owned()));
    }
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
        let entries = rule.entries(pattern);
        if entries.is_empty() {
            let flow = rule.flow.map_or("", FlowClass::name);
            findings.error(place("flow"), format!("nothing that `{pattern}` names flows `{flow}`"), None);
            continue;
        }
        let decides = |key: &str| entries.iter().any(|action| applies_to(key, action));
        if let Some(key) = keys.iter().find(|key| !decides(key)) {
            findings.error(place("when"), format!("`{key}` never holds for `{pattern}`"), None);
        } else if !entries.iter().any(|action| keys.iter().all(|key| applies_to(key, action))) {
            let message = format!("the keys of `when` never hold together for `{pattern}`");
            findings.error(place("when"), message, None);
        }
    }
    let Some(unless) = &rule.unless else { return };
    let entries: Vec<_> = rule.actions.iter().flat_map(|pattern| rule.entries(pattern)).collect();
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
