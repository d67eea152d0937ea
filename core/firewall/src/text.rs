//! Characters that no name may have, and names shown so that a terminal can't be fooled.

use std::fmt::Write as _;

/// Why a character is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// C0, DEL or C1; the line and paragraph separators.
    Control,
    /// It changes the direction in which its neighbours are shown.
    Bidi,
    /// It shows nothing and joins nothing.
    Invisible,
}

impl Refused {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Control => "the control character",
            Self::Bidi => "the bidirectional control character",
            Self::Invisible => "the invisible character",
        }
    }
}

/// Characters that make a name read differently from what it is. The zero-width
/// joiner and non-joiner are letters' neighbours in several scripts and stay.
pub(crate) const fn refused_character(character: char) -> Option<Refused> {
    match character {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => Some(Refused::Control),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(Refused::Bidi)
        }
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => Some(Refused::Invisible),
        _ => None,
    }
}

/// Bytes as one line of text: refused characters and bytes that are not UTF-8 are escaped.
pub(crate) fn show(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if refused_character(character).is_some() {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A name in a message, as [`show`] has it, bounded.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    show(text.chars().take(CHARS_MAX).collect::<String>().as_bytes())
}

/// A string of TOML: literal where it can be, else basic with escapes.
pub(crate) fn toml_string(text: &str) -> String {
    let plain = |character| character != '\'' && refused_character(character).is_none();
    if !text.chars().all(plain) {
        return toml_basic_string(text);
    }
    if text.contains('\\') { format!("'{text}'") } else { toml_basic_string(text) }
}

fn toml_basic_string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if refused_character(character).is_some() => {
                let _ = write!(out, "\\U{:08X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// A list of TOML strings on one line.
pub(crate) fn toml_list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(toml_string).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_control_character_whatever_the_bytes() {
        let shown = show(b"/a\x1b[31m/\xff\x00\xe2\x80\xae.txt");
        assert_eq!(shown, "/a\\u{1b}[31m/\\xff\\u{0}\\u{202e}.txt");
    }

    #[test]
    fn every_string_survives_toml() {
        for text in ["plain", "it's", r"a\*b", "tab\there", "q\"q", "\u{202e}", r"it's \*", ""] {
            let document = format!("x = {}", toml_string(text));
            let table = toml::de::DeTable::parse(&document).expect("the written string is TOML");
            assert_eq!(table.get_ref().get("x").and_then(|value| value.get_ref().as_str()), Some(text));
        }
    }
}
