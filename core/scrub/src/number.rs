//! Digits in groups, and everything that is recognised by them.

use crate::kind::{Kind, Kinds};
use crate::text::{Match, before, byte_at, work};
use crate::{bank, national, phone};

/// More digits than this belong to no number that is looked for.
const DIGITS_MAX: usize = 19;

/// The digits from a place on, with single separators between them, and where each one ends.
pub(crate) struct Digits {
    values: [u8; DIGITS_MAX],
    ends: [usize; DIGITS_MAX],
    /// No more than [`DIGITS_MAX`].
    count: usize,
    /// Behind the last digit another one follows at once.
    more: bool,
}

impl Digits {
    /// Reads digits, and one byte of `separators` between two of them.
    pub(crate) fn read(text: &[u8], start: usize, separators: &[u8]) -> Self {
        let mut digits = Self { values: [0; DIGITS_MAX], ends: [0; DIGITS_MAX], count: 0, more: false };
        let mut at = start;
        loop {
            let byte = byte_at(text, at);
            let separated =
                separators.contains(&byte) && byte_at(text, at + 1).is_ascii_digit() && at > start;
            if byte.is_ascii_digit() && digits.count < DIGITS_MAX {
                digits.values[digits.count] = byte - b'0';
                digits.ends[digits.count] = at + 1;
                digits.count += 1;
            } else if !separated {
                digits.more = byte.is_ascii_digit();
                work::add(at - start + 1);
                return digits;
            }
            at += 1;
        }
    }

    /// All digits that were read.
    pub(crate) fn all(&self) -> &[u8] {
        &self.values[..self.count]
    }

    /// Behind the digit of this number, from 1; none where a digit or letter follows at once.
    pub(crate) fn end_of(&self, text: &[u8], count: usize) -> Option<usize> {
        let end = *self.ends[..self.count].get(count.checked_sub(1)?)?;
        let cut = self.more && count == self.count;
        (!cut && !byte_at(text, end).is_ascii_alphanumeric()).then_some(end)
    }

    /// Exactly so many digits and then no further group.
    pub(crate) fn exactly<const N: usize>(&self, text: &[u8]) -> Option<([u8; N], usize)> {
        let values = self.all().try_into().ok()?;
        Some((values, self.end_of(text, N)?))
    }
}

/// Whether a number may begin here: no letter, digit or decimal point before it.
pub(crate) fn is_free(text: &[u8], at: usize) -> bool {
    let last = before(text, at);
    let decimal = matches!(last, b'.' | b',') && at > 1 && text[at - 2].is_ascii_digit();
    !last.is_ascii_alphanumeric() && last != b'_' && !decimal
}

/// Everything that has the digits beginning at `at`, the first of their group.
pub(crate) fn find_all(text: &[u8], at: usize, kinds: Kinds, found: &mut Vec<Match>) {
    let wants = |kind| kinds.contains(kind);
    if before(text, at).is_ascii_alphabetic() || before(text, at) == b' ' {
        lettered(text, at, kinds, found);
    }
    if !has_many_digits(text, at) {
        return;
    }
    if wants(Kind::Phone) {
        found.extend(phone::find(text, at));
    }
    if !is_free(text, at) {
        return;
    }
    if wants(Kind::Card) {
        found.extend(bank::find_card(text, at));
    }
    type Find = fn(&[u8], usize) -> Option<Match>;
    let numbers: [(Kind, Find); 4] = [
        (Kind::UsSsn, national::find_ssn),
        (Kind::DeTaxId, national::find_tax_id),
        (Kind::FrNir, national::find_nir),
        (Kind::EsDni, national::find_dni),
    ];
    found.extend(numbers.iter().filter(|(kind, _)| wants(*kind)).filter_map(|(_, find)| find(text, at)));
}

/// Every number without letters before it has seven digits and more, the first of them not far from each other.
fn has_many_digits(text: &[u8], at: usize) -> bool {
    const BYTES: usize = 16;
    let near = &text[at..(at + BYTES).min(text.len())];
    near.iter().filter(|byte| byte.is_ascii_digit()).count() >= 7
}

/// What begins with letters before its first digits.
fn lettered(text: &[u8], at: usize, kinds: Kinds, found: &mut Vec<Match>) {
    type Find = fn(&[u8], usize) -> Option<Match>;
    let lettered: [(Kind, Find); 4] = [
        (Kind::Iban, bank::find_iban),
        (Kind::UkNino, national::find_nino),
        (Kind::EsDni, national::find_nie),
        (Kind::ItTaxCode, national::find_tax_code),
    ];
    found.extend(lettered.iter().filter(|(kind, _)| kinds.contains(*kind)).filter_map(|(_, f)| f(text, at)));
}
