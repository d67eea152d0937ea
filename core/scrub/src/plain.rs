//! Recognisers over one text as it stands: what begins at a literal, an `@`, a digit, or a word of a list.

use crate::key::{self, AWS_NAMES, RULES};
use crate::kind::{Kind, Kinds};
use crate::text::Match;
use crate::{email, jwt, number, pem, phrase, placeholder};
use aho_corasick::{AhoCorasick, MatchKind, packed};
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
    let rest = &text[from..];
    let has_digit = |block: &[u8]| block.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    let skipped = rest.chunks_exact(BLOCK).take_while(|block| !has_digit(block)).count() * BLOCK;
    let found = rest[skipped..].iter().position(u8::is_ascii_digit)?;
    Some(from + skipped + found)
}

/// The literals: prefixes of keys, names before keys, the beginnings of PEM and of JSON Web Tokens. None is the
/// beginning of another one.
fn literals() -> impl Iterator<Item = &'static str> {
    let prefixes = RULES.iter().map(|rule| rule.prefix);
    prefixes.chain(AWS_NAMES.iter().copied()).chain([pem::BEGIN, jwt::BEGIN])
}

/// Many literals at once: with vector instructions where the machine has them.
enum Searcher {
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
    /// Neither could be built from the table, which a test excludes.
    Nothing,
}

impl Searcher {
    fn get() -> &'static Self {
        static SEARCHER: OnceLock<Searcher> = OnceLock::new();
        SEARCHER.get_or_init(|| match packed::Searcher::new(literals()) {
            Some(searcher) => Self::Vector(searcher),
            None => {
                let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(literals());
                automaton.map_or(Self::Nothing, Self::Automaton)
            }
        })
    }

    /// The next literal from a place on: which one, and where it begins.
    fn next(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = aho_corasick::Span { start: from, end: text.len() };
        let found = match self {
            Self::Vector(searcher) => searcher.find_in(text, span),
            Self::Automaton(automaton) => automaton.find(aho_corasick::Input::new(text).span(span)),
            Self::Nothing => None,
        }?;
        Some((found.pattern().as_usize(), found.start()))
    }
}

fn find_by_literal(text: &[u8], kinds: Kinds, found: &mut Vec<Match>) {
    let searcher = Searcher::get();
    let mut from = 0;
    while let Some((literal, at)) = searcher.next(text, from) {
        found.extend(find_at(text, literal, at).filter(|found| kinds.contains(found.kind)));
        // The next one may begin inside of this.
        from = at + 1;
    }
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
    fn no_literal_is_the_beginning_of_another_and_all_are_searched_for() {
        let all: Vec<_> = literals().collect();
        for (number, literal) in all.iter().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != number);
            assert!(others.clone().all(|(_, other)| !other.starts_with(literal)), "{literal}");
            let text = format!("xx{literal}xx");
            assert_eq!(Searcher::get().next(text.as_bytes(), 0), Some((number, 2)), "{literal}");
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(literals());
        assert!(automaton.is_ok(), "where there are no vector instructions");
    }

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
