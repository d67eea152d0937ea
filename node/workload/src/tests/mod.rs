//! The workload as the orchestrator meets it, over a connected pair.
#![allow(clippy::unwrap_used)]

mod arenas;
mod supervisor;

use crate::corpus::{Corpus, Ingestion};
use crate::memory::Bulk;
use crate::models;
use ioi_crypto::hash::blake3;
use ioi_ipc::pair;
use ioi_ipc::proto::blockchain::{GetStatusRequest, chain_client::ChainClient};
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::control::{
    AnswerJob, AnswerResult, CancelJobRequest, ComposeJob, Document, ExecuteJobRequest, HealthCheckReply,
    HealthCheckRequest, IndexJob, InferJob, IngestJob, LoadModelRequest, PromptJob, execute_job_request::Job,
    job_event::Event, job_result::Result as Done, load_model_request::Model, workload_client::WorkloadClient,
};
use ioi_ipc::status::code;
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::tonic::{Code, Status};
use ioi_types::{ErrorCode, limits};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use supervisor::Supervisor;

const TEXT: &str = "A sealed buffer can't be changed by anyone. The weather is another matter.";
const QUESTION: &str = "Who can change a sealed buffer?";

struct Met {
    supervisor: Supervisor,
    channel: Channel,
    client: WorkloadClient<Channel>,
    last_job: u64,
}

impl Met {
    async fn new() -> Self {
        Self::over(Arc::default()).await
    }

    async fn over(corpus: Arc<Corpus>) -> Self {
        let (supervisor, memory) = Supervisor::start().await;
        let (ours, theirs) = pair::pair().unwrap();
        tokio::spawn(pair::serve(theirs, crate::services(corpus, memory)));
        let channel = pair::client(ours).await.unwrap();
        Self { supervisor, client: WorkloadClient::new(channel.clone()), channel, last_job: 0 }
    }

    async fn execute(&mut self, job: Job) -> Result<Done, Status> {
        self.last_job += 1;
        let request = ExecuteJobRequest { job_id: self.last_job, job: Some(job) };
        let mut events = self.client.execute_job(request).await?.into_inner();
        while let Some(event) = events.message().await? {
            if let Some(Event::Result(result)) = event.event {
                assert!(events.message().await?.is_none(), "something follows the result");
                return Ok(result.result.unwrap());
            }
        }
        panic!("a job without an end")
    }

    async fn refusal(&mut self, job: Job) -> (ErrorCode, String) {
        let status = self.execute(job).await.unwrap_err();
        (code(&status), status.message().to_owned())
    }

    async fn load(&mut self, model: Model) -> Result<String, Status> {
        let request = LoadModelRequest { model: Some(model), ..LoadModelRequest::default() };
        self.client.load_model(request).await.map(|reply| reply.into_inner().digest)
    }

    async fn health(&mut self) -> HealthCheckReply {
        self.client.health_check(HealthCheckRequest {}).await.unwrap().into_inner()
    }

    async fn running(&mut self, expected: u32) {
        let begun = Instant::now();
        while self.health().await.jobs_running != expected {
            assert!(begun.elapsed() < Duration::from_secs(5), "not {expected} jobs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn document(text: &str, claimed: &str) -> Document {
    Document {
        path: "a.txt".into(),
        text_length: text.len() as u64,
        claimed_digest: blake3(claimed.as_bytes()).to_string(),
        ..Document::default()
    }
}

fn ingest(text: Payload) -> Job {
    Job::Ingest(IngestJob { text: Some(text), documents: vec![document(TEXT, TEXT)], ..IngestJob::default() })
}

fn question(passages_max: u32, question: &str, model_digest: &str) -> Job {
    let (question, model_digest) = (question.to_owned(), model_digest.to_owned());
    Job::Answer(AnswerJob { question, passages_max, model_digest })
}

/// How a text reaches the workload.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Inline,
    Sealed,
    Lent,
}

async fn answered(way: Way) -> AnswerResult {
    let mut met = Met::new().await;
    // What a lender writes after its lease was returned is no business of the reader's.
    let mut lender = None;
    let text = match way {
        Way::Inline => Payload::of_bytes(TEXT.into()),
        Way::Sealed => {
            let region = met.supervisor.hold(TEXT.as_bytes());
            Payload::of_handle(SharedMemoryHandle::whole(region, TEXT.len() as u64))
        }
        Way::Lent => {
            let lender = lender.insert(met.supervisor.arena(1 << 16).1);
            Payload::of_handle(arenas::lend(lender, TEXT.as_bytes()))
        }
    };
    let Done::Ingest(ingested) = met.execute(ingest(text)).await.unwrap() else { panic!("another result") };
    assert_eq!(ingested.document_digests, [blake3(TEXT.as_bytes()).to_string()]);
    assert_eq!(ingested.text_digest, blake3(TEXT.as_bytes()).to_string());
    if let Some(lender) = &mut lender {
        lender.reclaim();
        arenas::lend(lender, &[b'z'; 1 << 16]);
    }
    let Done::Index(_) = met.execute(Job::Index(IndexJob {})).await.unwrap() else {
        panic!("another result")
    };
    let reader = met.load(Model::Name("extractive".into())).await.unwrap();
    let health = met.health().await;
    assert_eq!((health.documents, health.text_bytes), (1, TEXT.len() as u64));
    assert_eq!((health.jobs_running, health.jobs_begun, health.models_loaded), (0, 2, vec![reader.clone()]));
    let answer = met.execute(question(3, QUESTION, &reader)).await.unwrap();
    let Done::Answer(answer) = answer else { panic!("another result") };
    assert!(answer.found && answer.text.contains("can't be changed by anyone"), "{answer:?}");
    answer
}

#[tokio::test]
async fn the_answer_is_the_same_whether_the_text_came_inline_sealed_or_lent() {
    let inline = answered(Way::Inline).await;
    assert_eq!(inline, answered(Way::Sealed).await);
    assert_eq!(inline, answered(Way::Lent).await);
    assert!(inline.slice.is_some_and(|slice| slice.checked("the slice").is_ok()));
}

#[tokio::test]
async fn a_model_that_is_not_there_is_refused_by_name() {
    let mut met = Met::new().await;
    let foreign = blake3(b"weights").to_string();
    let bad = [
        (Model::Name("llama".into()), ErrorCode::ModelUnknown, "`llama`"),
        (Model::Name("x".repeat(129)), ErrorCode::ArgumentInvalid, "129 bytes"),
        (Model::Digest(foreign.clone()), ErrorCode::ModelUnknown, &foreign),
        (Model::Digest("blake3:xyz".into()), ErrorCode::ArgumentInvalid, "the model"),
    ];
    for (model, expected, words) in bad {
        let status = met.load(model).await.unwrap_err();
        assert_eq!(code(&status), expected, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
    assert_eq!(met.health().await.models_loaded, Vec::<String>::new());
    assert_eq!(met.load(Model::Digest(models::extractive())).await.unwrap(), models::extractive());

    let named = || Some(Model::Name("extractive".into()));
    let requests = [
        (LoadModelRequest::default(), Code::InvalidArgument, "no model"),
        (
            LoadModelRequest { model: named(), placement: 999, ..Default::default() },
            Code::InvalidArgument,
            "999",
        ),
        (
            LoadModelRequest { model: named(), placement: -1, ..Default::default() },
            Code::InvalidArgument,
            "-1",
        ),
        (
            LoadModelRequest { model: named(), placement: 2, ..Default::default() },
            Code::Unimplemented,
            "inference",
        ),
        (
            LoadModelRequest { model: named(), weights: Some(Payload::default()), ..Default::default() },
            Code::Unimplemented,
            "inference",
        ),
    ];
    for (request, expected, words) in requests {
        let status = met.client.load_model(request).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
}

#[tokio::test]
async fn a_job_that_breaks_a_bound_is_refused_by_name_and_changes_nothing() {
    let mut met = Met::new().await;
    let region = met.supervisor.hold(TEXT.as_bytes());
    let second = met.supervisor.hold(TEXT.as_bytes());
    let handle = SharedMemoryHandle::whole(region, TEXT.len() as u64);
    let by_handle = |handle| ingest(Payload::of_handle(handle));
    let both = Payload { inline: Some(TEXT.into()), handle: Some(handle) };
    let lie = IngestJob {
        text: Some(Payload::of_bytes(TEXT.into())),
        documents: vec![document(TEXT, "other bytes")],
        ..IngestJob::default()
    };
    let outside = Document { text_offset: u64::MAX, ..document(TEXT, TEXT) };
    let outside = IngestJob { documents: vec![outside], ..lie.clone() };
    let often = IngestJob { documents: vec![document(TEXT, TEXT); 2], ..lie.clone() };
    let no_source = Document { in_source: true, source_length: 1, ..document("", "") };
    let no_source = IngestJob { documents: vec![no_source], ..lie.clone() };
    let not_loaded = models::extractive();
    let long = "x".repeat(limits::QUESTION_BYTES_MAX + 1);
    let prompt = |passages_max| {
        Job::Prompt(PromptJob { question: QUESTION.into(), passages_max, model: String::new() })
    };
    let bad = [
        (ingest(Payload::default()), ErrorCode::ArgumentInvalid, "neither"),
        (ingest(both), ErrorCode::ArgumentInvalid, "both"),
        (ingest(Payload::of_bytes(vec![b'x'; 65_537])), ErrorCode::ArgumentInvalid, "65537"),
        (by_handle(SharedMemoryHandle { region: 5, ..handle }), ErrorCode::RegionUnknown, "no such region"),
        (by_handle(SharedMemoryHandle { type_id: 9, ..handle }), ErrorCode::ArgumentInvalid, "type 9"),
        (by_handle(SharedMemoryHandle { offset: 3, ..handle }), ErrorCode::SliceRange, "offset 3"),
        (
            by_handle(SharedMemoryHandle { offset: u64::MAX - 63, ..handle }),
            ErrorCode::SliceRange,
            "no region has",
        ),
        (Job::Ingest(lie), ErrorCode::SliceDigest, "a.txt"),
        (Job::Ingest(outside), ErrorCode::SliceRange, "a.txt"),
        (
            Job::Ingest(often),
            ErrorCode::SliceRange,
            "the texts have 148 bytes together, and their payload has 74",
        ),
        (Job::Ingest(no_source), ErrorCode::SliceRange, "the sources have 1 bytes together"),
        (question(3, QUESTION, &not_loaded), ErrorCode::ModelUnknown, "was loaded"),
        (prompt(0), ErrorCode::ArgumentInvalid, "0 passages"),
        (prompt(17), ErrorCode::ArgumentInvalid, "17 passages"),
        (
            Job::Prompt(PromptJob { question: long, passages_max: 1, ..PromptJob::default() }),
            ErrorCode::ArgumentInvalid,
            "too long",
        ),
        (Job::Infer(InferJob::default()), ErrorCode::PartMissing, "inference"),
    ];
    for (job, expected, words) in bad {
        let shown = format!("{job:.200?}");
        let (ours, message) = met.refusal(job).await;
        assert_eq!(ours, expected, "{shown}: {message}");
        assert!(message.contains(words), "{message}");
        let health = met.health().await;
        assert_eq!((health.documents, health.jobs_running), (0, 0), "{shown}");
    }
    // What is found out of a region only when it was fetched uses it up.
    let again = SharedMemoryHandle { generation: 2, ..handle };
    let (ours, message) = met.refusal(by_handle(SharedMemoryHandle { region: second, ..again })).await;
    assert_eq!((ours, message.contains("no generation 2")), (ErrorCode::RegionUnknown, true), "{message}");
    let more = by_handle(SharedMemoryHandle { length: TEXT.len() as u64 + 1, ..handle });
    let (ours, message) = met.refusal(more).await;
    assert_eq!((ours, message.contains("region 1000 has 74")), (ErrorCode::SliceRange, true), "{message}");
    let none = met.client.execute_job(ExecuteJobRequest { job_id: 90, job: None }).await.unwrap_err();
    assert_eq!(code(&none), ErrorCode::ArgumentInvalid);
}

#[tokio::test]
async fn a_job_that_reads_a_silent_stream_is_stopped_by_cancelling_it_and_by_leaving_it() {
    let mut met = Met::new().await;
    let compose = |job_id| ExecuteJobRequest { job_id, job: Some(Job::Compose(ComposeJob::default())) };
    let mut cancelled = met.client.execute_job(compose(1)).await.unwrap().into_inner();
    let left = met.client.execute_job(compose(2)).await.unwrap();
    met.running(2).await;
    let again = met.client.execute_job(compose(2)).await.unwrap_err();
    assert_eq!(code(&again), ErrorCode::ProtocolId);
    let cancel = met.client.cancel_job(CancelJobRequest { job_id: 1 }).await.unwrap().into_inner();
    assert!(cancel.was_running);
    assert_eq!(code(&cancelled.message().await.unwrap_err()), ErrorCode::Cancelled);
    met.running(1).await;
    drop(left);
    met.running(0).await;
}

#[test]
fn an_ingestion_that_nobody_wants_any_more_stops_between_documents() {
    let corpus = Corpus::default();
    let ingestion = |stopped| Ingestion {
        documents: vec![document(TEXT, TEXT)],
        digest_only: false,
        stopped: Arc::new(AtomicBool::new(stopped)),
    };
    let stopped = corpus.ingest(&ingestion(true), Bulk::Inline(TEXT.into()), None).unwrap_err();
    assert_eq!((code(&stopped), corpus.counts()), (ErrorCode::Cancelled, (0, 0)));
    corpus.ingest(&ingestion(false), Bulk::Inline(TEXT.into()), None).unwrap();
    assert_eq!((corpus.counts(), corpus.finished().passage_count()), ((1, TEXT.len() as u64), 1));
}

/// The index waits for an ingestion, and the process answers meanwhile.
#[tokio::test]
async fn a_question_that_waits_for_the_index_holds_nobody_up() {
    let corpus = Arc::new(Corpus::default());
    let mut met = Met::over(Arc::clone(&corpus)).await;
    let reader = met.load(Model::Name("extractive".into())).await.unwrap();
    let (borrowed, is_borrowed) = mpsc::channel();
    let (answered, is_answered) = mpsc::channel();
    let ingestion = {
        let corpus = Arc::clone(&corpus);
        std::thread::spawn(move || {
            let _builder = corpus.borrow().unwrap();
            borrowed.send(()).unwrap();
            is_answered.recv_timeout(Duration::from_secs(20)).is_ok()
        })
    };
    is_borrowed.recv().unwrap();
    let request = ExecuteJobRequest { job_id: 1, job: Some(question(3, QUESTION, &reader)) };
    let mut events = met.client.execute_job(request).await.unwrap().into_inner();
    while corpus.borrow().is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    met.running(1).await;
    answered.send(()).unwrap();
    assert!(ingestion.join().unwrap(), "nothing was answered while the index was waited for");
    assert!(events.message().await.unwrap().is_some());
}

#[tokio::test]
async fn the_chain_is_refused_by_the_part_that_is_not_there() {
    let met = Met::new().await;
    let status = ChainClient::new(met.channel.clone()).get_status(GetStatusRequest {}).await.unwrap_err();
    assert_eq!((status.code(), code(&status)), (Code::Unimplemented, ErrorCode::PartMissing));
    assert_eq!(status.message(), "execution is not part of local mode");
}
