//! Every policy that is refused, with the place and the words of the refusal.

use crate::context;
use ioi_firewall::{Context, Diagnostic, Policy, Source};
use std::fmt::Write as _;

fn errors(text: &str) -> Vec<Diagnostic> {
    match Policy::compile(&Source::new("p", text), &context()) {
        Ok(_) => panic!("this policy was accepted:\n{text}"),
        Err(errors) => errors,
    }
}

/// The first finding as `line:column: message | help`.
fn first(text: &str) -> String {
    let found = &errors(text)[0];
    let help = found.help.as_ref().map_or(String::new(), |help| format!(" | {help}"));
    format!("{}:{}: {}{help}", found.line, found.column, found.message)
}

/// One rule in lines 2 to 6 after the version, with `extra` in line 7.
fn rule(extra: &str) -> String {
    format!(
        "version = 1\n[[rule]]\nid = \"r\"\neffect = \"allow\"\nprincipal = [\"program\"]\naction = [\"fs::read\"]\n{extra}\n"
    )
}

fn deny(action: &str, extra: &str) -> String {
    format!("version = 1\n[[rule]]\nid = \"r\"\neffect = \"deny\"\naction = [\"{action}\"]\n{extra}\n")
}

const TOP: &[(&str, &str)] = &[
    (
        "x = 1",
        "1:1: unknown key `x` in a policy | known here: version, default, sandbox, limits, rule, egress, label, trusted",
    ),
    ("default = \"deny\"", "1:1: a policy has no `version` | write `version = 1`"),
    ("version = 2", "1:11: `version` is 2; it goes from 1 to 1"),
    ("version = \"1\"", "1:11: `version` is an integer, not a string"),
    ("version = 1.0", "1:11: `version` is an integer, not a float"),
    ("version = nan", "1:11: `version` is an integer, not a float"),
    ("version = 1979-05-27", "1:11: `version` is an integer, not a date"),
    ("version = true", "1:11: `version` is an integer, not a truth value"),
    ("version = 1\ndefault = \"allow\"", "2:11: the default can't be `allow` | write `deny` or `ask`"),
    ("version = 1\ndefault = \"no\"", "2:11: the default is not a verdict | write `deny` or `ask`"),
    ("version = 1\n  defualt = \"deny\"", "2:3: unknown key `defualt` in a policy | did you mean `default`?"),
    ("version = 1\n[[rules]]", "2:3: unknown key `rules` in a policy | did you mean `rule`?"),
    ("version = 1\nrule = 3", "2:8: `rule` is a list of tables, not an integer"),
    ("version = 1\nrule = [3]", "2:9: a rule is a table, not an integer"),
    ("version = 1\n[[label]]\nname = \"x\"", "2:1: a label has no `paths`"),
    ("version = 1\n[[label]]\npaths = [\"/a\"]", "2:1: a label has no `name`"),
    (
        "version = 1\n[[label]]\nname = \"untrusted\"\npaths = [\"/a\"]",
        "3:8: the label `untrusted` is built in",
    ),
    (
        "version = 1\n[[label]]\nname = \"a\"\npaths = [\"/a\"]\n[[label]]\nname = \"a\"\npaths = [\"/b\"]",
        "6:8: the label `a` is declared twice",
    ),
    (
        "version = 1\n[[label]]\nname = \"Privat\u{e9}\"\npaths = [\"/a\"]",
        "3:8: the label `Privat\u{e9}` can't be a name: 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first",
    ),
    ("version = 1\n[trusted]\nprincipal = [\"files\"]", "3:14: `files` is not a principal"),
    (
        "version = 1\n[trusted]\norigin = [\"a.example\"]",
        "3:11: the origin `a.example` does not start with `https://` or `http://`",
    ),
    ("version = 1\ntrusted = true", "2:11: `trusted` is a table, not a truth value"),
    ("version = 1\nlocked = []", "2:1: not supported by this version: `locked` in a policy"),
    (
        "version = 1\n[sandbox]\nrequire = [\"no-netwrk\"]",
        "3:12: there is no sandbox property `no-netwrk` | did you mean `no-network`?",
    ),
    (
        "version = 1\n[sandbox]\nrequire = \"no-network\"",
        "3:11: `require` is a list of strings, not a string",
    ),
    ("version = 1\n[limits]\npids = -1", "3:8: `pids` is -1; it goes from 1 to 4194304"),
    ("version = 1\n[limits]\npids = 0", "3:8: `pids` is 0; it goes from 1 to 4194304"),
    (
        "version = 1\n[limits]\npids = 9223372036854775808",
        "3:8: `pids` is 9223372036854775808; it goes from 1 to 4194304",
    ),
    ("version = 1\n[limits]\npids = 1e3", "3:8: `pids` is an integer, not a float"),
    (
        "version = 1\n[limits]\nmemory = \"10 GiBB\"",
        "3:10: `10 GiBB` is not a size | a size is a whole number and B, KiB, MiB, GiB or TiB",
    ),
    ("version = 1\n[limits]\nmemory = \"10 MB\"", "3:10: `10 MB` is not a size | the unit is `MiB`"),
    (
        "version = 1\n[limits]\nmemory = 5",
        "3:10: `memory` is a size with its unit, not the integer 5 | write `memory = \"64 MiB\"`",
    ),
    ("version = 1\n[limits]\nmemory = \"0 B\"", "3:10: `memory` is below 1 MiB, in which nothing starts"),
    (
        "version = 1\n[limits]\ncpu = \"0%\"",
        "3:7: `0%` is not a share of a processor | from 1% to 102400%; 100% is one processor",
    ),
    ("version = 1\n[limits]\ncpu = 50", "3:7: `cpu` is a string, not an integer"),
    (
        "\u{feff}version = 1",
        "1:1: the policy starts with a byte order mark | save the file as UTF-8 without a byte order mark",
    ),
    ("version = 1\n# \0", "2:3: the policy has a NUL byte"),
    ("version = 1 # \u{202e}", "1:15: the policy has the bidirectional control character U+202E"),
    ("version = 1\n# \u{200b}", "2:3: the policy has the invisible character U+200B"),
    ("version = 1\n# \u{1b}[2J", "2:3: the policy has the control character U+001B"),
    ("version = 1\nversion = 1", "2:1: this is not TOML: duplicate key"),
    ("version = 1\n[a", "2:3: this is not TOML: unclosed table, expected `]`"),
];

const IN_RULE: &[(&str, &str)] = &[
    ("alow = true", "7:1: unknown key `alow` in a rule | did you mean `flow`?"),
    (
        "transmogrify = true",
        "7:1: unknown key `transmogrify` in a rule | known here: id, effect, principal, action, when, unless, flow, untrusted",
    ),
    ("flow = \"outwards\"", "7:8: data does not flow `outwards` | write `out`, `store`, `in` or `local`"),
    ("flow = \"out\"", "7:8: nothing that `fs::read` names flows `out`"),
    ("untrusted = \"yes\"", "7:13: `untrusted` is `accept` or absent, not `yes`"),
    ("untrusted = true", "7:13: `untrusted` is a string, not a truth value"),
    ("act_as = \"self\"", "7:1: not supported by this version: `act_as` in a rule"),
    ("when = {}", "7:8: `when` has no key"),
    ("when = 3", "7:8: `when` is a table, not an integer"),
    ("when = { paht = [\"/a\"] }", "7:10: unknown key `paht` in `when` | did you mean `path`?"),
    (
        "when = { labels_any = [\"private\"] }",
        "7:24: there is no label `private` | declare it in a `[[label]]` table",
    ),
    (
        "when = { labels_none = [\"untrustd\"] }",
        "7:25: there is no label `untrustd` | did you mean `untrusted`?",
    ),
    ("when = { labels_all = [] }", "7:23: `labels_all` is an empty list, so nothing ever matches it"),
    (
        "when = { amount_max = \"20.00 USD\", per = \"day\" }",
        "7:10: not supported by this version: `amount_max` in `when`",
    ),
    ("unless = { payee = [\"acct:rent\"] }", "7:12: not supported by this version: `payee` in `unless`"),
    ("when = { path = \"/a\" }", "7:17: `path` is a list of strings, not a string"),
    ("when = { path = [] }", "7:17: `path` is an empty list, so nothing ever matches it"),
    ("when = { path = [\"/a\", 3] }", "7:24: `path` holds strings, not an integer"),
    ("when = { path = [\"\"] }", "7:18: the pattern is empty"),
    (
        "when = { path = [\"docs/**\"] }",
        "7:18: the pattern `docs/**` is neither absolute nor under `./` or `~/` | write `./docs/**` for the folders that the user named",
    ),
    (
        "when = { path = [\".\"] }",
        "7:18: the pattern `.` is neither absolute nor under `./` or `~/` | write `./**`",
    ),
    (
        "when = { path = [\"**/.env\"] }",
        "7:18: the pattern `**/.env` is neither absolute nor under `./` or `~/` | write `/**/.env` or `./**/.env`",
    ),
    (
        "when = { path = [\"**/..\"] }",
        "7:18: the pattern `**/..` is neither absolute nor under `./` or `~/` | write `/**/..` or `./**/..`",
    ),
    ("when = { path = [\"./**/..\"] }", "7:18: the pattern `./**/..` has a `..` component"),
    ("when = { path = ['/\\.\\./x'] }", "7:18: the pattern `/\\.\\./x` has a `..` component"),
    ("when = { path = [\"/a/./b\"] }", "7:18: the pattern `/a/./b` has a `.` component"),
    ("when = { path = [\"/a//b\"] }", "7:18: the pattern `/a//b` has an empty component"),
    (
        "when = { path = [\"/a/\"] }",
        "7:18: the pattern `/a/` ends with `/` | write `/a/**` for everything in the folder",
    ),
    (
        "when = { path = [\"/a**\"] }",
        "7:18: the pattern `/a**` has `**` beside other characters in one component | `**` stands alone between two `/`; within a name write `*`",
    ),
    (
        "when = { path = [\"/*.{md,txt}\"] }",
        "7:18: the pattern `/*.{md,txt}` has `{`, which patterns do not have | write one pattern for each case, or `\\{` for the character itself",
    ),
    (
        "when = { path = [\"/[ab]\"] }",
        "7:18: the pattern `/[ab]` has `[`, which patterns do not have | write one pattern for each case, or `\\[` for the character itself",
    ),
    (
        "when = { path = ['/a\\b'] }",
        "7:18: the pattern `/a\\b` has an escape that does not exist | after `\\` comes a punctuation character, or `x` and two hex digits from 80 to ff",
    ),
    (
        "when = { path = ['/a\\/b'] }",
        "7:18: the pattern `/a\\/b` has an escape that does not exist | after `\\` comes a punctuation character, or `x` and two hex digits from 80 to ff",
    ),
    (
        "when = { path = [\"/a\\u202Eb\"] }",
        "7:18: the pattern has a control, bidirectional or invisible character",
    ),
    (
        "when = { size_max = 5 }",
        "7:21: `size_max` is a size with its unit, not the integer 5 | write `size_max = \"64 MiB\"`",
    ),
    (
        "when = { size_max = \"-1 B\" }",
        "7:21: `-1 B` is not a size | a size is a whole number and B, KiB, MiB, GiB or TiB",
    ),
    (
        "when = { rate = \"100\" }",
        "7:17: `100` is not a rate | a rate is a count and `/sec`, `/min`, `/hour` or `/day`, as `100/min`",
    ),
    (
        "when = { rate = \"0/min\" }",
        "7:17: the rate `0/min` never lets a call through | a rate is a count and `/sec`, `/min`, `/hour` or `/day`, as `100/min`",
    ),
    ("when = { host = [\"a.example\"] }", "7:8: `host` never holds for `fs::read`"),
    ("unless = { rate = \"1/min\" }", "7:10: `rate` can't stand in `unless`"),
    ("unless = { host = [\"a.example\"] }", "7:10: `unless` never holds for the rule's actions"),
    (
        "when = { path = [\"/a/**\"] }\nunless = { path = [\"/**\"] }",
        "8:10: `unless` holds wherever `when` does, so the rule never applies",
    ),
    (
        "when = { path = [\"/a\"] }\nunless = { path = [\"/a\"] }",
        "8:10: `unless` holds wherever `when` does, so the rule never applies",
    ),
    (
        "[[rule]]\nid = \"r\"\neffect = \"deny\"\naction = [\"*\"]",
        "7:1: the id `r` is already used in line 2",
    ),
    (
        "[[rule]]\nid = \"R 1\"\neffect = \"deny\"\naction = [\"*\"]",
        "8:6: `R 1` can't be a name in `id` | 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first",
    ),
    (
        "[[rule]]\nid = \"../x\"\neffect = \"deny\"\naction = [\"*\"]",
        "8:6: `../x` can't be a name in `id` | 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first",
    ),
    ("[[rule]]\neffect = \"deny\"\naction = [\"*\"]", "7:1: a rule has no `id`"),
    ("[[rule]]\nid = \"x\"\naction = [\"*\"]", "7:1: a rule has no `effect`"),
    ("[[rule]]\nid = \"x\"\neffect = \"deny\"", "7:1: a rule has no `action`"),
    (
        "[[rule]]\nid = \"x\"\neffect = \"alow\"\naction = [\"*\"]",
        "9:10: there is no effect `alow` | did you mean `allow`?",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = [\"fs::raed\"]",
        "10:11: there is no action `fs::raed` | did you mean `fs::read`?",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = [\"fs::wr\u{456}te\"]",
        "10:11: there is no action `fs::wr\u{456}te` | did you mean `fs::write`?",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = [\"mcp__mail__send\"]",
        "10:11: there is no action `mcp__mail__send` | write `mcp::mail::send`",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = [\"files::*\"]",
        "10:11: there is no namespace `files::*`",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = []",
        "10:10: `action` is an empty list, so nothing ever matches it",
    ),
    (
        "[[rule]]\nid = \"x\"\neffect = \"deny\"\naction = [\"*\"]\nprincipal = [\"files\"]",
        "11:14: `files` is not a principal | a principal is `*`, `plugin:<id>`, `session:<command>` or `program`",
    ),
    (
        "[[egress]]\nid = \"e\"\norigin = \"https://API.example\"\nmethods = [\"POST\"]\npaths = [\"/\"]",
        "9:10: the origin `https://API.example` has a host that is not lowercase ASCII labels joined by dots | an origin is `https://host` or `https://host:port` in lowercase, and nothing after it",
    ),
    (
        "[[egress]]\nid = \"e\"\norigin = \"https://a.example/v1\"\nmethods = [\"POST\"]\npaths = [\"/\"]",
        "9:10: the origin `https://a.example/v1` has a host that is not lowercase ASCII labels joined by dots | an origin is `https://host` or `https://host:port` in lowercase, and nothing after it",
    ),
    (
        "[[egress]]\nid = \"e\"\norigin = \"https://a.example\"\nmethods = [\"post\"]\npaths = [\"/\"]",
        "10:12: `post` is not a method in capitals",
    ),
    (
        "[[egress]]\nid = \"e\"\norigin = \"https://a.example\"\nmethods = [\"POST\"]\npaths = [\"v1\"]",
        "11:10: the URL path `v1` does not start with `/`",
    ),
    (
        "[[egress]]\nid = \"e\"\nscrub = [\"email\"]\norigin = \"https://a.example\"\nmethods = [\"POST\"]\npaths = [\"/\"]",
        "9:1: not supported by this version: `scrub` in an egress entry",
    ),
    ("[[egress]]\nid = \"e\"\nmethods = [\"POST\"]\npaths = [\"/\"]", "7:1: an egress entry has no `origin`"),
];

#[test]
fn each_bad_policy_is_refused_where_it_is_wrong() {
    for (text, expected) in TOP {
        assert_eq!(first(text), *expected, "\n{text}");
    }
    for (extra, expected) in IN_RULE {
        assert_eq!(first(&rule(extra)), *expected, "\n{extra}");
    }
}

#[test]
fn a_deny_rule_has_no_rate_and_no_key_that_never_holds() {
    assert_eq!(
        first(&deny("fs::read", "when = { rate = \"1/min\" }")),
        "6:8: `rate` can't stand in a deny rule"
    );
    assert_eq!(
        first(&deny("fs::write", "when = { size_max = \"1 B\" }")),
        "6:8: `size_max` never holds for `fs::write`"
    );
    let both = "when = { path = [\"/a\"], host = [\"a.example\"] }";
    assert_eq!(first(&deny("*", both)), "6:8: the keys of `when` never hold together for `*`");
    let host = "when = { host = [\"Example.COM.\"] }";
    assert_eq!(
        first(&deny("net::fetch", host)),
        "6:18: the host `Example.COM.` has a host that is not lowercase ASCII labels joined by dots | write `example.com`"
    );
}

#[test]
fn every_error_of_a_policy_is_reported_in_the_order_of_the_text() {
    let found = errors(
        "version = 1\n[limits]\npids = -1\n[[rule]]\nid = \"x\"\neffect = \"alow\"\naction = [\"fs::raed\"]\n",
    );
    let places: Vec<(u64, u64)> = found.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(places, [(3, 8), (6, 10), (7, 11)]);
    assert_eq!(found[0].to_string(), "p:3:8: error: `pids` is -1; it goes from 1 to 4194304");
}

#[test]
fn a_flood_of_errors_is_counted_and_cut() {
    let mut text = String::from("version = 1\n");
    for number in 0..5000 {
        let _ = writeln!(text, "x{number} = 1");
    }
    let found = errors(&text);
    assert_eq!(found.len(), 100);
    assert_eq!(found[99].help.as_deref(), Some("5000 errors were found; the first 100 are shown"));
}

#[test]
fn columns_count_characters_and_lines_survive_crlf() {
    assert_eq!(
        first("version = 1\r\n# é\r\n[limits] # é\r\npids = 0\r\n"),
        "4:8: `pids` is 0; it goes from 1 to 4194304"
    );
    assert!(Policy::compile(&Source::new("p", "version = 1\r\ndefault = \"deny\"\r\n"), &context()).is_ok());
    let place = first("version = 1\nlimits = { memory = \"é\", pids = 0 }");
    assert!(place.starts_with("2:21: `é` is not a size"), "{place}");
}

#[test]
fn deep_nesting_is_refused_and_not_recursed_into() {
    let too_deep = "the policy is nested deeper than 8 levels";
    let deep = 10_000;
    for text in [
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("{}x = 1", "a.".repeat(deep)),
        format!("[{}x]", "a.".repeat(deep)),
        format!("x = {}", "[{a.a.a.a.a.a.a.a=".repeat(deep)),
    ] {
        assert_eq!(errors(&text)[0].message, too_deep, "{:.40}", text);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_place() {
    let error = Source::from_bytes("p", b"version = 1\n# \xc3\xa9\xff".to_vec()).expect_err("not UTF-8");
    assert_eq!(error.to_string(), "p:2:4: error: byte 0xff is not UTF-8");
    let source = Source::from_bytes("p", b"version = 1".to_vec()).expect("UTF-8");
    assert_eq!(source, Source::new("p", "version = 1"));
}

#[test]
fn a_long_policy_and_a_long_pattern_are_refused_by_their_length() {
    let long = format!("# {}", "a".repeat(ioi_types::limits::POLICY_BYTES_MAX));
    assert_eq!(first(&long), "1:1: the policy has 2097154 bytes; at most 2097152 are taken");
    // One byte less than the most, each a sign of its own: read, and refused for what it is.
    let signs = first(&format!("x=[{}", ",".repeat(ioi_types::limits::POLICY_BYTES_MAX - 4)));
    assert!(signs.starts_with("1:4: "), "{signs}");
    let pattern = rule(&format!("when = {{ path = [\"/{}\"] }}", "a/".repeat(500_000)));
    assert_eq!(first(&pattern), "7:18: the pattern is longer than 4096 bytes");
}

#[test]
fn a_context_that_is_not_canonical_is_refused() {
    for path in [&b"relative"[..], b"/a/", b"/a/../b", b"/a\0"] {
        let context = Context { roots: vec![path.to_vec()], ..Context::default() };
        let errors = Policy::compile(&Source::new("p", ""), &context).expect_err("not canonical");
        assert!(errors[0].message.starts_with("the path `"), "{}", errors[0]);
    }
    let homeless =
        Policy::compile(&Source::new("p", rule("when = { path = [\"~/a\"] }")), &Context::default());
    let errors = homeless.expect_err("no home");
    assert_eq!(errors[0].message, "the pattern `~/a` is under `~/` and no home folder is known");
}
