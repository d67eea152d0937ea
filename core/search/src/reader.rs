//! The extractive reader: quotes the sentences that answer a question best.
//!
//! It makes up no text. Each sentence of each passage is scored in integers
//! from what it shares with the question's *subject terms*, which are its terms
//! without function words such as *what* and *the* (or all terms, if nothing
//! else is left). With `w` the weight of a term (its idf):
//!
//! ```text
//! score = 8 · Σ w    over subject terms in the sentence
//!       + 6 · Σ w    over subject terms in its label: a short line of its own
//!                    directly before it, as before a definition
//!       + 3 · Σ w    over subject terms only elsewhere in its passage or heading
//!       + 2 · Σ min  over neighbours in the question that stand in that order
//!                    within 8 tokens in the sentence
//!       + 1 · Σ w    over subject terms in the heading
//!       + Σ w of the sentence / 2   if it ends as a sentence does
//!       + the passage's own score
//! ```
//!
//! A sentence answers only if it and its label hold at least a third of the
//! weight of all subject terms, and its passage and heading at least half. A
//! term that no document holds has the greatest weight, so a question about
//! something foreign is not answered by its common words. These two fractions
//! are rules of thumb, chosen on software documentation.

use crate::index::Hit;
use crate::question::{Question, QuestionTerm};
use crate::sentence::{Sentence, sentences};
use crate::term::each_token;
use std::cmp::Reverse;
use std::ops::Range;

/// What the digest of this reader is taken over. The number grows whenever the same passages could give another
/// answer.
pub const IDENTITY: &str = "ioi extractive reader 1";
/// Neighbours in a question may stand this many tokens apart in a sentence.
const NEAR_TOKENS: usize = 8;
/// No more quotes are given, whatever is asked for.
pub const QUOTES_MAX: usize = 64;

/// A passage to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage<'t> {
    /// The passage.
    pub text: &'t str,
    /// The heading that it stands under; may be empty.
    pub heading: &'t str,
    /// Its score in the search; may be 0.
    pub score: u64,
}

impl<'t> Passage<'t> {
    /// The passage that `hit` names in its document's text; empty if the text
    /// is not the one that was indexed and does not reach that far.
    #[must_use]
    pub fn new(hit: &Hit, document_text: &'t str) -> Self {
        let span = crate::Span { offset: hit.offset, length: hit.length };
        let heading = hit.heading.and_then(|heading| heading.of(document_text));
        Self {
            text: span.of(document_text).unwrap_or_default(),
            heading: heading.unwrap_or_default(),
            score: hit.score,
        }
    }
}

/// What the reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The best sentences, best first; at least one.
    Quotes(Vec<Quote>),
    /// No passage answers this.
    NoPassageAnswers,
}

/// One sentence, quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Which of the passages given to the reader.
    pub passage: usize,
    /// The bytes of that passage's text.
    pub range: Range<usize>,
    /// See the module's formula; in units of 2⁻¹⁶.
    pub score: u64,
}

/// Up to `count_max` sentences that answer `question`, best first; equal ones
/// in the order of `passages`. A sentence whose text was quoted already is left
/// out, and so is one that scores less than half of the best.
#[must_use]
pub fn read(question: &Question, passages: &[Passage<'_>], count_max: usize) -> Answer {
    let subject = Subject::of(question);
    let mut quotes: Vec<Quote> =
        passages.iter().enumerate().flat_map(|(index, passage)| subject.quotes(index, passage)).collect();
    quotes.sort_by_key(|quote| (Reverse(quote.score), quote.passage, quote.range.start));
    let best = quotes.first().map_or(0, |quote| quote.score);
    let mut chosen: Vec<Quote> = Vec::new();
    for quote in quotes.into_iter().take_while(|quote| quote.score >= best / 2) {
        let text = |quote: &Quote| &passages[quote.passage].text[quote.range.clone()];
        if chosen.len() == count_max.min(QUOTES_MAX) {
            break;
        }
        if chosen.iter().all(|other| text(other) != text(&quote)) {
            chosen.push(quote);
        }
    }
    if chosen.is_empty() { Answer::NoPassageAnswers } else { Answer::Quotes(chosen) }
}

/// The terms that a question is about.
struct Subject {
    terms: Vec<QuestionTerm>,
}

/// A sentence and the subject terms in it.
struct Read {
    sentence: Sentence,
    found: Vec<(usize, usize)>,
    set: TermSet,
}

/// The subject terms around a sentence.
#[derive(Clone, Copy)]
struct Context {
    label: TermSet,
    heading: TermSet,
    /// In the whole passage and its heading.
    all: TermSet,
}

/// A set of subject terms: bit `i` stands for the `i`-th.
type TermSet = u64;

impl Subject {
    fn of(question: &Question) -> Self {
        let subject = question.terms().iter().copied().filter(|term| !term.is_function_word);
        let terms: Vec<_> = subject.collect();
        Self { terms: if terms.is_empty() { question.terms().to_vec() } else { terms } }
    }

    fn weight(&self, set: TermSet) -> u64 {
        let held = self.terms.iter().enumerate().filter(|(index, _)| set >> index & 1 == 1);
        held.map(|(_, term)| term.weight).sum()
    }

    /// The subject terms of `text`: which term, and the how-many-th token it is.
    fn occurrences(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut token_index = 0;
        each_token(text, |token| {
            if let Some(term) = self.terms.iter().position(|term| term.id == token.term) {
                found.push((term, token_index));
            }
            token_index += 1;
        });
        found
    }

    /// Every sentence of the passage that answers.
    fn quotes(&self, index: usize, passage: &Passage<'_>) -> Vec<Quote> {
        let title = set_of(&self.occurrences(passage.heading));
        let read: Vec<Read> =
            sentences(passage.text).into_iter().map(|sentence| self.read(passage, sentence)).collect();
        let heading =
            read.iter().filter(|read| read.sentence.is_heading).fold(title, |all, read| all | read.set);
        let context = read.iter().fold(heading, |all, read| all | read.set);
        let label = |at: usize| {
            read[..at].last().filter(|before| before.sentence.is_label).map_or(0, |before| before.set)
        };
        let quotable =
            read.iter().enumerate().filter(|(_, read)| !read.sentence.is_heading && !read.sentence.is_label);
        quotable
            .filter_map(|(at, read)| {
                let score = self.score(read, Context { label: label(at), heading, all: context })?;
                let range = read.sentence.range.clone();
                Some(Quote { passage: index, range, score: score + passage.score })
            })
            .collect()
    }

    fn read(&self, passage: &Passage<'_>, sentence: Sentence) -> Read {
        let found = self.occurrences(&passage.text[sentence.range.clone()]);
        Read { set: set_of(&found), found, sentence }
    }

    /// The score of a sentence that answers, by the module's formula.
    fn score(&self, read: &Read, context: Context) -> Option<u64> {
        let (own, label, all) =
            (self.weight(read.set), self.weight(context.label), self.weight(TermSet::MAX));
        let held = self.weight(read.set | context.label);
        if held == 0 || held * 3 < all || self.weight(context.all) * 2 < all {
            return None;
        }
        let elsewhere = context.all & !read.set & !context.label;
        let whole = if read.sentence.is_whole { own / 2 } else { 0 };
        Some(
            8 * own
                + 6 * label
                + 3 * self.weight(elsewhere)
                + 2 * self.nearness(&read.found)
                + self.weight(context.heading)
                + whole,
        )
    }

    /// The lighter weight of each pair of neighbours found near and in order.
    fn nearness(&self, found: &[(usize, usize)]) -> u64 {
        let near = |first: usize| {
            let firsts = found.iter().filter(move |(term, _)| *term == first);
            firsts.into_iter().any(|(_, at)| {
                let after = |(term, place): &(usize, usize)| {
                    *term == first + 1 && place > at && place - at <= NEAR_TOKENS
                };
                found.iter().any(after)
            })
        };
        let pairs = self.terms.windows(2).enumerate().filter(|(first, _)| near(*first));
        pairs.map(|(_, pair)| pair[0].weight.min(pair[1].weight)).sum()
    }
}

fn set_of(found: &[(usize, usize)]) -> TermSet {
    found.iter().fold(0, |set, (term, _)| set | 1 << term)
}
