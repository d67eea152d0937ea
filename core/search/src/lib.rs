//! Passages, BM25 with integer scores and the extractive reader.
