//! Other spellings of a text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// How a text may be spelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spelling {
    Percent,
    PercentLower,
    PercentSome,
    Json,
    JsonTwice,
    HexEscapes,
    Base64,
    Base64Url,
    Base64Lines,
    Hex,
    HexUpper,
    FullWidth,
    Mathematical,
    Unseen,
}

pub(crate) const ALL: &[Spelling] = &[
    Spelling::Percent,
    Spelling::PercentLower,
    Spelling::PercentSome,
    Spelling::Json,
    Spelling::JsonTwice,
    Spelling::HexEscapes,
    Spelling::Base64,
    Spelling::Base64Url,
    Spelling::Base64Lines,
    Spelling::Hex,
    Spelling::HexUpper,
    Spelling::FullWidth,
    Spelling::Mathematical,
    Spelling::Unseen,
];

fn each(text: &str, spell: impl Fn(u8) -> String) -> String {
    text.bytes().map(spell).collect()
}

fn lines(text: &str, line: usize) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(line).map(String::from_utf8_lossy).collect();
    lines.join("\r\n")
}

fn full_width(byte: u8) -> String {
    match byte {
        b' ' => '\u{3000}'.into(),
        0x21..=0x7E => char::from_u32(u32::from(byte) + 0xFEE0).unwrap().into(),
        _ => (byte as char).into(),
    }
}

fn mathematical(byte: u8) -> String {
    let at = |first: u32, from: u8| char::from_u32(first + u32::from(byte - from)).unwrap().into();
    match byte {
        b'A'..=b'Z' => at(0x1D400, b'A'),
        b'a'..=b'z' => at(0x1D41A, b'a'),
        b'0'..=b'9' => at(0x1D7CE, b'0'),
        _ => (byte as char).into(),
    }
}

/// The text in this spelling.
pub(crate) fn spell(text: &str, how: Spelling) -> String {
    match how {
        Spelling::Percent => each(text, |byte| format!("%{byte:02X}")),
        Spelling::PercentLower => each(text, |byte| format!("%{byte:02x}")),
        Spelling::PercentSome => {
            each(text, |byte| if byte % 3 == 0 { format!("%{byte:02x}") } else { (byte as char).into() })
        }
        Spelling::Json => each(text, |byte| format!("\\u{byte:04x}")),
        Spelling::JsonTwice => each(text, |byte| format!("\\\\u{byte:04X}")),
        Spelling::HexEscapes => each(text, |byte| format!("\\x{byte:02x}")),
        Spelling::Base64 => STANDARD.encode(text),
        Spelling::Base64Url => URL_SAFE_NO_PAD.encode(text),
        Spelling::Base64Lines => lines(&STANDARD.encode(text), 19),
        Spelling::Hex => ioi_types::hex::encode(text.as_bytes()),
        Spelling::HexUpper => ioi_types::hex::encode(text.as_bytes()).to_uppercase(),
        Spelling::FullWidth => each(text, full_width),
        Spelling::Mathematical => each(text, mathematical),
        Spelling::Unseen => each(text, |byte| format!("{}\u{200B}", byte as char)),
    }
}
