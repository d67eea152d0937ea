//! Paths, hosts and arguments made to look like others.

use crate::{CHAIN, compile, context, decide, file, file_facts};
use ioi_canon::{Map, Value};
use ioi_firewall::{
    Access, Call, Facts, Object, ObjectKind, Origin, Policy, RateState, Source, protected_paths,
};
use ioi_types::{Digest, Verdict};

const OPEN: &str = r#"
version = 1
[[rule]]
id = "all-files"
effect = "allow"
action = ["fs::*"]
[[rule]]
id = "no-data"
effect = "deny"
action = ["fs::*"]
when = { path = ["/data/**", "/names/café/**", '/bytes/\xff', "/x/cafe\u0301"] }
"#;

const NARROW: &str = r#"
version = 1
[[rule]]
id = "some"
effect = "allow"
action = ["fs::read"]
when = { path = ["/data/**", "/one/*.txt", "/names/café", '/bytes/\xff*', "/q/a?c", './**/notes'] }
"#;

fn read(policy: &Policy, path: &[u8]) -> (Verdict, Origin) {
    let decision = decide(policy, &file("fs::read", path));
    (decision.verdict, decision.origin)
}

#[test]
fn a_path_that_is_not_in_its_only_spelling_is_malformed_even_where_everything_is_allowed() {
    let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"*\"]\n");
    assert_eq!(read(&policy, b"/tmp/x"), (Verdict::Allow, Origin::Rule));
    let long_name = format!("/{}", "a".repeat(256));
    let long_path = "/a".repeat(2049);
    for path in [
        &b""[..],
        b"relative",
        b"./x",
        b"~/x",
        b"/a/../b",
        b"/..",
        b"/a/..",
        b"/a//b",
        b"//a",
        b"/a/./b",
        b"/.",
        b"/a/",
        b"/a\0b",
        b"/a\nb",
        b"/a\x1b[2J",
        b"/a\x7f",
        "/a\u{202e}b".as_bytes(),
        "/a\u{2066}".as_bytes(),
        "/a\u{200b}b".as_bytes(),
        "/\u{feff}a".as_bytes(),
        "/a\u{85}".as_bytes(),
        "/a\u{2028}".as_bytes(),
        b"/\xff/\xe2\x80\xae/x",
        long_name.as_bytes(),
        long_path.as_bytes(),
    ] {
        assert_eq!(
            read(&policy, path),
            (Verdict::Deny, Origin::Malformed),
            "{}",
            String::from_utf8_lossy(path)
        );
    }
}

#[test]
fn a_tree_ends_at_its_own_name() {
    let (open, narrow) = (compile(OPEN), compile(NARROW));
    for (path, inside) in [
        ("/data", true),
        ("/data/x", true),
        ("/data/x/y", true),
        ("/data/..x", true),
        ("/data/%2e%2e/etc", true),
        ("/database", false),
        ("/data2/x", false),
        ("/dat", false),
        ("/x/data/y", false),
        ("/DATA/x", false),
        ("/data\u{ff0f}x", false),
        ("/", false),
    ] {
        let expected = if inside { Verdict::Allow } else { Verdict::Deny };
        assert_eq!(read(&narrow, path.as_bytes()).0, expected, "{path}");
        assert_ne!(read(&open, path.as_bytes()).0, expected, "{path}");
    }
}

#[test]
fn wildcards_stay_within_their_component() {
    let policy = compile(NARROW);
    for (path, allowed) in [
        ("/one/a.txt", true),
        ("/one/.txt", true),
        ("/one/two/a.txt", false),
        ("/one/a.txt/b", false),
        ("/one", false),
        ("/q/abc", true),
        ("/q/aéc", true),
        ("/q/ac", false),
        ("/q/abbc", false),
        ("/q/a/c", false),
        ("/home/eve/docs/notes", true),
        ("/home/eve/docs/a/b/notes", true),
        ("/home/eve/notes", false),
        ("/home/eve/docs/notes/x", false),
    ] {
        assert_eq!(read(&policy, path.as_bytes()).0 == Verdict::Allow, allowed, "{path}");
    }
}

#[test]
fn a_deny_sees_through_normalisation_and_an_allow_does_not() {
    let (open, narrow) = (compile(OPEN), compile(NARROW));
    let (composed, decomposed) = ("/names/caf\u{e9}", "/names/cafe\u{301}");
    assert_eq!(read(&open, composed.as_bytes()).0, Verdict::Deny);
    assert_eq!(read(&open, decomposed.as_bytes()).0, Verdict::Deny);
    assert_eq!(read(&open, "/x/caf\u{e9}".as_bytes()).0, Verdict::Deny, "the pattern is decomposed here");
    assert_eq!(read(&narrow, composed.as_bytes()).0, Verdict::Allow);
    assert_eq!(read(&narrow, decomposed.as_bytes()).0, Verdict::Deny);
}

#[test]
fn the_exception_of_a_deny_is_narrow_and_that_of_an_allow_is_wide() {
    let text = |effect: &str| {
        format!(
            "version = 1\n[[rule]]\nid = \"a\"\neffect = \"{effect}\"\naction = [\"fs::read\"]\nunless = {{ path = [\"/caf\u{e9}\"] }}\n\
         [[rule]]\nid = \"z\"\neffect = \"allow\"\naction = [\"fs::write\"]\n"
        )
    };
    let both = |text: &str| {
        let policy = compile(text);
        ["/caf\u{e9}", "/cafe\u{301}"].map(|path| decide(&policy, &file("fs::read", path)).rule.is_some())
    };
    assert_eq!(both(&text("deny")), [false, true], "a deny excepts equal bytes only");
    assert_eq!(both(&text("allow")), [false, false], "an allow excepts every form");
}

#[test]
fn names_that_are_not_utf8_are_matched_as_bytes() {
    let (open, narrow) = (compile(OPEN), compile(NARROW));
    assert_eq!(read(&open, b"/bytes/\xff").0, Verdict::Deny);
    assert_eq!(read(&open, b"/bytes/\xfe").0, Verdict::Allow);
    assert_eq!(read(&narrow, b"/bytes/\xff\xfe").0, Verdict::Allow);
    assert_eq!(read(&narrow, b"/data/\xff\xfe").0, Verdict::Allow);
    assert_eq!(read(&narrow, b"/bytes/\xfe").0, Verdict::Deny);
}

#[test]
fn no_rule_opens_the_protected_set() {
    let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n");
    let home = "/home/eve";
    for path in [
        ".ssh",
        ".ssh/id_ed25519",
        ".SSH/id_ed25519",
        ".gnupg/x",
        ".aws/credentials",
        ".config/gcloud/x",
        ".azure/x",
        ".kube/config",
        ".docker/config.json",
        ".netrc",
        ".git-credentials",
        ".npmrc",
        ".pypirc",
        ".cargo/credentials",
        ".cargo/credentials.toml",
        ".config/ioi/policy.toml",
        ".local/share/ioi/guardian/keys",
    ] {
        for action in ["fs::read", "fs::write", "fs::list", "fs::delete"] {
            let decision = decide(&policy, &file(action, format!("{home}/{path}")));
            assert_eq!(
                (decision.verdict, decision.origin),
                (Verdict::Deny, Origin::Builtin),
                "{action} {path}"
            );
            assert_eq!(decision.would_allow, None);
        }
    }
    for path in [
        ".bashrc",
        ".zshenv",
        ".profile",
        ".config/autostart/x",
        ".config/systemd/user/x",
        ".gitconfig",
        "p/.git/hooks/pre-commit",
        "p/.git/hooks",
        "p/.git/config",
        "p/.git/modules/a/b/hooks/x",
    ] {
        let path = format!("{home}/{path}");
        assert_eq!(decide(&policy, &file("fs::write", &path)).origin, Origin::Builtin, "{path}");
        assert_eq!(decide(&policy, &file("fs::delete", &path)).origin, Origin::Builtin, "{path}");
        assert_eq!(decide(&policy, &file("fs::read", &path)).verdict, Verdict::Allow, "{path}");
    }
    for path in ["/proc/self/root/etc/passwd", "/proc/1/mem", "/dev/fd/3", "/dev/stdin"] {
        assert_eq!(decide(&policy, &file("fs::read", path)).origin, Origin::Builtin, "{path}");
    }
    for path in [".sshx", ".ssh2/x", ".kube.config", "x/.netrc", ".gitconfigs"] {
        assert_eq!(
            decide(&policy, &file("fs::write", format!("{home}/{path}"))).verdict,
            Verdict::Allow,
            "{path}"
        );
    }
    for holder in ["/home/eve", "/home", "/", "/home/eve/.docker"] {
        assert_eq!(decide(&policy, &file("fs::delete", holder)).origin, Origin::Builtin, "{holder}");
    }
}

#[test]
fn every_listed_protected_path_is_refused() {
    let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n");
    let listed = protected_paths(&context());
    assert!(listed.len() > 40);
    for entry in listed {
        let path = entry
            .path
            .clone()
            .unwrap_or_else(|| entry.pattern.replace("**", "a").replace('*', "b").into_bytes());
        let action = if entry.refused == Access::Read { "fs::read" } else { "fs::write" };
        assert_eq!(decide(&policy, &file(action, &path)).origin, Origin::Builtin, "{}", entry.pattern);
        assert!(context().touches_protected(&path, Access::Write).is_some());
    }
    assert_eq!(context().touches_protected(b"/home/eve/.bashrc", Access::Read), None);
    assert_eq!(context().touches_protected(b"/home/eve/docs", Access::Write), None);
}

#[test]
fn only_a_regular_file_is_read_and_only_a_folder_listed() {
    let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n");
    let with = |action: &str, kind| {
        let facts = Facts { object: Some(Object { kind, size: 0, device: 0, inode: 0 }), ..Facts::default() };
        policy.decide(&file(action, "/tmp/x"), &facts, &mut RateState::new()).verdict
    };
    assert_eq!(with("fs::read", ObjectKind::File), Verdict::Allow);
    assert_eq!(with("fs::list", ObjectKind::Folder), Verdict::Allow);
    for (action, kind) in [
        ("fs::read", ObjectKind::Folder),
        ("fs::read", ObjectKind::Other),
        ("fs::write", ObjectKind::Other),
        ("fs::list", ObjectKind::File),
        ("fs::list", ObjectKind::Other),
    ] {
        assert_eq!(with(action, kind), Verdict::Deny, "{action} {kind:?}");
    }
}

#[test]
fn a_missing_fact_never_lets_a_call_through() {
    let text = |effect: &str| {
        format!(
            "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\naction = [\"fs::read\"]\n\
         [[rule]]\nid = \"b\"\neffect = \"{effect}\"\naction = [\"fs::read\"]\nwhen = {{ size_max = \"1 KiB\" }}\n"
        )
    };
    let call = file("fs::read", "/tmp/x");
    for effect in ["ask", "deny"] {
        let decision = decide(&compile(&text(effect)), &call);
        assert_eq!((decision.verdict, decision.origin), (Verdict::Deny, Origin::Rule), "{effect}");
        assert!(decision.reason.contains("`size_max`"), "{}", decision.reason);
    }
    let only = "version = 1\n[[rule]]\nid = \"b\"\neffect = \"allow\"\naction = [\"fs::read\"]\nwhen = { size_max = \"1 KiB\" }\n";
    let policy = compile(only);
    assert_eq!(decide(&policy, &call).origin, Origin::Default);
    let sized = |size| policy.decide(&call, &file_facts(size), &mut RateState::new()).verdict;
    assert_eq!([sized(0), sized(1024), sized(1025)], [Verdict::Allow, Verdict::Allow, Verdict::Deny]);
}

#[test]
fn arguments_of_another_shape_are_malformed() {
    let policy = compile("version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"*\"]\n");
    let digest = format!("blake3:{}", "0".repeat(64));
    let good: [(&str, Vec<(&str, Value)>); 5] = [
        ("fs::read", vec![("path", "/tmp/x".into())]),
        ("net::fetch", vec![("method", "GET".into()), ("url", "https://a.example/x".into())]),
        ("net::connect", vec![("host", "a.example".into()), ("port", Value::from(443))]),
        (
            "sys::exec",
            vec![
                ("argv", vec![Value::from("ls")].into()),
                ("digest", digest.as_str().into()),
                ("executable", "/bin/ls".into()),
            ],
        ),
        ("mcp::mail::send", vec![("arguments", Value::Map(Map::new()))]),
    ];
    let verdict = |action: &str, args: &Map| {
        let decision = decide(&policy, &Call::new(CHAIN, action, args.clone()));
        (decision.verdict, decision.origin)
    };
    let shapes = [
        Value::from(true),
        Value::from(7),
        Value::from(""),
        Value::from("x\0y"),
        Value::List(vec![]),
        Value::List(vec![Value::from(1)]),
        Value::map([("x", Value::from(1))]),
    ];
    for (action, args) in good {
        let args: Map = args.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(verdict(action, &args), (Verdict::Allow, Origin::Rule), "{action}");
        let mut extra = args.clone();
        extra.insert("extra".to_owned(), Value::from(1));
        assert_eq!(verdict(action, &extra), (Verdict::Deny, Origin::Malformed), "{action}");
        for key in args.keys() {
            let mut less = args.clone();
            less.remove(key);
            assert_eq!(verdict(action, &less), (Verdict::Deny, Origin::Malformed), "{action} without {key}");
            for shape in &shapes {
                let mut other = args.clone();
                other.insert(key.clone(), shape.clone());
                let fits = matches!(
                    (key.as_str(), shape),
                    ("arguments", Value::Map(_)) | ("port", Value::Integer(7))
                );
                let expected = if fits { Origin::Rule } else { Origin::Malformed };
                assert_eq!(verdict(action, &other).1, expected, "{action} {key} {shape:?}");
            }
        }
    }
}

#[test]
fn a_chain_is_as_strong_as_its_weakest_member() {
    let policy = compile(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"allow\"\nprincipal = [\"session:ask\", \"plugin:a\"]\naction = [\"fs::read\"]\n\
         [[rule]]\nid = \"b\"\neffect = \"ask\"\nprincipal = [\"plugin:b\"]\naction = [\"fs::read\"]\n",
    );
    let verdict =
        |chain: &[&str]| decide(&policy, &Call::file(chain.iter().copied(), "fs::read", b"/tmp/x")).verdict;
    assert_eq!(verdict(&["session:ask"]), Verdict::Allow);
    assert_eq!(verdict(&["session:ask", "plugin:a"]), Verdict::Allow);
    assert_eq!(verdict(&["session:ask", "plugin:b"]), Verdict::Ask);
    assert_eq!(
        verdict(&["session:ask", "plugin:b", "plugin:a"]),
        Verdict::Ask,
        "A can't do for B what B may not"
    );
    assert_eq!(verdict(&["session:ask", "plugin:c", "plugin:a"]), Verdict::Deny);
    for chain in
        [&[][..], &[""], &["*"], &["plugin:../a"], &["session:ask", "plugin:\u{430}"], &["session:ask"; 17]]
    {
        let decision = decide(&policy, &Call::file(chain.iter().copied(), "fs::read", b"/tmp/x"));
        assert_eq!((decision.verdict, decision.origin), (Verdict::Deny, Origin::Malformed), "{chain:?}");
    }
}

#[test]
fn a_request_is_bound_to_origin_method_and_path() {
    let policy = compile(
        "version = 1\n[[egress]]\nid = \"model\"\norigin = \"https://api.example.com\"\nmethods = [\"POST\"]\n\
         paths = [\"/v1/chat\"]\ncredential = \"openai\"\n",
    );
    let decision = |method: &str, url: &str| decide(&policy, &Call::fetch(CHAIN, method, url));
    let allowed = decision("POST", "https://api.example.com/v1/chat");
    assert_eq!((allowed.verdict, allowed.credential.as_deref()), (Verdict::Allow, Some("openai")));
    assert_eq!(decision("POST", "https://api.example.com/v1/chat?x=1").verdict, Verdict::Allow);
    for (method, url) in [
        ("GET", "https://api.example.com/v1/chat"),
        ("POST", "http://api.example.com/v1/chat"),
        ("POST", "https://api.example.com:8443/v1/chat"),
        ("POST", "https://api.example.com/v1/chats"),
        ("POST", "https://api.example.com/v1/chat/"),
        ("POST", "https://api.example.com/v1/chat/x"),
        ("POST", "https://api.example.com.evil/v1/chat"),
        ("POST", "https://evil.example/v1/chat"),
        ("POST", "https://xapi.example.com/v1/chat"),
    ] {
        let refused = decision(method, url);
        assert_eq!(
            (refused.verdict, refused.origin, refused.credential),
            (Verdict::Deny, Origin::Default, None),
            "{method} {url}"
        );
    }
    for url in [
        "https://api.example.com@evil.example/v1/chat",
        "https://API.example.com/v1/chat",
        "https://api.example.com./v1/chat",
        "https://api.example.com/v1/../v1/chat",
    ] {
        assert_eq!(decision("POST", url).origin, Origin::Malformed, "{url}");
    }
}

#[test]
fn a_rule_by_a_digest_that_no_call_carries_is_an_error_and_not_a_rule_that_never_matches() {
    let text = format!(
        "version = 1\n[[rule]]\nid = \"no\"\neffect = \"deny\"\naction = [\"sys::exec\"]\nwhen = {{ digest = [\"{}\"] }}\n",
        Digest::sha256([1; 32])
    );
    let findings = Policy::compile(&Source::new("p.toml", text), &context()).unwrap_err();
    assert_eq!((findings[0].line, findings.len()), (6, 1));
    assert!(findings[0].message.contains("BLAKE3"), "{}", findings[0]);
}

#[test]
fn a_program_does_not_pass_a_rule_that_denies_it_under_another_digest() {
    let text = format!(
        "version = 1\n[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"sys::exec\"]\n\
         [[rule]]\nid = \"no\"\neffect = \"deny\"\naction = [\"sys::exec\"]\nwhen = {{ digest = [\"{}\"] }}\n",
        Digest::blake3([1; 32])
    );
    let policy = compile(&text);
    let decision = |digest| decide(&policy, &Call::exec(CHAIN, b"/bin/rogue", digest, ["rogue"]));
    assert_eq!(decision(Digest::blake3([2; 32])).verdict, Verdict::Allow);
    assert_eq!(decision(Digest::blake3([1; 32])).origin, Origin::Rule);
    let other = decision(Digest::sha256([1; 32]));
    assert_eq!((other.verdict, other.origin, other.would_allow), (Verdict::Deny, Origin::Malformed, None));
}

#[test]
fn a_program_is_known_by_path_digest_and_arguments() {
    let digest = |byte| Digest::blake3([byte; 32]);
    let text = format!(
        "version = 1\n[[rule]]\nid = \"git\"\neffect = \"allow\"\naction = [\"sys::exec\"]\n\
         when = {{ executable = [\"/usr/bin/git\"], digest = [\"{}\"], argv = [\"*git\", \"log\", \"**\"] }}\n",
        digest(1)
    );
    let policy = compile(&text);
    let verdict = |path: &str, byte, argv: &[&str]| {
        decide(&policy, &Call::exec(CHAIN, path.as_bytes(), digest(byte), argv)).verdict
    };
    assert_eq!(verdict("/usr/bin/git", 1, &["git", "log"]), Verdict::Allow);
    assert_eq!(verdict("/usr/bin/git", 1, &["/usr/bin/git", "log", "-1", "x;y"]), Verdict::Allow);
    assert_eq!(
        verdict("/usr/bin/git", 2, &["git", "log"]),
        Verdict::Deny,
        "another program of the same name"
    );
    assert_eq!(verdict("/tmp/git", 1, &["git", "log"]), Verdict::Deny);
    assert_eq!(verdict("/usr/bin/git", 1, &["git", "push"]), Verdict::Deny);
    assert_eq!(verdict("/usr/bin/git", 1, &["git"]), Verdict::Deny);
    assert_eq!(verdict("/usr/bin/git", 1, &["git", "logx"]), Verdict::Deny);
}
