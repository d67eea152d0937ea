//! A second firewall, written to be plainly right: it scans every rule and matches by recursion.
//!
//! It works on the structure that a policy's text was printed from, so it
//! shares no parser, index or matcher with what it judges.

use ioi_firewall::{Call, Facts, Object, ObjectKind, bytes_value};
use ioi_types::Verdict;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use unicode_normalization::UnicodeNormalization as _;

#[derive(Clone, Debug, Default)]
pub(crate) struct ModelConditions {
    pub(crate) path: Option<Vec<String>>,
    pub(crate) host: Option<Vec<String>>,
    pub(crate) size_max: Option<u64>,
    pub(crate) rate_per_sec: Option<u64>,
    pub(crate) labels_any: Option<Vec<String>>,
    pub(crate) labels_none: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelRule {
    pub(crate) id: String,
    pub(crate) effect: Verdict,
    pub(crate) principals: Option<Vec<String>>,
    pub(crate) actions: Vec<String>,
    pub(crate) when: ModelConditions,
    pub(crate) unless: Option<ModelConditions>,
    pub(crate) flow: Option<&'static str>,
    pub(crate) accepts: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelPolicy {
    pub(crate) default: Verdict,
    /// What is labelled `private`.
    pub(crate) private: Vec<String>,
    pub(crate) rules: Vec<ModelRule>,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelCall {
    pub(crate) principals: Vec<String>,
    pub(crate) action: String,
    /// A path for `fs`, a host for `net`.
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
    pub(crate) time_ms: u64,
    /// What the session has taken in.
    pub(crate) labels: Vec<String>,
}

impl ModelCall {
    pub(crate) fn call(&self) -> Call {
        match self.action.as_str() {
            "net::fetch" => {
                Call::fetch(self.principals.clone(), "GET", &format!("https://{}/x", self.target))
            }
            "net::connect" => {
                let args = [("host".to_owned(), self.target.as_str().into()), ("port".to_owned(), 1.into())];
                Call::new(self.principals.clone(), "net::connect", args.into())
            }
            action => {
                let args = [("path".to_owned(), bytes_value(self.target.as_bytes()))];
                Call::new(self.principals.clone(), action, args.into())
            }
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        let kind = if self.action == "fs::list" { ObjectKind::Folder } else { ObjectKind::File };
        let object = self.size.map(|size| Object { kind, size, device: 0, inode: 0 });
        let labels = self.labels.iter().cloned().zip(1..).collect();
        Facts { time_ms: self.time_ms, object, labels }
    }
}

fn toml_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn toml_conditions(conditions: &ModelConditions) -> Option<String> {
    let keys = [
        conditions.path.as_ref().map(|list| format!("path = {}", toml_list(list))),
        conditions.host.as_ref().map(|list| format!("host = {}", toml_list(list))),
        conditions.size_max.map(|bytes| format!("size_max = \"{bytes} B\"")),
        conditions.rate_per_sec.map(|count| format!("rate = \"{count}/sec\"")),
        conditions.labels_any.as_ref().map(|list| format!("labels_any = {}", toml_list(list))),
        conditions.labels_none.as_ref().map(|list| format!("labels_none = {}", toml_list(list))),
    ];
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    (!keys.is_empty()).then(|| format!("{{ {} }}", keys.join(", ")))
}

impl ModelPolicy {
    pub(crate) fn text(&self) -> String {
        let mut text = format!("version = 1\ndefault = \"{}\"\n", self.default);
        let _ = writeln!(text, "[[label]]\nname = \"private\"\npaths = {}", toml_list(&self.private));
        for rule in &self.rules {
            let _ = writeln!(text, "[[rule]]\nid = \"{}\"\neffect = \"{}\"", rule.id, rule.effect);
            if let Some(principals) = &rule.principals {
                let _ = writeln!(text, "principal = {}", toml_list(principals));
            }
            let _ = writeln!(text, "action = {}", toml_list(&rule.actions));
            if let Some(flow) = rule.flow {
                let _ = writeln!(text, "flow = \"{flow}\"");
            }
            if rule.accepts {
                let _ = writeln!(text, "untrusted = \"accept\"");
            }
            for (word, conditions) in [("when", Some(&rule.when)), ("unless", rule.unless.as_ref())] {
                if let Some(keys) = conditions.and_then(toml_conditions) {
                    let _ = writeln!(text, "{word} = {keys}");
                }
            }
        }
        text
    }
}

/// Tokens in thousandths and the time they were counted, by rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelRates {
    now_ms: u64,
    buckets: BTreeMap<String, (u64, u64)>,
}

impl ModelRates {
    fn thousandths(&self, rule: &ModelRule, per_sec: u64) -> u64 {
        let (level, at) = self.buckets.get(&rule.id).copied().unwrap_or((per_sec * 1000, self.now_ms));
        (level + (self.now_ms - at) * per_sec).min(per_sec * 1000)
    }
}

/// Verdict and rule id, as the page says them.
pub(crate) fn judge(
    policy: &ModelPolicy,
    call: &ModelCall,
    rates: &mut ModelRates,
) -> (Verdict, Option<String>) {
    rates.now_ms = rates.now_ms.max(call.time_ms);
    let mut members = Vec::new();
    for principal in &call.principals {
        let mut applying: Vec<(Verdict, &ModelRule)> = Vec::new();
        for rule in &policy.rules {
            if let Some(verdict) = rule_says(policy, rule, principal, call, rates) {
                applying.push((verdict, rule));
            }
        }
        // Where only rules that don't accept untrusted data allow, a human is asked.
        let is_guarded = call.labels.iter().any(|label| label == "untrusted") && is_guarded(&call.action);
        let all_unaccepted =
            applying.iter().all(|(verdict, rule)| *verdict == Verdict::Allow && !rule.accepts);
        for (verdict, rule) in applying.iter_mut().filter(|(_, rule)| is_guarded && !rule.accepts) {
            if *verdict == Verdict::Allow && rule.effect == Verdict::Allow && all_unaccepted {
                *verdict = Verdict::Ask;
            }
        }
        applying.retain(|(verdict, rule)| !is_guarded || *verdict != Verdict::Allow || rule.accepts);
        let strictest = applying.iter().map(|(verdict, _)| *verdict).max();
        let rule = applying.iter().filter(|(verdict, _)| Some(*verdict) == strictest).map(|(_, rule)| *rule);
        members.push((strictest.unwrap_or(policy.default), rule.min_by_key(|rule| &rule.id)));
    }
    let verdict = members.iter().map(|(verdict, _)| *verdict).max().expect("a call has a member");
    if verdict != Verdict::Deny {
        let deciding: BTreeMap<&str, &ModelRule> =
            members.iter().filter_map(|(_, rule)| *rule).map(|rule| (rule.id.as_str(), rule)).collect();
        for (id, rule) in deciding {
            if let Some(per_sec) = rule.when.rate_per_sec {
                let left = rates.thousandths(rule, per_sec) - 1000;
                rates.buckets.insert(id.to_owned(), (left, rates.now_ms));
            }
        }
    }
    let first = members.iter().find(|(found, _)| *found == verdict).expect("the maximum is there");
    (verdict, first.1.map(|rule| rule.id.clone()))
}

fn is_guarded(action: &str) -> bool {
    action.starts_with("net::") || action == "fs::write"
}

fn flow_of(action: &str) -> &'static str {
    match action {
        "fs::read" | "fs::list" => "in",
        "fs::write" => "store",
        _ => "out",
    }
}

fn rule_says(
    policy: &ModelPolicy,
    rule: &ModelRule,
    principal: &str,
    call: &ModelCall,
    rates: &ModelRates,
) -> Option<Verdict> {
    let listed = |names: &Vec<String>| names.iter().any(|name| name == principal);
    let named = |pattern: &String| {
        pattern == "*"
            || *pattern == call.action
            || pattern.strip_suffix('*').is_some_and(|stem| call.action.starts_with(stem))
    };
    if !rule.principals.as_ref().is_none_or(listed) || !rule.actions.iter().any(named) {
        return None;
    }
    if rule.flow.is_some_and(|flow| flow != flow_of(&call.action)) {
        return None;
    }
    let has = |label: &String| {
        let is_file = call.action.starts_with("fs::");
        let own = is_file && policy.private.iter().any(|pattern| path_matches(pattern, &call.target, true));
        call.labels.contains(label) || (label == "private" && own)
    };
    let conditions_hold = |conditions: &ModelConditions, call: &ModelCall, wide: bool| {
        let any = conditions.labels_any.as_ref().is_none_or(|names| names.iter().any(has));
        let none = conditions.labels_none.as_ref().is_none_or(|names| !names.iter().any(has));
        if any && none { conditions_hold(conditions, call, wide) } else { Some(false) }
    };
    let strict = rule.effect != Verdict::Allow;
    let mut holds = conditions_hold(&rule.when, call, strict);
    if let (Some(true) | None, Some(unless)) = (holds, &rule.unless) {
        match conditions_hold(unless, call, !strict) {
            Some(true) => holds = Some(false),
            Some(false) => {}
            None => holds = None,
        }
    }
    if holds == Some(true)
        && rule.when.rate_per_sec.is_some_and(|per_sec| rates.thousandths(rule, per_sec) < 1000)
    {
        holds = None;
    }
    match (holds, rule.effect) {
        (Some(true), effect) => Some(effect),
        (Some(false), _) | (None, Verdict::Allow) => None,
        (None, _) => Some(Verdict::Deny),
    }
}

/// `None` where a fact is missing.
fn conditions_hold(conditions: &ModelConditions, call: &ModelCall, wide: bool) -> Option<bool> {
    let is_file = call.action.starts_with("fs::");
    if let Some(patterns) = &conditions.path
        && !(is_file && patterns.iter().any(|pattern| path_matches(pattern, &call.target, wide)))
    {
        return Some(false);
    }
    if let Some(hosts) = &conditions.host
        && (is_file || !hosts.iter().any(|host| host_matches(host, &call.target)))
    {
        return Some(false);
    }
    match (conditions.size_max, call.action.as_str(), call.size) {
        (None, ..) | (Some(_), "fs::list", _) => Some(true),
        (Some(most), "fs::read", Some(size)) => Some(size <= most),
        (Some(_), "fs::read", None) => None,
        _ => Some(false),
    }
}

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host.ends_with(&format!(".{domain}")),
        None => pattern == host,
    }
}

pub(crate) fn path_matches(pattern: &str, path: &str, wide: bool) -> bool {
    let resolved = pattern.replacen("./", "/home/eve/docs/", usize::from(pattern.starts_with("./")));
    let split =
        |text: &str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let normal = |text: &str| split(&text.nfc().collect::<String>());
    parts_match(&split(&resolved), &split(path)) || (wide && parts_match(&normal(&resolved), &normal(path)))
}

fn parts_match(pattern: &[String], path: &[String]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => (0..=path.len()).any(|skip| parts_match(rest, &path[skip..])),
        Some((first, rest)) => {
            let letters = |text: &str| text.chars().collect::<Vec<char>>();
            path.split_first().is_some_and(|(name, names)| {
                name_matches(&letters(first), &letters(name)) && parts_match(rest, names)
            })
        }
    }
}

fn name_matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skip| name_matches(rest, &name[skip..])),
        Some(('?', rest)) => !name.is_empty() && name_matches(rest, &name[1..]),
        Some((letter, rest)) => name.first() == Some(letter) && name_matches(rest, &name[1..]),
    }
}

const NAMES: [&str; 7] = ["a", "b", "ab", "aab", ".x", "\u{e9}", "e\u{301}"];
const GLOBS: [&str; 16] =
    ["a", "b", "ab", ".x", "\u{e9}", "e\u{301}", "**", "**", "*", "a*", "*b", "?", "*a*", "*?", "?*?", "*a?"];
const HOSTS: [&str; 4] = ["a.example", "b.a.example", "ba.example", "c.b.a.example"];
const HOST_PATTERNS: [&str; 4] = ["a.example", "*.a.example", "b.a.example", "*.example"];
const PRINCIPALS: [&str; 3] = ["session:ask", "plugin:a", "plugin:b"];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(from).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    let anchor = prop::sample::select(&["/", "/a/", "./", "/a/b/"][..]);
    (anchor, prop::collection::vec(pick(&GLOBS), 1..4))
        .prop_map(|(anchor, parts)| format!("{anchor}{}", parts.join("/")))
}

fn target(action: &str) -> BoxedStrategy<String> {
    if action.starts_with("net") {
        return pick(&HOSTS).boxed();
    }
    let base = prop::sample::select(&["", "/a", "/home/eve/docs"][..]);
    let tail = prop::collection::vec(pick(&NAMES), 1..4);
    (base, tail).prop_map(|(base, parts)| format!("{base}/{}", parts.join("/"))).boxed()
}

/// Names of labels for `labels_any` and `labels_none`.
fn labels() -> impl Strategy<Value = (Option<Vec<String>>, Option<Vec<String>>)> {
    let names = || prop::option::weighted(0.25, prop::collection::vec(pick(&["private", "untrusted"]), 1));
    (names(), names())
}

fn file_conditions() -> impl Strategy<Value = ModelConditions> {
    let paths = prop::option::weighted(0.8, prop::collection::vec(pattern(), 1..3));
    (paths, prop::option::weighted(0.3, 0u64..4), labels()).prop_map(
        |(path, size_max, (labels_any, labels_none))| ModelConditions {
            path,
            size_max,
            labels_any,
            labels_none,
            ..Default::default()
        },
    )
}

fn host_conditions() -> impl Strategy<Value = ModelConditions> {
    let hosts = prop::option::weighted(0.8, prop::collection::vec(pick(&HOST_PATTERNS), 1..3));
    (hosts, labels()).prop_map(|(host, (labels_any, labels_none))| ModelConditions {
        host,
        labels_any,
        labels_none,
        ..Default::default()
    })
}

fn rule() -> impl Strategy<Value = ModelRule> {
    let effect = prop::sample::select(
        &[Verdict::Allow, Verdict::Allow, Verdict::Allow, Verdict::Ask, Verdict::Deny][..],
    );
    let principals = prop::option::weighted(0.6, prop::collection::vec(pick(&PRINCIPALS), 1..3));
    let files = (
        prop::collection::vec(pick(&["fs::read", "fs::list", "fs::*", "*"]), 1..3),
        file_conditions(),
        prop::option::weighted(0.3, file_conditions()),
    );
    let hosts = (
        prop::collection::vec(pick(&["net::fetch", "net::connect", "net::*"]), 1..2),
        host_conditions(),
        prop::option::weighted(0.3, host_conditions()),
    );
    let body = prop_oneof![3 => files.boxed(), 1 => hosts.boxed()];
    let rate = prop::option::weighted(0.3, 1u64..4);
    let flow = prop::option::weighted(0.2, prop::sample::select(&["in", "store", "out"][..]));
    let others = (rate, flow, prop::bool::weighted(0.4));
    (effect, principals, body, others).prop_map(
        |(effect, principals, (actions, mut when, unless), (rate, flow, accepts))| {
            when.rate_per_sec = rate.filter(|_| effect != Verdict::Deny);
            let unless = unless.filter(|unless| toml_conditions(unless).is_some());
            let accepts = accepts && effect == Verdict::Allow;
            ModelRule { id: String::new(), effect, principals, actions, when, unless, flow, accepts }
        },
    )
}

/// Policies of up to twelve rules with ids in an order of their own.
pub(crate) fn policy() -> impl Strategy<Value = ModelPolicy> {
    let default = prop::sample::select(&[Verdict::Deny, Verdict::Deny, Verdict::Ask][..]);
    let ids = Just((0..12).map(|number| format!("r{number:02}")).collect::<Vec<_>>()).prop_shuffle();
    let private = prop::collection::vec(pattern(), 1..3);
    (default, private, prop::collection::vec(rule(), 0..12), ids).prop_map(
        |(default, private, mut rules, ids)| {
            for (rule, id) in rules.iter_mut().zip(ids) {
                rule.id = id;
            }
            ModelPolicy { default, private, rules }
        },
    )
}

/// Calls that come close to the rules.
pub(crate) fn call() -> impl Strategy<Value = ModelCall> {
    let action = pick(&["fs::read", "fs::read", "fs::list", "fs::write", "net::fetch", "net::connect"]);
    action
        .prop_flat_map(|action| {
            let chain = prop::collection::vec(pick(&PRINCIPALS), 1..4);
            let size = prop::option::weighted(0.8, 0u64..5);
            let labels = prop::sample::subsequence(vec!["private".to_owned(), "untrusted".to_owned()], 0..=2);
            (chain, target(&action), size, 0u64..3000, labels, Just(action))
        })
        .prop_map(|(principals, target, size, time_ms, labels, action)| ModelCall {
            principals,
            action,
            target,
            size,
            time_ms,
            labels,
        })
}
