//! `ioi ask --model` and `ioi credential`, against an endpoint of the test's own.

use crate::endpoint::{Endpoint, event, head};
use crate::place::{Call, Place};
use crate::processes::{Census, beneath};
use crate::started::Outcome;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const SECRET: &str = "sk-e2e-0123456789abcdefXYZ";
const QUESTION: &str = "Where does the grey heron nest?";

fn place() -> Place {
    let place = Place::new();
    place.write(
        "docs/herons.md",
        "# Birds\n\nThe grey heron nests in tall reeds beside the lake. It eats fish.\n",
    );
    place.write(
        "docs/owls.md",
        "# Owls\n\nThe barn owl hunts at night, when the heron sleeps in its place on the water.\n",
    );
    place
}

fn ask(place: &Place, endpoint: &Endpoint) -> Call {
    place.ask(QUESTION).arguments(["--model", &endpoint.url()])
}

fn with_credential(place: &Place) {
    let stored = place.ioi(["credential", "set", "test"]).outcome_with(format!("{SECRET}\n").as_bytes());
    assert_eq!(stored.code, Some(0), "{stored:?}");
}

/// All files beneath a folder that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn assert_secret_lies_only_in_the_vault(place: &Place, outcome: &Outcome) {
    assert!(!outcome.stdout.contains(SECRET) && !outcome.stderr.contains(SECRET), "{outcome:?}");
    let vault = place.path("home/guardian/vault/test");
    assert_eq!(holding(&place.path(""), SECRET.as_bytes()), [vault.display().to_string()]);
}

/// The run failed, and what happened until then is in a receipt that verifies.
fn assert_fails_with_receipt(place: &Place, outcome: &Outcome, code: i32, words: &[&str]) {
    outcome.assert_fails(code, words);
    let receipts = place.receipts();
    assert_eq!(receipts.len(), 1, "{outcome:?}");
    place.assert_verifies(&receipts[0]);
    let answered = outcome.events_of("answer");
    assert!(answered.is_empty(), "{answered:?}");
}

#[test]
fn a_model_answers_from_the_passages_and_what_it_cites_is_shown() {
    let (place, tokens) = (place(), ["The ", "heron ", "nests in reeds ", "[1]", ", not in barns [2]."]);
    let endpoint = Endpoint::streaming(&tokens);
    let outcome = ask(&place, &endpoint).arguments(["--model-name", "small-1"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let shown: String =
        outcome.events_of("token").iter().map(|token| token["text"].as_str().unwrap().to_owned()).collect();
    let answer = outcome.event("answer");
    assert_eq!((answer["text"].as_str(), shown), (Some(tokens.concat().as_str()), tokens.concat()));
    assert_eq!(
        (&answer["found"], answer["by"].as_str()),
        (&Value::Bool(true), Some(format!("small-1 at {}/chat/completions", endpoint.url()).as_str()))
    );
    for cited in answer["citations"].as_array().unwrap() {
        let bytes = fs::read(place.path("docs").join(cited["path"].as_str().unwrap())).unwrap();
        let from = cited["offset"].as_u64().unwrap() as usize;
        let quote = cited["quote"].as_str().unwrap();
        assert_eq!(&bytes[from..from + quote.len()], quote.as_bytes());
    }
    assert_eq!(answer["citations"][0]["path"], "herons.md");
    assert_eq!(answer["citations"].as_array().unwrap().len(), 2);

    let heard = endpoint.heard();
    assert_eq!(heard.len(), 1);
    let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((body["model"].as_str(), body["stream"].as_bool()), (Some("small-1"), Some(true)));
    let asked = body["messages"][1]["content"].as_str().unwrap();
    assert!(
        asked.contains("[1] herons.md\n") && asked.ends_with(&format!("Question: {QUESTION}")),
        "{asked}"
    );
    place.assert_verifies(&place.receipts()[0]);
}

#[test]
fn the_receipt_holds_digests_of_what_went_out_and_what_came_back() {
    let place = place();
    let endpoint = Endpoint::streaming(&["In reeds [1]."]);
    let outcome = ask(&place, &endpoint).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let sent = endpoint.heard()[0].split_once("\r\n\r\n").unwrap().1.to_owned();
    let came = [event("In reeds [1]."), b"data: [DONE]\n\n".to_vec()].concat();
    let receipt: Value = serde_json::from_slice(&fs::read(&place.receipts()[0]).unwrap()).unwrap();
    let results: Vec<_> = receipt["leaves"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|leaf| leaf["results"].as_array().cloned().unwrap_or_default())
        .filter(|result| result["by"] == "egress")
        .map(|result| (result["what"].clone(), result["digest"].clone(), result["bytes"].clone()))
        .collect();
    let expected = |what: &str, bytes: &[u8]| {
        (what.into(), format!("blake3:{}", blake3::hash(bytes).to_hex()).into(), bytes.len().into())
    };
    assert_eq!(results, [expected("request", sent.as_bytes()), expected("answer", &came)]);
}

#[test]
fn a_credential_is_sent_and_lies_nowhere_but_in_the_vault() {
    let place = place();
    with_credential(&place);
    let vault = place.path("home/guardian/vault/test");
    assert_eq!(fs::metadata(&vault).unwrap().permissions().mode() & 0o777, 0o600);
    let endpoint = Endpoint::streaming(&["Reeds [1]."]);
    let outcome = ask(&place, &endpoint).arguments(["--credential", "test"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(endpoint.heard()[0].contains(&format!("authorization: Bearer {SECRET}\r\n")));
    assert_secret_lies_only_in_the_vault(&place, &outcome);
}

#[test]
fn an_answer_that_holds_the_credential_is_dropped() {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    for spelling in [SECRET.to_owned(), hex] {
        let place = place();
        with_credential(&place);
        let (first, second) = spelling.split_at(9);
        let raw = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{first}");
        let rest = format!("{second}\"}}}}]}}\n\ndata: [DONE]\n\n");
        let endpoint = Endpoint::new(vec![head("200 OK"), raw.into_bytes(), rest.into_bytes()]);
        let outcome = ask(&place, &endpoint).arguments(["--credential", "test"]).outcome();
        assert_fails_with_receipt(&place, &outcome, 5, &["credential.reflected", "dropped"]);
        assert!(!outcome.stdout.contains(&spelling), "{outcome:?}");
        assert_secret_lies_only_in_the_vault(&place, &outcome);
    }
}

/// Events whose text is `text`, a letter each, written by `event`.
fn by_letters(text: &str, event: impl Fn(&str) -> String) -> Vec<Vec<u8>> {
    let events: String =
        text.chars().map(|letter| format!("data: {}\n\n", event(&letter.to_string()))).collect();
    vec![head("200 OK"), events.into_bytes(), b"data: [DONE]\n\n".to_vec()]
}

#[test]
fn a_credential_in_pieces_over_the_events_or_in_the_head_is_found_and_shown_nowhere() {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let plain = |letter: &str| format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{letter}\"}}}}]}}");
    let escaped =
        |letter: &str| format!("{{\"choices\":[{{\"delta\":{{\"\\u0063ontent\":\"{letter}\"}}}}]}}");
    let decoy = |letter: &str| {
        format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{letter}\"}}}}],\"z\":{{\"content\":\"!\"}}}}")
    };
    let header = |name: &str| {
        vec![format!("HTTP/1.1 200 OK\r\n{name}: {SECRET}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()]
    };
    let cases = [
        (by_letters(SECRET, plain), "credential.reflected"),
        (by_letters(&hex, plain), "credential.reflected"),
        (by_letters(SECRET, escaped), "credential.reflected"),
        (by_letters(SECRET, decoy), "credential.reflected"),
        (header("content-type"), "credential.reflected"),
        (header("content-encoding"), "compressed"),
    ];
    for (pieces, word) in cases {
        let place = place();
        with_credential(&place);
        let outcome = ask(&place, &Endpoint::new(pieces)).arguments(["--credential", "test"]).outcome();
        assert_fails_with_receipt(&place, &outcome, 5, &[word]);
        let shown: String = outcome
            .events_of("token")
            .iter()
            .map(|token| token["text"].as_str().unwrap().to_owned())
            .collect();
        assert!(shown.len() < 8, "`{shown}` was shown");
        assert_secret_lies_only_in_the_vault(&place, &outcome);
    }
}

#[test]
fn an_answer_ends_where_it_says_so_though_the_connection_stays_open() {
    let place = place();
    let pieces = vec![head("200 OK"), event("In reeds [1]."), b"data: [DONE]\n\n".to_vec()];
    let endpoint = Endpoint::staying(pieces, Duration::from_secs(3600));
    let outcome = ask(&place, &endpoint).within(Duration::from_secs(20)).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["text"], "In reeds [1].");
}

#[test]
fn another_credential_than_the_one_that_the_policy_binds_is_not_sent() {
    let place = place();
    with_credential(&place);
    let endpoint = Endpoint::streaming(&["never"]);
    let origin = endpoint.url().trim_end_matches("/v1").to_owned();
    let policy = format!(
        r#"
version = 1
[[rule]]
id = "read"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::list", "fs::read"]
when = {{ path = ["./**"] }}

[[egress]]
id = "bound"
principal = ["session:ask"]
origin = "{origin}"
methods = ["POST"]
paths = ["/v1/chat/completions"]
credential = "another"
untrusted = "accept"
"#
    );
    let stored = place.ioi(["credential", "set", "another"]).outcome_with(b"another-secret-value");
    assert_eq!(stored.code, Some(0), "{stored:?}");
    let policy = place.write("policy.toml", policy);
    let call = ask(&place, &endpoint).arguments(["--credential", "test"]);
    let outcome = call.arguments(["--policy".as_ref(), policy.as_os_str()]).outcome();
    assert_fails_with_receipt(&place, &outcome, 3, &["`another`", "not `test`"]);
    assert_eq!(endpoint.heard().len(), 0);
}

#[test]
fn without_its_credential_nothing_is_sent() {
    let place = place();
    let endpoint = Endpoint::streaming(&["never"]);
    let outcome = ask(&place, &endpoint).arguments(["--credential", "absent"]).outcome();
    assert_fails_with_receipt(&place, &outcome, 5, &["credential.missing", "ioi credential set absent"]);
    assert_eq!(endpoint.heard().len(), 0);
}

#[test]
fn a_policy_that_denies_fetching_outweighs_the_command_line() {
    let place = place();
    let policy = r#"
version = 1
[[rule]]
id = "read"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::list", "fs::read"]
when = { path = ["./**"] }

[[rule]]
id = "nothing-leaves"
effect = "deny"
principal = ["*"]
action = ["net::*"]
"#;
    let policy = place.write("policy.toml", policy);
    let endpoint = Endpoint::streaming(&["never"]);
    let outcome = ask(&place, &endpoint).arguments(["--policy".as_ref(), policy.as_os_str()]).outcome();
    assert_fails_with_receipt(&place, &outcome, 3, &["nothing-leaves", "policy.denied"]);
    assert_eq!(endpoint.heard().len(), 0);
}

#[test]
fn each_bad_answer_is_named() {
    let json = |status: &str, body: &str| {
        vec![format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()]
    };
    let cases = [
        (json("401 Unauthorized", r#"{"error":{"message":"no key"}}"#), ["401", "no key"]),
        (json("404 Not Found", r#"{"error":{"message":"no model x"}}"#), ["404", "--model-name"]),
        (json("500 Oops", "<html>"), ["500", "egress.failed"]),
        (json("307 Moved", ""), ["307", "redirects are not followed"]),
        (json("206 Partial", r#"{"choices":[{"message":{"content":"x"}}]}"#), ["206", "status is not used"]),
        (json("200 OK", "{}"), ["200", "no text"]),
        (json("200 OK", "nonsense"), ["200", "broke off"]),
        (vec![head("200 OK"), event("half")], ["200", "broke off"]),
        (vec![b"SSH-2.0-x\r\n".to_vec()], ["broke off", "egress.failed"]),
        (
            vec![b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nx".to_vec()],
            ["compressed", "egress.failed"],
        ),
        (vec![b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx".to_vec()], ["broke off", "egress.failed"]),
    ];
    for (pieces, words) in cases {
        let place = place();
        let outcome = ask(&place, &Endpoint::new(pieces)).outcome();
        assert_fails_with_receipt(&place, &outcome, 5, &words);
    }
}

#[test]
fn an_endpoint_that_is_not_there_is_named() {
    let place = place();
    let outcome = place.ask(QUESTION).arguments(["--model", "http://127.0.0.1:1/v1"]).outcome();
    assert_fails_with_receipt(&place, &outcome, 5, &["127.0.0.1:1", "egress.failed"]);
}

#[test]
fn an_address_that_is_none_stops_the_command_before_anything_starts() {
    let place = place();
    for url in ["", "api.example.com", "ftp://a.example/v1", "http://user@a.example/v1", "http://127.1/v1"] {
        place.ask(QUESTION).arguments(["--model", url]).outcome().assert_fails(2, &["error"]);
    }
    for name in ["a b", "../x", ""] {
        let call = place.ask(QUESTION).arguments(["--model", "http://127.0.0.1:1/v1", "--credential", name]);
        call.outcome().assert_fails(2, &["credential"]);
    }
    place.ask(QUESTION).arguments(["--credential", "x"]).outcome().assert_fails(2, &["--model"]);
    assert_eq!(place.receipts().len(), 0);
    assert!(!place.path("home/runs").exists());
}

#[test]
fn ctrl_c_ends_an_answer_that_does_not_come_and_nothing_is_left() {
    let place = place();
    let endpoint = Endpoint::staying(vec![head("200 OK"), event("The ")], Duration::from_secs(3600));
    let mut node = ask(&place, &endpoint).start_with_pipe();
    let census = Census::of(node.pid());
    node.wait_for("\"token\"");
    node.signal_group(Signal::INT);
    node.must_end_within(Duration::from_secs(3));
    let outcome = node.outcome_with_open_pipe();
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    census.assert_nothing_is_left(&place, Duration::ZERO);
}

#[test]
fn an_egress_process_that_is_killed_ends_the_command_and_nothing_is_left() {
    let place = place();
    let endpoint = Endpoint::staying(vec![head("200 OK"), event("The ")], Duration::from_secs(3600));
    let mut node = ask(&place, &endpoint).start_with_pipe();
    let census = Census::of(node.pid());
    node.wait_for("\"token\"");
    let (egress, _) =
        beneath(node.pid()).into_iter().find(|(_, name)| name == "ioi-egress").expect("a way out");
    egress.kill();
    node.must_end_within(Duration::from_secs(5));
    let outcome = node.outcome_with_open_pipe();
    outcome.assert_fails(5, &["egress ended unexpectedly"]);
    census.assert_nothing_is_left(&place, Duration::ZERO);
}

/// It lies in shared memory that nobody had looked at when its writer was gone.
#[test]
fn what_an_orchestrator_said_before_it_was_killed_is_shown_all_the_same() {
    let (place, pause) = (place(), Duration::from_secs(1));
    let tokens = vec![head("200 OK"), event("In tall "), event("reeds "), event("beside ")];
    let endpoint = Endpoint::slow(tokens, pause, Duration::from_secs(3600));
    let mut node = ask(&place, &endpoint).start_with_pipe();
    node.wait_for("\"token\"");
    node.signal(Signal::STOP);
    std::thread::sleep(3 * pause);
    let all = beneath(node.pid());
    all.into_iter().find(|(_, name)| name == "ioi-orchestrato").expect("an orchestrator").0.kill();
    node.signal(Signal::CONT);
    let outcome = node.outcome_with_open_pipe();
    outcome.assert_fails(5, &["orchestrator ended unexpectedly"]);
    let texts = outcome.events_of("token");
    assert_eq!(
        texts.iter().map(|token| &token["text"]).collect::<Vec<_>>(),
        ["In tall ", "reeds ", "beside "]
    );
}

#[test]
fn without_a_model_no_process_has_a_way_out() {
    let place = place();
    let mut node = place.converse().start_with_pipe();
    node.wait_for("\"read\"");
    let names: Vec<_> = beneath(node.pid()).into_iter().map(|(_, name)| name).collect();
    assert!(names.iter().any(|name| name == "ioi-workload"), "{names:?}");
    assert!(!names.iter().any(|name| name == "ioi-egress"), "{names:?}");
}

#[test]
fn credentials_are_stored_named_and_removed() {
    let place = Place::new();
    let listed = |place: &Place| place.ioi(["credential", "list"]).outcome().stdout;
    assert_eq!(listed(&place), "");
    with_credential(&place);
    let again = place.ioi(["credential", "set", "another"]).outcome_with(b"other-secret-value");
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(listed(&place), "another\ntest\n");
    let json = place.ioi(["--json", "credential", "list"]).outcome().event("credentials");
    assert_eq!(json["names"], serde_json::json!(["another", "test"]));
    let removed = place.ioi(["credential", "remove", "another"]).outcome();
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert_eq!(listed(&place), "test\n");
    place.ioi(["credential", "remove", "another"]).outcome().assert_fails(5, &["no credential `another`"]);
}

#[test]
fn a_bad_name_or_secret_is_named_and_nothing_is_stored() {
    let place = Place::new();
    for name in ["../../keys/suite1.key", "a b", "", "a.b"] {
        place.ioi(["credential", "set", name]).outcome_with(SECRET.as_bytes()).assert_fails(2, &["no name"]);
    }
    let long = vec![b'a'; 100_000];
    for (secret, word) in [
        (b"".as_slice(), "empty"),
        (b"\n", "empty"),
        (b"short", "8 to 8192"),
        (&long, "8 to 8192"),
        (b"two words here", "printable"),
        (b"first-line\nx-evil: 1", "printable"),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "printable"),
    ] {
        place.ioi(["credential", "set", "x"]).outcome_with(secret).assert_fails(2, &[word]);
    }
    assert_eq!(place.ioi(["credential", "list"]).outcome().stdout, "");
}

#[test]
fn a_bad_name_is_refused_before_the_secret_is_read_and_anything_starts() {
    let place = Place::new();
    for words in [["set", "bad name/x"], ["set", ""], ["remove", "../x"]] {
        let call = place.ioi(["--json", "credential"]).arguments(words).within(Duration::from_secs(10));
        // Nobody gives the secret, and the pipe that it would come by stays open.
        let outcome = call.start_with_pipe().outcome_with_open_pipe();
        outcome.assert_fails(2, &["no name for a credential: 1 to 64 letters"]);
        assert_eq!(outcome.event("error")["error"], "argument.invalid");
    }
    assert_eq!(std::fs::read_dir(place.path("home")).unwrap().count(), 0);
}

/// Reading is allowed, and what the command line adds, but nothing leaves with this label.
fn labelled(label: &str) -> String {
    format!(
        r#"
version = 1
[[label]]
name = "private"
paths = ["./owls.md"]

[[rule]]
id = "read"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::list", "fs::read"]
when = {{ path = ["./**"] }}

[[rule]]
id = "stays-here"
effect = "deny"
action = ["*"]
flow = "out"
when = {{ labels_any = ["{label}"] }}
"#
    )
}

fn ask_labelled(place: &Place, endpoint: &Endpoint, label: &str) -> Outcome {
    let policy = place.write("policy.toml", labelled(label));
    ask(place, endpoint).arguments(["--policy".as_ref(), policy.as_os_str()]).outcome()
}

#[test]
fn once_a_private_file_was_read_nothing_leaves_and_the_refusal_says_which_read_it_was() {
    let place = place();
    let endpoint = Endpoint::streaming(&["never"]);
    let outcome = ask_labelled(&place, &endpoint, "private");
    let private = place.path("docs/owls.md").canonicalize().unwrap();
    let read = format!("is fs::read of {} by plugin:files", private.display());
    let words = ["stays-here", "to a session with `private` data", &read, "policy.denied"];
    assert_fails_with_receipt(&place, &outcome, 3, &words);
    assert_eq!(endpoint.heard().len(), 0, "something was sent");
}

#[test]
fn a_session_that_has_read_nothing_private_sends_under_the_same_policy() {
    let place = place();
    fs::remove_file(place.path("docs/owls.md")).unwrap();
    let endpoint = Endpoint::streaming(&["In reeds [1]."]);
    let outcome = ask_labelled(&place, &endpoint, "private");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(endpoint.heard().len(), 1);
}

#[test]
fn what_a_plugin_says_is_untrusted_from_its_start() {
    let place = place();
    let endpoint = Endpoint::streaming(&["never"]);
    let outcome = ask_labelled(&place, &endpoint, "untrusted");
    let words = ["stays-here", "with `untrusted` data", "is the start of plugin:files", "policy.denied"];
    assert_fails_with_receipt(&place, &outcome, 3, &words);
    assert_eq!(endpoint.heard().len(), 0, "something was sent");
}
