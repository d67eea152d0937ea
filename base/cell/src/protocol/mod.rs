//! What both sides do with the words of one entry or line: pure, over any atomics.

pub mod claim;
pub mod seqlock;
