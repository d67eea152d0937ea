//! Policies that make no sense.

use crate::world::rules;
use ioi_node_host::{
    GRANTS_MAX, LEASES_MAX, Limits, PARTIES_MAX, PartySource, Policy, PolicyError, PolicySource, Right,
    RuleSource,
};

fn check(text: &str) -> Result<Policy, PolicyError> {
    Policy::new(&toml::from_str(text).unwrap())
}

#[test]
fn a_policy_with_a_mistake_is_refused_by_name() {
    let two = |rest: &str| format!("party = [{{ name = \"a\" }}, {{ name = \"b\" }}]\n{rest}");
    let rule = |body: &str| two(&format!("[[rule]]\nname = \"r\"\n{body}"));
    let taken = |name: &str| PolicyError::NameTaken { name: name.into() };
    let unknown = |name: &str| PolicyError::UnknownParty { rule: "r".into(), name: name.into() };
    let neither = PolicyError::AllowOrDeny { rule: "r".into() };
    for (text, error) in [
        ("party = [{ name = \"a\" }, { name = \"a\" }]".to_owned(), taken("a")),
        ("party = [{ name = \"host\" }]".to_owned(), taken("host")),
        ("party = [{ name = \"*\" }]".to_owned(), taken("*")),
        ("party = [{ name = \"\" }]".to_owned(), PolicyError::BadName { name: String::new() }),
        ("party = [{ name = \"a\\nb\" }]".to_owned(), PolicyError::BadName { name: "a\nb".into() }),
        (rule("from = \"a\"\nto = \"c\"\nallow = [\"send\"]"), unknown("c")),
        (rule("from = \"host\"\nto = \"a\"\nallow = [\"send\"]"), unknown("host")),
        (rule("from = \"a\"\nto = \"b\""), neither.clone()),
        (rule("from = \"a\"\nto = \"b\"\nallow = []\ndeny = []"), neither.clone()),
        (rule("from = \"a\"\nto = \"b\"\nallow = [\"send\"]\ndeny = [\"delegate\"]"), neither),
    ] {
        assert_eq!(check(&text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_key_or_right_that_does_not_exist_is_refused() {
    for text in [
        "[[party]]\nname = \"a\"\nlimits = { mesages_max = 1 }",
        "[[party]]\nname = \"a\"\nlimit = {}",
        "[[rule]]\nname = \"r\"\nfrom = \"*\"\nto = \"*\"\nalow = [\"send\"]",
        "[[rule]]\nname = \"r\"\nfrom = \"*\"\nto = \"*\"\nallow = [\"everything\"]",
        "[[party]]\nname = \"a\"\nlimits = { messages_max = -1 }",
        "[[party]]\nname = \"a\"\nlimits = { messages_max = 4294967296 }",
        "parties = []",
    ] {
        assert!(toml::from_str::<PolicySource>(text).is_err(), "{text}");
    }
}

#[test]
fn an_empty_policy_has_nobody() {
    assert_eq!(check("").unwrap().parties().count(), 0);
}

#[test]
fn the_size_of_a_policy_is_bounded_also_where_stars_multiply() {
    let party = |number: usize| PartySource { name: format!("p{number}"), ..PartySource::default() };
    let star = RuleSource {
        name: "all".into(),
        from: "*".into(),
        to: "*".into(),
        allow: vec![Right::Send],
        ..RuleSource::default()
    };
    let source = |parties: usize, rules: usize| PolicySource {
        party: (0..parties).map(party).collect(),
        rule: vec![star.clone(); rules],
    };
    assert!(Policy::new(&source(128, 1)).is_ok());
    let grants = 128 * 128 * 2;
    assert!(grants > GRANTS_MAX);
    assert_eq!(Policy::new(&source(128, 2)).unwrap_err(), PolicyError::TooManyGrants { grants });
    let too_many = Policy::new(&source(PARTIES_MAX + 1, 0)).unwrap_err();
    assert!(matches!(too_many, PolicyError::TooMany { .. }));
    assert!(check(&rules(&["a"], &["* > host: get_state"])).is_ok());
}

#[test]
fn the_leases_that_all_parties_together_may_have_out_are_bounded() {
    let parties = |leases: [u64; 2]| PolicySource {
        party: leases
            .iter()
            .zip(["a", "b"])
            .map(|(leases, name)| PartySource {
                name: name.into(),
                limits: Limits { leases_max: u32::try_from(*leases).unwrap(), ..Limits::default() },
            })
            .collect(),
        rule: Vec::new(),
    };
    assert!(Policy::new(&parties([LEASES_MAX - 1, 1])).is_ok());
    let leases = LEASES_MAX + 1;
    let error = Policy::new(&parties([LEASES_MAX, 1])).unwrap_err();
    assert_eq!(error, PolicyError::TooManyLeases { leases });
    let leases = 2 * u64::from(u32::MAX);
    let error = Policy::new(&parties([u64::from(u32::MAX); 2])).unwrap_err();
    assert_eq!(error, PolicyError::TooManyLeases { leases });
}
