//! What the language means, one sentence a test.

use crate::{CHAIN, compile, context, decide, file};
use ioi_firewall::{Call, Facts, Limits, Origin, Policy, RateState, Source, flow_class, is_effect};
use ioi_types::{FlowClass, Verdict};

#[test]
fn a_text_without_any_key_denies_everything() {
    for text in ["", "\n\n", "# only a comment\r\n"] {
        let policy = compile(text);
        assert_eq!(policy.rule_count(), 0);
        let decision = decide(&policy, &file("fs::read", "/tmp/x"));
        assert_eq!((decision.verdict, decision.origin), (Verdict::Deny, Origin::Default));
    }
}

#[test]
fn deny_beats_ask_beats_allow_beats_the_default() {
    let rule = |id: &str, effect: &str| {
        format!("[[rule]]\nid = \"{id}\"\neffect = \"{effect}\"\naction = [\"fs::read\"]\n")
    };
    let verdict = |default: &str, rules: &[&str]| {
        let rules: String =
            rules.iter().enumerate().map(|(n, effect)| rule(&format!("r{n}"), effect)).collect();
        decide(
            &compile(&format!("version = 1\ndefault = \"{default}\"\n{rules}")),
            &file("fs::read", "/tmp/x"),
        )
        .verdict
    };
    assert_eq!(verdict("deny", &[]), Verdict::Deny);
    assert_eq!(verdict("ask", &[]), Verdict::Ask);
    assert_eq!(verdict("ask", &["allow"]), Verdict::Allow);
    assert_eq!(verdict("deny", &["allow", "ask"]), Verdict::Ask);
    assert_eq!(verdict("ask", &["ask", "deny", "allow"]), Verdict::Deny);
}

#[test]
fn sections_are_read() {
    let policy = compile(
        "version = 1\n[sandbox]\nrequire = [\"pids-limited\", \"no-network\"]\n[limits]\nmemory = \"256 MiB\"\ncpu = \"50%\"\npids = 32\n",
    );
    let floor = ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "pids-limited"];
    assert_eq!(policy.sandbox_require(), floor);
    let limits = Limits { memory_bytes: Some(256 << 20), cpu_percent: Some(50), pids: Some(32) };
    assert_eq!(policy.limits(), limits);
    assert_eq!(compile("version = 1").sandbox_require(), &floor[..4], "no policy lowers these");
}

#[test]
fn a_rate_is_shared_by_all_who_call_under_the_rule_and_taken_once_a_call() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"fs::list\"]\nwhen = { rate = \"3/min\" }\n",
    );
    let mut rates = RateState::new();
    let mut call = |chain: &[&str], time_ms| {
        let facts = Facts { time_ms, ..Facts::default() };
        policy.decide(&Call::file(chain.iter().copied(), "fs::list", b"/tmp"), &facts, &mut rates)
    };
    assert_eq!(call(&CHAIN, 0).verdict, Verdict::Allow);
    assert_eq!(call(&["program"], 0).verdict, Verdict::Allow);
    assert_eq!(call(&CHAIN, 0).verdict, Verdict::Allow);
    let refused = call(&CHAIN, 0);
    assert_eq!(refused.verdict, Verdict::Deny);
    assert_eq!(
        refused.reason,
        "no rule of policy.toml lets session:ask do fs::list on `/tmp`: `rate` of the rule `a` (policy.toml:2) does not allow it."
    );
    assert_eq!(call(&CHAIN, 19_999).verdict, Verdict::Deny);
    assert_eq!(call(&CHAIN, 20_000).verdict, Verdict::Allow);
    assert_eq!(call(&CHAIN, 0).verdict, Verdict::Deny, "time doesn't go back");
}

#[test]
fn a_refused_call_takes_no_token() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\nprincipal = [\"session:ask\"]\naction = [\"fs::list\"]\nwhen = { rate = \"1/day\" }\n",
    );
    let mut rates = RateState::new();
    for _ in 0..5 {
        assert_eq!(
            policy.decide(&file("fs::list", "/tmp"), &Facts::default(), &mut rates).verdict,
            Verdict::Deny
        );
    }
    let alone = Call::file(["session:ask"], "fs::list", b"/tmp");
    assert_eq!(policy.decide(&alone, &Facts::default(), &mut rates).verdict, Verdict::Allow);
    assert_eq!(policy.decide(&alone, &Facts::default(), &mut rates).verdict, Verdict::Deny);
}

#[test]
fn an_asking_rule_whose_rate_is_used_up_denies_even_beside_an_allow() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"fs::list\"]\n\
         [[rule]]\nid = \"b\"\neffect = \"ask\"\naction = [\"fs::list\"]\nwhen = { rate = \"1/min\" }\n",
    );
    let mut rates = RateState::new();
    let mut call = || policy.decide(&file("fs::list", "/tmp"), &Facts::default(), &mut rates).verdict;
    assert_eq!([call(), call()], [Verdict::Ask, Verdict::Deny]);
}

#[test]
fn tools_of_mcp_servers_are_matched_by_name_server_and_namespace() {
    let verdict = |pattern: &str, action: &str| {
        let text =
            format!("version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"{pattern}\"]\n");
        let args =
            ioi_canon::Map::from([("arguments".to_owned(), ioi_canon::Value::Map(ioi_canon::Map::new()))]);
        decide(&compile(&text), &Call::new(CHAIN, action, args)).verdict
    };
    for pattern in ["*", "mcp::*", "mcp::mail::*", "mcp::mail::send"] {
        assert_eq!(verdict(pattern, "mcp::mail::send"), Verdict::Allow, "{pattern}");
    }
    for pattern in ["mcp::mail::sen", "mcp::mai::*", "mcp::mail2::*", "fs::*", "mcp::mail::Send"] {
        assert_eq!(verdict(pattern, "mcp::mail::send"), Verdict::Deny, "{pattern}");
    }
    assert_eq!(
        (flow_class("mcp::mail::send"), is_effect("mcp::mail::send")),
        (Some(FlowClass::Out), Some(true))
    );
    assert_eq!((flow_class("fs::read"), is_effect("fs::read")), (Some(FlowClass::In), Some(false)));
    assert_eq!((flow_class("fs::open"), is_effect("fs::open")), (None, None));
}

#[test]
fn several_folders_are_all_meant_by_the_dot() {
    let mut context = context();
    context.roots.push(b"/srv/a[b]".to_vec());
    let text = "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"fs::list\"]\nwhen = { path = [\"./sub/*\"] }\n";
    let policy = Policy::compile(&Source::new("p", text), &context).expect("it compiles");
    let verdict = |path: &str| decide(&policy, &file("fs::list", path)).verdict;
    assert_eq!(verdict("/home/eve/docs/sub/x"), Verdict::Allow);
    assert_eq!(verdict("/srv/a[b]/sub/x"), Verdict::Allow);
    assert_eq!(verdict("/srv/a/sub/x"), Verdict::Deny);
    assert!(policy.show().contains("/srv/a\\[b\\]/sub/*"), "{}", policy.show());
}

#[test]
fn a_refusal_names_rule_and_line_and_its_advice_is_exact() {
    let text = "version = 1\n\n[[rule]]\nid = \"no-keys\"\neffect = \"deny\"\naction = [\"fs::read\"]\nwhen = { path = [\"/**/*.key\"] }\n";
    let decision = decide(&compile(text), &file("fs::read", "/tmp/a.key"));
    assert_eq!(decision.reason, "the rule `no-keys` (policy.toml:3) denies fs::read.");
    assert_eq!(decision.rule.map(|rule| (rule.id, rule.line)), Some(("no-keys".to_owned(), 3)));
    assert_eq!(
        decision.would_allow.as_deref(),
        Some(
            "# add to the rule `no-keys` (policy.toml:3):\nunless = { path = [\"/tmp/a.key\"] }\n[[rule]]\nid = \"allow-fs-read\"\n\
             effect = \"allow\"\nprincipal = [\"plugin:files\", \"session:ask\"]\naction = [\"fs::read\"]\nwhen = { path = [\"/tmp/a.key\"] }\n"
        )
    );
}

#[test]
fn an_explanation_says_what_every_rule_did() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"z\"\neffect = \"allow\"\nprincipal = [\"plugin:files\"]\naction = [\"fs::read\"]\nwhen = { path = [\"/a/**\"], size_max = \"1 B\" }\n\
         [[rule]]\nid = \"w\"\neffect = \"deny\"\naction = [\"fs::write\"]\n",
    );
    let explanation = policy.explain(&file("fs::read", "/a/b"), &crate::file_facts(2));
    assert_eq!(
        explanation.to_string(),
        "deny: no rule of policy.toml lets session:ask do fs::read on `/a/b`.\n\
         \x20 policy.toml:2 allow `z` for session:ask: does not apply: `principal`\n\
         \x20 policy.toml:2 allow `z` for plugin:files: does not apply: `size_max`\n\
         This would allow it:\n[[rule]]\nid = \"allow-fs-read\"\neffect = \"allow\"\nprincipal = [\"plugin:files\", \"session:ask\"]\naction = [\"fs::read\"]\nwhen = { path = [\"/a/b\"] }\n"
    );
}

#[test]
fn warnings_name_what_is_wider_than_it_looks() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"*\"]\n\
         [[rule]]\nid = \"b\"\neffect = \"allow\"\nprincipal = [\"program\"]\naction = [\"fs::read\", \"net::fetch\", \"sys::exec\"]\n\
         [[rule]]\nid = \"c\"\neffect = \"allow\"\nprincipal = [\"program\"]\naction = [\"fs::read\"]\nwhen = { path = [\"/x/y/**\"] }\n\
         [[rule]]\nid = \"d\"\neffect = \"deny\"\naction = [\"fs::*\"]\nwhen = { path = [\"/x/**\"] }\n\
         [[egress]]\nid = \"e\"\norigin = \"http://a.example\"\nmethods = [\"GET\"]\npaths = [\"/\"]\n",
    );
    let messages: Vec<String> =
        policy.check().into_iter().map(|warning| format!("{}: {}", warning.line, warning.message)).collect();
    assert_eq!(
        messages,
        [
            "2: the rule `a` allows every action",
            "2: the rule `a` allows every principal",
            "6: the rule `b` allows files everywhere on the machine",
            "6: the rule `b` allows every host",
            "6: the rule `b` allows every program",
            "11: the rule `c` never lets a call through: `d` denies all of them",
            "22: the rule `e` sends without encryption",
        ]
    );
}
