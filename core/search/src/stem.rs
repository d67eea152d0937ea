//! Light stemming of English: plurals, `-ed`, `-ing` and a final `e`.
//!
//! The steps, on tokens of at least four letters a–z, each applied once:
//! 1. `-ies` → `y`; `-s` falls, unless the word ends in `-ss`, `-us` or `-is`
//!    (Harman, "How effective is suffixing?", 1991).
//! 2. `-ing` and `-ed` fall if three letters with a vowel stay (`-eed` stays);
//!    a double consonant other than `l`, `s`, `z` is then made single.
//! 3. A final `e` falls if three letters stay.
//!
//! It unites *seal, seals, sealed, sealing* and *cache, caches, caching*; it
//! never unites words by meaning. Documents and questions pass through the
//! same steps, so a wrong stem costs precision, not recall.

use crate::term::Term;

const LETTERS_MIN: usize = 4;
const STEM_LETTERS_MIN: usize = 3;

/// Stems `term` in place.
pub(crate) fn stem(term: &mut Term) {
    if term.as_bytes().len() < LETTERS_MIN || !term.as_bytes().iter().all(u8::is_ascii_lowercase) {
        return;
    }
    drop_plural(term);
    drop_participle(term);
    let word = term.as_bytes();
    if word.len() > STEM_LETTERS_MIN && word.ends_with(b"e") {
        term.truncate(word.len() - 1);
    }
}

fn drop_plural(term: &mut Term) {
    let word = term.as_bytes();
    if !word.ends_with(b"s") || [b"ss", b"us", b"is"].iter().any(|end| word.ends_with(*end)) {
        return;
    }
    let length = word.len();
    if length > 4 && word.ends_with(b"ies") {
        term.truncate(length - 3);
        term.push(b'y');
    } else {
        term.truncate(length - 1);
    }
}

fn drop_participle(term: &mut Term) {
    let word = term.as_bytes();
    let suffix = match word {
        [.., b'i', b'n', b'g'] => 3,
        [.., b'e', b'e', b'd'] => return,
        [.., b'e', b'd'] => 2,
        _ => return,
    };
    let rest = &word[..word.len() - suffix];
    if rest.len() < STEM_LETTERS_MIN || !rest.iter().any(|letter| b"aeiouy".contains(letter)) {
        return;
    }
    let length = match rest {
        [.., left, right] if left == right && !b"aeioulsz".contains(right) => rest.len() - 1,
        _ => rest.len(),
    };
    term.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stemmed(word: &str) -> String {
        let mut term = Term::new();
        word.bytes().for_each(|byte| term.push(byte));
        stem(&mut term);
        String::from_utf8(term.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for forms in [
            &["seal", "seals", "sealed", "sealing"][..],
            &["cache", "caches", "cached", "caching"],
            &["query", "queries"],
            &["stop", "stops", "stopped", "stopping"],
            &["call", "calls", "called", "calling"],
            &["process", "processed", "processing"],
            &["file", "files"],
        ] {
            for form in forms {
                assert_eq!(stemmed(form), stemmed(forms[0]), "{form}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_an_ending_stays() {
        for word in ["status", "class", "this", "need", "red", "sing", "string", "x64s", "bed", "basis"] {
            assert_eq!(stemmed(word), word);
        }
    }
}
