//! The vectors in `schema/vectors/receipts` are what this crate writes, byte for byte.

use crate::forge::{Forge, GUARDIAN, Signer, root, sha256};
use crate::sample;
use ioi_audit::{Report, Selector, Trust, encode_public_key, parse_public_key, redact, verify};
use std::path::{Path, PathBuf};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/vectors/receipts").join(name)
}

/// Compares with the vector; with IOI_BLESS set it becomes the vector.
fn same(name: &str, bytes: &[u8]) {
    if std::env::var_os("IOI_BLESS").is_some() {
        std::fs::create_dir_all(vector("")).unwrap();
        std::fs::write(vector(name), bytes).unwrap();
    }
    let golden = std::fs::read(vector(name)).unwrap();
    assert!(golden == bytes, "{name} differs from what is written now");
}

fn report(receipt: &[u8]) -> Report {
    verify(receipt, &Trust::keys([Signer::new(GUARDIAN).fingerprint().parse().unwrap()])).unwrap()
}

#[test]
fn the_golden_receipt_is_written_again_byte_for_byte() {
    let receipt = sample::receipt();
    same("good.json", &receipt);
    same("guardian.pub", &encode_public_key(&sample::key().public()));
    let lines: Vec<u8> = sample::entries().iter().flat_map(ioi_audit::Entry::to_line).collect();
    same("records.jsonl", &lines);
    let (redacted, removed) = redact(&receipt, &Selector::All).unwrap();
    assert!(removed > 8);
    same("redacted.json", &redacted);
    same("report.txt", report(&receipt).to_string().as_bytes());
    same("report-redacted.txt", report(&redacted).to_string().as_bytes());
}

#[test]
fn the_writer_agrees_with_the_formats_description() {
    let receipt = sample::receipt();
    assert!(Forge::of(&receipt).bytes() == receipt, "the forge, which shares no code, writes the same bytes");
    let entries = sample::entries();
    let hashes: Vec<[u8; 32]> = entries.iter().map(|entry| sha256(&[&[0], &entry.record])).collect();
    assert!(entries.iter().zip(&hashes).all(|(entry, hash)| entry.leaf_hash == *hash));
    assert!(sample::head(&entries).encode().ends_with(&root(&hashes)));
}

#[test]
fn the_public_key_file_round_trips_and_nothing_else_is_one() {
    let key = sample::key().public();
    let file = encode_public_key(&key);
    assert_eq!(parse_public_key(&file).unwrap(), key);
    assert_eq!(key.id().to_string(), Signer::new(GUARDIAN).fingerprint());
    let text = String::from_utf8(file.clone()).unwrap();
    for wrong in [
        text.replace("\"suite\":1", "\"suite\":2"),
        text.replace(",\"suite\":1", ""),
        text.replace("{\"ed25519\":\"", "{\"ed25519\":\"00"),
        text.replace("}\n", ",\"zone\":1}\n"),
        text.replace('\n', ""),
        format!("{text}\n"),
        String::new(),
    ] {
        assert!(parse_public_key(wrong.as_bytes()).is_err(), "{wrong:.40}");
    }
}

#[test]
fn a_report_names_every_claim_with_its_witness() {
    let report = report(&sample::receipt());
    assert_eq!((report.counts.allowed, report.counts.asked, report.counts.denied), (3, 1, 3));
    assert_eq!((report.decisions.recomputed, report.decisions.redacted), (7, 0));
    assert_eq!((report.sources.documents, report.sources.in_log), (1, 1));
    let text = report.to_string();
    for line in [
        "log order, no rewrite after signing",
        "holds: 7 of 7 recomputed",
        "stated: 1 of 1 documents in the log",
        "guardian broken or cloned",
        "freshness: not known",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert_eq!(sample::text(&report.to_value(), "freshness"), "\"not known\"");
    assert!(sample::text(&report.to_value(), "citations").contains("docs/fast.md"));
}

#[test]
fn foreign_text_can_not_write_on_the_terminal() {
    let mut forge = Forge::of(&sample::receipt());
    forge =
        forge.edit(0, |map| drop(map.insert("command".into(), "a\u{1b}[2J\nkey: sha256:0\u{202e}".into())));
    let text = report(&forge.relink().bytes()).to_string();
    assert!(text.is_ascii() && !text.contains('\u{1b}') && text.contains("\\u{1b}[2J\\nkey"), "{text}");
}
