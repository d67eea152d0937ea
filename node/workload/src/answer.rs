//! Retrieval, the sealed context slice, and the built-in reader over it.

use crate::corpus::Corpus;
use crate::memory::Memory;
use crate::model;
use crate::service::blocking;
use ioi_crypto::hash::blake3;
use ioi_data::context::{self, ArchivedChunk, ArchivedContextSlice, Chunk, ContextSlice};
use ioi_data::types::Message;
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::control::{AnswerJob, AnswerResult, Citation, PromptJob, PromptResult};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_search::{Answer, Hit, Question, Span, reader};
use ioi_shm::View;
use ioi_types::{Digest, ErrorCode, limits};
use std::fmt::Write;
use std::ops::Deref;
use std::sync::Arc;

/// Passages put into one context slice.
const PASSAGES_MAX: usize = 16;
/// Sentences in the built-in reader's answer.
const QUOTES_MAX: usize = 3;

/// Finds passages, seals them as a slice, and reads the answer from the slice in place.
pub(crate) async fn answer(
    corpus: &Arc<Corpus>,
    memory: &Memory,
    job: &AnswerJob,
    slice_id: u64,
) -> Result<AnswerResult, Status> {
    let found = Found::seal(corpus, memory, &job.question, job.passages_max, slice_id).await?;
    let mut reply = read(&found.question, found.slice()?);
    (reply.slice, reply.slice_digest) = (Some(found.handle()), found.digest());
    Ok(reply)
}

/// Finds passages, seals them as a slice, and writes the request to a model from the slice in place.
pub(crate) async fn prompt(
    corpus: &Arc<Corpus>,
    memory: &Memory,
    job: &PromptJob,
    slice_id: u64,
) -> Result<PromptResult, Status> {
    let found = Found::seal(corpus, memory, &job.question, job.passages_max, slice_id).await?;
    let slice = found.slice()?;
    let (body, passages) = model::body(slice, &job.question, &job.model);
    if body.len() > limits::INLINE_BYTES_MAX {
        let message = format!("the question alone makes a request of {} bytes", body.len());
        return Err(refuse(ErrorCode::ArgumentInvalid, message));
    }
    Ok(PromptResult {
        body: Some(Payload::of_bytes(body)),
        slice: Some(found.handle()),
        slice_digest: found.digest(),
        passages: slice.chunks.iter().take(passages).map(whole).collect(),
    })
}

/// The passages for one question, sealed, and mapped read-only.
struct Found {
    question: Question,
    region: u64,
    view: View,
}

impl Found {
    async fn seal(
        corpus: &Arc<Corpus>,
        memory: &Memory,
        question: &str,
        passages_max: u32,
        slice_id: u64,
    ) -> Result<Self, Status> {
        if question.len() > limits::QUESTION_BYTES_MAX {
            return Err(invalid(&format!("a question of {} bytes is too long", question.len())));
        }
        let most = usize::try_from(passages_max).ok().filter(|most| (1..=PASSAGES_MAX).contains(most));
        let most =
            most.ok_or_else(|| invalid(&format!("{passages_max} passages are not 1 to {PASSAGES_MAX}")))?;
        let (corpus, question) = (Arc::clone(corpus), question.to_owned());
        let (terms, encoded) = blocking(move || search(&corpus, &question, most, slice_id)).await??;
        let (region, view) = memory.seal(&encoded).await?;
        Ok(Self { question: terms, region, view })
    }

    fn slice(&self) -> Result<&ArchivedContextSlice, Status> {
        context::view(&self.view).map_err(|error| invalid(&error))
    }

    fn handle(&self) -> SharedMemoryHandle {
        let type_id = <ContextSlice as Message>::RKYV.type_id;
        SharedMemoryHandle { type_id, ..SharedMemoryHandle::whole(self.region, self.view.len() as u64) }
    }

    fn digest(&self) -> String {
        blake3(&self.view).to_string()
    }
}

fn invalid(error: &dyn std::fmt::Display) -> Status {
    refuse(ErrorCode::ArgumentInvalid, error.to_string())
}

/// The first question merges the index, and each searches all of it, which may take a while.
fn search(
    corpus: &Corpus,
    question: &str,
    most: usize,
    slice_id: u64,
) -> Result<(Question, impl Deref<Target = [u8]> + Send + use<>), Status> {
    let index = corpus.finished();
    let terms = index.question(question).map_err(|error| invalid(&error))?;
    let slice = slice(corpus, question, &index.search(&terms, most), slice_id);
    let encoded = context::encode(&slice).map_err(|error| invalid(&error))?;
    Ok((terms, encoded))
}

fn slice(corpus: &Corpus, question: &str, hits: &[Hit], slice_id: u64) -> ContextSlice {
    let chunk = |hit: &Hit| {
        corpus.with(hit.document, |entry| Chunk {
            path: entry.path.clone(),
            document_digest: entry.digest.bytes,
            offset: hit.offset.into(),
            score: hit.score,
            text: entry.part(Span { offset: hit.offset, length: hit.length }).to_owned(),
            heading: hit.heading.map(|heading| entry.part(heading).to_owned()).unwrap_or_default(),
        })
    };
    let chunks = hits.iter().filter_map(chunk).collect();
    ContextSlice {
        slice_id,
        question: question.to_owned(),
        chunks,
        labels: vec!["untrusted".into()],
        ..ContextSlice::default()
    }
}

fn read(question: &Question, slice: &ArchivedContextSlice) -> AnswerResult {
    let passages: Vec<_> = slice
        .chunks
        .iter()
        .map(|chunk| reader::Passage {
            text: chunk.text.as_str(),
            heading: chunk.heading.as_str(),
            score: chunk.score.to_native(),
        })
        .collect();
    let Answer::Quotes(quotes) = reader::read(question, &passages, QUOTES_MAX) else {
        return AnswerResult { text: "No passage answers this.".into(), found: false, ..Default::default() };
    };
    let (mut text, mut citations) = (String::new(), Vec::new());
    for (index, quote) in quotes.iter().enumerate() {
        let chunk = &slice.chunks[quote.passage];
        let quoted = &chunk.text.as_str()[quote.range.clone()];
        let gap = if index == 0 { "" } else { " " };
        let flat = quoted.split_whitespace().collect::<Vec<_>>().join(" ");
        // Writing to a String can't fail.
        let _ = write!(text, "{gap}\u{201c}{flat}\u{201d} [{}]", index + 1);
        citations.push(Citation {
            path: chunk.path.as_str().to_owned(),
            offset: chunk.offset.to_native() + quote.range.start as u64,
            length: quoted.len() as u64,
            quote: quoted.to_owned(),
            document_digest: Digest::blake3(chunk.document_digest).to_string(),
            score: quote.score,
        });
    }
    AnswerResult { text, found: true, citations, ..Default::default() }
}

/// A whole passage, as a model was given it.
fn whole(chunk: &ArchivedChunk) -> Citation {
    Citation {
        path: chunk.path.as_str().to_owned(),
        offset: chunk.offset.to_native(),
        length: chunk.text.len() as u64,
        quote: chunk.text.as_str().to_owned(),
        document_digest: Digest::blake3(chunk.document_digest).to_string(),
        score: chunk.score.to_native(),
    }
}
