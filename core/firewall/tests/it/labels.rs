//! What a session has taken in, and what it may do then.

use crate::{CHAIN, compile, decide, file};
use ioi_canon::{Map, Value};
use ioi_firewall::{Access, Call, Decision, Facts, Origin, Policy, RateState, UNTRUSTED};
use ioi_types::Verdict;
use std::collections::BTreeMap;

const POLICY: &str = r#"version = 1

[[label]]
name = "private"
paths = ["~/private/**", "./caf\u00e9"]

[[label]]
name = "health"
paths = ["~/private/health/**"]

[trusted]
principal = ["plugin:own"]
origin = ["https://own.example"]

[[rule]]
id = "everything"
effect = "allow"
action = ["*"]

[[rule]]
id = "no-private-data-leaves"
effect = "deny"
action = ["*"]
flow = "out"
when = { labels_any = ["private"] }
"#;

fn facts(labels: &[(&str, u64)]) -> Facts {
    let labels = labels.iter().map(|(name, record)| ((*name).to_owned(), *record));
    Facts { labels: labels.collect::<BTreeMap<_, _>>(), ..Facts::default() }
}

fn decided(policy: &Policy, call: &Call, labels: &[(&str, u64)]) -> Decision {
    policy.decide(call, &facts(labels), &mut RateState::new())
}

fn fetch() -> Call {
    Call::fetch(["session:ask"], "POST", "https://api.example/v1")
}

fn bare(action: &str) -> Call {
    Call::new(["session:ask"], action, Map::new())
}

/// A call of each action that flows out.
fn calls_out() -> Vec<Call> {
    let connect = [("host".to_owned(), "api.example".into()), ("port".to_owned(), 443.into())];
    let tool = [("arguments".to_owned(), Value::Map(Map::new()))];
    let bare =
        ["browser::navigate", "clipboard::write", "ui::click", "ui::type", "wallet::send", "wallet::sign"]
            .map(bare);
    let mut calls = vec![
        fetch(),
        Call::new(["program"], "net::connect", connect.into()),
        Call::new(["session:ask"], "mcp::mail::send", tool.into()),
    ];
    calls.extend(bare);
    calls
}

#[test]
fn a_read_brings_the_labels_of_its_path_and_nothing_else_does() {
    let policy = compile(POLICY);
    let brought = |call: &Call| decide(&policy, call).labels;
    assert_eq!(brought(&file("fs::read", "/home/eve/private/a")), ["private"]);
    assert_eq!(brought(&file("fs::list", "/home/eve/private")), ["private"], "names are data, too");
    assert_eq!(brought(&file("fs::read", "/home/eve/private/health/b")), ["private", "health"]);
    // The same name to a reader, in other code points.
    assert_eq!(brought(&file("fs::read", "/home/eve/docs/cafe\u{301}")), ["private"]);
    assert_eq!(brought(&file("fs::write", "/home/eve/private/a")), [""; 0]);
    assert_eq!(brought(&file("fs::read", "/home/eve/privateer")), [""; 0]);
    assert_eq!(brought(&fetch()), [UNTRUSTED]);
    assert_eq!(brought(&Call::fetch(["session:ask"], "GET", "https://own.example/x")), [""; 0]);
    assert!(policy.trusts("plugin:own") && !policy.trusts("plugin:files"));
}

#[test]
fn a_refused_call_brings_nothing() {
    let policy = compile(&POLICY.replace("effect = \"allow\"", "effect = \"deny\""));
    assert_eq!(decide(&policy, &file("fs::read", "/home/eve/private/a")).labels, [""; 0]);
    assert_eq!(decide(&policy, &file("fs::read", "/home/eve/.ssh/id")).labels, [""; 0]);
}

#[test]
fn nothing_that_flows_out_leaves_a_session_with_private_data_and_the_refusal_says_since_when() {
    let policy = compile(POLICY);
    for call in calls_out() {
        assert_eq!(decided(&policy, &call, &[]).verdict, Verdict::Allow, "{}", call.action);
        let refused = decided(&policy, &call, &[("private", 14)]);
        assert_eq!(refused.verdict, Verdict::Deny, "{}", call.action);
        assert_eq!(
            refused.reason,
            format!(
                "the rule `no-private-data-leaves` (policy.toml:20) denies {} to a session with `private` data, \
                 which came with record 14.",
                call.action
            )
        );
    }
    for call in [file("fs::read", "/tmp/x"), bare("model::infer"), bare("clipboard::read")] {
        assert_eq!(decided(&policy, &call, &[("private", 14)]).verdict, Verdict::Allow, "{}", call.action);
    }
}

#[test]
fn what_somebody_else_may_have_written_causes_nothing_without_a_human() {
    let policy = compile(POLICY);
    let untrusted = [(UNTRUSTED, 3)];
    let digest = ioi_types::Digest::blake3([1; 32]);
    let mut guarded = calls_out();
    guarded.extend([
        file("fs::write", "/tmp/x"),
        file("fs::delete", "/tmp/x"),
        Call::exec(["program"], b"/bin/sh", digest, ["sh"]),
        bare("memory::erase"),
        bare("ui::screenshot"),
    ]);
    for call in &guarded {
        let asked = decided(&policy, call, &untrusted);
        assert_eq!((asked.verdict, asked.origin), (Verdict::Ask, Origin::Rule), "{}", call.action);
        assert_eq!(
            asked.reason,
            "the rule `everything` (policy.toml:15) does not accept untrusted data, which came with record 3."
        );
    }
    for call in [file("fs::read", "/tmp/x"), bare("model::infer"), bare("memory::write")] {
        assert_eq!(decided(&policy, &call, &untrusted).verdict, Verdict::Allow, "{}", call.action);
    }
    // Accepted by any rule that allows, whatever other rules allow without saying so.
    let accepting = format!(
        "{POLICY}\n[[rule]]\nid = \"z\"\neffect = \"allow\"\naction = [\"*\"]\nuntrusted = \"accept\"\n"
    );
    let policy = compile(&accepting);
    for call in &guarded {
        let is_never = call.action.starts_with("wallet::") || call.action == "memory::erase";
        let expected = if is_never { Verdict::Ask } else { Verdict::Allow };
        let decision = decided(&policy, call, &untrusted);
        assert_eq!(decision.verdict, expected, "{}", call.action);
        assert!(
            decision.would_allow.is_none(),
            "no line makes a machine decide this: {:?}",
            decision.would_allow
        );
    }
}

#[test]
fn the_advice_is_to_accept_where_only_that_is_missing() {
    let policy = compile(POLICY);
    let advice = decided(&policy, &fetch(), &[(UNTRUSTED, 1)]).would_allow;
    assert_eq!(
        advice.as_deref(),
        Some("# add to the rule `everything` (policy.toml:15):\nuntrusted = \"accept\"\n")
    );
}

#[test]
fn no_rule_accepts_untrusted_data_for_money_or_for_forgetting() {
    let rule = |actions: &str, effect: &str| {
        let text = format!(
            "version = 1\n[[rule]]\nid = \"a\"\neffect = \"{effect}\"\naction = [{actions}]\nuntrusted = \"accept\"\n"
        );
        let source = ioi_firewall::Source::new("p", text);
        Policy::compile(&source, &crate::context()).map_err(|errors| errors[0].message.clone())
    };
    for actions in ["\"wallet::send\"", "\"wallet::*\"", "\"fs::read\", \"memory::erase\"", "\"memory::*\""] {
        let message = rule(actions, "allow").expect_err("refused");
        assert!(message.starts_with("no rule accepts untrusted data for `"), "{actions}: {message}");
    }
    assert!(rule("\"net::*\"", "allow").is_ok());
    assert_eq!(rule("\"net::*\"", "ask").expect_err("refused"), "`untrusted` stands in rules that allow");
}

#[test]
fn a_rule_about_labels_keeps_a_tree_from_being_granted_whole() {
    let text = "version = 1\n[[label]]\nname = \"private\"\npaths = [\"./a/**\"]\n[[rule]]\nid = \"r\"\n\
                effect = \"allow\"\naction = [\"fs::*\"]\nwhen = { labels_none = [\"private\"] }\n";
    let refusal =
        compile(text).direct_access(&["program"], b"/home/eve/docs", Access::Read).expect_err("refused");
    assert!(refusal.to_string().contains("looks at labels"), "{refusal}");
}

#[test]
fn a_granted_tree_brings_every_label_beneath_or_above_it() {
    let policy = compile(POLICY);
    assert_eq!(policy.labels_beneath(b"/home/eve"), ["private", "health"]);
    assert_eq!(policy.labels_beneath(b"/home/eve/private/mail"), ["private"]);
    assert_eq!(policy.labels_beneath(b"/srv"), [""; 0]);
    assert_eq!(policy.labels_beneath(b"relative/.."), ["private", "health"], "what can't be read has all");
}

#[test]
fn the_labels_of_what_a_call_is_about_count_for_it() {
    let text = "version = 1\n[[label]]\nname = \"private\"\npaths = [\"/srv/p/**\"]\n[[rule]]\nid = \"r\"\neffect = \"allow\"\n\
                action = [\"fs::read\"]\n[[rule]]\nid = \"s\"\neffect = \"deny\"\naction = [\"fs::read\"]\n\
                when = { labels_any = [\"private\"] }\n";
    let policy = compile(text);
    assert_eq!(decide(&policy, &file("fs::read", "/srv/q")).verdict, Verdict::Allow);
    let refused = decide(&policy, &file("fs::read", "/srv/p/x"));
    assert_eq!(refused.reason, "the rule `s` (policy.toml:9) denies fs::read on `private` data.");
    let labels = [("private", 2)];
    assert_eq!(decided(&policy, &file("fs::read", "/srv/q"), &labels).verdict, Verdict::Deny);
    assert!(policy.show().contains("labels_any private"), "{}", policy.show());
    assert!(policy.show().contains("label `private`: /srv/p/**"), "{}", policy.show());
}

#[test]
fn a_label_is_named_with_the_one_that_was_probably_meant() {
    let policy = compile(POLICY);
    assert_eq!(policy.check_label("health"), Ok(()));
    let said = policy.check_label("privat").expect_err("refused");
    assert_eq!(said, "there is no label `privat`; did you mean `private`?");
}

#[test]
fn labels_cost_bounded_work() {
    let paths: Vec<String> = (0..257).map(|number| format!("\"/a{number}\"")).collect();
    let text = format!("version = 1\n[[label]]\nname = \"a\"\npaths = [{}]\n", paths.join(", "));
    let source = ioi_firewall::Source::new("p", text);
    let errors = Policy::compile(&source, &crate::context()).expect_err("refused");
    assert_eq!(errors[0].message, "the labels have 257 paths; the limit is 256");
}

#[test]
fn a_chain_is_guarded_for_every_member() {
    let text = "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\nprincipal = [\"session:ask\"]\naction = [\"fs::write\"]\n\
                untrusted = \"accept\"\n[[rule]]\nid = \"b\"\neffect = \"allow\"\nprincipal = [\"plugin:files\"]\naction = [\"fs::write\"]\n";
    let call = Call::file(CHAIN, "fs::write", b"/tmp/x");
    let decision = decided(&compile(text), &call, &[(UNTRUSTED, 1)]);
    assert_eq!((decision.verdict, decision.rule.map(|rule| rule.id)), (Verdict::Ask, Some("b".to_owned())));
}

#[test]
fn a_tree_that_comes_with_a_program_is_limited_by_every_rule_and_label_that_touches_it() {
    let who = ["session:run", "program"];
    let rule = |effect: &str, action: &str, when: &str| {
        compile(&format!(
            "version = 1\n[[rule]]\nid = \"a\"\neffect = \"{effect}\"\naction = [\"{action}\"]\nwhen = {{ {when} }}\n"
        ))
    };
    let inside = "path = [\"/opt/app/private/**\"]";
    assert!(rule("deny", "fs::read", inside).limits_in(&who, b"/opt/app"));
    assert!(rule("ask", "fs::list", inside).limits_in(&who, b"/opt/app"));
    assert!(rule("allow", "fs::read", &format!("{inside}, size_max = \"1 B\"")).limits_in(&who, b"/opt/app"));
    assert!(!rule("allow", "fs::read", inside).limits_in(&who, b"/opt/app"));
    assert!(!rule("deny", "fs::write", inside).limits_in(&who, b"/opt/app"));
    assert!(!rule("deny", "fs::read", inside).limits_in(&who, b"/opt/other"));
    assert!(!rule("deny", "fs::read", "path = [\"/**/*.key\"]").limits_in(&who, b"/opt/app"));
    assert!(!rule("deny", "fs::read", "path = [\"/**/*.key\", \"/srv/x\"]").limits_in(&who, b"/opt/app"));
    assert!(rule("deny", "fs::read", "path = [\"/opt/**/*.key\"]").limits_in(&who, b"/opt/app"));
    assert!(rule("deny", "fs::read", "size_max = \"1 B\"").limits_in(&who, b"/opt/app"));
    let labelled = compile("version = 1\n[[label]]\nname = \"p\"\npaths = [\"/opt/app/x\"]\n");
    assert!(labelled.limits_in(&who, b"/opt/app") && !labelled.limits_in(&who, b"/opt/b"));
    assert!(labelled.limits_in(&who, b"opt/../b"));
}
