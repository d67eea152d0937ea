//! One batch: documents read, their text taken out, both laid into shared memory.
//!
//! Two slices leave a batch: the texts, which the workload keeps, and the
//! originals of documents that are not their own text, which it digests and
//! drops. A document in plain UTF-8 lies in the first only.

use crate::walk::{Item, Skip};
use ioi_extract::{ExtractError, Extracted, Limits, extract};
use ioi_sdk::{Buffer, Call, File, HostError, Slice, Value};
use ioi_types::{Digest, ErrorCode};

/// Files of one batch.
pub(crate) const FILES_MAX: usize = 64;
/// Bytes of one batch, by the sizes that the listing told; one larger file makes a batch alone.
pub(crate) const BYTES_MAX: u64 = 4 << 20;
/// A document, whatever the listing told.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// What came of the files of one batch.
#[derive(Default)]
pub(crate) struct Batch {
    documents: Vec<Value>,
    texts: Vec<u8>,
    sources: Vec<u8>,
    bytes: u64,
    pub(crate) skips: Vec<Skip>,
}

impl Batch {
    /// Reads and extracts every item; what can't be read becomes a skip.
    pub(crate) fn fill(call: &Call, items: &[Item]) -> Self {
        let mut batch = Self::default();
        let opened = call.host().open_many(items.iter().map(|item| (0, item.path.as_bytes())));
        for (item, file) in items.iter().zip(opened) {
            if let Err((code, reason)) = batch.add(item, file) {
                batch.skips.push(Skip { path: item.path.clone(), code, reason });
            }
        }
        batch
    }

    fn add(&mut self, item: &Item, file: Result<File, HostError>) -> Result<(), (ErrorCode, String)> {
        let mut file = file.map_err(|error| (error.code, error.message))?;
        let bytes = file
            .read_all(DOCUMENT_BYTES_MAX)
            .map_err(|error| (ErrorCode::PathUnreadable, format!("reading failed: {error}")))?;
        let extracted = text_of(item, &bytes)?;
        if extracted.text.trim().is_empty() {
            return Err((ErrorCode::ExtractFailed, "has no text".into()));
        }
        self.push(item, &bytes, &extracted);
        Ok(())
    }

    fn push(&mut self, item: &Item, bytes: &[u8], extracted: &Extracted<'_>) {
        let digest = Digest::blake3(*blake3::hash(bytes).as_bytes()).to_string();
        let mut fields = vec![
            ("digest", Value::from(digest)),
            ("media", Value::from(extracted.media.to_string())),
            ("path", Value::from(item.path.as_str())),
            ("text", lay(&mut self.texts, extracted.text.as_bytes())),
        ];
        if !extracted.same_as_source {
            fields.push(("source", lay(&mut self.sources, bytes)));
        }
        self.documents.push(Value::map(fields));
        self.bytes += bytes.len() as u64;
    }

    /// Hands the bytes over: the answer's value and the slices, texts first.
    pub(crate) fn hand_over(
        self,
        call: &Call,
        found: u64,
        done: bool,
    ) -> Result<(Value, Vec<Slice>), HostError> {
        let mut slices = Vec::new();
        for bytes in [&self.texts, &self.sources] {
            if !bytes.is_empty() {
                let mut buffer: Buffer = call.host().alloc(bytes.len() as u64)?;
                buffer[..bytes.len()].copy_from_slice(bytes);
                slices.push(buffer.hand_over(bytes.len())?);
            }
        }
        let number = |number: u64| Value::from(i64::try_from(number).unwrap_or(NUMBER_MAX));
        let value = Value::map([
            ("bytes", number(self.bytes)),
            ("documents", Value::List(self.documents)),
            ("done", done.into()),
            ("found", number(found)),
            ("skipped", Value::List(self.skips.iter().map(skip).collect())),
        ]);
        Ok((value, slices))
    }
}

/// A document that makes a reader of its format panic is one that can't be
/// read. Nothing is shared with the reader, so nothing is left half changed.
fn text_of<'b>(item: &Item, bytes: &'b [u8]) -> Result<Extracted<'b>, (ErrorCode, String)> {
    let reading = || extract(item.path.as_bytes(), bytes, Limits::default());
    match std::panic::catch_unwind(reading) {
        Ok(extracted) => extracted.map_err(|error: ExtractError| (error.code(), error.to_string())),
        Err(_) => Err((ErrorCode::ExtractFailed, "the reader of its format failed on it".into())),
    }
}

/// Sizes and counts lie far below it.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Appends `bytes` and says where they lie: `[offset, length]`.
fn lay(region: &mut Vec<u8>, bytes: &[u8]) -> Value {
    let number = |number: usize| Value::from(i64::try_from(number).unwrap_or(NUMBER_MAX));
    let place = Value::List(vec![number(region.len()), number(bytes.len())]);
    region.extend_from_slice(bytes);
    place
}

fn skip(skip: &Skip) -> Value {
    let reason: String = skip.reason.chars().take(300).collect();
    Value::map([
        ("code", Value::from(skip.code.number())),
        ("path", Value::from(skip.path.as_str())),
        ("reason", Value::from(reason)),
    ])
}
