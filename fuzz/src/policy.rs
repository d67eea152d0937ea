//! `policy.toml`: a text is refused at a place in it, or decides the same each time; and nothing is
//! allowed by a policy that holds no rule that allows.

use crate::advice;
use ioi_firewall::{Call, Context, Decision, Facts, Object, ObjectKind, Policy, RateState, Source};
use ioi_types::{Digest, Verdict};

/// Of so many calls one is decided again with the advice that was given.
const ADVICE_STEP: usize = 6;

/// What relative names stand for in these policies.
pub(crate) fn context() -> Context {
    Context {
        roots: vec![b"/home/eve/docs".to_vec(), b"/srv/data".to_vec()],
        home: Some(b"/home/eve".to_vec()),
        protected: vec![b"/home/eve/.local/share/ioi".to_vec(), b"/home/eve/docs/keys".to_vec()],
    }
}

/// The input is the policy's text.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let source = Source::new("policy.toml", text);
    let policy = match Policy::compile(&source, &context()) {
        Ok(policy) => policy,
        Err(findings) => {
            assert!(!findings.is_empty(), "a refusal says why");
            let lines = text.lines().count() as u64 + 1;
            for finding in findings {
                assert!(finding.line >= 1 && finding.column >= 1, "{finding}");
                assert!(finding.line <= lines, "{finding}");
            }
            return;
        }
    };
    let again = Policy::compile(&source, &context()).expect("what compiled once compiles again");
    assert_eq!(policy.hash(), again.hash());
    let _ = (policy.show(), policy.check());
    let decisions = decide(&policy);
    assert_eq!(decisions, decide(&again), "the same calls are decided the same way");
    let allows = decisions.iter().any(|decision| decision.verdict == Verdict::Allow);
    assert!(!allows || holds_allow(text), "allowed by a policy without a rule that allows");
    check_reasons(&decisions);
    check_advice(&policy, text);
}

fn check_reasons(decisions: &[Decision]) {
    for decision in decisions {
        assert!(!decision.reason.contains(char::is_control), "{:?}", decision.reason);
        let allowed = decision.verdict == Verdict::Allow;
        assert!(!allowed || decision.rule.is_some(), "only a rule allows");
        assert!(allowed || decision.credential.is_none(), "a refused call gets no credential");
        assert!(!(allowed && decision.would_allow.is_some()));
    }
}

/// Whether another reader of TOML finds a rule that allows, or an egress entry.
fn holds_allow(text: &str) -> bool {
    let table: toml::Table = text.parse().expect("a policy that compiles is TOML");
    let tables = |name: &str| table.get(name).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let allows = |rule: &toml::Value| rule.get("effect").and_then(toml::Value::as_str) == Some("allow");
    tables("rule").iter().any(allows) || !tables("egress").is_empty()
}

/// Decides one call of each kind, with little known and with more, in one session.
fn decide(policy: &Policy) -> Vec<Decision> {
    let (mut rates, calls) = (RateState::new(), calls());
    let mut decisions = Vec::new();
    for facts in facts() {
        decisions.extend(calls.iter().map(|call| policy.decide(call, &facts, &mut rates)));
    }
    decisions
}

fn facts() -> [Facts; 3] {
    let object = Object { kind: ObjectKind::File, size: 4096, device: 1, inode: 2 };
    let known = Facts { time_ms: 60_000, object: Some(object), ..Facts::default() };
    let labels = [("untrusted".to_owned(), 1), ("private".to_owned(), 2)].into();
    [Facts::default(), known.clone(), Facts { labels, ..known }]
}

/// Follows the advice of some decisions, others for each text: a policy is compiled for each.
fn check_advice(policy: &Policy, text: &str) {
    let all = facts();
    let facts = &all[text.len() % all.len()];
    for call in calls().iter().skip(text.len() % ADVICE_STEP).step_by(ADVICE_STEP) {
        let explanation = policy.explain(call, facts);
        assert!(!explanation.to_string().is_empty());
        advice::check(text, call, facts, &explanation.decision);
    }
}

fn calls() -> Vec<Call> {
    let chain = ["session:ask", "plugin:files"];
    let mut calls: Vec<Call> =
        ["/home/eve/docs/a.md", "/home/eve/docs/a/b/c.key", "/srv/data", "/etc/passwd", "/"]
            .iter()
            .flat_map(|path| {
                ["fs::read", "fs::list", "fs::write", "fs::delete"]
                    .map(|action| Call::file(chain, action, path.as_bytes()))
            })
            .collect();
    for digest in [Digest::blake3([7; 32]), Digest::sha256([7; 32])] {
        calls.push(Call::exec(["session:run"], b"/usr/bin/make", digest, ["make", "-j2"]));
    }
    calls.push(Call::fetch(["session:ask"], "GET", "https://example.com/a"));
    calls.push(Call::fetch(["session:ask"], "POST", "https://api.example.com:8443/v1?q=1"));
    let connect = [("host", "example.com".into()), ("port", 443.into())];
    calls.push(Call::new(["program"], "net::connect", connect.map(|(k, v)| (k.to_owned(), v)).into()));
    calls.push(Call::new(["session:ask"], "wallet::send", ioi_canon::Map::new()));
    calls
}
