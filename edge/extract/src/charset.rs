//! Bytes into characters.
//!
//! A byte-order mark decides: UTF-8, UTF-16LE or UTF-16BE. Without one, valid
//! UTF-8 is UTF-8. Otherwise the document is Windows-1252 (which holds
//! ISO 8859-1) if an HTML head names one of the two, or if not a single valid
//! character beyond ASCII is in it, as in texts from before UTF-8. What remains
//! is UTF-8 with errors: each invalid sequence becomes one U+FFFD, is counted,
//! and nothing else is lost.

use crate::Limits;
use crate::error::ExtractError;
use crate::sniff::Media;
use std::borrow::Cow;

/// How a document's bytes were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8, the usual case.
    Utf8,
    /// UTF-16 of either byte order, with a byte-order mark.
    Utf16,
    /// Windows-1252.
    Windows1252,
}

pub(crate) struct Decoded<'b> {
    pub(crate) charset: Charset,
    pub(crate) text: Cow<'b, str>,
    pub(crate) replaced: u64,
}

impl Decoded<'_> {
    pub(crate) fn is_borrowed(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_))
    }
}

/// How far into an HTML document its character set may be named, in bytes.
const META_BYTES: usize = 1024;

pub(crate) fn decode(bytes: &[u8], is_html: bool, limits: Limits) -> Result<Decoded<'_>, ExtractError> {
    // No decoding writes more than three bytes for one; longer documents can't be held.
    if bytes.len() > limits.text_bytes_max.saturating_mul(if is_html { 64 } else { 3 }) {
        return Err(ExtractError::bomb(
            if is_html { Media::Html } else { Media::Text },
            limits.text_bytes_max,
        ));
    }
    Ok(match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ if is_html && std::str::from_utf8(bytes).is_err() && names_latin1(bytes) => windows1252(bytes),
        _ => utf8(bytes),
    })
}

fn utf8(bytes: &[u8]) -> Decoded<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded { charset: Charset::Utf8, text: Cow::Borrowed(text), replaced: 0 };
    }
    if bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()) {
        return windows1252(bytes);
    }
    let replaced = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count() as u64;
    Decoded { charset: Charset::Utf8, text: String::from_utf8_lossy(bytes), replaced }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Decoded<'static> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut replaced = odd.len() as u64;
    let units = pairs.iter().map(|pair| read(*pair));
    let mut text: String = char::decode_utf16(units)
        .map(|unit| {
            unit.unwrap_or_else(|_| {
                replaced += 1;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    text.extend(odd.iter().map(|_| char::REPLACEMENT_CHARACTER));
    Decoded { charset: Charset::Utf16, text: Cow::Owned(text), replaced }
}

fn windows1252(bytes: &[u8]) -> Decoded<'static> {
    /// 0x80 to 0x9f (the WHATWG Encoding Standard's index).
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let character = |byte: &u8| match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(*byte),
    };
    let text = bytes.iter().map(character).collect();
    Decoded { charset: Charset::Windows1252, text: Cow::Owned(text), replaced: 0 }
}

fn names_latin1(bytes: &[u8]) -> bool {
    let head = bytes[..bytes.len().min(META_BYTES)].to_ascii_lowercase();
    let named = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    named(b"charset") && (named(b"iso-8859-1") || named(b"windows-1252") || named(b"latin1"))
}
