//! What was ingested: sealed texts, mapped read-only, and the index over them.

use crate::memory::Bulk;
use ioi_crypto::hash::blake3;
use ioi_ipc::proto::control::{Document, IngestResult};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_search::{Builder, Index, Span};
use ioi_types::{Digest, ErrorCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Documents of one session.
const DOCUMENTS_MAX: usize = 4_000_000;

/// One document, its text lying in a sealed region.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) digest: Digest,
    region: Arc<Bulk>,
    offset: usize,
    length: usize,
}

impl Entry {
    /// A part of the text; empty where the span does not fit it.
    pub(crate) fn part(&self, span: Span) -> &str {
        let from = self.offset + (span.offset as usize).min(self.length);
        let to = (from + span.length as usize).min(self.offset + self.length);
        std::str::from_utf8(&self.region[from..to]).unwrap_or_default()
    }
}

/// The documents and their index.
#[derive(Default)]
pub(crate) struct Corpus {
    entries: RwLock<Vec<Entry>>,
    /// Builders that nobody is using; at most one a thread comes to exist.
    idle: Mutex<Vec<Builder>>,
    text_bytes: AtomicU64,
    index: Mutex<Option<Arc<Index>>>,
}

/// What is to be taken in, and until when.
pub(crate) struct Ingestion {
    pub(crate) documents: Vec<Document>,
    pub(crate) digest_only: bool,
    /// Raised when nobody wants it any more. What was indexed until then stays.
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Ingestion {
    fn goes_on(&self) -> Result<(), Status> {
        let stopped = || refuse(ErrorCode::Cancelled, "the ingestion was stopped");
        if self.stopped.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) }
    }
}

fn range(code: ErrorCode, what: &str, path: &str) -> Status {
    refuse(code, format!("{what} of `{path}` lies outside its region"))
}

fn part<'b>(bulk: &'b Bulk, offset: u64, length: u64, path: &str) -> Result<&'b [u8], Status> {
    bulk.part(offset, length).ok_or_else(|| range(ErrorCode::SliceRange, "a part", path))
}

impl Corpus {
    /// Digests the sealed bytes, checks every claim about them and indexes the texts. Blocking.
    pub(crate) fn ingest(
        &self,
        ingestion: &Ingestion,
        text: Bulk,
        source: Option<Bulk>,
    ) -> Result<IngestResult, Status> {
        let digest = |document| ingestion.goes_on().and_then(|()| digest(document, &text, source.as_ref()));
        let digests = ingestion.documents.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        let reply = IngestResult {
            text_digest: blake3(&text).to_string(),
            source_digest: source.as_deref().map(|bytes| blake3(bytes).to_string()).unwrap_or_default(),
            document_digests: digests.iter().map(Digest::to_string).collect(),
        };
        drop(source);
        if ingestion.digest_only {
            return Ok(reply);
        }
        let entries = entries(&ingestion.documents, &digests, &Arc::new(text))?;
        self.index(entries, ingestion)?;
        Ok(reply)
    }

    fn index(&self, fresh: Vec<Entry>, ingestion: &Ingestion) -> Result<(), Status> {
        let first = {
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            if entries.len() + fresh.len() > DOCUMENTS_MAX {
                return Err(refuse(ErrorCode::QuotaMemory, format!("more than {DOCUMENTS_MAX} documents")));
            }
            let first = entries.len();
            let bytes: u64 = fresh.iter().map(|entry| entry.length as u64).sum();
            self.text_bytes.fetch_add(bytes, Ordering::Relaxed);
            entries.extend(fresh);
            first..entries.len()
        };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut builder = idle().pop().unwrap_or_else(Index::builder);
        let mut ended = Ok(());
        for number in first {
            ended = ingestion.goes_on();
            if ended.is_err() {
                break;
            }
            let (region, offset, length) = {
                let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
                let entry = &entries[number];
                (Arc::clone(&entry.region), entry.offset, entry.length)
            };
            let text = std::str::from_utf8(&region[offset..offset + length]).unwrap_or_default();
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            builder.add(number, text).map_err(|error| refuse(ErrorCode::QuotaMemory, error.to_string()))?;
        }
        idle().push(builder);
        ended
    }

    /// The index over everything; after this no more can be ingested. Blocking.
    pub(crate) fn finished(&self) -> Arc<Index> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(index.get_or_insert_with(|| {
            let builders = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
            Arc::new(Index::merge(builders.into_iter().map(Builder::finish)))
        }))
    }

    /// Documents that are kept, and the bytes of their text.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let documents = self.entries.read().unwrap_or_else(PoisonError::into_inner).len();
        (documents as u64, self.text_bytes.load(Ordering::Relaxed))
    }

    /// Whether the index is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Looks at one document.
    pub(crate) fn with<R>(&self, document: u32, look: impl FnOnce(&Entry) -> R) -> Option<R> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(document as usize).map(look)
    }
}

/// The digest of a document's original bytes, which must be the claimed one.
fn digest(document: &Document, text: &Bulk, source: Option<&Bulk>) -> Result<Digest, Status> {
    let path = &document.path;
    let bytes = match (document.in_source, source) {
        (false, _) => part(text, document.text_offset, document.text_length, path)?,
        (true, Some(source)) => part(source, document.source_offset, document.source_length, path)?,
        (true, None) => return Err(range(ErrorCode::SliceRange, "the source", path)),
    };
    let computed = blake3(bytes);
    if document.claimed_digest != computed.to_string() {
        let message = format!("`{path}` was claimed as {} and is {computed}", document.claimed_digest);
        return Err(refuse(ErrorCode::SliceDigest, message));
    }
    Ok(computed)
}

fn entries(documents: &[Document], digests: &[Digest], text: &Arc<Bulk>) -> Result<Vec<Entry>, Status> {
    let entry = |(document, digest): (&Document, &Digest)| {
        let bytes = part(text, document.text_offset, document.text_length, &document.path)?;
        std::str::from_utf8(bytes).map_err(|_| {
            refuse(ErrorCode::ExtractFailed, format!("the text of `{}` is not UTF-8", document.path))
        })?;
        Ok(Entry {
            path: document.path.clone(),
            digest: *digest,
            region: Arc::clone(text),
            offset: usize::try_from(document.text_offset).unwrap_or(usize::MAX),
            length: bytes.len(),
        })
    };
    documents.iter().zip(digests).map(entry).collect()
}
