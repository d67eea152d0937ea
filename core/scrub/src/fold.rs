//! A text as somebody reads it who undoes percent and JSON escapes and takes alike characters for the same.
//!
//! Each escape is known by itself and a few bytes before it, never by how many came before: so a text
//! that is cut is read the same a few bytes behind the cut.

use crate::nfkc::{self, decode, folded};
use crate::origin::Escape;

/// Of a row of backslashes before an escape, so many belong to it: JSON that was written into JSON, twice.
const BACKSLASHES_MAX: usize = 4;
/// So many unseen characters in a row are left out; a longer row stays as it is.
const UNSEEN_MAX: usize = 3;

/// Reads `text` into `out` and says where what was. False if nothing in it is an escape; `out` is no text then.
pub(crate) fn fold(text: &[u8], out: &mut Vec<u8>, escapes: &mut Vec<Escape>) -> bool {
    out.clear();
    escapes.clear();
    let leads = nfkc::leads();
    let is_ascii = text.is_ascii();
    let next = |at: usize| match is_ascii {
        true => memchr::memchr2(b'%', b'\\', &text[at..]),
        false => text[at..].iter().position(|byte| is_special(*byte, leads)),
    };
    let (mut at, mut copied) = (0, 0);
    while let Some(skipped) = next(at) {
        at += skipped;
        let (from_bytes, decoded) = match text[at] {
            b'%' => percent(&text[at..]),
            b'\\' => backslash(&text[at..]),
            _ => character(&text[at..], before_is_unseen(text, at)),
        };
        if let Some(decoded) = decoded {
            out.extend_from_slice(&text[copied..at + decoded.skipped]);
            let from = at + decoded.skipped;
            let to = out.len();
            out.extend_from_slice(decoded.bytes());
            let from_bytes = from_bytes - decoded.skipped;
            escapes.push(Escape { to, to_bytes: out.len() - to, from, from_bytes });
            copied = from + from_bytes;
        }
        at += from_bytes;
    }
    out.extend_from_slice(&text[copied..]);
    !escapes.is_empty()
}

fn is_special(byte: u8, leads: &[bool; 256]) -> bool {
    byte == b'%' || byte == b'\\' || (byte >= 0x80 && leads[usize::from(byte)])
}

/// What an escape stands for.
struct Decoded {
    /// So many bytes before the escape are none of it.
    skipped: usize,
    bytes: [u8; 4],
    count: usize,
}

impl Decoded {
    fn new(decoded: &[u8]) -> Self {
        let mut bytes = [0; 4];
        bytes[..decoded.len()].copy_from_slice(decoded);
        Self { skipped: 0, bytes, count: decoded.len() }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

/// How many bytes to go on by, and what they stand for.
type Step = (usize, Option<Decoded>);

fn percent(text: &[u8]) -> Step {
    match text {
        [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            (3, Some(Decoded::new(&[hex(*high) << 4 | hex(*low)])))
        }
        _ => (1, None),
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |value| value as u8)
}

/// A row of backslashes and what it escapes.
fn backslash(text: &[u8]) -> Step {
    let row = text.iter().take_while(|byte| **byte == b'\\').count();
    let (bytes, decoded) = match text.get(row) {
        Some(b'n' | b'r' | b't') => (1, Some(Decoded::new(b"\n"))),
        Some(mark @ (b'"' | b'/')) => (1, Some(Decoded::new(&[*mark]))),
        Some(b'u') => unicode(&text[row..]),
        Some(b'x') => byte(&text[row..]),
        _ => (0, None),
    };
    let skipped = row.saturating_sub(BACKSLASHES_MAX);
    (row + bytes, decoded.map(|decoded| Decoded { skipped, ..decoded }))
}

/// `u` and four digits, or two such escapes for one character.
fn unicode(text: &[u8]) -> Step {
    let Some(first) = unit(text) else { return (0, None) };
    let second = text.get(5..).and_then(|text| text.strip_prefix(b"\\")).and_then(unit);
    let (bytes, character) = match (first, second) {
        (0xD800..0xDC00, Some(second @ 0xDC00..0xE000)) => {
            (11, 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        }
        _ => (5, first),
    };
    if let Some(folded) = folded(character) {
        return (bytes, Some(Decoded::new(folded.bytes())));
    }
    match char::from_u32(character) {
        Some(character) => (bytes, Some(Decoded::new(character.encode_utf8(&mut [0; 4]).as_bytes()))),
        None => (bytes, None),
    }
}

fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"u")?.get(..4)?;
    let all = digits.iter().all(u8::is_ascii_hexdigit);
    all.then(|| digits.iter().fold(0, |unit, digit| unit << 4 | u32::from(hex(*digit))))
}

/// `x` and two digits, as many languages write a byte.
fn byte(text: &[u8]) -> Step {
    match text {
        [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            (3, Some(Decoded::new(&[hex(*high) << 4 | hex(*low)])))
        }
        _ => (0, None),
    }
}

/// A character that is taken for an ASCII one, or a few that are not seen.
fn character(text: &[u8], in_row: bool) -> Step {
    let Some((character, bytes)) = decode(text) else { return (1, None) };
    match folded(character) {
        None => (bytes, None),
        Some(folded) if !folded.bytes().is_empty() => (bytes, Some(Decoded::new(folded.bytes()))),
        Some(_) => match unseen_bytes(text) {
            Some(row) if !in_row => (row, Some(Decoded::new(b""))),
            _ => (bytes, None),
        },
    }
}

/// The bytes of a row of unseen characters, if it is short.
fn unseen_bytes(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..=UNSEEN_MAX {
        match decode(&text[at..]) {
            Some((character, bytes)) if is_unseen(character) => at += bytes,
            _ => return Some(at),
        }
    }
    None
}

fn is_unseen(character: u32) -> bool {
    folded(character).is_some_and(|folded| folded.bytes().is_empty())
}

/// Whether an unseen character ends here.
fn before_is_unseen(text: &[u8], at: usize) -> bool {
    let ends_here = |bytes: usize| {
        let character = at.checked_sub(bytes).and_then(|start| decode(&text[start..at]));
        character.is_some_and(|(character, count)| count == bytes && is_unseen(character))
    };
    ends_here(2) || ends_here(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    fn folded_text(text: &str) -> String {
        let (mut out, mut escapes) = (Vec::new(), Vec::new());
        match fold(text.as_bytes(), &mut out, &mut escapes) {
            true => String::from_utf8_lossy(&out).into_owned(),
            false => text.to_owned(),
        }
    }

    #[test]
    fn escapes_and_alike_characters_are_read_as_what_they_stand_for() {
        for (text, expected) in [
            ("a%40b", "a@b"),
            ("100% of %zz %4", "100% of %zz %4"),
            ("%%41", "%A"),
            (r"a\u0040b\/c\n\x41", "a@b/c\nA"),
            (r"a\\u0040b \\\\n", "a@b \n"),
            (r"\\\\\\u0041", r"\\A"),
            (r"\ud835\udc00\uD800x", r"A\uD800x"),
            (r"C:\dir \u12 \", r"C:\dir \u12 \"),
            ("ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "bob@example.com"),
            ("𝐛𝟏 ①②…", "b1 12..."),
            ("a\u{200B}b\u{200B}\u{200B}\u{200B}c", "abc"),
            ("a\u{200B}\u{200B}\u{200B}\u{200B}c", "a\u{200B}\u{200B}\u{200B}\u{200B}c"),
            ("żółć Ж 漢", "żółć Ж 漢"),
        ] {
            assert_eq!(folded_text(text), expected, "{text}");
        }
    }

    #[test]
    fn the_way_back_leads_to_whole_escapes() {
        let text = r"x\\\\\\u0041y%42".as_bytes();
        let (mut out, mut escapes) = (Vec::new(), Vec::new());
        assert!(fold(text, &mut out, &mut escapes));
        assert_eq!(out, br"x\\AyB");
        let origin = Origin::Escapes(&escapes);
        assert_eq!(origin.range(3, 4), (3, 12));
        assert_eq!(origin.range(4, 6), (12, text.len()));
    }
}
