//! Addresses for mail, in ASCII: what a person types, not all that RFC 5322 allows.

use crate::kind::Kind;
use crate::text::{Match, byte_at, run, work};

const LOCAL_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;
const DOMAIN_BYTES_MAX: usize = 253;

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'\'' | b'!' | b'#' | b'&')
}

/// The address around an `@`.
pub(crate) fn find(text: &[u8], at: usize) -> Option<Match> {
    let domain = &text[at + 1..(at + 1 + DOMAIN_BYTES_MAX).min(text.len())];
    let end = at + 1 + domain_bytes(domain)?;
    let local = text[..at].iter().rev().take(LOCAL_BYTES_MAX).take_while(|byte| is_local(**byte)).count();
    work::add(local);
    let first = text[at - local..at].iter().position(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')?;
    (text[at - 1] != b'.').then(|| Match::new(Kind::Email, at - local + first, end))
}

/// The bytes of the longest domain that ends in a name of letters.
fn domain_bytes(text: &[u8]) -> Option<usize> {
    let (mut at, mut labels, mut found) = (0, 0, None);
    loop {
        let bytes = run(text, at, LABEL_BYTES_MAX + 1, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let label = &text[at..at + bytes];
        if bytes == 0 || bytes > LABEL_BYTES_MAX || label.starts_with(b"-") || is_scale(label, labels) {
            return found;
        }
        labels += 1;
        at += bytes;
        if labels > 1 && is_top(label) {
            found = Some(at);
        }
        if byte_at(text, at) != b'.' {
            return found;
        }
        at += 1;
    }
}

/// A name that can end a domain.
fn is_top(label: &[u8]) -> bool {
    let letters = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    letters || (label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--") && !label.ends_with(b"-"))
}

/// `icon@2x.png` is a file.
fn is_scale(label: &[u8], labels: usize) -> bool {
    labels == 0 && matches!(label, [b'1'..=b'4', b'x'])
}
