//! Long texts that are made to be slow, in whatever pieces: as much work for a byte as in a short one.

use crate::redact;
use ioi_scrub::{Kind, Kinds, Scrubber, Tokens, Treatment, Treatments};

/// 100 MB of one thing, fed as it would come over a wire; nothing is kept of what passes.
fn feed(part: &str) -> (u64, u64) {
    let treatments = Treatments::new().with(Kinds::all(), Treatment::Redact);
    let (mut stream, mut tokens) = (Scrubber::new(treatments).stream(), Tokens::new(b"test"));
    let piece = part.repeat((64 << 10) / part.len());
    let mut passed = 0;
    let mut fed = 0_u64;
    while fed < 100_000_000 {
        let out = stream.push(piece.as_bytes(), &mut tokens).len();
        assert!(out <= 8 * piece.len() + (64 << 10), "{out} bytes at once");
        passed += out as u64;
        fed += piece.len() as u64;
    }
    let outcome = stream.finish(&mut tokens);
    assert!(outcome.bytes.len() <= 256 << 10);
    (passed + outcome.bytes.len() as u64, fed)
}

#[test]
fn a_hundred_megabytes_of_nearly_an_address_pass() {
    let (passed, fed) = feed("a@a@");
    assert_eq!(passed, fed);
}

#[test]
fn a_hundred_megabytes_of_first_lines_that_are_none_pass() {
    let (passed, fed) = feed("-----BEGIN ");
    assert_eq!(passed, fed);
}

#[test]
fn a_hundred_megabytes_of_digits_pass() {
    let (passed, fed) = feed("7");
    assert_eq!(passed, fed);
}

#[test]
fn a_hundred_megabytes_of_one_key_are_one_finding() {
    let key = format!("{}{}", "sk-", "a1b2".repeat(16));
    assert_eq!(feed(&key).0, Kind::ApiKey.marker().len() as u64);
}

#[test]
fn bytes_that_are_no_text_pass() {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    let left = redact(&bytes);
    assert_eq!((left.bytes == bytes, left.counts.total()), (true, 0));
    assert_eq!(redact(b"").bytes, b"");
}
