//! Telephone numbers: international ones by their plus sign, others by their form or the word before them.

use crate::kind::Kind;
use crate::number::Digits;
use crate::text::{Match, before, byte_at, has_context, work};

/// Words that make a national number one.
const WORDS: &[&str] = &[
    "tel",
    "phone",
    "telephone",
    "mobile",
    "mob",
    "cell",
    "cellphone",
    "call",
    "fax",
    "sms",
    "whatsapp",
    "telegram",
    "signal",
    "hotline",
    "ring",
    "telefon",
    "telefonnummer",
    "handy",
    "mobil",
    "rufnummer",
    "portable",
    "appelez",
    "appeler",
    "telefono",
    "telefoon",
    "movil",
    "cellulare",
    "dial",
];

const SEPARATORS: &[u8] = b" -./()";

/// The number whose first digits begin at `at`.
pub(crate) fn find(text: &[u8], at: usize) -> Option<Match> {
    let start = match before(text, at) {
        b'+' | b'(' => at - 1,
        last if last.is_ascii_alphanumeric() || matches!(last, b'_' | b'.' | b',' | b'/' | b'$') => {
            return None;
        }
        _ => at,
    };
    if start < at && is_bound(before(text, start)) {
        return None;
    }
    let groups = Groups::read(text, at);
    let end = groups.end;
    if text.get(end).is_some_and(|byte| is_bound(*byte)) {
        return None;
    }
    let fits = if text[start] == b'+' {
        (8..=15).contains(&groups.digits) && text[at] != b'0'
    } else {
        is_american(&text[start..end]) || (is_national(text, at, &groups) && has_context(text, start, WORDS))
    };
    fits.then(|| Match::new(Kind::Phone, start, end))
}

const fn is_bound(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'@'
}

/// A number's groups of digits.
struct Groups {
    digits: usize,
    end: usize,
}

/// No number is longer, separators included.
const NUMBER_BYTES_MAX: usize = 32;

impl Groups {
    /// Digits with one or two separators between them.
    fn read(text: &[u8], start: usize) -> Self {
        let (mut digits, mut end, mut gap) = (0, start, 0);
        for (at, byte) in text.iter().enumerate().skip(start).take(NUMBER_BYTES_MAX) {
            if byte.is_ascii_digit() {
                (digits, end, gap) = (digits + 1, at + 1, 0);
            } else if SEPARATORS.contains(byte) && gap < 2 {
                gap += 1;
            } else {
                break;
            }
        }
        work::add(end - start + 1);
        Self { digits, end }
    }
}

/// `(415) 555-0123`, `415-555-0123`, `415.555.0123`, with or without a leading `1`.
fn is_american(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"1-").or(text.strip_prefix(b"1.")).unwrap_or(text);
    let digit = |byte: u8| byte.is_ascii_digit();
    let code = |code: [u8; 3]| matches!(code[0], b'2'..=b'9') && digit(code[1]) && digit(code[2]);
    let line = |line: &[u8]| line.iter().all(u8::is_ascii_digit);
    match *text {
        [b'(', a, b, c, b')', b' ', d, e, f, b'-' | b' ', ref rest @ ..]
        | [b'(', a, b, c, b')', d, e, f, b'-', ref rest @ ..] => {
            code([a, b, c]) && code([d, e, f]) && rest.len() == 4 && line(rest)
        }
        [a, b, c, first, d, e, f, second, ref rest @ ..] => {
            let separated = first == second && matches!(first, b'-' | b'.');
            separated && code([a, b, c]) && code([d, e, f]) && rest.len() == 4 && line(rest)
        }
        _ => false,
    }
}

/// Seven to fifteen digits that are not a date or an amount.
fn is_national(text: &[u8], at: usize, groups: &Groups) -> bool {
    let whole = Digits::read(text, at, b"");
    let grouped = text[at..groups.end].iter().any(|byte| SEPARATORS.contains(byte));
    let dated = grouped && whole.all().len() == 4 && matches!(byte_at(text, at + 4), b'-' | b'/' | b'.');
    (7..=15).contains(&groups.digits) && !dated
}
