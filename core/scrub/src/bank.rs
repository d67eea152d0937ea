//! Payment cards and bank accounts.

use crate::kind::Kind;
use crate::number::{Digits, is_free};
use crate::text::{Match, byte_at};

/// Issuers: the first and last number that a card's first digits may be, and how many digits it may have.
const ISSUERS: &[(u32, u32, &[usize])] = &[
    (4, 4, &[13, 16, 19]),                       // Visa
    (51, 55, &[16]),                             // Mastercard
    (2221, 2720, &[16]),                         // Mastercard
    (34, 34, &[15]),                             // American Express
    (37, 37, &[15]),                             // American Express
    (6011, 6011, &[16, 19]),                     // Discover
    (644, 659, &[16, 19]),                       // Discover
    (300, 305, &[14]),                           // Diners Club
    (36, 36, &[14]),                             // Diners Club
    (38, 39, &[14]),                             // Diners Club
    (3528, 3589, &[16, 19]),                     // JCB
    (62, 62, &[16, 17, 18, 19]),                 // UnionPay
    (2200, 2204, &[16, 19]),                     // Mir
    (5018, 5018, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (5020, 5020, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (5038, 5038, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (5893, 5893, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (6304, 6304, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (6759, 6763, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
];

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit))
}

fn has_issuer(digits: &[u8]) -> bool {
    ISSUERS.iter().any(|(first, last, lengths)| {
        let prefix = number(&digits[..first.ilog10() as usize + 1]);
        (*first..=*last).contains(&prefix) && lengths.contains(&digits.len())
    })
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let value =
        |(place, digit): (usize, &u8)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit });
    digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

/// The longest card number that begins here.
pub(crate) fn find_card(text: &[u8], at: usize) -> Option<Match> {
    let digits = Digits::read(text, at, b" -");
    let lengths = (13..=digits.all().len()).rev();
    let card = |count: &usize| has_issuer(&digits.all()[..*count]) && luhn(&digits.all()[..*count]);
    let end = lengths.filter(card).find_map(|count| digits.end_of(text, count))?;
    Some(Match::new(Kind::Card, at, end))
}

/// Countries with the length of their numbers, from the registry of ISO 13616.
const IBANS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// No number of the table is longer.
const IBAN_LETTERS_MAX: usize = 34;

/// The account number whose check digits begin at `at`, in one piece or in groups.
pub(crate) fn find_iban(text: &[u8], at: usize) -> Option<Match> {
    let start = at.checked_sub(2)?;
    if !is_free(text, start) || !byte_at(text, at + 1).is_ascii_digit() {
        return None;
    }
    let country = [text[start].to_ascii_uppercase(), text[start + 1].to_ascii_uppercase()];
    let (_, letters) = IBANS.iter().find(|(known, _)| **known == country)?;
    let mut values = [0; IBAN_LETTERS_MAX];
    let end = read_letters(text, start, &mut values[..*letters])?;
    (mod_97(&values[4..*letters], &values[..4]) == 1).then(|| Match::new(Kind::Iban, start, end))
}

/// Fills the buffer with letters and digits, with single blanks or hyphens between them; where it ends. Small
/// letters are taken in one piece only: a group of them is an ordinary word.
fn read_letters(text: &[u8], start: usize, letters: &mut [u8]) -> Option<usize> {
    let mut at = start;
    let (mut grouped, mut small) = (false, false);
    for letter in letters {
        if at > start && matches!(byte_at(text, at), b' ' | b'-') {
            (grouped, at) = (true, at + 1);
        }
        let byte = Some(byte_at(text, at)).filter(u8::is_ascii_alphanumeric)?;
        small |= byte.is_ascii_lowercase();
        *letter = byte.to_ascii_uppercase();
        at += 1;
    }
    let words = grouped && small;
    let cut = byte_at(text, at).is_ascii_alphanumeric();
    (!words && !cut).then_some(at)
}

/// Letters count as 10 to 35.
fn mod_97(account: &[u8], head: &[u8]) -> u32 {
    account.iter().chain(head).fold(0, |rest, &letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}
