//! Properties of passages, scores and quotes, against naive references.

mod index;
mod naive;
mod passages;
mod reader;
