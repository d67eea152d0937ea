//! A model's answer in the protocol of OpenAI's chat completions: server-sent events (WHATWG HTML, section 9.2)
//! or, from servers that don't stream, one JSON object.
//!
//! It doesn't know where the bytes come from. Two processes read the same bytes by it: egress, to search the
//! text for the credential, and the workload, to show it; so what is searched is what is shown.
//!
//! ```
//! use ioi_completion::Reader;
//!
//! let mut reader = Reader::default();
//! assert_eq!(reader.take(b"data: {\"choices\":[{\"delta\":{\"content\":\"In reeds [1].\"}}]}\n\n"), "In reeds [1].");
//! reader.take(b"data: [DONE]\n\n");
//! assert!(reader.is_done());
//! let read = reader.finish();
//! assert_eq!(read.trouble, None);
//! assert_eq!(ioi_completion::cited(&read.text, 3), [1]);
//! ```
#![forbid(unsafe_code)]

mod reader;

pub use reader::{Read, Reader, cited};
