//! A model elsewhere writes the answer: what it is asked, and how its answer is read.
//!
//! The protocol is that of OpenAI's chat completions, which most servers of models speak: a JSON request,
//! and an answer as server-sent events (WHATWG HTML, section 9.2) or, from servers that don't stream, as one
//! JSON object.

mod compose;
mod events;
mod prompt;

pub(crate) use compose::compose;
pub(crate) use prompt::body;
