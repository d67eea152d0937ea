//! Policies from outside: which one applies, and what a broken one says.

use crate::place::{Call, Place, is_root, skip};
use crate::started::Outcome;
use ioi_types::limits::POLICY_BYTES_MAX;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const DENY_ALL: &str = "version = 1\ndefault = \"deny\"\n";
const ALLOW: &str = "version = 1\n[[rule]]\nid = \"documents\"\neffect = \"allow\"\n\
    principal = [\"session:ask\", \"plugin:files\"]\naction = [\"fs::list\", \"fs::read\"]\n\
    when = { path = [\"./**\"] }\n";

fn with_document() -> Place {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    place
}

fn ask_under(place: &Place, policy: &str) -> Outcome {
    place.ask("Where does the heron nest?").arguments(["--policy", policy]).outcome()
}

#[test]
fn a_policy_that_allows_nothing_refuses_with_3_and_says_what_would_allow_it() {
    let place = with_document();
    for text in ["", "# nothing\n", DENY_ALL] {
        place.write("work/policy.toml", text);
        let outcome = ask_under(&place, "policy.toml");
        outcome.assert_fails(3, &["policy.denied", "would_allow"]);
        assert!(outcome.events_of("answer").is_empty(), "{outcome:?}");
        assert!(!outcome.stdout.contains("heron nests"), "{outcome:?}");
    }
}

#[test]
fn what_would_allow_a_refused_call_does_allow_it() {
    let place = with_document();
    let mut text = DENY_ALL.to_owned();
    // Listing is refused first, then reading; each advice is taken as it stands.
    for _ in 0..2 {
        place.write("work/policy.toml", &text);
        let refused = ask_under(&place, "policy.toml");
        assert_eq!(refused.code, Some(3), "{refused:?}");
        let advice = refused.events_of("refusal")[0]["would_allow"].as_str().unwrap().to_owned();
        text += &advice;
    }
    place.write("work/policy.toml", &text);
    let outcome = ask_under(&place, "policy.toml");
    assert_eq!(outcome.code, Some(0), "{text}: {outcome:?}");
}

#[test]
fn deny_beats_allow_and_names_its_line() {
    let place = with_document();
    place.write("docs/secret/b.md", "The heron's secret nest lies in the willow.");
    let deny = "[[rule]]\nid = \"no-secrets\"\neffect = \"deny\"\naction = [\"fs::read\", \"fs::list\"]\n\
                principal = [\"*\"]\nwhen = { path = [\"./secret/**\"] }\n";
    place.write("work/policy.toml", format!("{ALLOW}{deny}"));
    let outcome = ask_under(&place, "policy.toml");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stdout.contains("willow"), "{outcome:?}");
    let line = format!("policy.toml:{}", ALLOW.lines().count() + 1);
    assert!(outcome.stdout.contains("no-secrets") && outcome.stdout.contains(&line), "{outcome:?}");
}

#[test]
fn a_malformed_policy_is_refused_with_file_line_and_column() {
    let place = with_document();
    let rows: [(&[u8], &str); 8] = [
        (b"version = 1\nalow = 2\n", "policy.toml:2:1"),
        (b"version = 1\nversion = 1\n", "policy.toml:2:1"),
        (b"version = 1\n[[rule]\n", "policy.toml:2:"),
        (b"version = 99\n", "policy.toml:1:"),
        (b"version = 1\n[[rule]]\nid = \"x\"\neffect = \"maybe\"\n", "policy.toml:4:"),
        (b"version = 1\n[limits]\npids = -1\n", "policy.toml:3:"),
        (b"version = 1\0\n", "policy.toml:1:"),
        (b"version = 1\n# \xff\xfe\n", "policy.toml"),
    ];
    for (text, place_said) in rows {
        place.write("work/policy.toml", text);
        let outcome = ask_under(&place, "policy.toml");
        outcome.assert_fails(2, &[place_said]);
        let checked = place.ioi(["policy", "check", "policy.toml"]).outcome();
        checked.assert_fails(2, &[place_said]);
    }
    assert!(!place.path("home/runs").exists(), "something was started");
}

#[test]
fn a_policy_that_others_could_change_or_that_is_no_file_is_refused() {
    let place = with_document();
    let open = place.write("work/open.toml", ALLOW);
    fs::set_permissions(&open, PermissionsExt::from_mode(0o666)).unwrap();
    symlink("plain.toml", place.path("work/link.toml")).unwrap();
    place.write("work/plain.toml", ALLOW);
    place.write("work/large.toml", vec![b'#'; POLICY_BYTES_MAX + 1]);
    place.write("work/most.toml", [ALLOW, &"#".repeat(POLICY_BYTES_MAX - ALLOW.len())].concat());
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let fifo = place.path("work/fifo.toml");
    rustix::fs::mknodat(rustix::fs::CWD, fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for (name, word) in [
        ("missing.toml", "missing.toml"),
        ("open.toml", "666"),
        ("link.toml", "link"),
        ("fifo.toml", "regular file"),
        (".", "regular file"),
        ("large.toml", "longer than 2097152 bytes"),
    ] {
        ask_under(&place, name).assert_fails(2, &[word]);
    }
    assert_eq!(ask_under(&place, "plain.toml").code, Some(0));
    assert_eq!(ask_under(&place, "most.toml").code, Some(0));
}

#[test]
fn a_policy_in_the_folder_asked_about_is_a_document_and_no_policy() {
    let place = with_document();
    place.write("docs/policy.toml", DENY_ALL);
    place.write("docs/.config/ioi/policy.toml", DENY_ALL);
    place.write("work/policy.toml", DENY_ALL);
    let outcome = place.ask("Where does the heron nest?").outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "a.md");
    // The user's own is found without being named.
    place.write("home/policy.toml", DENY_ALL);
    assert_eq!(place.ask("Where does the heron nest?").outcome().code, Some(3));
}

#[test]
fn a_policy_can_only_narrow_what_run_allows() {
    let place = with_document();
    place.write("work/policy.toml", DENY_ALL);
    let outcome = place.ioi(["run", "--policy", "policy.toml", "--", "touch", "/tmp/x"]).outcome();
    outcome.assert_fails(125, &["policy.toml"]);
    let home = place.path("home").display().to_string();
    let all = format!(
        "version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\nprincipal = [\"*\"]\n\
         action = [\"fs::read\", \"fs::write\", \"fs::list\"]\nwhen = {{ path = [\"{home}/**\"] }}\n"
    );
    place.write("work/policy.toml", all);
    let words = ["run", "--policy", "policy.toml", "--write", home.as_str(), "--", "true"];
    assert_eq!(place.ioi(words).outcome().code, Some(125));
}

#[test]
fn explain_names_the_rule_with_file_and_line_and_show_shows_what_applies() {
    let place = with_document();
    let shown = place.ioi(["policy", "show", "ask"]).outcome();
    assert_eq!(shown.code, Some(0));
    place.write("work/shown.toml", &shown.stdout);
    assert_eq!(place.ioi(["policy", "check", "shown.toml"]).outcome().code, Some(0));
    let line = 1 + shown.stdout.lines().position(|line| line == "[[rule]]").unwrap();
    let words = ["policy", "explain", "fs::read", "path=./notes.md", "--policy", "shown.toml"];
    let allowed = place.ioi(words).outcome();
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert!(allowed.stdout.contains(&format!("shown.toml:{line}")), "{allowed:?}");
    assert!(allowed.stdout.contains("allow"), "{allowed:?}");
    let denied = place.ioi(["policy", "explain", "fs::write", "path=./notes.md"]).outcome();
    assert!(denied.stdout.contains("deny"), "{denied:?}");
}

/// The place's own configuration and data folders instead of one home for both.
fn with_folders_of_its_own(place: &Place, call: Call) -> Call {
    call.without_env("IOI_HOME")
        .env("XDG_CONFIG_HOME", place.path("config"))
        .env("XDG_DATA_HOME", place.path("data"))
}

#[test]
fn a_users_policy_that_cannot_be_reached_is_2_and_never_the_built_in_one() {
    if is_root() {
        return skip("root reaches every folder");
    }
    let place = with_document();
    place.write("config/ioi/policy.toml", DENY_ALL);
    let docs = place.path("docs").display().to_string();
    let rows: [(&[&str], i32); 5] = [
        (&["--json", "ask", &docs, "Where does the heron nest?"], 2),
        (&["run", "--", "true"], 125),
        (&["policy", "check"], 2),
        (&["policy", "show", "ask"], 2),
        (&["policy", "explain", "fs::read", "path=./notes.md"], 2),
    ];
    for closed in ["config", "config/ioi"] {
        let folder = place.path(closed);
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o000)).unwrap();
        let outcomes =
            rows.map(|(words, code)| (with_folders_of_its_own(&place, place.ioi(words)).outcome(), code));
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        for (outcome, code) in outcomes {
            outcome.assert_fails(code, &["policy.toml", "can't be reached", "Permission denied"]);
            assert!(!outcome.stdout.contains("heron nests"), "{outcome:?}");
            assert!(!outcome.stdout.contains("version = 1"), "the built-in one was shown: {outcome:?}");
        }
    }
    assert!(!place.path("data/ioi/runs").exists(), "something was started");
    // Reached again, it is the one that decides.
    let ask = with_folders_of_its_own(&place, place.ask("Where does the heron nest?"));
    ask.outcome().assert_fails(3, &["policy.denied"]);
}

#[test]
fn check_without_a_file_says_which_policies_it_checked() {
    let place = with_document();
    let checked = |call: Call| -> Vec<String> {
        let outcome = call.outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.events().iter().map(|event| event["policy"].as_str().unwrap().to_owned()).collect()
    };
    let check = || place.ioi(["--json", "policy", "check"]);
    assert_eq!(checked(check()), ["built-in (ask)", "built-in (run)", "built-in (demo)"]);
    let own = place.write("home/policy.toml", ALLOW);
    assert_eq!(checked(check()), [own.display().to_string()]);
    // The demo takes no notice of it, and showing says so.
    let shown = place.ioi(["policy", "show", "demo"]).outcome();
    assert!(shown.stderr.contains("built-in (demo)") && shown.stdout.contains("plugin:rogue"), "{shown:?}");
    let shown = place.ioi(["policy", "show", "ask"]).outcome();
    assert_eq!(shown.stdout, ALLOW);
    assert!(shown.stderr.contains(&own.display().to_string()), "{shown:?}");
}

#[test]
fn an_empty_policy_stops_run_by_name_and_the_one_that_it_shows_is_enough() {
    let place = with_document();
    for text in ["", "\n \n", "# nothing\n"] {
        place.write("work/policy.toml", text);
        let outcome = place.ioi(["run", "--policy", "policy.toml", "--", "true"]).outcome();
        outcome.assert_fails(125, &["policy.toml is empty", "version = 1"]);
        let least = &outcome.stderr[outcome.stderr.find("version = 1").unwrap()..];
        place.write("work/least.toml", least);
        let outcome = place.ioi(["run", "--policy", "least.toml", "--", "cat", "least.toml"]).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), least), "{outcome:?}");
    }
}

#[test]
fn an_action_that_there_is_not_is_2_with_the_one_that_was_probably_meant() {
    let place = with_document();
    let meant = "there is no action `fs::raed`; did you mean `fs::read`?";
    let outcome = place.ioi(["policy", "explain", "fs::raed", "path=./a.md"]).outcome();
    outcome.assert_fails(2, &[meant]);
    assert_eq!(outcome.stdout, "");
    let outcome = place.ioi(["--json", "policy", "explain", "fs::raed"]).outcome();
    assert_eq!((outcome.code, &outcome.event("error")["message"]), (Some(2), &meant.into()), "{outcome:?}");
    place.ioi(["policy", "explain", "fs::*"]).outcome().assert_fails(2, &["no action `fs::*`"]);
}

#[test]
fn tests_of_a_policy_pass_or_end_with_3_and_rules_without_a_test_are_named() {
    let place = with_document();
    let policy = r#"version = 1
[[rule]]
id = "read"
effect = "allow"
principal = ["session:ask"]
action = ["fs::read"]
when = { path = ["./**"] }
[[rule]]
id = "idle"
effect = "deny"
action = ["wallet::send"]
"#;
    let policy = place.write("policy.toml", policy);
    let test = |expected: &str| {
        format!(
            "[[test]]\nname = \"t\"\nprincipal = [\"session:ask\"]\naction = \"fs::read\"\npath = \"./a\"\nexpect = \"{expected}\"\n"
        )
    };
    let run = |tests: &str, flags: &[&str]| {
        place.write("policy.test.toml", tests);
        let words = [flags, &["policy", "test", "--root"]].concat();
        let call = place.ioi(words).arguments([place.path("docs").as_os_str()]);
        call.arguments(["--policy".as_ref(), policy.as_os_str()]).outcome()
    };
    let passed = run(&test("allow"), &[]);
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(passed.stdout.contains("policy.toml:8: no test touches the rule `idle`"), "{passed:?}");
    assert!(passed.stdout.contains("1 test, 0 failed, 1 rule untested"), "{passed:?}");
    run(&test("deny"), &[])
        .assert_fails(3, &["policy.test.toml:1: failed: t", "expected deny, got allow", "1 of 1"]);
    run("[[test]]", &[]).assert_fails(2, &["policy.test.toml:1:1", "a test has no `name`"]);
    let json = run(&(test("allow") + &test("ask")), &["--json"]);
    let lines: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["passed"], &lines[1]["passed"]), (&true.into(), &false.into()), "{json:?}");
    assert_eq!((&lines[2]["passed"], &lines[2]["failed"]), (&1.into(), &1.into()), "{json:?}");
    assert_eq!(lines[2]["untested"][0]["id"], "idle");
}
