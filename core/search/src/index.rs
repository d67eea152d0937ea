//! The index: built from texts, joined from shards, searched by score.

use crate::passage::{Passages, Span};
use crate::question::{Question, QuestionError};
use crate::score::{Statistics, contribution};
use crate::segment::{OpenSegment, PASSAGE_TOKENS_MAX, Segment};
use crate::term::{TermId, each_token};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Builds an index; several may run on threads of their own and be merged.
#[derive(Debug, Default)]
pub struct Builder {
    open: OpenSegment,
    index: Index,
}

/// Why a text was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Passages are named by 32-bit offsets.
    #[error("a text of {bytes} bytes is too long to index: at most 4294967295")]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
}

impl Builder {
    /// Cuts `text` into passages and indexes their terms; copies nothing of it.
    ///
    /// `document` is the caller's number for the text: each number is used for
    /// one text, over all builders whose indexes will be merged. A passage's
    /// terms are its own and its heading's.
    ///
    /// # Errors
    /// On a text of 4 GiB or more; nothing of it is added.
    pub fn add(&mut self, document: u32, text: &str) -> Result<(), IndexError> {
        if u32::try_from(text.len()).is_err() {
            return Err(IndexError::TextTooLong { bytes: text.len() });
        }
        for passage in Passages::new(text) {
            if self.open.is_full() {
                self.close();
            }
            self.open.begin(document, passage);
            let heading = passage.heading.filter(|heading| heading.offset < passage.span.offset);
            for span in [heading, Some(passage.span)].into_iter().flatten() {
                each_token(span.of(text).unwrap_or_default(), |token| self.open.token(token));
            }
            self.index.statistics.passages += 1;
            self.index.statistics.terms += self.open.end();
        }
        Ok(())
    }

    /// Packs what is still open.
    #[must_use]
    pub fn finish(mut self) -> Index {
        self.close();
        self.index
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.index.segments.push(std::mem::take(&mut self.open).close());
        }
    }
}

/// The passages of many texts, searchable by their terms.
#[derive(Debug, Default)]
pub struct Index {
    segments: Vec<Segment>,
    statistics: Statistics,
}

/// One passage that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The caller's number of the document.
    pub document: u32,
    /// Where the passage starts in the document's text, in bytes.
    pub offset: u32,
    /// Its length in bytes, at most [`PASSAGE_BYTES_MAX`](crate::PASSAGE_BYTES_MAX).
    pub length: u32,
    /// The nearest heading at or before its start, in the same text.
    pub heading: Option<Span>,
    /// BM25 in units of 2⁻¹⁶; never 0.
    pub score: u64,
}

impl Index {
    /// Starts an empty index.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Joins indexes into one that answers as if a single builder had read all
    /// their texts.
    #[must_use]
    pub fn merge(shards: impl IntoIterator<Item = Self>) -> Self {
        shards.into_iter().fold(Self::default(), |mut all, shard| {
            all.segments.extend(shard.segments);
            all.statistics.passages += shard.statistics.passages;
            all.statistics.terms += shard.statistics.terms;
            all
        })
    }

    /// Passages in the index.
    #[must_use]
    pub fn passage_count(&self) -> u64 {
        self.statistics.passages
    }

    /// Bytes that the index holds on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.segments.iter().map(Segment::heap_bytes).sum()
    }

    /// Reads a question and weighs its terms by how rare they are here.
    ///
    /// # Errors
    /// When it is longer than [`ioi_types::limits::QUESTION_BYTES_MAX`] or
    /// holds no letter or digit.
    pub fn question(&self, text: &str) -> Result<Question, QuestionError> {
        Question::read(text, |term| self.statistics.idf(self.passages_with(term)))
    }

    /// The `count_max` best passages: highest score first, then lowest document
    /// number, then lowest offset. Passages without any term of the question
    /// are never found.
    #[must_use]
    pub fn search(&self, question: &Question, count_max: usize) -> Vec<Hit> {
        let norms: Vec<u64> =
            (0..=PASSAGE_TOKENS_MAX as u64).map(|terms| self.statistics.norm(terms)).collect();
        let mut best = Best { hits: BinaryHeap::new(), count_max };
        let mut scores = Vec::new();
        for segment in &self.segments {
            score_segment(segment, question, &norms, &mut scores);
            for (entry, score) in segment.entries.iter().zip(&scores).filter(|(_, score)| **score > 0) {
                best.offer(*score, entry.document, entry.span(), entry.heading());
            }
        }
        best.into_hits()
    }

    fn passages_with(&self, term: TermId) -> u64 {
        self.segments.iter().map(|segment| segment.postings(term).count_left()).sum()
    }
}

/// Leaves the score of each passage of `segment` in `scores`.
fn score_segment(segment: &Segment, question: &Question, norms: &[u64], scores: &mut Vec<u64>) {
    scores.clear();
    scores.resize(segment.entries.len(), 0);
    for term in question.terms() {
        for (passage, times) in segment.postings(term.id) {
            let norm = norms[usize::from(segment.entries[passage].terms)];
            scores[passage] += contribution(term.weight, times, norm);
        }
    }
}

/// Orders hits by ascending merit. No two passages share document and offset.
type Merit = (u64, Reverse<u32>, Reverse<u32>);

/// Keeps the best hits seen; the worst of them lies on top.
struct Best {
    hits: BinaryHeap<Reverse<(Merit, u32, Option<Span>)>>,
    count_max: usize,
}

impl Best {
    fn offer(&mut self, score: u64, document: u32, span: Span, heading: Option<Span>) {
        let merit = (score, Reverse(document), Reverse(span.offset));
        if self.hits.len() == self.count_max {
            match self.hits.peek() {
                Some(Reverse((worst, ..))) if *worst < merit => self.hits.pop(),
                _ => return,
            };
        }
        self.hits.push(Reverse((merit, span.length, heading)));
    }

    fn into_hits(self) -> Vec<Hit> {
        let hits = self.hits.into_sorted_vec().into_iter();
        hits.map(|Reverse(((score, document, offset), length, heading))| Hit {
            document: document.0,
            offset: offset.0,
            length,
            heading,
            score,
        })
        .collect()
    }
}
