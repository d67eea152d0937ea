//! A model elsewhere writes the answer: what it is asked, and how its answer is read.

mod compose;
mod prompt;

pub(crate) use compose::compose;
pub(crate) use prompt::body;
