//! Calls: whatever is asked, nothing outside of what a fixed policy opens is allowed.

use crate::policy::context;
use ioi_canon::{Limits, Map, Value, parse};
use ioi_firewall::{
    Call, Decision, Facts, Object, ObjectKind, Origin, Policy, RateState, Source, bytes_value,
};
use ioi_types::Verdict;
use std::sync::OnceLock;

/// Allows what lies under `./` but not in `./private`, and one origin.
const POLICY: &str = r#"version = 1
[[rule]]
id = "files"
effect = "allow"
action = ["fs::*"]
when = { path = ["./**"] }
unless = { path = ["./private", "./private/**"] }
[[egress]]
id = "api"
origin = "https://api.example.com"
methods = ["GET"]
paths = ["/v1/**"]
"#;

fn policy() -> &'static Policy {
    static COMPILED: OnceLock<Policy> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let policy = Policy::compile(&Source::new("p", POLICY), &context()).expect("it compiles");
        // If it allowed nothing, this target could not fail.
        let open = [
            Call::file(["program"], "fs::read", b"/srv/data/a"),
            Call::fetch(["program"], "GET", "https://api.example.com/v1/a"),
        ];
        for call in open {
            let decision = policy.decide(&call, &Facts::default(), &mut RateState::new());
            assert_eq!(decision.verdict, Verdict::Allow, "{}", decision.reason);
        }
        policy
    })
}

/// Three lines: action, principals with spaces between, and a path, a URL or canonical arguments.
pub(crate) fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (action, principals) = (text(), text());
    let subject = lines.next().unwrap_or_default();
    let call = Call::new(principals.split(' '), action, arguments(subject));
    let object = Object { kind: ObjectKind::File, size: 1, device: 1, inode: 1 };
    for facts in [Facts::default(), Facts { time_ms: 1, object: Some(object), ..Facts::default() }] {
        let decision = policy().decide(&call, &facts, &mut RateState::new());
        check_decision(&call, &decision);
        assert_eq!(policy().explain(&call, &facts).decision, decision);
    }
}

fn arguments(subject: &[u8]) -> Map {
    match parse(subject, Limits::default()) {
        Ok(Value::Map(map)) => map,
        _ if subject.starts_with(b"http") => {
            let url = Value::from(String::from_utf8_lossy(subject).as_ref());
            Map::from([("method".to_owned(), "GET".into()), ("url".to_owned(), url)])
        }
        _ => Map::from([("path".to_owned(), bytes_value(subject))]),
    }
}

fn check_decision(call: &Call, decision: &Decision) {
    assert!(!decision.reason.contains(char::is_control), "{:?}", decision.reason);
    let refused = matches!(decision.origin, Origin::Malformed | Origin::Builtin | Origin::Default);
    assert!(!refused || decision.verdict == Verdict::Deny);
    if decision.verdict != Verdict::Allow {
        return;
    }
    let text = |name: &str| call.args.get(name).and_then(Value::as_str);
    match call.action.split_once("::") {
        Some(("fs", _)) => {
            let path = call.args.get("path").and_then(ioi_firewall::value_bytes).expect("a path");
            assert!(is_open(&path), "{} is allowed", path.escape_ascii());
        }
        Some(("net", "fetch")) => {
            let url = text("url").expect("a URL");
            assert!(is_open_url(url), "{url} is allowed");
        }
        _ => panic!("{} is allowed", call.action),
    }
}

/// The one origin, and a path of `/v1` or below it that no reader takes for another one.
fn is_open_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://api.example.com/v1") else { return false };
    let path = rest.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c", "%25", "\\", "#", "//"].iter().any(|part| path.contains(part));
    let climbs = path.split('/').any(|part| part == "." || part == "..");
    (path.is_empty() || path.starts_with('/')) && !hidden && !climbs && url.is_ascii()
}

/// Component by component: below a root, without a climb, and in nothing that is closed.
fn is_open(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else { return false };
    let parts: Vec<&[u8]> = rest.split(|byte| *byte == b'/').collect();
    let plain = parts.iter().all(|part| !matches!(*part, b"" | b"." | b".."));
    let below = |place: &str| {
        let place: Vec<&[u8]> = place.split('/').map(str::as_bytes).collect();
        parts.starts_with(&place)
    };
    let open = below("home/eve/docs") || below("srv/data");
    let closed = ["home/eve/docs/keys", "home/eve/docs/private", "srv/data/private"];
    plain && !path.contains(&0) && open && !closed.iter().any(|place| below(place))
}
