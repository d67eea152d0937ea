//! Numbers that states give to persons, each with the checksum that its state defines.

use crate::kind::Kind;
use crate::number::{Digits, is_free};
use crate::text::{Match, before, byte_at, has_context, run};

/// A social security number: it has no checksum, so it counts only behind a word that says what it is.
pub(crate) fn find_ssn(text: &[u8], at: usize) -> Option<Match> {
    const WORDS: &[&str] = &["ssn", "ssns", "social security", "social_security", "soc sec", "itin"];
    let (d, end) = Digits::read(text, at, b" -").exactly::<9>(text)?;
    let groups = &text[at..end];
    let is_split = groups.len() == 11 && groups[3] == groups[6] && !groups[3].is_ascii_digit();
    let area = u32::from(d[0]) * 100 + u32::from(d[1]) * 10 + u32::from(d[2]);
    let given = area != 0 && area != 666 && area < 900 && d[3..5] != [0; 2] && d[5..] != [0; 4];
    let fits = given && (is_split || groups.len() == 9) && has_context(text, at, WORDS);
    fits.then(|| Match::new(Kind::UsSsn, at, end))
}

/// A national insurance number: two capital letters, six digits, a letter from A to D.
pub(crate) fn find_nino(text: &[u8], at: usize) -> Option<Match> {
    const NEVER: [&[u8; 2]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    let start = at.checked_sub(2 + usize::from(before(text, at) == b' '))?;
    let letters = [text[start], text[start + 1]];
    let given = letters.iter().all(|l| l.is_ascii_uppercase() && !b"DFIQUV".contains(l))
        && letters[1] != b'O'
        && !NEVER.contains(&&letters);
    if !given || !is_free(text, start) {
        return None;
    }
    let digits = Digits::read(text, at, b" ");
    let last = at + run(text, at, 9, |byte| byte.is_ascii_digit() || byte == b' ');
    let six = digits.all().len() == 6 && matches!(byte_at(text, last), b'A'..=b'D');
    let near = matches!(last - at, 6..=9);
    (six && near && !byte_at(text, last + 1).is_ascii_alphanumeric())
        .then(|| Match::new(Kind::UkNino, start, last + 1))
}

/// A German tax identification number: of its first ten digits one comes twice or three times, the others once
/// at most; the last is a check by ISO 7064, MOD 11,10.
pub(crate) fn find_tax_id(text: &[u8], at: usize) -> Option<Match> {
    let (d, end) = Digits::read(text, at, b" ").exactly::<11>(text)?;
    let mut counts = [0; 10];
    d[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    let repeated: Vec<_> = counts.iter().filter(|count| **count > 1).collect();
    let one_repeated = matches!(repeated[..], [2 | 3]);
    let in_a_row = d[..10].windows(3).any(|three| three[0] == three[1] && three[1] == three[2]);
    let product = d[..10].iter().fold(10, |product, digit| match (product + u32::from(*digit)) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    let fits = d[0] != 0 && one_repeated && !in_a_row && (11 - product) % 10 == u32::from(d[10]);
    fits.then(|| Match::new(Kind::DeTaxId, at, end))
}

/// A French social security number: sex, year, month, department, commune, order, and 97 minus the rest of a
/// division by 97. The departments of Corsica have a letter.
pub(crate) fn find_nir(text: &[u8], at: usize) -> Option<Match> {
    let mut d = [0_u64; 15];
    let (mut end, mut corsica) = (at, 0);
    for (place, digit) in d.iter_mut().enumerate() {
        end += usize::from(place > 0 && byte_at(text, end) == b' ');
        match (byte_at(text, end), place) {
            (byte @ b'0'..=b'9', _) => *digit = u64::from(byte - b'0'),
            // The letter counts as 0, and the number as so much less.
            (b'A', 6) => corsica = 1_000_000,
            (b'B', 6) => corsica = 2_000_000,
            _ => return None,
        }
        end += 1;
    }
    let number = |digits: &[u64]| digits.iter().fold(0, |number, digit| number * 10 + digit);
    let month = number(&d[3..5]);
    let given = matches!(d[0], 1..=4 | 7 | 8) && (matches!(month, 1..=12 | 20 | 30..=42) || month >= 50);
    let corsican = corsica == 0 || d[5] == 2;
    let checked = number(&d[..13]).checked_sub(corsica)? % 97 + number(&d[13..]) == 97;
    let fits = given && corsican && checked && !byte_at(text, end).is_ascii_alphanumeric();
    fits.then(|| Match::new(Kind::FrNir, at, end))
}

/// The check letter of DNI and NIE.
fn dni_letter(number: u32) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[number as usize % 23]
}

/// Behind the check letter that follows these digits, after a hyphen or not.
fn dni_end(text: &[u8], digits: &[u8], end: usize, first: u32) -> Option<usize> {
    let number = digits.iter().fold(first, |number, digit| number * 10 + u32::from(*digit));
    let at = end + usize::from(matches!(byte_at(text, end), b'-' | b' '));
    let fits = byte_at(text, at) == dni_letter(number) && !byte_at(text, at + 1).is_ascii_alphanumeric();
    fits.then_some(at + 1)
}

/// A DNI: eight digits and a letter.
pub(crate) fn find_dni(text: &[u8], at: usize) -> Option<Match> {
    let digits = Digits::read(text, at, b"");
    let eight: &[u8; 8] = digits.all().try_into().ok()?;
    Some(Match::new(Kind::EsDni, at, dni_end(text, eight, at + 8, 0)?))
}

/// An NIE: X, Y or Z, seven digits and a letter.
pub(crate) fn find_nie(text: &[u8], at: usize) -> Option<Match> {
    let start = at.checked_sub(1)?;
    let first = match text[start] {
        letter @ b'X'..=b'Z' => u32::from(letter - b'X'),
        _ => return None,
    };
    let digits = Digits::read(text, at, b"");
    let seven: &[u8; 7] = digits.all().try_into().ok()?;
    let end = dni_end(text, seven, at + 7, first)?;
    is_free(text, start).then(|| Match::new(Kind::EsDni, start, end))
}

/// An Italian tax code: sixteen letters and digits, of which the last is a check. Its first digits begin at `at`.
pub(crate) fn find_tax_code(text: &[u8], at: usize) -> Option<Match> {
    let start = at.checked_sub(6)?;
    if !is_free(text, start) {
        return None;
    }
    let code: &[u8; 16] = text.get(start..start + 16)?.try_into().ok()?;
    let upper = code.map(|byte| byte.to_ascii_uppercase());
    // Digits may be replaced by these letters where two persons would have the same code.
    let digit = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    let shape = |place: usize, byte: u8| match place {
        6 | 7 | 9 | 10 | 12..=14 => digit(byte),
        8 => b"ABCDEHLMPRST".contains(&byte),
        _ => byte.is_ascii_uppercase(),
    };
    let fits = upper.iter().enumerate().all(|(place, byte)| shape(place, *byte))
        && upper[15] == tax_code_letter(&upper[..15])
        && !byte_at(text, start + 16).is_ascii_alphanumeric();
    fits.then(|| Match::new(Kind::ItTaxCode, start, start + 16))
}

/// Letters and digits at odd places (from 1) have the values of this table, those at even places their own.
fn tax_code_letter(code: &[u8]) -> u8 {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let rank = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
    let value = |(place, byte): (usize, &u8)| match place % 2 {
        0 => ODD[usize::from(rank(*byte))],
        _ => u32::from(rank(*byte)),
    };
    b'A' + (code.iter().enumerate().map(value).sum::<u32>() % 26) as u8
}
