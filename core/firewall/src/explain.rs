//! Why a call is decided as it is: every rule for its action, and what became of it.

use crate::call::Call;
use crate::condition::Subject;
use crate::decide::{Decision, Says, says};
use crate::facts::Facts;
use crate::label::UNTRUSTED;
use crate::policy::Policy;
use crate::rate::RateState;
use crate::rule::{Rule, RuleRef};
use ioi_types::Verdict;
use std::fmt;

/// A decision and the rules that were considered for it. `Display` is the answer of `ioi policy explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The decision, with every bucket full.
    pub decision: Decision,
    /// The policy's name.
    pub policy: String,
    /// Each rule that names the action, for each member of the chain, in the order of the file.
    pub considered: Vec<Considered>,
}

/// One rule, looked at for one member of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The member.
    pub principal: String,
    /// The rule.
    pub rule: RuleRef,
    /// What it does where it applies.
    pub effect: Verdict,
    /// Whether it applies.
    pub applies: bool,
    /// The key that failed or, where it applies, that a fact is missing; absent where all keys hold.
    pub key: Option<&'static str>,
}

impl Policy {
    /// Decides a call with every bucket full, and tells what each rule said.
    #[must_use]
    pub fn explain(&self, call: &Call, facts: &Facts) -> Explanation {
        let decision = self.decide(call, facts, &mut RateState::new());
        let mut considered = Vec::new();
        if let Ok(target) = self.readable(call, facts) {
            let own = self.labels.of_target(&target);
            let subject = Subject { action: &call.action, target: &target, facts, own: &own };
            for member in &call.principals {
                considered.extend(self.considered(member, subject));
            }
        }
        Explanation { decision, policy: self.name.clone(), considered }
    }

    fn considered(&self, member: &str, subject: Subject<'_>) -> Vec<Considered> {
        let named = self.rules.iter().filter(|rule| rule.names_action(subject.action));
        let mut rules: Vec<Considered> = named.map(|rule| consider(rule, member, subject)).collect();
        rules.sort_by_key(|considered| considered.rule.line);
        rules
    }
}

fn consider(rule: &Rule, member: &str, subject: Subject<'_>) -> Considered {
    let (applies, key) = if rule.principals.holds(member) {
        match says(rule, subject, &RateState::new()) {
            Says::Nothing(key) => (false, Some(key)),
            Says::Verdict(_) => (true, None),
            Says::DenyFor(key) => (true, Some(key)),
            Says::Unaccepted => (false, Some(UNTRUSTED)),
        }
    } else {
        (false, Some("principal"))
    };
    Considered {
        principal: member.to_owned(),
        rule: rule.reference.clone(),
        effect: rule.effect,
        applies,
        key,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.decision.verdict, self.decision.reason)?;
        for Considered { principal, rule, effect, applies, key } in &self.considered {
            let place = format!("{}:{}", self.policy, rule.line);
            let outcome = match (applies, key) {
                (true, None) => "applies".to_owned(),
                (true, Some(key)) => format!("denies, since the facts don't say its `{key}`"),
                (false, Some(UNTRUSTED)) => "asks, since it doesn't accept untrusted data".to_owned(),
                (false, Some(key)) => format!("does not apply: `{key}`"),
                (false, None) => "does not apply".to_owned(),
            };
            writeln!(f, "  {place} {effect} `{}` for {principal}: {outcome}", rule.id)?;
        }
        match &self.decision.would_allow {
            Some(lines) => write!(f, "This would allow it:\n{lines}"),
            None => Ok(()),
        }
    }
}
