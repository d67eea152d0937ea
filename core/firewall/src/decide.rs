//! The decision: a pure function of policy, call, facts and buckets.

use crate::advice;
use crate::call::{Call, Target};
use crate::condition::{Holds, Subject};
use crate::facts::Facts;
use crate::label::UNTRUSTED;
use crate::policy::Policy;
use crate::rate::RateState;
use crate::rule::{Rule, RuleRef};
use crate::text::show;
use ioi_types::Verdict;

/// Where a decision came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A rule applied.
    Rule,
    /// No rule applied to one of the principals.
    Default,
    /// The protected set, or a file that is not of the kind that is handed on.
    Builtin,
    /// The call is not one that rules can decide.
    Malformed,
}

impl Origin {
    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Default => "default",
            Self::Builtin => "builtin",
            Self::Malformed => "malformed",
        }
    }
}

/// The firewall's answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Allow, ask or deny. Who has no approver treats ask as deny, and says so.
    pub verdict: Verdict,
    /// The rule that decided, if one did.
    pub rule: Option<RuleRef>,
    /// Where the verdict came from.
    pub origin: Origin,
    /// One plain sentence.
    pub reason: String,
    /// TOML that would allow the call; absent where it is allowed or nothing would.
    pub would_allow: Option<String>,
    /// The credential that an `[[egress]]` entry binds to the allowed request.
    pub credential: Option<String>,
    /// What the session has taken in from now on: the caller adds them before any data moves. None of a
    /// call that is refused.
    pub labels: Vec<String>,
    /// The label of what the session has taken in for which the call is refused.
    pub label: Option<String>,
}

/// What the policy says about one member of the chain.
#[derive(Clone, Debug)]
pub(crate) struct MemberDecision {
    pub(crate) verdict: Verdict,
    /// The deciding rule's number; `None` for the default.
    pub(crate) rule: Option<u32>,
    /// The first key of an allow rule that failed although the path or host fitted.
    pub(crate) near_miss: Option<(u32, &'static str)>,
    /// The fact that was missing, where a rule denies for that.
    pub(crate) missing: Option<&'static str>,
}

/// What one rule says about one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Nothing(&'static str),
    Verdict(Verdict),
    /// It would ask or deny, but for a fact that is missing or a bucket that is empty: deny.
    DenyFor(&'static str),
    /// It would allow, but for the untrusted data that the session holds: ask.
    Unaccepted,
}

/// A condition whose fact is missing never lets a call through: an allow doesn't apply, an ask
/// or deny denies. A bucket that is empty counts as such a fact.
pub(crate) fn says(rule: &Rule, subject: Subject<'_>, rates: &RateState) -> Says {
    let mut holds = rule.test(subject);
    let has_token = |rate| rates.has_token(&rule.reference.id, rate);
    if holds == Holds::Yes && rule.when.rate.is_some_and(|rate| !has_token(rate)) {
        holds = Holds::Unknown("rate");
    }
    let is_accepted = !subject.is_guarded() || (rule.accepts_untrusted && !subject.needs_a_human());
    match (holds, rule.effect) {
        (Holds::Yes, Verdict::Allow) if !is_accepted => Says::Unaccepted,
        (Holds::Yes, effect) => Says::Verdict(effect),
        (Holds::No(key), _) | (Holds::Unknown(key), Verdict::Allow) => Says::Nothing(key),
        (Holds::Unknown(key), Verdict::Ask | Verdict::Deny) => Says::DenyFor(key),
    }
}

impl Policy {
    /// Decides one call. Every member of the chain is decided, and the strictest decision stands:
    /// deny beats ask beats allow; among equals the first member, and for it the smallest rule id.
    ///
    /// `rates` is the session's; what is allowed or asked takes a token from each rated rule that
    /// decided. The same arguments give the same decision on every machine.
    #[must_use]
    pub fn decide(&self, call: &Call, facts: &Facts, rates: &mut RateState) -> Decision {
        rates.advance(facts.time_ms);
        let target = match self.readable(call, facts) {
            Ok(target) => target,
            Err(decision) => return *decision,
        };
        let own = self.labels.of_target(&target);
        let subject = Subject { action: &call.action, target: &target, facts, own: &own };
        let members: Vec<MemberDecision> =
            call.principals.iter().map(|member| self.decide_member(member, subject, rates)).collect();
        let decision = self.answer(call, subject, &members, rates);
        if decision.verdict != Verdict::Deny {
            self.take_tokens(&members, rates);
        }
        decision
    }

    /// The call's target, or the refusal that no rule can lift.
    pub(crate) fn readable<'a>(&self, call: &'a Call, facts: &Facts) -> Result<Target<'a>, Box<Decision>> {
        let refuse = |origin, reason| {
            let (verdict, rule) = (Verdict::Deny, None);
            let (would_allow, credential, labels, label) = (None, None, Vec::new(), None);
            Box::new(Decision { verdict, rule, origin, reason, would_allow, credential, labels, label })
        };
        let target = Target::read(call).map_err(|error| refuse(Origin::Malformed, format!("{error}.")))?;
        if let Target::File(path) = &target
            && let Some(reason) = self.protected.refusal(&call.action, path, facts)
        {
            return Err(refuse(Origin::Builtin, format!("{reason}, and no policy lifts that.")));
        }
        Ok(target)
    }

    pub(crate) fn decide_member(
        &self,
        member: &str,
        subject: Subject<'_>,
        rates: &RateState,
    ) -> MemberDecision {
        let mut best: [Option<(u32, Option<&'static str>)>; 3] = [None; 3];
        let mut near_miss: Option<(u32, &'static str)> = None;
        let mut unaccepted: Option<u32> = None;
        self.index.candidates(subject.action, member, subject.target, |number| {
            let rule = &self.rules[number as usize];
            let (verdict, missing) = match says(rule, subject, rates) {
                Says::Verdict(verdict) => (verdict, None),
                Says::DenyFor(key) => (Verdict::Deny, Some(key)),
                Says::Unaccepted => {
                    unaccepted = Some(unaccepted.map_or(number, |known| known.min(number)));
                    return;
                }
                Says::Nothing(key) => {
                    if rule.effect == Verdict::Allow && key != "path" && key != "host" {
                        near_miss = Some(near_miss.map_or((number, key), |known| known.min((number, key))));
                    }
                    return;
                }
            };
            let slot = &mut best[verdict as usize];
            *slot = Some(slot.map_or((number, missing), |known| known.min((number, missing))));
        });
        for verdict in [Verdict::Deny, Verdict::Ask, Verdict::Allow] {
            if let Some((number, missing)) = best[verdict as usize] {
                return MemberDecision { verdict, rule: Some(number), near_miss, missing };
            }
        }
        if let Some(number) = unaccepted {
            let (verdict, rule) = (Verdict::Ask, Some(number));
            return MemberDecision { verdict, rule, near_miss, missing: Some(UNTRUSTED) };
        }
        MemberDecision { verdict: self.default, rule: None, near_miss, missing: None }
    }

    /// One token a call from each rated rule, however many members it decided.
    fn take_tokens(&self, members: &[MemberDecision], rates: &mut RateState) {
        for (place, member) in members.iter().enumerate() {
            let Some(number) = member.rule else { continue };
            let rule = &self.rules[number as usize];
            let again = members[..place].iter().any(|earlier| earlier.rule == member.rule);
            if let (Some(rate), false) = (rule.when.rate, again) {
                rates.take(&rule.reference.id, rate);
            }
        }
    }

    fn answer(
        &self,
        call: &Call,
        subject: Subject<'_>,
        members: &[MemberDecision],
        rates: &RateState,
    ) -> Decision {
        let verdict = members.iter().map(|member| member.verdict).max().unwrap_or(Verdict::Deny);
        let place = members.iter().position(|member| member.verdict == verdict).unwrap_or(0);
        let member = &members[place];
        let rule = member.rule.map(|number| &self.rules[number as usize]);
        let reason = match rule {
            Some(rule) => self.rule_reason(rule, subject, member),
            None => self.default_reason(call, &call.principals[place], member),
        };
        let refused = verdict != Verdict::Allow;
        Decision {
            verdict,
            rule: rule.map(|rule| rule.reference.clone()),
            origin: if rule.is_some() { Origin::Rule } else { Origin::Default },
            reason,
            would_allow: refused.then(|| advice::would_allow(self, call, subject, rates)).flatten(),
            credential: if refused { None } else { self.credential(members) },
            label: rule.filter(|_| refused).and_then(|rule| label_of(rule, subject, member)),
            labels: match verdict {
                Verdict::Deny => Vec::new(),
                _ => self.labels.brought(&call.action, subject.target, subject.own),
            },
        }
    }

    fn credential(&self, members: &[MemberDecision]) -> Option<String> {
        let rules = members.iter().filter_map(|member| member.rule);
        rules.filter_map(|number| self.rules[number as usize].credential.clone()).next()
    }

    fn rule_reason(&self, rule: &Rule, subject: Subject<'_>, member: &MemberDecision) -> String {
        let RuleRef { id, line } = &rule.reference;
        let action = subject.action;
        let place = format!("the rule `{id}` ({}:{line})", self.name);
        match (member.missing, member.verdict) {
            (Some(UNTRUSTED), _) => {
                format!("{place} does not accept untrusted data{}.", came_by(subject, UNTRUSTED))
            }
            (Some("rate"), _) => format!("{place} asks for {action}, and its rate is used up."),
            (Some(key), _) => format!("{place} looks at `{key}`, and the call's facts don't say it."),
            (None, Verdict::Allow) => format!("{place} allows {action}."),
            (None, Verdict::Ask) => {
                format!("{place} asks a human about {action}{}.", labels_reason(rule, subject))
            }
            (None, Verdict::Deny) => format!("{place} denies {action}{}.", labels_reason(rule, subject)),
        }
    }

    fn default_reason(&self, call: &Call, member: &str, decided: &MemberDecision) -> String {
        let target = describe(call);
        let start = format!("no rule of {} lets {member} do {}{target}", self.name, call.action);
        let Some((number, key)) = decided.near_miss else { return format!("{start}.") };
        let RuleRef { id, line } = &self.rules[number as usize].reference;
        format!("{start}: `{key}` of the rule `{id}` ({}:{line}) does not allow it.", self.name)
    }
}

/// The label for which a rule refuses: one that the session has already.
fn label_of(rule: &Rule, subject: Subject<'_>, member: &MemberDecision) -> Option<String> {
    let label = if member.missing == Some(UNTRUSTED) { UNTRUSTED } else { rule.when.label_met(subject)? };
    subject.facts.labels.contains_key(label).then(|| label.to_owned())
}

/// The label for which a rule applies, and where the session has it from.
fn labels_reason(rule: &Rule, subject: Subject<'_>) -> String {
    let Some(label) = rule.when.label_met(subject) else { return String::new() };
    match subject.facts.labels.contains_key(label) {
        true => format!(" to a session with `{label}` data{}", came_by(subject, label)),
        false => format!(" on `{label}` data"),
    }
}

/// The record of the call that brought a label.
fn came_by(subject: Subject<'_>, label: &str) -> String {
    let record = subject.facts.labels.get(label);
    record.map_or_else(String::new, |record| format!(", which came with record {record}"))
}

/// What the call is about, for a sentence.
fn describe(call: &Call) -> String {
    let names = ["path", "url", "executable", "host"];
    let found = names.iter().find_map(|name| crate::path::value_bytes(call.args.get(*name)?));
    found.map_or_else(String::new, |bytes| format!(" on `{}`", show(&bytes)))
}
