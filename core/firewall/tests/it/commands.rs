//! The policies of the commands, and the rules that a command line adds.

use crate::{CHAIN, compile, context, decide, file, file_facts};
use ioi_firewall::{
    Access, Call, Context, DirectRefusal, Policy, RateState, Source, TreeAccess, builtin, with_command,
    with_model, with_write,
};
use ioi_types::{Digest, Verdict};

#[track_caller]
fn built(command: &str, extra: &str) -> Policy {
    compile(&format!("{}{extra}", builtin(command).expect("a command with a policy")))
}

const RUN: [&str; 2] = ["session:run", "program"];

#[test]
fn ask_lets_its_files_plugin_read_and_nothing_else() {
    let policy = built("ask", "");
    assert_eq!(policy.check(), []);
    let read = |size| {
        policy.decide(&file("fs::read", "/home/eve/docs/a.md"), &file_facts(size), &mut RateState::new())
    };
    assert_eq!(read(64 << 20).verdict, Verdict::Allow);
    assert_eq!(read((64 << 20) + 1).verdict, Verdict::Deny);
    assert_eq!(decide(&policy, &file("fs::list", "/home/eve/docs")).verdict, Verdict::Allow);
    for call in [
        file("fs::write", "/home/eve/docs/a"),
        file("fs::delete", "/home/eve/docs/a"),
        file("fs::list", "/home/eve"),
        Call::fetch(CHAIN, "GET", "https://a.example/"),
        Call::exec(CHAIN, b"/bin/sh", Digest::blake3([0; 32]), ["sh"]),
        Call::file(["session:ask", "plugin:other"], "fs::list", b"/home/eve/docs"),
    ] {
        assert_eq!(decide(&policy, &call).verdict, Verdict::Deny, "{call:?}");
    }
}

#[test]
fn a_model_is_reached_by_the_session_alone() {
    let added =
        with_model("https://api.example.com", "/v1/chat/completions", Some("openai")).expect("canonical");
    let policy = built("ask", &added);
    let url = "https://api.example.com/v1/chat/completions";
    let session = decide(&policy, &Call::fetch(["session:ask"], "POST", url));
    assert_eq!((session.verdict, session.credential.as_deref()), (Verdict::Allow, Some("openai")));
    assert_eq!(decide(&policy, &Call::fetch(CHAIN, "POST", url)).verdict, Verdict::Deny);
    assert!(with_model("http://127.0.0.1:8080", "/v1/chat/completions", None).is_ok());
    for (origin, path) in [
        ("https://A.example", "/x"),
        ("https://a.example/", "x"),
        ("https://a.example", "/x/"),
        ("https://a.example", "/x?y"),
        ("https://a.example\"\n", "/x"),
        ("ftp://a", "/x"),
    ] {
        assert!(with_model(origin, path, None).is_err(), "{origin}{path}");
    }
    assert!(with_model("https://a.example", "/x", Some("a\"\nb")).is_err());
}

#[test]
fn run_starts_the_named_program_whatever_bytes_its_path_has() {
    for path in
        [&b"/usr/bin/python3"[..], b"/opt/it's \"odd\" [x]*?{y}\\", b"/opt/\xff\xfe", "/opt/é".as_bytes()]
    {
        let policy = built("run", &with_command(path).expect("canonical"));
        let start = |path: &[u8]| {
            decide(&policy, &Call::exec(["session:run"], path, Digest::blake3([0; 32]), ["x"])).verdict
        };
        assert_eq!(start(path), Verdict::Allow, "{}", String::from_utf8_lossy(path));
        assert_eq!(start(b"/bin/sh"), Verdict::Deny);
        assert_eq!(start(&[path, b"x"].concat()), Verdict::Deny);
    }
    assert!(
        with_command(b"/usr/../bin/sh").is_err()
            && with_command(b"sh").is_err()
            && with_command(b"/a\nb").is_err()
    );
}

#[test]
fn run_grants_its_folder_for_reading_and_the_named_ones_for_writing() {
    let read_only = built("run", &with_command(b"/bin/sh").expect("canonical"));
    assert_eq!(read_only.direct_access(&RUN, b"/home/eve/docs", Access::Read), Ok(()));
    assert_eq!(read_only.direct_access(&RUN, b"/home/eve/docs/sub", Access::Read), Ok(()));
    assert!(matches!(
        read_only.direct_access(&RUN, b"/home/eve/docs", Access::Write),
        Err(DirectRefusal::NoRule { action: "fs::delete", .. })
    ));
    assert!(matches!(
        read_only.direct_access(&RUN, b"/home/eve/other", Access::Read),
        Err(DirectRefusal::NoRule { .. })
    ));
    let out: [&[u8]; 2] = [b"/home/eve/o*t", b"/home/eve/docs/\xff"];
    let policy = built("run", &with_write(&out).expect("canonical"));
    for folder in out {
        assert_eq!(policy.direct_access(&RUN, folder, Access::Write), Ok(()));
    }
    assert!(policy.direct_access(&RUN, b"/home/eve/oXt", Access::Write).is_err());
    assert!(policy.direct_access(&["plugin:files"], b"/home/eve/docs", Access::Read).is_err());
    assert_eq!(with_write::<&[u8]>(&[]), Ok(String::new()));
    assert!(with_write(&[b"/a/"]).is_err());
}

#[test]
fn a_protected_tree_is_never_granted() {
    let policy = built("run", &with_write(&["/home/eve/**"; 0]).expect("none"));
    let all = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n");
    for tree in
        ["/home/eve", "/home", "/home/eve/.ssh", "/home/eve/.ssh/keys", "/proc/self", "/home/eve/.local"]
    {
        let refusal = all.direct_access(&RUN, tree.as_bytes(), Access::Read).expect_err(tree);
        assert!(matches!(refusal, DirectRefusal::Protected(_)), "{tree}: {refusal}");
    }
    for tree in ["/home/eve/.config/fish", "/home/eve/.config", "/home/eve/p/.git/hooks"] {
        assert!(
            matches!(
                all.direct_access(&RUN, tree.as_bytes(), Access::Write),
                Err(DirectRefusal::Protected(_))
            ),
            "{tree}"
        );
    }
    assert_eq!(all.direct_access(&RUN, b"/home/eve/.config/fish", Access::Read), Ok(()));
    assert_eq!(all.direct_access(&RUN, b"/", Access::Read), Err(DirectRefusal::WholeMachine));
    assert!(matches!(policy.direct_access(&RUN, b"/a/../b", Access::Read), Err(DirectRefusal::Path(_))));
}

#[test]
fn a_rule_that_needs_a_look_at_each_file_forbids_the_direct_grant() {
    let allow =
        "[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"fs::*\"]\nwhen = { path = [\"/t/**\"] }\n";
    let with = |extra: &str| compile(&format!("version = 1\n{allow}{extra}"));
    let granted = |extra: &str| with(extra).direct_access(&["program"], b"/t/x", Access::Read);
    assert_eq!(granted(""), Ok(()));
    let rule = |effect: &str, keys: &str| {
        format!("[[rule]]\nid = \"b\"\neffect = \"{effect}\"\naction = [\"fs::read\"]\n{keys}\n")
    };
    for (effect, keys, why) in [
        ("deny", "when = { path = [\"/t/x/secret\"] }", "denies something in it"),
        ("deny", "when = { path = [\"/**/.env\"] }", "denies something in it"),
        ("deny", "when = { path = [\"/t/**\"] }", "denies something in it"),
        ("ask", "when = { path = [\"/t/x/*.key\"] }", "asks about something in it"),
        ("allow", "when = { rate = \"1/min\" }", "has a rate"),
        ("allow", "when = { path = [\"/t/x/**\"], size_max = \"1 MiB\" }", "has a size"),
        ("allow", "unless = { path = [\"/t/x/y\"] }", "has an exception"),
    ] {
        let refusal = granted(&rule(effect, keys)).expect_err(keys);
        assert_eq!(
            refusal.to_string(),
            format!("the rule `b` (policy.toml:7) {why}, which a directly granted tree can't obey")
        );
    }
    for (effect, keys) in [
        ("deny", "when = { path = [\"/t/y/**\"] }"),
        ("deny", "when = { path = [\"/t/xx\"] }"),
        ("deny", "when = { path = [\"/t\"] }"),
        ("deny", "principal = [\"plugin:files\"]"),
        ("allow", "when = { path = [\"/u/**\"], rate = \"1/min\" }"),
    ] {
        assert_eq!(granted(&rule(effect, keys)), Ok(()), "{keys}");
    }
}

#[test]
fn a_tree_is_mediated_where_a_rule_may_allow_something_in_it_and_the_whole_is_not_granted() {
    let allow = "[[rule]]\nid = \"a\"\neffect = \"allow\"\nprincipal = [\"session:run\", \"program\"]\n\
                 action = [\"fs::read\", \"fs::list\"]\nwhen = { path = [\"/t/**\"] }\n";
    let with = |extra: &str| compile(&format!("version = 1\n{allow}{extra}"));
    let rule = |effect: &str, keys: &str| {
        format!("[[rule]]\nid = \"b\"\neffect = \"{effect}\"\naction = [\"fs::*\"]\n{keys}\n")
    };
    let read = |policy: &Policy, tree: &str| policy.tree_access(&RUN, tree.as_bytes(), Access::Read);
    assert_eq!(read(&with(""), "/t/x"), Ok(TreeAccess::Direct));
    for extra in [
        rule("deny", "when = { path = [\"/t/x/secret\"] }"),
        rule("ask", "when = { path = [\"/t/x/*.key\"] }"),
        rule("allow", "when = { path = [\"/t/**\"], rate = \"1/min\" }"),
        rule("allow", "unless = { path = [\"/t/x/y\"] }"),
    ] {
        let policy = with(&extra);
        assert!(
            matches!(read(&policy, "/t/x"), Ok(TreeAccess::Mediated(DirectRefusal::Rule { .. }))),
            "{extra}"
        );
        // What makes it so is what keeps it from being granted.
        let Ok(TreeAccess::Mediated(why)) = read(&policy, "/t/x") else { unreachable!("seen above") };
        assert_eq!(policy.direct_access(&RUN, b"/t/x", Access::Read), Err(why));
    }
    // Some of it is allowed.
    assert!(matches!(read(&with(""), "/"), Err(DirectRefusal::WholeMachine)));
    let part = compile(&format!("version = 1\n{}", allow.replace("/t/**", "/t/part/**")));
    assert!(matches!(read(&part, "/t"), Ok(TreeAccess::Mediated(DirectRefusal::NoRule { .. }))));
    // Nothing is, or to one of the two only, or what no policy opens.
    assert!(matches!(read(&part, "/u"), Err(DirectRefusal::NoRule { .. })));
    let one = compile(&format!("version = 1\n{}", allow.replace("\"session:run\", ", "")));
    assert!(matches!(read(&one, "/t"), Err(DirectRefusal::NoRule { .. })));
    let all = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n");
    assert!(matches!(read(&all, "/home/eve/.ssh"), Err(DirectRefusal::Protected(_))));
}

#[test]
fn demo_allows_its_reader_and_no_other_plugin() {
    let policy = built("demo", "");
    let list = |plugin: &str| {
        decide(&policy, &Call::file(["session:demo", plugin], "fs::list", b"/home/eve/docs")).verdict
    };
    assert_eq!((list("plugin:files"), list("plugin:misbehaving")), (Verdict::Allow, Verdict::Deny));
    assert_eq!(builtin("doctor"), None);
}

#[test]
fn the_context_round_trips_and_its_order_changes_nothing() {
    let mut one = context();
    one.roots.push(b"/srv/\xff".to_vec());
    assert_eq!(Context::from_value(&one.to_value()), Some(one.clone()));
    let mut other = one.clone();
    other.roots.reverse();
    let source = Source::new("a", builtin("ask").expect("a policy"));
    let hash = |context: &Context| Policy::compile(&source, context).expect("it compiles").hash();
    assert_eq!(hash(&one), hash(&other));
    other.roots.pop();
    assert_ne!(hash(&one), hash(&other));
}
