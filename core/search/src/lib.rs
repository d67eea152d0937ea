//! Passages of texts, found by BM25 with integer scores and quoted by an extractive reader.
//!
//! The same texts and question give the same hits and quotes, bit for bit, on
//! every machine, however the texts were spread over builders. The index names
//! bytes of the caller's texts and copies none of them.
//!
//! This crate does not know files, formats, threads or models. It reads plain
//! text with Markdown headings and makes up no word of an answer.
//!
//! ```
//! use ioi_search::{Answer, Index, Passage, reader};
//!
//! let text = "# Regions\n\nA region is sealed before it is shared.\n\n# Rings\n\nA ring carries frames.";
//! let mut builder = Index::builder();
//! builder.add(0, text)?;
//! let index = builder.finish();
//!
//! let question = index.question("When is a region sealed?")?;
//! let hits = index.search(&question, 8);
//! let passages: Vec<_> = hits.iter().map(|hit| reader::Passage::new(hit, text)).collect();
//! let Answer::Quotes(quotes) = reader::read(&question, &passages, 1) else { panic!() };
//! assert_eq!(&passages[quotes[0].passage].text[quotes[0].range.clone()], "A region is sealed before it is shared.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod index;
mod passage;
mod question;
pub mod reader;
mod score;
mod segment;
mod sentence;
mod stem;
mod term;

pub use index::{Builder, Hit, Index, IndexError};
pub use passage::{PASSAGE_BYTES_MAX, PASSAGE_BYTES_MIN, Passage, Passages, Span};
pub use question::{QUESTION_TERMS_MAX, Question, QuestionError};
pub use reader::{Answer, Quote};
pub use score::SCORE_FRACTION_BITS;
