//! Characters that Unicode takes for ASCII ones (NFKC): full-width letters, mathematical ones, small dots.

use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;

/// Ranges in which such characters lie; a test looks at all others.
const RANGES: &[std::ops::Range<u32>] = &[
    0xA0..0x300,
    0x340..0x380,
    0x1D00..0x2600,
    0x2900..0x2E00,
    0x3000..0x3400,
    0xA700..0xA800,
    0xFB00..0x10000,
    0x10780..0x107C0,
    0x1CC00..0x1CD00,
    0x1D400..0x1D800,
    0x1F100..0x1F200,
    0x1FB00..0x1FC00,
];

struct Table {
    /// By the upper bits of a character: its place in `pages`, from 1; 0 for a page without such characters.
    index: Vec<u8>,
    pages: Vec<[Option<Folded>; PAGE]>,
    /// First bytes, in UTF-8, of characters that have an entry.
    leads: [bool; 256],
}

const PAGE: usize = 256;
const FOLDED_BYTES_MAX: usize = 4;

/// What stands for one character: up to four ASCII bytes, or nothing where it is not seen at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    bytes: [u8; FOLDED_BYTES_MAX],
    count: u8,
}

impl Folded {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count.into()]
    }
}

/// Characters without a width that NFKC keeps: soft hyphen, joiners, marks of direction, byte-order mark.
const fn is_unseen(character: u32) -> bool {
    matches!(character, 0xAD | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xFEFF)
}

fn fold(character: char) -> Option<Folded> {
    if is_unseen(character.into()) {
        return Some(Folded { bytes: [0; FOLDED_BYTES_MAX], count: 0 });
    }
    let mut folded = Folded { bytes: [0; FOLDED_BYTES_MAX], count: 0 };
    for part in std::iter::once(character).nfkc() {
        let byte = u8::try_from(part).ok().filter(u8::is_ascii)?;
        *folded.bytes.get_mut(usize::from(folded.count))? = byte;
        folded.count += 1;
    }
    Some(folded)
}

impl Table {
    fn new() -> Self {
        let mut table = Self { index: vec![0; 0x11_0000 / PAGE], pages: Vec::new(), leads: [false; 256] };
        for character in RANGES.iter().cloned().flatten().filter_map(char::from_u32) {
            if let Some(folded) = fold(character) {
                table.insert(character, folded);
            }
        }
        table
    }

    fn insert(&mut self, character: char, folded: Folded) {
        let page = character as usize / PAGE;
        if self.index[page] == 0 {
            self.pages.push([None; PAGE]);
            // There are fewer pages than a byte counts: the ranges above are short.
            self.index[page] = u8::try_from(self.pages.len()).unwrap_or_default();
        }
        let place = usize::from(self.index[page]);
        self.pages[place - 1][character as usize % PAGE] = Some(folded);
        self.leads[usize::from(character.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// What Unicode takes this character for, if that is ASCII.
pub(crate) fn folded(character: u32) -> Option<Folded> {
    let table = table();
    let place = usize::from(*table.index.get(character as usize / PAGE)?);
    table.pages.get(place.checked_sub(1)?)?[character as usize % PAGE]
}

/// Bytes that a character with an entry begins with, in UTF-8.
pub(crate) fn leads() -> &'static [bool; 256] {
    &table().leads
}

/// The character of two to four bytes at the front of these, and how many it takes.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u32, usize)> {
    let count = match bytes.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(..count)?).ok()?;
    text.chars().next().map(|character| (character.into(), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_unicode_takes_for_ascii_has_an_entry_and_no_other() {
        for character in '\u{80}'..=char::MAX {
            let whole: String = std::iter::once(character).nfkc().collect();
            let expected = if is_unseen(character.into()) {
                Some("")
            } else {
                Some(whole.as_str()).filter(|text| text.is_ascii() && text.len() <= FOLDED_BYTES_MAX)
            };
            let found = folded(character.into());
            let found = found.as_ref().map(|folded| std::str::from_utf8(folded.bytes()).unwrap());
            assert_eq!(found, expected, "U+{:04X}", u32::from(character));
        }
        assert!((0..0x80).all(|character| folded(character).is_none()));
    }

    #[test]
    fn a_character_is_decoded_as_utf_8_says_or_not_at_all() {
        for character in ['\u{80}', 'é', '\u{7FF}', '\u{800}', 'Ａ', '\u{FFFF}', '𝐀', char::MAX] {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            assert_eq!(decode(bytes), Some((character.into(), bytes.len())));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(decode(b"\xC0\x80"), None);
        assert_eq!(decode(b"\xED\xA0\x80"), None);
    }
}
