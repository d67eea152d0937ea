//! A question: its distinct terms, each with its weight in one index.

use crate::term::{TermId, each_token};
use ioi_types::limits::QUESTION_BYTES_MAX;

/// Distinct terms of a question that count; later ones are left out.
pub const QUESTION_TERMS_MAX: usize = 64;

/// Why a question can't be answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// Longer than any question may be.
    #[error("a question of {bytes} bytes is too long: at most {QUESTION_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// There is nothing to search for.
    #[error("the question holds no letter or digit to search for")]
    NoTerms,
}

/// A term of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuestionTerm {
    pub(crate) id: TermId,
    /// Its idf in units of 2⁻¹⁶.
    pub(crate) weight: u64,
    /// Whether it only shapes the sentence, as *what* and *the* do.
    pub(crate) is_function_word: bool,
}

/// The distinct terms of a question in the order of their first occurrence,
/// weighed by one index; made by [`Index::question`](crate::Index::question).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    terms: Vec<QuestionTerm>,
}

impl Question {
    pub(crate) fn read(text: &str, weight: impl Fn(TermId) -> u64) -> Result<Self, QuestionError> {
        if text.len() > QUESTION_BYTES_MAX {
            return Err(QuestionError::TooLong { bytes: text.len() });
        }
        let mut terms: Vec<QuestionTerm> = Vec::new();
        each_token(text, |token| {
            if terms.len() < QUESTION_TERMS_MAX && !terms.iter().any(|term| term.id == token.term) {
                let is_function_word = is_function_word(&text[token.start..token.end]);
                terms.push(QuestionTerm { id: token.term, weight: weight(token.term), is_function_word });
            }
        });
        if terms.is_empty() { Err(QuestionError::NoTerms) } else { Ok(Self { terms }) }
    }

    pub(crate) fn terms(&self) -> &[QuestionTerm] {
        &self.terms
    }
}

/// English words that carry no subject. They still count in the search, where
/// being common makes them light; the reader passes over them.
const FUNCTION_WORDS: [&str; 84] = [
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "because", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is",
    "it", "its", "just", "let", "may", "me", "might", "must", "my", "of", "on", "or", "our", "please", "s",
    "shall", "should", "so", "some", "such", "t", "tell", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "us", "was", "we", "were", "what", "when", "where",
    "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your", "explain",
    "describe",
];

fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}
