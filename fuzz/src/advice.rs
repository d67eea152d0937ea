//! The lines that a refusal offers: put where they say, they allow the call that was refused.

use crate::policy::context;
use ioi_firewall::{Call, Decision, Facts, Policy, RateState, Source};
use ioi_types::Verdict;

/// Follows the advice of a decision on a fresh session, if it gives any.
pub(crate) fn check(text: &str, call: &Call, facts: &Facts, decision: &Decision) {
    let Some(advice) = decision.would_allow.as_deref().filter(|_| is_by_headings(text)) else { return };
    let amended = amend(text, advice);
    let policy = match Policy::compile(&Source::new("policy.toml", amended.as_str()), &context()) {
        Ok(policy) => policy,
        Err(findings) => panic!("the advice does not compile: {}\n{amended}", findings[0]),
    };
    let again = policy.decide(call, facts, &mut RateState::new());
    assert_eq!(again.verdict, Verdict::Allow, "{}\n{amended}", again.reason);
}

/// Whether every rule stands under a heading of its own, where a human would put the lines. Inline
/// tables and continued strings need another place for them.
fn is_by_headings(text: &str) -> bool {
    let inline = ["rule", "egress"].iter().any(|name| {
        let starts = |line: &str| line.trim_start().trim_start_matches(['"', '\'']).starts_with(name);
        text.lines().any(starts)
    });
    !inline && !text.contains("\"\"\"") && !text.contains("'''") && !text.contains('\r')
}

/// Puts each exception right under the heading of its rule, and the new rule at the end.
fn amend(text: &str, advice: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut exceptions = Vec::new();
    let mut rest = advice.lines().peekable();
    while let Some(head) = rest.next_if(|line| line.starts_with("# add to the rule")) {
        let number = head.trim_end_matches("):").rsplit(':').next().and_then(|number| number.parse().ok());
        let number: usize = number.expect("advice names a line");
        exceptions.push((number, rest.next().expect("a heading is followed by its line")));
    }
    exceptions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    exceptions.iter().for_each(|(number, exception)| lines.insert(*number, exception));
    lines.extend(rest);
    lines.join("\n")
}
