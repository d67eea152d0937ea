//! Cuts a passage into sentences, the units that the reader quotes.
//!
//! A sentence ends at a full stop, question or exclamation mark before white
//! space, unless a lower-case letter follows or a known abbreviation stands
//! before it; at an ideographic full stop; at a blank line; and before a
//! heading, a list item or a table row. A line break alone does not end one.

use std::ops::Range;

/// Longer sentences are cut here, in bytes.
pub(crate) const SENTENCE_BYTES_MAX: usize = 600;

/// A label is no longer, in bytes.
const LABEL_BYTES_MAX: usize = 80;
/// How a whole sentence ends.
const SENTENCE_ENDS: [char; 8] = ['.', '!', '?', '"', '”', '。', '！', '？'];

const ABBREVIATIONS: [&str; 10] =
    ["e.g.", "i.e.", "etc.", "vs.", "cf.", "fig.", "sec.", "no.", "dr.", "approx."];

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// Its bytes, without white space at the ends.
    pub(crate) range: Range<usize>,
    /// Whether it is a heading, which is never quoted.
    pub(crate) is_heading: bool,
    /// Whether it ends as a sentence does.
    pub(crate) is_whole: bool,
    /// Whether it is a short line that names what the next sentence says,
    /// such as a term before its definition; it is not quoted either.
    pub(crate) is_label: bool,
}

/// The sentences of `text`, in order; together they hold all that is not white space.
pub(crate) fn sentences(text: &str) -> Vec<Sentence> {
    let mut found = cut(text);
    for at in 1..found.len() {
        let [label, next] = [&found[at - 1], &found[at]];
        let gap = &text[label.range.end..next.range.start];
        found[at - 1].is_label = !label.is_heading
            && !label.is_whole
            && next.is_whole
            && !next.is_heading
            && gap.contains('\n')
            && is_label_line(&text[label.range.clone()]);
    }
    found
}

fn is_label_line(line: &str) -> bool {
    line.len() <= LABEL_BYTES_MAX
        && !line.contains(['\n', '|'])
        && !line.contains(": ")
        && !line.starts_with("```")
}

fn cut(text: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if starts_block(line) {
            push(text, start..at, &mut found);
            start = at;
        }
        for end in ends(line) {
            if followed_by_start(&text[at + end..]) && !ends_abbreviation(&line[..end]) {
                push(text, start..at + end, &mut found);
                start = at + end;
            }
        }
        at += line.len();
        if line.starts_with('#') {
            push(text, start..at, &mut found);
            start = at;
        }
    }
    push(text, start..at, &mut found);
    found
}

/// Adds `text[range]` trimmed, in pieces if it is long, unless it is empty.
fn push(text: &str, range: Range<usize>, found: &mut Vec<Sentence>) {
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        let start = at + (rest.len() - rest.trim_start().len());
        let end = text.floor_char_boundary(range.end.min(start + SENTENCE_BYTES_MAX)).max(start);
        let piece = text[start..end].trim_end();
        if !piece.is_empty() {
            let is_heading = piece.starts_with('#') && piece.trim_start_matches('#').starts_with(' ');
            let is_whole = piece.ends_with(SENTENCE_ENDS);
            found.push(Sentence { range: start..start + piece.len(), is_heading, is_whole, is_label: false });
        }
        at = end.max(at + 1);
    }
}

/// Whether a line can't go on from the line before it.
fn starts_block(line: &str) -> bool {
    let body = line.trim_start();
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    body.is_empty()
        || ["#", "- ", "* ", "• ", "|", "```"].iter().any(|mark| body.starts_with(mark))
        || (1..4).contains(&digits) && body[digits..].starts_with(". ")
}

/// The ends of possible sentences in a line, in bytes.
fn ends(line: &str) -> impl Iterator<Item = usize> {
    line.char_indices().filter_map(|(at, character)| match character {
        '.' | '!' | '?' | ':' => {
            let closing = line[at + 1..].bytes().take_while(|byte| b"\"')]*`".contains(byte)).count();
            Some(at + 1 + closing).filter(|end| character != ':' || line[*end..].trim().is_empty())
        }
        '。' | '！' | '？' => Some(at + character.len_utf8()),
        _ => None,
    })
}

/// Whether what follows a possible end may start a sentence.
fn followed_by_start(rest: &str) -> bool {
    let next = rest.trim_start();
    let wide = next.len() == rest.len() && rest.chars().next().is_some_and(|next| !next.is_ascii());
    (next.len() < rest.len() || rest.is_empty() || wide) && !next.starts_with(char::is_lowercase)
}

fn ends_abbreviation(line: &str) -> bool {
    let word = line.rsplit(|byte: char| byte.is_whitespace() || byte == '(').next().unwrap_or_default();
    ABBREVIATIONS.iter().any(|known| known.eq_ignore_ascii_case(word))
}
