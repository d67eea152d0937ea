//! Base64 (both alphabets) and hexadecimal inside a text: rows of their letters, read at every alignment.

use crate::origin::Letters;

/// A shorter row holds nothing that is looked for: sixteen letters of base64 are twelve bytes.
const LETTERS_MIN: usize = 16;
/// Decoded text that is shorter holds nothing that is looked for.
const STRETCH_BYTES_MIN: usize = 6;

const NONE: u8 = 0xFF;

/// What each byte is worth as a letter of base64; [`NONE`] if it is none.
const BASE64: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < 26 {
        values[b'A' as usize + at] = at as u8;
        values[b'a' as usize + at] = at as u8 + 26;
        at += 1;
    }
    let mut digit = 0;
    while digit < 10 {
        values[b'0' as usize + digit] = digit as u8 + 52;
        digit += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
};

const HEX: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut digit = 0;
    while digit < 16 {
        let letter = b"0123456789abcdef"[digit];
        values[letter as usize] = digit as u8;
        values[letter.to_ascii_uppercase() as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// Whether a byte goes on a row of letters: they may be broken into lines.
pub(crate) const fn is_code(byte: u8) -> bool {
    BASE64[byte as usize] != NONE || matches!(byte, b'\r' | b'\n')
}

const fn is_hex(byte: u8) -> bool {
    HEX[byte as usize] != NONE || matches!(byte, b'\r' | b'\n')
}

/// The next row of at least [`LETTERS_MIN`] bytes of a class, from a place on. Looks at the last byte that such a
/// row would have first, so most of a text of short words is never read.
fn next_row(text: &[u8], from: usize, class: impl Fn(u8) -> bool) -> Option<(usize, usize)> {
    let mut start = from;
    loop {
        let last = start + LETTERS_MIN - 1;
        let row = text.get(start..=last)?;
        match row.iter().rposition(|byte| !class(*byte)) {
            Some(at) => start += at + 1,
            None => {
                let more = text[last..].iter().take_while(|byte| class(**byte)).count();
                return Some((start, last + more));
            }
        }
    }
}

/// One reading of a row: its letters' bits, where its bytes begin among them, and the decoded bytes.
pub(crate) struct Reading<'a> {
    pub(crate) letters: &'a Letters,
    pub(crate) bits: usize,
    pub(crate) first: usize,
    pub(crate) decoded: &'a [u8],
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    letters: Letters,
    decoded: Vec<u8>,
}

/// Shows every reading of every row that is wanted to `look`.
pub(crate) fn read_all(
    text: &[u8],
    buffers: &mut Buffers,
    wanted: impl Fn(usize, usize) -> bool,
    mut look: impl FnMut(&Reading<'_>),
) {
    let mut from = 0;
    while let Some((start, end)) = next_row(text, from, is_code) {
        from = end;
        if !wanted(start, end) {
            continue;
        }
        read_base64(text, start, end, buffers, &mut look);
        let mut at = start;
        // Digits of hexadecimal are letters of base64, too, so each row of them lies in one of these.
        while let Some((first, last)) = next_row(&text[..end], at, is_hex) {
            read_hex(text, first, last, buffers, &mut look);
            at = last;
        }
    }
}

/// Takes the letters of a row without line breaks; false if there are too few.
fn take(text: &[u8], start: usize, end: usize, values: &[u8; 256], letters: &mut Letters) -> bool {
    letters.clear();
    let mut broken = true;
    for (at, byte) in text[..end].iter().enumerate().skip(start) {
        let value = values[usize::from(*byte)];
        if value != NONE && broken {
            letters.begin(at);
        }
        if value != NONE {
            letters.values.push(value);
        }
        broken = value == NONE;
    }
    letters.values.len() >= LETTERS_MIN
}

fn read_base64(
    text: &[u8],
    start: usize,
    end: usize,
    buffers: &mut Buffers,
    look: &mut impl FnMut(&Reading<'_>),
) {
    let Buffers { letters, decoded } = buffers;
    if !take(text, start, end, &BASE64, letters) {
        return;
    }
    for first in 0..4 {
        decoded.clear();
        let groups = letters.values[first..].chunks_exact(4);
        let rest = groups.remainder();
        for group in groups {
            let bits = group.iter().fold(0, |bits, letter| bits << 6 | u32::from(*letter));
            decoded.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        let bits =
            rest.iter().fold(0, |bits, letter| bits << 6 | u32::from(*letter)) << (6 * (4 - rest.len()));
        decoded.extend_from_slice(&bits.to_be_bytes()[1..][..rest.len() * 6 / 8]);
        look(&Reading { letters, bits: 6, first, decoded });
    }
}

fn read_hex(
    text: &[u8],
    start: usize,
    end: usize,
    buffers: &mut Buffers,
    look: &mut impl FnMut(&Reading<'_>),
) {
    let Buffers { letters, decoded } = buffers;
    if !take(text, start, end, &HEX, letters) {
        return;
    }
    for first in 0..2 {
        decoded.clear();
        decoded.extend(letters.values[first..].chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
        look(&Reading { letters, bits: 4, first, decoded });
    }
}

/// The pieces of decoded bytes that are text, each with its place. The rest can't hold a finding.
pub(crate) fn stretches(decoded: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let (start, end) = next_stretch(decoded, from)?;
        from = end;
        Some((start, &decoded[start..end]))
    })
}

fn next_stretch(decoded: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut start = from;
    loop {
        let last = start + STRETCH_BYTES_MIN - 1;
        let row = decoded.get(start..=last)?;
        match row.iter().rposition(|byte| !TEXT[usize::from(*byte)]) {
            Some(at) => start += at + 1,
            None => {
                let more = decoded[last..].iter().take_while(|byte| TEXT[usize::from(**byte)]).count();
                return Some((start, last + more));
            }
        }
    }
}

/// Printable ASCII, tabs and line breaks.
const TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7F {
        table[byte] = true;
        byte += 1;
    }
    table[b'\t' as usize] = true;
    table[b'\r' as usize] = true;
    table[b'\n' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    fn readings(text: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        read_all(text, &mut Buffers::default(), |_, _| true, |reading| all.push(reading.decoded.to_vec()));
        all
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_among_the_readings_at_its_place(
            bytes in prop::collection::vec(any::<u8>(), 13..60), before in "[A-Za-z]{0,5}", how in 0..4, line in 5_usize..80,
        ) {
            let encoded = match how {
                0 => STANDARD.encode(&bytes),
                1 => URL_SAFE_NO_PAD.encode(&bytes),
                2 => ioi_types::hex::encode(&bytes),
                _ => ioi_types::hex::encode(&bytes).to_uppercase(),
            };
            let lines: Vec<_> = encoded.as_bytes().chunks(line).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let text = format!("... {before}{} ...", lines.join("\r\n"));
            let found = readings(text.as_bytes()).into_iter().any(|reading| {
                memchr::memmem::find(&reading, &bytes).is_some()
            });
            prop_assert!(found, "{text}");
        }

        #[test]
        fn rows_are_those_that_a_simple_search_finds(text in "[a-c .]{0,90}", from in 0_usize..5) {
            let from = from.min(text.len());
            let simple = text[from..].split([' ', '.']).scan(from, |at, word| {
                let start = *at;
                *at += word.len() + 1;
                Some((start, start + word.len()))
            });
            let simple = simple.clone().find(|(start, end)| end - start >= LETTERS_MIN);
            prop_assert_eq!(next_row(text.as_bytes(), from, |byte| byte.is_ascii_alphabetic()), simple);
        }

        #[test]
        fn stretches_are_the_longest_pieces_of_text(bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(b'a')], 0..90)) {
            let simple: Vec<_> = bytes.split(|byte| *byte == 0).filter(|s| s.len() >= STRETCH_BYTES_MIN).collect();
            let found: Vec<_> = stretches(&bytes).map(|(_, stretch)| stretch).collect();
            prop_assert_eq!(found, simple);
        }
    }
}
