//! `ioi ask`: documents through the plugin into the workload, then questions.

use crate::failure::Failure;
use crate::model::{Model, Written};
use crate::receipt::{self, CutShort};
use crate::session::{Plugin, Session};
use crate::workload::Workload;
use futures::stream::{FuturesUnordered, StreamExt};
use ioi_audit::{Citation, Closing, Slice};
use ioi_canon::{Limits, Map, Value, parse};
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::control::{self, execute_job_request::Job, job_result::Result as Done};
use ioi_ipc::proto::supervisor::{self as wire, report_request::Report};
use ioi_plugin::CallError;
use ioi_plugin::message::{BulkHandle, Request, Response};
use ioi_types::{Digest, ErrorCode};
use std::sync::Arc;
use std::time::Instant;

/// Calls to the files plugin under way at once: one reads while another is indexed.
const BATCHES_IN_FLIGHT: usize = 3;
const BATCH_DEADLINE_MS: u32 = 120_000;
/// Batches in a row with neither a document nor a reason; an honest plugin has none but its last.
const EMPTY_BATCHES_MAX: usize = 16;
const PASSAGES_MAX: u32 = 8;

/// Reads, answers until the user has no more questions, and closes.
///
/// # Errors
/// What ended the session early.
pub(crate) async fn run(session: &Session, workload: Workload, model: Option<Model>) -> Result<(), CutShort> {
    let mut ask = Ask::new(session, workload, model);
    let mut conversation = Conversation::default();
    let work = async {
        ask.ingest().await?;
        ask.converse(&mut conversation).await
    };
    let ended = or_ended(session, work).await;
    conversation.finish(session, ended).await
}

/// Works until it is done or is to end early, whatever comes first.
pub(crate) async fn or_ended(
    session: &Session,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        // What the supervisor says of another process is the reason, not what the work meets there.
        failure = session.host.end() => Err(failure),
        done = work => done,
    }
}

/// Reads everything beneath the roots; shared with the demo.
pub(crate) struct Ask<'s> {
    pub(crate) session: &'s Session,
    pub(crate) workload: Workload,
    /// Who writes the answers; without one, the built-in reader.
    pub(crate) model: Option<Model>,
    pub(crate) progress: wire::Progress,
    /// Documents that were skipped because the policy refused them.
    refused: u64,
    /// Names that the plugin has given back, as documents or with a reason.
    spoken_of: u64,
}

/// Questions and answers, as the receipt will hold them.
#[derive(Default)]
pub(crate) struct Conversation {
    questions: Vec<Value>,
    answers: Vec<Value>,
    citations: Vec<Citation>,
}

/// What the files plugin answers for one batch.
struct Batch {
    documents: Vec<control::Document>,
    skipped: Vec<wire::Skipped>,
    found: u64,
    done: bool,
}

impl<'s> Ask<'s> {
    pub(crate) fn new(session: &'s Session, workload: Workload, model: Option<Model>) -> Self {
        Self { session, workload, model, progress: wire::Progress::default(), refused: 0, spoken_of: 0 }
    }

    /// Takes all documents into the workload's index.
    pub(crate) async fn ingest(&mut self) -> Result<(), Failure> {
        let plugin = self.session.start_plugin("files").await?;
        self.take_in_all(&plugin).await?;
        let services = Arc::clone(&plugin.services);
        self.session.stop_plugin(plugin).await?;
        self.workload.leave_arenas(services.arenas()).await?;
        self.progress.done = true;
        if self.progress.documents_read == 0 {
            return Err(self.nothing_read());
        }
        let indexed = self.workload.execute(Job::Index(control::IndexJob {})).await?;
        let Done::Index(indexed) = indexed else { return Err(Workload::other_result()) };
        self.progress.passages = indexed.passages;
        self.session.host.report(Report::Progress(self.progress)).await;
        Ok(())
    }

    async fn take_in_all(&mut self, plugin: &Plugin) -> Result<(), Failure> {
        let mut calls: FuturesUnordered<_> = (0..BATCHES_IN_FLIGHT).map(|_| next_batch(plugin)).collect();
        let mut empty = 0;
        while let Some(answered) = calls.next().await {
            let answered = answered.map_err(|error| plugin_failure(&error))?;
            let batch = read_batch(&answered.result)?;
            empty = if batch.documents.is_empty() && batch.skipped.is_empty() { empty + 1 } else { 0 };
            if !batch.done && empty == EMPTY_BATCHES_MAX {
                let message = format!("the files plugin answered {empty} times with nothing and has no end");
                return Err(Failure::new(ErrorCode::PluginFailed, message));
            }
            if !batch.done {
                calls.push(next_batch(plugin));
            }
            self.take_in(plugin, &answered, batch).await?;
            plugin.give_back(&answered.handles).await;
        }
        Ok(())
    }

    /// Why there is nothing to answer from; a refusal outweighs every other reason.
    fn nothing_read(&self) -> Failure {
        match (self.progress.documents_skipped, self.refused) {
            (0, _) => Failure::new(ErrorCode::PathMissing, "there is no document in the folder"),
            (1, 0) => {
                Failure::new(ErrorCode::PathMissing, "the only document in the folder could not be read")
            }
            (skipped, 0) => Failure::new(
                ErrorCode::PathMissing,
                format!("none of the {skipped} documents in the folder could be read"),
            ),
            (skipped, refused) => Failure::new(
                ErrorCode::PolicyDenied,
                format!("nothing in the folder could be read: the policy refused {refused} of {skipped}"),
            ),
        }
    }

    async fn take_in(&mut self, plugin: &Plugin, answered: &Response, batch: Batch) -> Result<(), Failure> {
        self.spoken_of += (batch.skipped.len() + batch.documents.len()) as u64;
        // The root has no name of its own, and may be what can't be listed.
        if self.spoken_of > plugin.services.names_listed() + 1 {
            let message = "the files plugin speaks of more names than were listed to it";
            return Err(Failure::new(ErrorCode::PluginFailed, message));
        }
        for skipped in batch.skipped {
            plugin.services.take_read(&skipped.path);
            self.skip(skipped).await;
        }
        self.progress.documents_found = batch.found;
        let documents = self.unchanged(plugin, batch.documents).await?;
        if !documents.is_empty() {
            self.progress.documents_read += documents.len() as u64;
            self.progress.bytes_read += documents.iter().map(original_bytes).sum::<u64>();
            self.progress.text_bytes += documents.iter().map(|document| document.text_length).sum::<u64>();
            self.hand_over(plugin, answered, documents).await?;
        }
        self.session.host.report(Report::Progress(self.progress)).await;
        Ok(())
    }

    async fn skip(&mut self, skipped: wire::Skipped) {
        self.progress.documents_skipped += 1;
        let code = ErrorCode::from_number(skipped.error_code);
        self.refused += u64::from(matches!(code, Some(ErrorCode::PolicyDenied | ErrorCode::PolicyAsk)));
        self.session.host.report(Report::Skipped(skipped)).await;
    }

    /// The documents that the plugin claims to have read as the supervisor did.
    /// Whether they are these bytes the workload finds out: it takes no others.
    async fn unchanged(
        &mut self,
        plugin: &Plugin,
        documents: Vec<control::Document>,
    ) -> Result<Vec<control::Document>, Failure> {
        let mut unchanged = Vec::with_capacity(documents.len());
        for document in documents {
            let path = &document.path;
            let Some(witnessed) = plugin.services.take_read(path) else {
                let message = format!("the files plugin answered with `{path}`, which it was never given");
                return Err(Failure::new(ErrorCode::PluginFailed, message));
            };
            if witnessed.is_some_and(|digest| digest.to_string() == document.claimed_digest) {
                unchanged.push(document);
            } else {
                let reason = match witnessed {
                    Some(_) => {
                        "is not what was handed out: it changed while it was read, or the plugin changed it"
                    }
                    None => "is too large to be hashed",
                };
                let error_code = ErrorCode::SliceDigest.number();
                self.skip(wire::Skipped { path: document.path, error_code, reason: reason.into() }).await;
            }
        }
        Ok(unchanged)
    }

    /// Bytes go from the plugin to the workload; here pass only their handles.
    async fn hand_over(
        &mut self,
        plugin: &Plugin,
        answered: &Response,
        documents: Vec<control::Document>,
    ) -> Result<(), Failure> {
        let mut regions = answered.handles.iter().map(claimed);
        let (text, source) = (regions.next(), regions.next());
        for handle in text.iter().chain(&source) {
            plugin.services.grant(handle.region).await?;
        }
        let payload = |handle: Option<SharedMemoryHandle>| handle.map(Payload::of_handle);
        let (text_payload, source_payload) = (payload(text), payload(source));
        let job =
            control::IngestJob { text: text_payload, source: source_payload, documents, digest_only: false };
        let ingested = self.workload.execute(Job::Ingest(job)).await?;
        let Done::Ingest(ingested) = ingested else { return Err(Workload::other_result()) };
        for (region, digest) in [(text, ingested.text_digest), (source, ingested.source_digest)] {
            if let Some(region) = region {
                record_slice(self.session, region, &digest, "plugin:files", "workload").await?;
            }
        }
        Ok(())
    }

    /// Answers questions until there are no more.
    pub(crate) async fn converse(&mut self, conversation: &mut Conversation) -> Result<(), Failure> {
        loop {
            let next = self.session.host.client().next_question(wire::NextQuestionRequest {}).await;
            let next = next.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
            if next.end {
                return Ok(());
            }
            self.answer(next.question, conversation).await?;
        }
    }

    /// Answers one question.
    pub(crate) async fn answer(
        &mut self,
        question: String,
        conversation: &mut Conversation,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let given = match &self.model {
            Some(model) => Given::written(model, model.ask(self.session, &self.workload, &question).await?),
            None => self.read(&question).await?,
        };
        for (_, cited) in &given.citations {
            conversation.citations.push(citation(cited)?);
        }
        conversation.questions.push(question.into());
        let mut record = Map::from([
            ("by".to_owned(), Value::from(given.by.as_str())),
            ("found".to_owned(), given.found.into()),
            ("slice".to_owned(), given.slice_digest.as_str().into()),
            ("text".to_owned(), given.text.as_str().into()),
        ]);
        record.extend(
            given.exchanged.iter().map(|(name, digest)| ((*name).to_owned(), digest.as_str().into())),
        );
        conversation.answers.push(Value::Map(record));
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let Given { text, found, by, citations, .. } = given;
        let citations = citations.into_iter().map(|(number, cited)| shown(number, cited)).collect();
        let answer = wire::Answer { text, citations, found, by, micros };
        self.session.host.report(Report::Answer(answer)).await;
        Ok(())
    }

    /// The built-in reader quotes.
    async fn read(&mut self, question: &str) -> Result<Given, Failure> {
        let job = control::AnswerJob {
            question: question.to_owned(),
            passages_max: PASSAGES_MAX,
            model_digest: self.workload.reader().await?,
        };
        let answered = self.workload.execute(Job::Answer(job)).await?;
        let Done::Answer(reply) = answered else { return Err(Workload::other_result()) };
        if let Some(slice) = reply.slice {
            record_slice(self.session, slice, &reply.slice_digest, "workload", "workload").await?;
        }
        Ok(Given {
            by: "built-in reader".into(),
            found: reply.found,
            text: reply.text,
            slice_digest: reply.slice_digest,
            citations: (1..).zip(reply.citations).collect(),
            exchanged: Vec::new(),
        })
    }
}

/// One answer, whoever gave it.
struct Given {
    by: String,
    found: bool,
    text: String,
    slice_digest: String,
    /// By their numbers in the text.
    citations: Vec<(u32, control::Citation)>,
    /// Digests of what went to a model and came back.
    exchanged: Vec<(&'static str, String)>,
}

impl Given {
    fn written(model: &Model, written: Written) -> Self {
        Self {
            by: model.by(),
            found: !written.citations.is_empty(),
            text: written.text,
            slice_digest: written.slice_digest,
            citations: written.citations,
            exchanged: vec![("answer", written.answer_digest), ("request", written.request_digest)],
        }
    }
}

/// Records that a sealed region, or a lease, changed hands.
pub(crate) async fn record_slice(
    session: &Session,
    handle: SharedMemoryHandle,
    digest: &str,
    from: &str,
    to: &str,
) -> Result<(), Failure> {
    let slice = Slice {
        region: handle.region,
        digest: digest_of(digest)?,
        bytes: handle.length,
        by: "workload".into(),
        from: from.into(),
        to: to.into(),
        labels: session.gate.labels().into_keys().collect(),
    };
    session.log.slice(slice).await
}

impl Conversation {
    /// Closes the session with what was said, however it ended.
    pub(crate) async fn finish(self, session: &Session, ended: Result<(), Failure>) -> Result<(), CutShort> {
        let closing = self.closing(session);
        match ended {
            Ok(()) => Ok(receipt::finish(session, closing, 0).await?),
            Err(failure) => Err(CutShort { failure, until_then: Some(closing) }),
        }
    }

    fn closing(self, session: &Session) -> Closing {
        let answered = !self.answers.is_empty();
        Closing {
            task: Map::from([
                ("command".to_owned(), session.configuration.command.as_str().into()),
                ("questions".to_owned(), Value::List(self.questions)),
            ]),
            answer: answered.then(|| Map::from([("answers".to_owned(), Value::List(self.answers))])),
            citations: self.citations,
            policy: session.policy_source.clone(),
            context: session.policy_context.clone(),
        }
    }
}

async fn next_batch(plugin: &Plugin) -> Result<Response, CallError> {
    plugin.link.call(Request::new("documents.next", b"{}".to_vec(), BATCH_DEADLINE_MS)).await
}

pub(crate) fn plugin_failure(error: &CallError) -> Failure {
    Failure::new(
        error.code().unwrap_or(ErrorCode::PluginFailed),
        format!("the files plugin failed: {}", error.message),
    )
}

/// What the plugin says of where its bytes lie. The workload, which can see the region, believes none of it.
fn claimed(handle: &BulkHandle) -> SharedMemoryHandle {
    let BulkHandle { region, generation, offset, length, type_id, .. } = *handle;
    SharedMemoryHandle { region, generation, type_id, offset, length }
}

fn digest_of(text: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|error| Failure::internal(format!("the workload's digest: {error}")))
}

const fn original_bytes(document: &control::Document) -> u64 {
    if document.in_source { document.source_length } else { document.text_length }
}

fn citation(cited: &control::Citation) -> Result<Citation, Failure> {
    Ok(Citation {
        path: cited.path.clone(),
        document: digest_of(&cited.document_digest)?,
        offset: cited.offset,
        length: cited.length,
        quote: cited.quote.clone(),
    })
}

fn shown(number: u32, cited: control::Citation) -> wire::Citation {
    wire::Citation {
        number,
        path: cited.path,
        offset: cited.offset,
        length: cited.length,
        quote: cited.quote,
        document_digest: cited.document_digest,
        score: cited.score,
    }
}

/// The plugin's answer is foreign: every field is checked, ranges later by the
/// workload, which alone can see the bytes.
fn read_batch(result: &[u8]) -> Result<Batch, Failure> {
    let bad = || Failure::new(ErrorCode::ProtocolPayload, "the files plugin's answer is not of its shape");
    let value = parse(result, Limits { bytes_max: 1 << 20, depth_max: 8 }).map_err(|_| bad())?;
    let map = value.as_map().ok_or_else(bad)?;
    let number = |key: &str| map.get(key).and_then(unsigned).ok_or_else(bad);
    let list = |key: &str| map.get(key).and_then(Value::as_list).ok_or_else(bad);
    let documents: Vec<_> = list("documents")?.iter().map(document).collect::<Option<_>>().ok_or_else(bad)?;
    Ok(Batch {
        documents,
        skipped: list("skipped")?.iter().map(skipped).collect::<Option<_>>().ok_or_else(bad)?,
        found: number("found")?,
        done: map.get("done").and_then(Value::as_bool).ok_or_else(bad)?,
    })
}

fn unsigned(value: &Value) -> Option<u64> {
    u64::try_from(value.as_integer()?).ok()
}

fn span(value: &Value) -> Option<(u64, u64)> {
    match value.as_list()? {
        [offset, length] => Some((unsigned(offset)?, unsigned(length)?)),
        _ => None,
    }
}

fn document(value: &Value) -> Option<control::Document> {
    let map = value.as_map()?;
    let text = |key: &str| map.get(key)?.as_str().map(str::to_owned);
    let (text_offset, text_length) = span(map.get("text")?)?;
    let source = map.get("source").map(span);
    let (source_offset, source_length) = source.unwrap_or(Some((0, 0)))?;
    Some(control::Document {
        path: text("path")?,
        media: text("media")?,
        text_offset,
        text_length,
        in_source: source.is_some(),
        source_offset,
        source_length,
        claimed_digest: text("digest")?,
    })
}

fn skipped(value: &Value) -> Option<wire::Skipped> {
    let map = value.as_map()?;
    let text = |key: &str| map.get(key)?.as_str().map(str::to_owned);
    let error_code = u32::try_from(unsigned(map.get("code")?)?).ok()?;
    Some(wire::Skipped { path: text("path")?, error_code, reason: text("reason")? })
}
