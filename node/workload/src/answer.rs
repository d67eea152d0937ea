//! Retrieval, the sealed context slice, and the built-in reader over it.

use crate::corpus::Corpus;
use crate::memory::Memory;
use ioi_crypto::hash::blake3;
use ioi_ipc::context::{self, ArchivedContextSlice, Chunk, ContextSlice};
use ioi_ipc::proto::control::{AskReply, AskRequest, Citation, Region};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_search::{Answer, Hit, Question, Span, reader};
use ioi_types::{Digest, ErrorCode, limits};
use std::fmt::Write;

/// Passages put into one context slice.
const PASSAGES_MAX: usize = 16;
/// Sentences in the built-in reader's answer.
const QUOTES_MAX: usize = 3;

/// Finds passages, seals them as a slice, and reads the answer from the slice in place.
pub(crate) async fn answer(
    corpus: &Corpus,
    memory: &Memory,
    request: &AskRequest,
    slice_id: u64,
) -> Result<AskReply, Status> {
    let index = corpus.finished();
    let invalid = |error: &dyn std::fmt::Display| refuse(ErrorCode::ArgumentInvalid, error.to_string());
    let question = index.question(&request.question).map_err(|error| invalid(&error))?;
    let most = (request.passages_max as usize).clamp(1, PASSAGES_MAX);
    let hits = index.search(&question, most);
    let slice = slice(corpus, &request.question, &hits, slice_id);
    let encoded = context::encode(&slice).map_err(|error| invalid(&error))?;
    drop(slice);
    let (region, view) = memory.seal(&encoded).await?;
    let slice = context::view(&view).map_err(|error| invalid(&error))?;
    let mut reply = if request.context_only { cite_all(slice) } else { read(&question, slice) };
    reply.slice = Some(Region { id: region, bytes: view.len() as u64 });
    reply.slice_digest = blake3(&view).to_string();
    Ok(reply)
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
    ContextSlice { slice_id, question: question.to_owned(), chunks, labels: vec!["untrusted".into()] }
}

fn read(question: &Question, slice: &ArchivedContextSlice) -> AskReply {
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
        return AskReply { text: "No passage answers this.".into(), found: false, ..Default::default() };
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
    AskReply { text, found: true, citations, ..Default::default() }
}

/// For another model: every passage, numbered, within the inline bound.
fn cite_all(slice: &ArchivedContextSlice) -> AskReply {
    let mut reply = AskReply { found: !slice.chunks.is_empty(), ..Default::default() };
    for (index, chunk) in slice.chunks.iter().enumerate() {
        let numbered = format!("[{}] {}\n{}\n\n", index + 1, chunk.path, chunk.text);
        if reply.context.len() + numbered.len() > limits::INLINE_BYTES_MAX / 2 {
            break;
        }
        reply.context.push_str(&numbered);
        reply.citations.push(Citation {
            path: chunk.path.as_str().to_owned(),
            offset: chunk.offset.to_native(),
            length: chunk.text.len() as u64,
            quote: chunk.text.as_str().to_owned(),
            document_digest: Digest::blake3(chunk.document_digest).to_string(),
            score: chunk.score.to_native(),
        });
    }
    reply
}
