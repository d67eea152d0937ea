//! The compiled table against the model, and what must hold for every text and every call.

use crate::model::{ModelCall, ModelPolicy, ModelRates, call, judge, policy};
use crate::{compile, context};
use ioi_canon::{Map, Value};
use ioi_firewall::{Call, Decision, Facts, Origin, Policy, RateState, Source};
use ioi_types::Verdict;
use proptest::prelude::*;

fn compiled(model: &ModelPolicy) -> Option<Policy> {
    Policy::compile(&Source::new("policy.toml", model.text()), &context()).ok()
}

fn decisions(policy: &Policy, calls: &[ModelCall]) -> Vec<Decision> {
    let mut rates = RateState::new();
    calls.iter().map(|call| policy.decide(&call.call(), &call.facts(), &mut rates)).collect()
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-9i64..99_999).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "(/[a.é\u{0}\u{202e}]{0,3}){0,4}".prop_map(Value::from),
        "https?://[a-z@.:/\\[\\]%0-9]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-z]{1,6}|bytes|path", inner, 0..3).prop_map(Value::Map),
        ]
    })
}

fn wild_call() -> impl Strategy<Value = Call> {
    let action = prop_oneof![
        prop::sample::select(
            &[
                "fs::read",
                "fs::write",
                "net::fetch",
                "net::connect",
                "sys::exec",
                "mcp::a::b",
                "wallet::send"
            ][..]
        )
        .prop_map(str::to_owned),
        ".{0,20}",
    ];
    let key = prop::sample::select(
        &["path", "url", "method", "host", "port", "argv", "digest", "executable", "arguments", "x"][..],
    );
    let args = prop::collection::btree_map(key.prop_map(str::to_owned), value(), 0..4);
    let principal = prop_oneof![Just("session:ask".to_owned()), Just("plugin:files".to_owned()), ".{0,12}"];
    (prop::collection::vec(principal, 0..4), action, args)
        .prop_map(|(principals, action, args)| Call::new(principals, action, args))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_table_decides_as_the_model_does(model in policy(), calls in prop::collection::vec(call(), 1..25)) {
        let Some(policy) = compiled(&model) else { return Err(TestCaseError::reject("refused as unsatisfiable")) };
        let mut rates = ModelRates::default();
        for (call, decision) in calls.iter().zip(decisions(&policy, &calls)) {
            let (verdict, rule) = judge(&model, call, &mut rates);
            let found = (decision.verdict, decision.rule.map(|rule| rule.id));
            prop_assert_eq!(found, (verdict, rule), "{:?}\n{}\n{}", call, decision.reason, model.text());
            prop_assert_eq!(decision.would_allow.is_some() && verdict == Verdict::Allow, false);
        }
    }

    #[test]
    fn the_order_of_rules_changes_nothing(
        (model, shuffled) in policy().prop_flat_map(|model| {
            let rules = Just(model.rules.clone()).prop_shuffle();
            (Just(model.clone()), rules.prop_map(move |rules| ModelPolicy { rules, ..model.clone() }))
        }),
        calls in prop::collection::vec(call(), 1..25),
    ) {
        let (Some(one), Some(other)) = (compiled(&model), compiled(&shuffled)) else {
            return Err(TestCaseError::reject("refused as unsatisfiable"));
        };
        for (one, other) in decisions(&one, &calls).into_iter().zip(decisions(&other, &calls)) {
            let key = |decision: Decision| (decision.verdict, decision.origin, decision.rule.map(|rule| rule.id));
            prop_assert_eq!(key(one), key(other));
        }
    }

    #[test]
    fn the_advice_allows_the_call_that_it_was_given_for(model in policy(), call in call()) {
        let Some(policy) = compiled(&model) else { return Err(TestCaseError::reject("refused as unsatisfiable")) };
        let decision = policy.decide(&call.call(), &call.facts(), &mut RateState::new());
        let Some(advice) = decision.would_allow else { return Ok(()) };
        let amended = amend(&model.text(), &advice);
        let again = compile(&amended).decide(&call.call(), &call.facts(), &mut RateState::new());
        prop_assert_eq!(again.verdict, Verdict::Allow, "{}\n{}", again.reason, amended);
    }

    #[test]
    fn an_explanation_agrees_with_the_decision(model in policy(), call in call()) {
        let Some(policy) = compiled(&model) else { return Err(TestCaseError::reject("refused as unsatisfiable")) };
        let explanation = policy.explain(&call.call(), &call.facts());
        let decision = policy.decide(&call.call(), &call.facts(), &mut RateState::new());
        let strictest = |principal: &String| {
            let applying = explanation.considered.iter().filter(|one| one.applies && one.principal == *principal);
            let strictest = applying.map(|one| if one.key.is_some() { Verdict::Deny } else { one.effect }).max();
            let mut own = explanation.considered.iter().filter(|one| one.principal == *principal);
            let asks = own.any(|one| one.key == Some("untrusted"));
            strictest.unwrap_or(if asks { Verdict::Ask } else { model.default })
        };
        prop_assert_eq!(call.principals.iter().map(strictest).max(), Some(decision.verdict));
        prop_assert_eq!(explanation.decision, decision);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[|\\]|\\{|\\}|=|\"|'|,|\\.|\n|\r|#|[a-z0-9_]{1,4}|[[rule]]\n|id|when|path|\\PC|\u{0}|-){0,60}") {
        let _ = Policy::compile(&Source::new("p", text), &context());
    }

    #[test]
    fn no_damage_to_a_policy_makes_the_reader_panic(model in policy(), cut in any::<prop::sample::Index>(), with in "\\PC{0,3}") {
        let text = model.text();
        let at: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = at[cut.index(at.len())];
        let damaged = format!("{}{with}{}", &text[..at], text[at..].chars().skip(1).collect::<String>());
        if let Err(errors) = Policy::compile(&Source::new("p", damaged), &context()) {
            prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.line > 0 && error.column > 0));
        }
    }

    #[test]
    fn no_call_makes_the_decision_panic_and_a_malformed_one_is_denied(call in wild_call(), time_ms in any::<u64>()) {
        let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"*\"]\n");
        let facts = Facts { time_ms, ..Facts::default() };
        let decision = policy.decide(&call, &facts, &mut RateState::new());
        let refused = matches!(decision.origin, Origin::Malformed | Origin::Builtin);
        prop_assert_eq!(refused, decision.verdict == Verdict::Deny);
        prop_assert!(!decision.reason.chars().any(char::is_control), "{:?}", decision.reason);
        let _ = policy.explain(&call, &facts).to_string();
    }
}

/// Puts each exception right under the heading of its rule, and the new rule at the end.
fn amend(text: &str, advice: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut inserted = Vec::new();
    let mut rest = advice.lines().peekable();
    while let Some(head) = rest.next_if(|line| line.starts_with("# add to the rule")) {
        let line: usize = head
            .rsplit_once(':')
            .and_then(|(before, _)| before.rsplit_once(':'))
            .and_then(|(_, at)| at.trim_end_matches(')').parse().ok())
            .expect("a line");
        inserted.push((line, rest.next().expect("the exception").to_owned()));
    }
    inserted.sort_by_key(|(line, _)| std::cmp::Reverse(*line));
    for (line, exception) in inserted {
        lines.insert(line, exception);
    }
    lines.extend(rest.map(str::to_owned));
    lines.join("\n")
}

#[test]
fn a_hundred_thousand_decisions_come_out_the_same_twice() {
    use sha2::{Digest as _, Sha256};
    let text = include_str!("policy.toml");
    let run = || {
        let policy = compile(text);
        let (mut rates, mut hash, mut seed) = (RateState::new(), Sha256::new(), 1u64);
        let mut verdicts = [0u32; 3];
        for number in 0..100_000u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let pick = |shift: u32, from: &[&str]| from[(seed >> shift) as usize % from.len()].to_owned();
            let path = format!(
                "/home/eve/docs/{}/{}",
                pick(20, &["a", "b", "private"]),
                pick(30, &["x.md", "y.key", "z"])
            );
            let chain = [pick(40, &["session:ask", "session:run"]), pick(50, &["plugin:files", "program"])];
            let call = Call::file(chain, &pick(10, &["fs::read", "fs::list", "fs::write"]), path.as_bytes());
            let facts = Facts { time_ms: number * 7, ..Facts::default() };
            let decision = policy.decide(&call, &facts, &mut rates);
            verdicts[decision.verdict as usize] += 1;
            hash.update(format!("{decision:?}"));
        }
        (policy.hash(), hash.finalize().to_vec(), verdicts)
    };
    let first = run();
    assert!(first.2.iter().all(|count| *count > 1000), "{:?}", first.2);
    assert_eq!(first, run());
}

#[test]
fn the_hash_is_over_text_context_and_engine_alone() {
    let hash = |name: &str, text: &str| {
        Policy::compile(&Source::new(name, text), &context()).expect("it compiles").hash()
    };
    assert_eq!(hash("a", "version = 1"), hash("b", "version = 1"));
    assert_ne!(hash("a", "version = 1"), hash("a", "version = 1\n"));
    let value = Value::Map(Map::from([
        ("context".to_owned(), compile("").context().to_value()),
        ("engine".to_owned(), Value::from(ioi_firewall::ENGINE_VERSION)),
        ("text".to_owned(), Value::from("version = 1")),
    ]));
    use sha2::Digest as _;
    let expected = ioi_types::Digest::sha256(sha2::Sha256::digest(value.to_bytes()).into());
    assert_eq!(hash("a", "version = 1"), expected);
}
