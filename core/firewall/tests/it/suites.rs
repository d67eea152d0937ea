//! Tests of policies: what passes, what fails, and that none can pass by mistake.

use crate::{compile, context};
use ioi_firewall::{Report, Source, Suite};

const POLICY: &str = r#"version = 1
[[label]]
name = "private"
paths = ["./private/**"]
[[rule]]
id = "read"
effect = "allow"
principal = ["session:ask"]
action = ["fs::read"]
when = { path = ["./**"], size_max = "1 KiB" }
[[rule]]
id = "stays"
effect = "deny"
action = ["*"]
flow = "out"
when = { labels_any = ["private"] }
[[rule]]
id = "make"
effect = "ask"
action = ["sys::exec"]
when = { executable = ["/usr/bin/make"], argv = ["make", "**"] }
[[egress]]
id = "api"
origin = "https://api.example"
methods = ["GET"]
paths = ["/v1"]
"#;

fn run(tests: &str) -> Report {
    Suite::read(&Source::new("t.toml", tests), &context()).expect("tests").run(&compile(POLICY))
}

fn failure(test: &str) -> Option<String> {
    let report = run(&format!("[[test]]\nname = \"t\"\nprincipal = [\"session:ask\"]\n{test}"));
    report.tests[0].failure.clone()
}

#[test]
fn a_test_passes_where_its_call_is_decided_as_expected_and_by_the_rule_that_it_names() {
    let digest = format!("blake3:{}", "0".repeat(64));
    for test in [
        "action = \"fs::read\"\npath = \"./a\"\nexpect = \"allow\"\nrule = \"read\"",
        "action = \"fs::read\"\npath = \"/home/eve/docs/a\"\nsize = \"1 KiB\"\nexpect = \"allow\"",
        "action = \"fs::read\"\npath = \"./a\"\nsize = \"2 KiB\"\nexpect = \"deny\"",
        "action = \"fs::read\"\npath = \"~/.ssh/id\"\nexpect = \"deny\"",
        "action = \"net::fetch\"\nmethod = \"GET\"\nurl = \"https://api.example/v1\"\nexpect = \"allow\"\nrule = \"api\"",
        "action = \"net::fetch\"\nmethod = \"GET\"\nurl = \"https://api.example/v1\"\nlabels = [\"private\"]\nexpect = \"deny\"\nrule = \"stays\"",
        "action = \"net::connect\"\nhost = \"a.example\"\nport = 443\nexpect = \"deny\"",
        "action = \"mcp::mail::send\"\nexpect = \"deny\"",
        &format!(
            "action = \"sys::exec\"\nexecutable = \"/usr/bin/make\"\ndigest = \"{digest}\"\nargv = [\"make\"]\nexpect = \"ask\"\nrule = \"make\""
        ),
    ] {
        assert_eq!(failure(test), None, "{test}");
    }
}

#[test]
fn each_other_outcome_fails_with_what_came_instead() {
    let rows = [
        (
            "action = \"fs::read\"\npath = \"./a\"\nexpect = \"deny\"",
            "expected deny, got allow: the rule `read` (policy.toml:5) allows fs::read.",
        ),
        (
            "action = \"fs::read\"\npath = \"./a\"\nexpect = \"allow\"\nrule = \"raed\"",
            "expected the rule `raed` to decide, and it was `read`",
        ),
        (
            "action = \"fs::write\"\npath = \"./a\"\nexpect = \"deny\"\nrule = \"read\"",
            "expected the rule `read` to decide, and it was no rule",
        ),
        // Denied, too, but for another reason than the author thinks.
        (
            "action = \"fs::raed\"\npath = \"./a\"\nexpect = \"deny\"",
            "rules can't decide the call: there is no action `fs::raed`.",
        ),
        (
            "action = \"fs::read\"\nexpect = \"deny\"",
            "rules can't decide the call: fs::read needs the parameter `path`.",
        ),
        (
            "action = \"fs::read\"\npath = \"./a/../b\"\nexpect = \"deny\"",
            "rules can't decide the call: the path `/home/eve/docs/a/../b` has a `..`",
        ),
        (
            "action = \"fs::read\"\npath = \"/x\"\nlabels = [\"privat\"]\nexpect = \"deny\"",
            "there is no label `privat`; did you mean `private`?",
        ),
    ];
    for (test, expected) in rows {
        let said = failure(test).unwrap_or_else(|| panic!("it passed: {test}"));
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn the_report_names_places_and_the_rules_that_no_test_touched() {
    let report = run(
        "\n[[test]]\nname = \"one\"\nprincipal = [\"session:ask\"]\naction = \"fs::read\"\npath = \"./a\"\nexpect = \"allow\"\n",
    );
    assert_eq!((report.tests[0].name.as_str(), report.tests[0].place.as_str()), ("one", "t.toml:2"));
    let untested: Vec<&str> = report.untested.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(untested, ["api", "make", "stays"]);
}

#[test]
fn a_file_of_tests_that_says_nothing_or_something_else_is_refused() {
    let first = |text: &str| {
        let errors = Suite::read(&Source::new("t", text), &context()).expect_err("refused");
        format!("{}:{}: {}", errors[0].line, errors[0].column, errors[0].message)
    };
    assert_eq!(first(""), "1:1: there is no `[[test]]`");
    assert_eq!(first("[[tests]]"), "1:3: unknown key `tests` in a file of tests");
    assert_eq!(first("[[test]]"), "1:1: a test has no `name`");
    let test = |more: &str| {
        format!("[[test]]\nname = \"a\"\nprincipal = [\"program\"]\naction = \"fs::read\"\n{more}")
    };
    assert_eq!(first(&test("")), "1:1: a test has no `expect`");
    assert_eq!(first(&test("expect = \"no\"")), "5:10: `no` is no verdict");
    assert_eq!(first(&test("expect = \"deny\"\npath = \"a\"")), "6:8: `a` is no path here");
    assert_eq!(
        first(&test("expect = \"deny\"\nport = 65536")),
        "6:8: `port` is 65536; it goes from 1 to 65535"
    );
    assert_eq!(
        first(&test("expect = \"deny\"\nsize = 3")),
        "6:8: `size` is a size with its unit, not the integer 3"
    );
    assert_eq!(first("\u{feff}"), "1:1: the policy starts with a byte order mark");
}
