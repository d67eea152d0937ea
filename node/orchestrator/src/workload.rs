//! The workload, as this process sees it: jobs that are begun, followed and bounded.

use crate::failure::Failure;
use ioi_ipc::proto::control::{
    ExecuteJobRequest, JobEvent, LeaveArenasRequest, LoadModelRequest, execute_job_request::Job,
    job_event::Event, job_result::Result as Done, load_model_request::Model, workload_client::WorkloadClient,
};
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::tonic::{Status, Streaming};
use ioi_types::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The model that is built into the workload.
const READER: &str = "extractive";

/// The connection, and the ids that it has used.
#[derive(Clone)]
pub(crate) struct Workload {
    client: WorkloadClient<Channel>,
    /// For each job but those that follow somebody else.
    within: Duration,
    last_job: Arc<AtomicU64>,
    reader: Arc<OnceCell<String>>,
}

/// What a job tells.
pub(crate) enum Told {
    Token(String),
    Done(Done),
}

/// A job under way; dropping it cancels the job.
pub(crate) struct Running {
    events: Streaming<JobEvent>,
}

fn gone(status: &Status) -> Failure {
    Failure::node("workload", status)
}

impl Workload {
    pub(crate) fn new(channel: Channel, within: Duration) -> Self {
        let client = WorkloadClient::new(channel);
        Self { client, within, last_job: Arc::default(), reader: Arc::default() }
    }

    /// Has a job carried out to its end.
    pub(crate) async fn execute(&self, job: Job) -> Result<Done, Failure> {
        let work = async {
            let mut running = self.begin(job).await?;
            loop {
                if let Told::Done(done) = running.next().await? {
                    return Ok(done);
                }
            }
        };
        tokio::time::timeout(self.within, work).await.unwrap_or_else(|_| Err(Failure::late_node("workload")))
    }

    /// Begins a job whose events are of interest. Whoever follows it bounds the time.
    pub(crate) async fn begin(&self, job: Job) -> Result<Running, Failure> {
        let job_id = self.last_job.fetch_add(1, Ordering::Relaxed) + 1;
        let request = ExecuteJobRequest { job_id, job: Some(job) };
        let events = self.client.clone().execute_job(request).await.map_err(|status| gone(&status))?;
        Ok(Running { events: events.into_inner() })
    }

    /// The owner of these arenas has ended; their memory goes with what is mapped of it.
    pub(crate) async fn leave_arenas(&self, regions: Vec<u64>) -> Result<(), Failure> {
        if !regions.is_empty() {
            let left = self.client.clone().leave_arenas(LeaveArenasRequest { regions }).await;
            left.map_err(|status| gone(&status))?;
        }
        Ok(())
    }

    /// The digest of the built-in reader, which is loaded when it is first wanted.
    pub(crate) async fn reader(&self) -> Result<String, Failure> {
        let load = async {
            let model = Some(Model::Name(READER.to_owned()));
            let request = LoadModelRequest { model, ..LoadModelRequest::default() };
            let loaded = self.client.clone().load_model(request).await.map_err(|status| gone(&status))?;
            Ok(loaded.into_inner().digest)
        };
        self.reader.get_or_try_init(|| load).await.cloned()
    }

    /// A result of another kind than the job's: the workload is at fault.
    pub(crate) fn other_result() -> Failure {
        Failure::new(ErrorCode::NodeGone, "the workload answered with the result of another job")
    }
}

impl Running {
    /// What the job tells next; nothing after its end.
    pub(crate) async fn next(&mut self) -> Result<Told, Failure> {
        let event = self.events.message().await.map_err(|status| gone(&status))?;
        match event.and_then(|event| event.event) {
            Some(Event::Token(text)) => Ok(Told::Token(text)),
            Some(Event::Result(result)) => result.result.map(Told::Done).ok_or_else(Workload::other_result),
            None => Err(Failure::new(ErrorCode::NodeGone, "the workload did not end its job")),
        }
    }
}
