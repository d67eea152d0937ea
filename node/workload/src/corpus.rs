//! What was ingested, in memory that nobody else can write, and the index over it.

use crate::memory::Bulk;
use ioi_crypto::hash::blake3;
use ioi_ipc::proto::control::{Document, IngestResult};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_search::{Builder, Index, Span};
use ioi_types::{Digest, ErrorCode, limits};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// Documents of one session.
const DOCUMENTS_MAX: usize = 4_000_000;

/// One document, its text a part of what came with others.
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
    builders: Mutex<Builders>,
    /// Rung when a builder comes back.
    back: Condvar,
    text_bytes: AtomicU64,
    /// With what of their payloads is no document's.
    kept_bytes: AtomicU64,
    index: OnceLock<Arc<Index>>,
}

/// Who builds, under one lock, so that no builder is handed out after the index was begun.
#[derive(Default)]
struct Builders {
    /// Those that nobody is using; at most one a thread comes to exist.
    idle: Vec<Builder>,
    /// How many are being used.
    busy: usize,
    /// No further one is handed out.
    is_closed: bool,
}

/// A builder that goes back however its use ends, with all that it has taken in.
pub(crate) struct Borrowed<'c> {
    corpus: &'c Corpus,
    builder: Option<Builder>,
}

impl Borrowed<'_> {
    pub(crate) fn add(&mut self, number: u32, text: &str) -> Result<(), Status> {
        let added = self.builder.as_mut().map_or(Ok(()), |builder| builder.add(number, text));
        added.map_err(|error| refuse(ErrorCode::QuotaMemory, error.to_string()))
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut builders = self.corpus.builders();
        builders.idle.extend(self.builder.take());
        builders.busy -= 1;
        self.corpus.back.notify_all();
    }
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
    /// Digests the bytes, checks every claim about them and indexes the texts. Blocking.
    pub(crate) fn ingest(
        &self,
        ingestion: &Ingestion,
        text: Bulk,
        source: Option<Bulk>,
    ) -> Result<IngestResult, Status> {
        within(&ingestion.documents, &text, source.as_ref())?;
        let digest = |document| ingestion.goes_on().and_then(|()| digest(document, &text, source.as_ref()));
        let digests = ingestion.documents.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        let reply = IngestResult {
            text_digest: text.digest().to_string(),
            source_digest: source.as_ref().map(|bulk| bulk.digest().to_string()).unwrap_or_default(),
            document_digests: digests.iter().map(Digest::to_string).collect(),
        };
        drop(source);
        if ingestion.digest_only {
            return Ok(reply);
        }
        self.keep(text.len() as u64)?;
        let entries = entries(&ingestion.documents, &digests, &Arc::new(text))?;
        self.index(entries, ingestion)?;
        Ok(reply)
    }

    /// Makes sure of room for a whole payload, of whichever part of it the documents are.
    fn keep(&self, bytes: u64) -> Result<(), Status> {
        let most = limits::TEXT_BYTES_MAX;
        let more = |kept: u64| kept.checked_add(bytes).filter(|kept| *kept <= most);
        let kept = self.kept_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let full = |kept| {
            format!(
                "{kept} bytes of text are kept, and with {bytes} more they were over {most}; ask about fewer documents"
            )
        };
        kept.map(|_| ()).map_err(|kept| refuse(ErrorCode::QuotaMemory, full(kept)))
    }

    fn index(&self, fresh: Vec<Entry>, ingestion: &Ingestion) -> Result<(), Status> {
        let mut builder = self.borrow()?;
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
        for number in first {
            ingestion.goes_on()?;
            let (region, offset, length) = {
                let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
                let entry = &entries[number];
                (Arc::clone(&entry.region), entry.offset, entry.length)
            };
            let text = std::str::from_utf8(&region[offset..offset + length]).unwrap_or_default();
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            builder.add(number, text)?;
        }
        Ok(())
    }

    fn builders(&self) -> MutexGuard<'_, Builders> {
        self.builders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A builder to add to, until the index is begun.
    pub(crate) fn borrow(&self) -> Result<Borrowed<'_>, Status> {
        let mut builders = self.builders();
        if builders.is_closed {
            return Err(closed());
        }
        builders.busy += 1;
        let builder = Some(builders.idle.pop().unwrap_or_else(Index::builder));
        Ok(Borrowed { corpus: self, builder })
    }

    /// The index over everything; after this no more can be ingested. Blocking: it waits for the ingestions that
    /// are under way.
    pub(crate) fn finished(&self) -> Arc<Index> {
        let index = self.index.get_or_init(|| {
            let mut builders = self.builders();
            builders.is_closed = true;
            let waited = self.back.wait_while(builders, |builders| builders.busy > 0);
            let mut builders = waited.unwrap_or_else(PoisonError::into_inner);
            let parts = std::mem::take(&mut builders.idle);
            drop(builders);
            Arc::new(Index::merge(parts.into_iter().map(Builder::finish)))
        });
        Arc::clone(index)
    }

    /// Documents that are kept, and the bytes of their text.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let documents = self.entries.read().unwrap_or_else(PoisonError::into_inner).len();
        (documents as u64, self.text_bytes.load(Ordering::Relaxed))
    }

    /// Whether the index is finished; waits for nobody.
    pub(crate) fn is_finished(&self) -> bool {
        self.index.get().is_some()
    }

    /// Looks at one document.
    pub(crate) fn with<R>(&self, document: u32, look: impl FnOnce(&Entry) -> R) -> Option<R> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(document as usize).map(look)
    }
}

/// No more is ingested.
pub(crate) fn closed() -> Status {
    refuse(ErrorCode::ArgumentInvalid, "a question was asked, so nothing more is ingested")
}

/// Each byte of a payload is of one document, so however many there are, no more is digested than was sent.
fn within(documents: &[Document], text: &Bulk, source: Option<&Bulk>) -> Result<(), Status> {
    let texts = documents.iter().map(|document| document.text_length);
    let sources =
        documents.iter().filter(|document| document.in_source).map(|document| document.source_length);
    let source = source.map_or(0, |source| source.len());
    for (what, lengths, most) in [
        ("the texts", texts.fold(0, u64::saturating_add), text.len()),
        ("the sources", sources.fold(0, u64::saturating_add), source),
    ] {
        if lengths > most as u64 {
            let message = format!("{what} have {lengths} bytes together, and their payload has {most}");
            return Err(refuse(ErrorCode::SliceRange, message));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_ipc::status::code;

    #[test]
    fn the_index_waits_for_what_is_being_added_and_takes_nothing_after() {
        let corpus = Arc::new(Corpus::default());
        let mut under_way = corpus.borrow().unwrap();
        let merging = {
            let corpus = Arc::clone(&corpus);
            std::thread::spawn(move || corpus.finished().passage_count())
        };
        while !corpus.builders().is_closed {
            std::thread::yield_now();
        }
        assert_eq!(code(&corpus.borrow().err().unwrap()), ErrorCode::ArgumentInvalid);
        under_way.add(0, "A sealed buffer can't be changed by anyone.").unwrap();
        assert!(!corpus.is_finished());
        drop(under_way);
        assert_eq!(merging.join().unwrap(), 1);
        assert!(corpus.is_finished());
    }

    #[test]
    fn a_builder_goes_back_with_all_that_it_has_when_its_ingestion_is_stopped() {
        let corpus = Corpus::default();
        let add = |end: Result<(), Status>| {
            let mut builder = corpus.borrow()?;
            builder.add(0, "A sealed buffer can't be changed by anyone.")?;
            end
        };
        assert!(add(Err(closed())).is_err());
        assert_eq!(corpus.finished().passage_count(), 1);
    }

    #[test]
    fn no_more_text_is_kept_than_one_session_may_have() {
        let corpus = Corpus::default();
        let most = limits::TEXT_BYTES_MAX;
        corpus.keep(most - 10).unwrap();
        for bytes in [11, u64::MAX] {
            let refused = corpus.keep(bytes).unwrap_err();
            assert_eq!(ioi_ipc::status::code(&refused), ErrorCode::QuotaMemory);
        }
        corpus.keep(10).expect("a refusal takes nothing");
        let ingestion = Ingestion {
            documents: Vec::new(),
            digest_only: false,
            stopped: Arc::new(AtomicBool::new(false)),
        };
        let refused = corpus.ingest(&ingestion, Bulk::Inline(vec![b'x']), None).unwrap_err();
        assert_eq!(ioi_ipc::status::code(&refused), ErrorCode::QuotaMemory, "what is no document's counts");
    }
}
