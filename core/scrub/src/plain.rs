//! Recognisers over one text as it stands: what begins at a literal, an `@`, a digit, or a word of a list.

use crate::key::{self, AWS_NAMES, RULES};
use crate::kind::{Kind, Kinds};
use crate::literal::Literals;
use crate::text::Match;
use crate::{email, jwt, number, pem, phrase, placeholder};
use std::sync::OnceLock;

/// Everything of these kinds in a text. Findings may overlap and come in no order.
pub(crate) fn find_all(text: &[u8], kinds: Kinds, found: &mut Vec<Match>) {
    if kinds.meets(Kinds::of([Kind::ApiKey, Kind::PrivateKey, Kind::Jwt])) {
        find_by_literal(text, kinds, found);
    }
    if kinds.contains(Kind::Email) {
        found.extend(memchr::memchr_iter(b'@', text).filter_map(|at| email::find(text, at)));
    }
    if kinds.contains(Kind::Placeholder) {
        found.extend(memchr::memchr_iter(b'<', text).filter_map(|at| placeholder::find(text, at)));
    }
    if kinds.meets(numbers()) {
        find_by_digits(text, kinds, found);
    }
    if kinds.contains(Kind::SeedPhrase) {
        phrase::find_all(text, found);
    }
}

fn numbers() -> Kinds {
    Kinds::of([
        Kind::Phone,
        Kind::Card,
        Kind::Iban,
        Kind::UsSsn,
        Kind::UkNino,
        Kind::DeTaxId,
        Kind::FrNir,
        Kind::EsDni,
        Kind::ItTaxCode,
    ])
}

fn find_by_digits(text: &[u8], kinds: Kinds, found: &mut Vec<Match>) {
    let mut at = 0;
    while let Some(start) = next_digit(text, at) {
        number::find_all(text, start, kinds, found);
        at = start + text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
}

/// Whole blocks are looked at first, which compilers do many bytes at a time.
fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let (blocks, _) = text[from..].as_chunks::<BLOCK>();
    let has_digit = |block: &[u8; BLOCK]| block.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    let skipped = blocks.iter().take_while(|block| !has_digit(block)).count() * BLOCK;
    let found = text[from + skipped..].iter().position(u8::is_ascii_digit)?;
    Some(from + skipped + found)
}

/// The literals: prefixes of keys, names before keys, the beginnings of PEM and of JSON Web Tokens.
fn literals() -> impl Iterator<Item = &'static str> {
    let prefixes = RULES.iter().map(|rule| rule.prefix);
    prefixes.chain(AWS_NAMES.iter().copied()).chain([pem::BEGIN, jwt::BEGIN])
}

fn find_by_literal(text: &[u8], kinds: Kinds, found: &mut Vec<Match>) {
    static LITERALS: OnceLock<Literals> = OnceLock::new();
    let literals = LITERALS.get_or_init(|| Literals::new(literals()));
    literals.find_all(text, |literal, at| {
        found.extend(find_at(text, literal, at).filter(|found| kinds.contains(found.kind)));
    });
}

fn find_at(text: &[u8], literal: usize, at: usize) -> Option<Match> {
    if let Some(rule) = RULES.get(literal) {
        return key::find(text, at, rule);
    }
    match literal - RULES.len() {
        name if name < AWS_NAMES.len() => key::find_aws(text, at + AWS_NAMES[name].len()),
        name if name == AWS_NAMES.len() => pem::find(text, at),
        _ => jwt::find(text, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_digit_is_the_first_one() {
        for at in 0..200 {
            let mut text = vec![b'x'; 200];
            text[at] = b'7';
            assert_eq!(next_digit(&text, 0), Some(at));
            assert_eq!(next_digit(&text, at + 1), None);
        }
    }
}
