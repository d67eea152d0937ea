//! The TOML that would allow a refused call: nothing wider than the call itself.

use crate::action::ActionPattern;
use crate::call::{Call, Target};
use crate::condition::{Conditions, Subject};
use crate::decide::{Says, says};
use crate::glob::{Glob, escape};
use crate::policy::Policy;
use crate::rate::RateState;
use crate::rule::{Rule, RuleRef, excepts_everything};
use crate::text::{toml_list, toml_string};
use crate::url::HostPattern;
use ioi_types::Verdict;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// An exception for every rule that blocks, then a rule for the members that none allows.
/// `None` where an exception can't be written in one line.
pub(crate) fn would_allow(
    policy: &Policy,
    call: &Call,
    subject: Subject<'_>,
    rates: &RateState,
) -> Option<String> {
    if subject.needs_a_human() {
        return None;
    }
    let (mut blocking, mut accepting, mut unallowed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for member in &call.principals {
        let (mut allowed, mut unaccepted) = (false, None);
        policy.index.candidates(subject.action, member, subject.target, |number| {
            match says(&policy.rules[number as usize], subject, rates) {
                Says::Verdict(Verdict::Allow) => allowed = true,
                Says::Verdict(_) | Says::DenyFor(_) => drop(blocking.insert(number)),
                Says::Unaccepted => unaccepted = unaccepted.or(Some(number)),
                Says::Nothing(_) => {}
            }
        });
        match unaccepted {
            _ if allowed => {}
            Some(number) => drop(accepting.insert(number)),
            None => drop(unallowed.insert(member.as_str())),
        }
    }
    let mut text = String::new();
    for number in blocking {
        let rule = &policy.rules[number as usize];
        let line = exception(rule, subject.target)?;
        let id = &rule.reference.id;
        let _ = writeln!(text, "# add to the rule `{id}` ({}:{}):\n{line}", policy.name, rule.reference.line);
    }
    for number in accepting {
        let RuleRef { id, line } = &policy.rules[number as usize].reference;
        let _ = writeln!(text, "# add to the rule `{id}` ({}:{line}):\nuntrusted = \"accept\"", policy.name);
    }
    if !unallowed.is_empty() {
        text.push_str(&new_rule(policy, call, subject.target, &unallowed));
        if subject.is_guarded() {
            text.push_str("untrusted = \"accept\"\n");
        }
    }
    Some(text)
}

fn exception(rule: &Rule, target: &Target<'_>) -> Option<String> {
    let unless = match target {
        Target::File(path) => {
            Conditions { path: Some(vec![Glob::exact(&path.bytes)]), ..Conditions::default() }
        }
        Target::Fetch { url, .. } => host_condition(url.host),
        Target::Connect { host } => host_condition(host),
        Target::Exec { executable, digest, .. } => Conditions {
            executable: Some(vec![Glob::exact(&executable.bytes)]),
            digest: Some(vec![(*digest).to_owned()]),
            ..Conditions::default()
        },
        Target::Opaque => return None,
    };
    let fits = rule.unless.is_none() && !excepts_everything(&rule.when, &unless);
    fits.then(|| format!("unless = {{ {} }}", keys_of(target)))
}

fn host_condition(host: &str) -> Conditions {
    Conditions { host: Some(vec![HostPattern::Exact(host.to_owned())]), ..Conditions::default() }
}

/// The keys that hold for this call and, but for a command's arguments and a request's path, no other.
fn keys_of(target: &Target<'_>) -> String {
    match target {
        Target::File(path) => format!("path = [{}]", toml_string(&escape(&path.bytes))),
        Target::Fetch { url, .. } => format!("host = [{}]", toml_string(url.host)),
        Target::Connect { host } => format!("host = [{}]", toml_string(host)),
        Target::Exec { executable, digest, .. } => {
            let path = toml_string(&escape(&executable.bytes));
            format!("executable = [{path}], digest = [{}]", toml_string(digest))
        }
        Target::Opaque => String::new(),
    }
}

fn new_rule(policy: &Policy, call: &Call, target: &Target<'_>, members: &BTreeSet<&str>) -> String {
    let version = if policy.has_version { "" } else { "version = 1\n\n" };
    let id = toml_string(&free_id(policy, &call.action));
    let principal = toml_list(members.iter().copied());
    if let Target::Fetch { method, url } = target {
        let mut path = escape(url.path.as_bytes());
        if path.len() > 1 && path.ends_with('/') {
            path.push_str("**");
        }
        let (origin, methods, paths) =
            (toml_string(url.origin), toml_list([*method]), toml_list([path.as_str()]));
        return format!(
            "{version}[[egress]]\nid = {id}\nprincipal = {principal}\norigin = {origin}\nmethods = {methods}\npaths = {paths}\n"
        );
    }
    let action = toml_list([call.action.as_str()]);
    let keys = keys_of(target);
    let when = if keys.is_empty() { String::new() } else { format!("when = {{ {keys} }}\n") };
    format!(
        "{version}[[rule]]\nid = {id}\neffect = \"allow\"\nprincipal = {principal}\naction = {action}\n{when}"
    )
}

/// `allow-fs-read`, or with the first number that no rule has.
fn free_id(policy: &Policy, action: &str) -> String {
    const STEM_BYTES_MAX: usize = 48;
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let stem: String = action.to_ascii_lowercase().replace("::", "-").chars().map(plain).collect();
    let stem = format!("allow-{}", &stem[..stem.len().min(STEM_BYTES_MAX)]);
    let taken = |id: &String| policy.rules.binary_search_by(|rule| rule.reference.id.cmp(id)).is_ok();
    let numbered = (2u32..).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(stem)
}

/// True if a pattern of the rule is the whole language of actions.
pub(crate) fn names_everything(rule: &Rule) -> bool {
    rule.flow.is_none() && rule.actions.contains(&ActionPattern::Every)
}
