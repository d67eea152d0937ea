//! Folders and questions that nobody should have given: each a named error, or passed over with a reason.

use crate::place::{Place, is_root, skip};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

const QUESTION: &str = "Where does the heron nest?";
const DOCUMENT: &str = "The heron nests in the reeds.";

/// Asks about `folder` of the place.
fn ask(place: &Place, folder: &str, question: &str) -> crate::started::Outcome {
    let folder = place.path(folder);
    place.ioi([OsStr::new("--json"), "ask".as_ref(), folder.as_ref(), question.as_ref()]).outcome()
}

fn make_fifo(path: &std::path::Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_folder_that_is_none_is_2_by_name() {
    let place = Place::new();
    place.write("docs/a.md", DOCUMENT);
    symlink("circle", place.path("circle")).unwrap();
    make_fifo(&place.path("fifo"));
    for (folder, word) in [
        ("missing", "missing"),
        ("docs/a.md", "not a folder"),
        ("docs/a.md/b", "a.md/b"),
        ("circle", "circle"),
        ("fifo", "not a folder"),
        ("tmp", "no document"),
    ] {
        let outcome = ask(&place, folder, QUESTION);
        outcome.assert_fails(2, &["\"event\":\"error\"", word]);
    }
    // Only the empty folder was looked into, and what happened there has a receipt.
    let [receipt] = &place.receipts()[..] else { panic!("{:?}", place.receipts()) };
    place.assert_verifies(receipt);
}

#[test]
fn an_unreadable_folder_or_file_is_said_to_be_so() {
    if is_root() {
        return skip("root reads everything");
    }
    let place = Place::new();
    let closed = place.write("docs/closed/a.md", DOCUMENT);
    let folder = closed.parent().unwrap();
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o0)).unwrap();
    ask(&place, "docs/closed", QUESTION).assert_fails(2, &["the only document", "path.unreadable"]);
    fs::set_permissions(folder, PermissionsExt::from_mode(0o0)).unwrap();
    let outcome = ask(&place, "docs/closed", QUESTION);
    fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).unwrap();
    outcome.assert_fails(2, &["path.unreadable", "Permission denied"]);
}

fn reasons(outcome: &crate::started::Outcome) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let skipped = outcome.events_of("skipped");
    skipped.iter().map(|event| (text(&event["path"]), text(&event["error"]))).collect()
}

#[test]
fn what_is_no_document_is_passed_over_with_a_reason_and_the_rest_is_read() {
    let place = Place::new();
    place.write("docs/a.md", DOCUMENT);
    place.write("docs/binary.txt", [0xff, 0xfe, 0x00, b'h', 0xc3, 0x28]);
    place.write("docs/empty.md", "");
    place.write("docs/torn.pdf", "%PDF-1.7\n1 0 obj <</Type");
    place.write("user/secret.md", "The heron nests in the secret place.");
    make_fifo(&place.path("docs/fifo.md"));
    symlink(".", place.path("docs/circle")).unwrap();
    symlink("../../user/secret.md", place.path("docs/outside.md")).unwrap();
    symlink("/dev/zero", place.path("docs/zero.txt")).unwrap();
    let strange = place.path("docs").join(OsStr::from_bytes(b"n\xffme.md"));
    let has_strange_name = fs::write(strange, DOCUMENT).is_ok();
    // Five gigabytes of nothing, which the built-in rule's `size_max` refuses before it is opened.
    File::create(place.path("docs/huge.txt")).unwrap().set_len(5 << 30).unwrap();
    let outcome = ask(&place, "docs", QUESTION);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "a.md");
    assert!(!outcome.stdout.contains("secret place"), "{outcome:?}");
    let reasons = reasons(&outcome);
    let mut expected = vec![
        ("circle", "path.kind"),
        ("empty.md", "extract.failed"),
        ("fifo.md", "path.kind"),
        ("huge.txt", "policy.denied"),
        ("outside.md", "path.kind"),
        ("torn.pdf", "extract.failed"),
        ("zero.txt", "path.kind"),
    ];
    if has_strange_name {
        expected.push(("n\u{fffd}me.md", "argument.invalid"));
    }
    for (path, code) in expected {
        assert!(reasons.contains(&(path.into(), code.into())), "{path} {code}: {reasons:?}");
    }
}

#[test]
fn a_question_is_checked_before_anything_starts() {
    let place = Place::new();
    place.write("docs/a.md", DOCUMENT);
    // One argument holds at most 128 KiB on Linux; a longer question comes by standard input, below.
    let long = "a".repeat(100_000);
    for (question, word) in [("", "question.empty"), (" \t", "question.empty"), (long.as_str(), "16384")] {
        ask(&place, "docs", question).assert_fails(2, &[word]);
    }
    assert!(!place.path("home/runs").exists(), "something was started");
    // At the limit it is a question like any other.
    let most = "heron ".repeat(16_384 / 6);
    assert_eq!(ask(&place, "docs", &most).code, Some(0));
}

#[test]
fn a_line_of_a_megabyte_is_refused_and_the_next_question_is_answered() {
    let place = Place::new();
    place.write("docs/a.md", DOCUMENT);
    let input = ["a".repeat(1 << 20), QUESTION.into()].join("\n");
    let outcome = place.converse().outcome_with(input.as_bytes());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let refused = outcome.event("question");
    assert_eq!(refused["error"], "question.length");
    assert!(refused["message"].as_str().unwrap().contains("1048576 bytes"), "{refused}");
    assert_eq!(outcome.stdout.matches("\"event\":\"answer\"").count(), 1, "{}", outcome.stdout);
}

#[test]
fn no_question_at_all_is_2_by_name_and_has_a_receipt_all_the_same() {
    for input in ["", "\n", " \n\t\n\n"] {
        let place = Place::new();
        place.write("docs/a.md", DOCUMENT);
        let outcome = place.converse().outcome_with(input.as_bytes());
        outcome.assert_fails(2, &["no question"]);
        assert_eq!(outcome.event("error")["error"], "question.empty");
        assert_eq!(outcome.events_of("answer").len(), 0);
        place.assert_verifies(&place.receipts()[0]);
    }
}

/// A zlib stream (RFC 1950, 1951) of `chunks` × 258 + 1 spaces: one literal, then copies at distance 1, each
/// 13 bits long.
fn bomb(chunks: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    bits.put_code(0x30 + 0x20, 8);
    for _ in 0..chunks {
        bits.put_code(0b1100_0101, 8);
        bits.put_code(0, 5);
    }
    bits.put_code(0, 7);
    let length = u64::from(chunks) * 258 + 1;
    let sum = |value: u64| u32::try_from(value % 65_521).unwrap();
    let low = sum(1 + 0x20 * length);
    let high = sum(length + 0x20 * ((length * (length + 1) / 2) % 65_521));
    [&[0x78, 0x01], &bits.finish()[..], &(high << 16 | low).to_be_bytes()].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in with their first bit first.
    fn put_code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.bytes
    }
}

/// A PDF of one page whose content is `stream`, deflated.
fn pdf(stream: &[u8]) -> Vec<u8> {
    let length = stream.len();
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let content =
        [format!("<</Length {length}/Filter/FlateDecode>>stream\n").as_bytes(), stream, b"\nendstream"]
            .concat();
    let objects: [&[u8]; 4] = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        &content,
    ];
    for (index, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend([format!("{} 0 obj", index + 1).as_bytes(), object, b"endobj\n"].concat());
    }
    let start = bytes.len();
    bytes.extend(b"xref\n0 5\n0000000000 65535 f \n");
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    bytes.extend(format!("trailer<</Size 5/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").bytes());
    bytes
}

#[test]
fn a_pdf_that_unfolds_without_end_is_passed_over_and_the_rest_is_read() {
    let place = Place::new();
    place.write("docs/a.md", DOCUMENT);
    // About 6 MiB that unfold to a gigabyte.
    place.write("docs/bomb.pdf", pdf(&bomb(4 << 20)));
    let outcome = ask(&place, "docs", QUESTION);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "a.md");
    let reasons = reasons(&outcome);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0].0, "bomb.pdf");
    assert!(reasons[0].1.starts_with("extract."), "{reasons:?}");
}

/// Folders of a thousand files each. Unoptimised programs would take minutes for a hundred.
const FOLDERS: usize = if cfg!(debug_assertions) { 20 } else { 100 };

#[test]
fn a_hundred_thousand_files_are_all_read() {
    let place = Place::new();
    for folder in 0..FOLDERS {
        fs::create_dir(place.path("docs").join(folder.to_string())).unwrap();
        for file in 0..1000 {
            let path = place.path("docs").join(format!("{folder}/{file}.txt"));
            fs::write(path, format!("Nest {folder} {file} holds eggs.")).unwrap();
        }
    }
    let outcome = place.ask("What holds nest 13 642?").within(Duration::from_secs(300)).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("read")["documents"], FOLDERS * 1000);
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "13/642.txt");
    let receipt = place.receipts().remove(0);
    let verified =
        place.ioi([OsStr::new("verify"), receipt.as_ref()]).within(Duration::from_secs(300)).outcome();
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// A page of a listing holds at most 1,024 names and must fit into one message: names of this length are where
/// the number allows more than the message does.
#[test]
fn every_name_of_a_full_page_passes_through_the_walk_once() {
    let place = Place::new();
    let mut expected: Vec<String> = Vec::new();
    for number in 0..1_100 {
        let length = 35 + number % 11;
        // Empty, so that each is passed over by its name after it was opened.
        let name = format!("{number:04}-{}.md", "x".repeat(length - 8));
        assert!((35..=45).contains(&name.len()));
        place.write(format!("docs/{name}"), "");
        expected.push(name);
    }
    place.write("docs/a.md", DOCUMENT);
    let outcome = ask(&place, "docs", QUESTION);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let (read, answer) = (outcome.event("read"), outcome.event("answer"));
    assert_eq!((&read["documents"], &read["skipped"]), (&1.into(), &expected.len().into()));
    assert_eq!(answer["citations"][0]["path"], "a.md");
    let mut seen: Vec<String> = reasons(&outcome).into_iter().map(|(path, _)| path).collect();
    seen.sort();
    assert_eq!(seen, expected);
}
