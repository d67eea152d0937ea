//! The same definitions, written the plain way: strings, maps and wide integers.

use ioi_search::{Hit, Passages};
use std::collections::BTreeMap;

/// The terms of a text whose characters beyond ASCII are those of [`letter`].
pub(crate) fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    for character in text.chars() {
        match character {
            '\u{301}' => {}
            '漢' | '字' | 'か' => {
                found.push(std::mem::take(&mut current));
                found.push(character.to_string());
            }
            _ if character.is_alphanumeric() => letter(character, &mut current),
            _ => found.push(std::mem::take(&mut current)),
        }
    }
    found.push(current);
    found.into_iter().filter(|term| !term.is_empty()).map(|term| stem(&first_bytes(&term))).collect()
}

fn first_bytes(term: &str) -> String {
    // A character cut in two would not be a string; the texts here avoid it.
    term[..term.len().min(64)].to_string()
}

fn letter(character: char, term: &mut String) {
    match character {
        'é' | 'É' => term.push('e'),
        'Ü' => term.push('u'),
        _ => term.extend(character.to_lowercase()),
    }
}

fn stem(term: &str) -> String {
    if term.len() < 4 || !term.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return term.to_string();
    }
    let mut word = term.to_string();
    if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") {
        word.pop();
        if word.len() > 3 && word.ends_with("ie") {
            word.truncate(word.len() - 2);
            word.push('y');
        }
    }
    let rest =
        word.strip_suffix("ing").or_else(|| word.strip_suffix("ed").filter(|rest| !rest.ends_with('e')));
    if let Some(rest) = rest.filter(|rest| rest.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y'])) {
        let (last, before) = (rest.as_bytes()[rest.len() - 1], rest.as_bytes()[rest.len() - 2]);
        let is_double = last == before && !"aeioulsz".contains(char::from(last));
        word = rest[..rest.len() - usize::from(is_double)].to_string();
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    word
}

/// The score page's formula over every passage of every text.
pub(crate) fn search(texts: &[(u32, String)], question: &str, count_max: usize) -> Vec<Hit> {
    let mut passages = Vec::new();
    for (document, text) in texts {
        for passage in Passages::new(text) {
            let heading = passage.heading.filter(|heading| heading.offset < passage.span.offset);
            let mut own = heading.map(|heading| terms(heading.of(text).unwrap())).unwrap_or_default();
            own.extend(terms(passage.span.of(text).unwrap()));
            passages.push((*document, passage, own));
        }
    }
    let n = passages.len() as u128;
    let t = passages.iter().map(|(.., own)| own.len() as u128).sum::<u128>().max(1);
    let mut wanted = BTreeMap::new();
    for term in terms(question) {
        let d = passages.iter().filter(|(.., own)| own.contains(&term)).count() as u128;
        wanted.insert(term, log2(2 * n + 2).saturating_sub(log2(2 * d + 1)));
    }
    let score = |own: &[String]| -> u128 {
        let l = own.len() as u128;
        let norm = ((3 * t + 9 * l * n) << 16) / (10 * t);
        let part = |(term, idf): (&String, &u128)| {
            let f = own.iter().filter(|other| *other == term).count() as u128;
            ((11 * idf * f) << 16) / (5 * ((f << 16) + norm)).max(1)
        };
        wanted.iter().map(part).sum()
    };
    let mut hits: Vec<Hit> = passages
        .iter()
        .map(|(document, passage, own)| Hit {
            document: *document,
            offset: passage.span.offset,
            length: passage.span.length,
            heading: passage.heading,
            score: u64::try_from(score(own)).unwrap(),
        })
        .filter(|hit| hit.score > 0)
        .collect();
    hits.sort_by_key(|hit| (std::cmp::Reverse(hit.score), hit.document, hit.offset));
    hits.truncate(count_max);
    hits
}

fn log2(value: u128) -> u128 {
    let whole = value.ilog2();
    let mut mantissa = (value << 64) >> whole >> 33;
    let mut result = u128::from(whole);
    for _ in 0..16 {
        mantissa = (mantissa * mantissa) >> 31;
        result *= 2;
        if mantissa >= 1 << 32 {
            mantissa /= 2;
            result += 1;
        }
    }
    result
}
