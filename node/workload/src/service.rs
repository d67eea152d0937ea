//! What the orchestrator may ask: models, jobs, and how it goes.

use crate::answer;
use crate::corpus::{Corpus, Ingestion, closed};
use crate::memory::Memory;
use crate::model;
use crate::models::Models;
use ioi_ipc::jobs::{Job, Jobs};
use ioi_ipc::proto::control::{
    CancelJobReply, CancelJobRequest, ComposeJob, ExecuteJobRequest, HealthCheckReply, HealthCheckRequest,
    IndexResult, IngestJob, IngestResult, JobEvent, JobResult, LeaveArenasReply, LeaveArenasRequest,
    LoadModelReply, LoadModelRequest, execute_job_request::Job as Work, job_event::Event,
    job_result::Result as Done, workload_server::Workload,
};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events that wait for the orchestrator; a job that is further ahead waits itself.
const EVENTS_MAX: usize = 64;

/// Where a job's events go. An error means that nobody waits for them any more.
pub(crate) type Events = mpsc::Sender<Result<JobEvent, Status>>;

/// An event of a job under way.
pub(crate) fn token(text: &str) -> JobEvent {
    JobEvent { event: Some(Event::Token(text.to_owned())) }
}

pub(crate) struct Service {
    shop: Arc<Shop>,
    jobs: Jobs,
}

/// What jobs work with.
struct Shop {
    corpus: Arc<Corpus>,
    memory: Memory,
    models: Models,
    slices: AtomicU64,
}

impl Service {
    pub(crate) fn new(corpus: Arc<Corpus>, memory: Memory) -> Self {
        let (models, slices) = (Models::default(), AtomicU64::new(0));
        Self { shop: Arc::new(Shop { corpus, memory, models, slices }), jobs: Jobs::default() }
    }
}

#[async_trait]
impl Workload for Service {
    async fn load_model(
        &self,
        request: Request<LoadModelRequest>,
    ) -> Result<Response<LoadModelReply>, Status> {
        self.shop.models.load(request.into_inner()).map(Response::new)
    }

    type ExecuteJobStream = ReceiverStream<Result<JobEvent, Status>>;

    async fn execute_job(
        &self,
        request: Request<ExecuteJobRequest>,
    ) -> Result<Response<Self::ExecuteJobStream>, Status> {
        let ExecuteJobRequest { job_id, job } = request.into_inner();
        let none = || refuse(ErrorCode::ArgumentInvalid, "the request names no job that this version knows");
        let work = job.ok_or_else(none)?;
        let job = self.jobs.begin(job_id)?;
        let (events, stream) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(carry_out(Arc::clone(&self.shop), job, work, events));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobReply>, Status> {
        let was_running = self.jobs.cancel(request.into_inner().job_id);
        Ok(Response::new(CancelJobReply { was_running }))
    }

    async fn leave_arenas(
        &self,
        request: Request<LeaveArenasRequest>,
    ) -> Result<Response<LeaveArenasReply>, Status> {
        self.shop.memory.leave(&request.into_inner().regions);
        Ok(Response::new(LeaveArenasReply {}))
    }

    async fn health_check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        let (running, jobs_begun) = self.jobs.counts();
        let (documents, text_bytes) = self.shop.corpus.counts();
        Ok(Response::new(HealthCheckReply {
            jobs_running: u32::try_from(running).unwrap_or(u32::MAX),
            jobs_begun,
            documents,
            text_bytes,
            models_loaded: self.shop.models.loaded(),
            arenas: u32::try_from(self.shop.memory.arenas()).unwrap_or(u32::MAX),
        }))
    }
}

/// One job, until it is done, was cancelled, or nobody waits for it.
async fn carry_out(shop: Arc<Shop>, mut job: Job, work: Work, events: Events) {
    let last = tokio::select! {
        biased;
        () = events.closed() => return,
        done = job.run(shop.perform(work, &events)) => done,
    };
    // The job is over before its end is told, so that whoever hears of it finds it so.
    drop(job);
    let last = last.map(|done| JobEvent { event: Some(Event::Result(JobResult { result: Some(done) })) });
    let _ = events.send(last).await;
}

impl Shop {
    async fn perform(&self, work: Work, events: &Events) -> Result<Done, Status> {
        match work {
            Work::Ingest(job) => self.ingest(job).await.map(Done::Ingest),
            Work::Index(_) => self.index().await.map(Done::Index),
            Work::Answer(job) => {
                self.models.needs(&job.model_digest)?;
                answer::answer(&self.corpus, &self.memory, &job, self.slice_id()).await.map(Done::Answer)
            }
            Work::Prompt(job) => {
                answer::prompt(&self.corpus, &self.memory, &job, self.slice_id()).await.map(Done::Prompt)
            }
            Work::Compose(ComposeJob { stream, passages }) => {
                let stream = self.memory.stream(stream).await?;
                model::compose(stream, passages, events).await.map(Done::Compose)
            }
            Work::Infer(_) => Err(Models::infer()),
        }
    }

    fn slice_id(&self) -> u64 {
        self.slices.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn ingest(&self, job: IngestJob) -> Result<IngestResult, Status> {
        if self.corpus.is_finished() && !job.digest_only {
            return Err(closed());
        }
        let text = self.memory.bulk(job.text.unwrap_or_default(), "the text").await?;
        let source = match job.source {
            Some(payload) => Some(self.memory.bulk(payload, "the source").await?),
            None => None,
        };
        let (documents, digest_only) = (job.documents, job.digest_only);
        let (corpus, stop) = (Arc::clone(&self.corpus), StopsWhenDropped::default());
        let stopped = Arc::clone(&stop.0);
        let work = move || corpus.ingest(&Ingestion { documents, digest_only, stopped }, text, source);
        blocking(work).await?
    }

    /// Merging the builders may take a while; it must not hold up the transport.
    async fn index(&self) -> Result<IndexResult, Status> {
        let corpus = Arc::clone(&self.corpus);
        let index = blocking(move || corpus.finished()).await?;
        Ok(IndexResult { passages: index.passage_count() })
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| refuse(ErrorCode::Internal, "the indexing thread failed"))
}

/// A thread looks at the flag; it is raised when the job that started it has ended.
#[derive(Default)]
struct StopsWhenDropped(Arc<AtomicBool>);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
