//! The service that the tests serve: jobs that echo, wait for ever, or never end.

use ioi_ipc::Services;
use ioi_ipc::jobs::Jobs;
use ioi_ipc::payload::Content;
use ioi_ipc::proto::blockchain::chain_server::SERVICE_NAME as CHAIN;
use ioi_ipc::proto::control::workload_server::{Workload, WorkloadServer};
use ioi_ipc::proto::control::{
    CancelJobReply, CancelJobRequest, ExecuteJobRequest, HealthCheckReply, HealthCheckRequest, IngestJob,
    IngestResult, JobEvent, JobResult, LeaveArenasReply, LeaveArenasRequest, LoadModelReply,
    LoadModelRequest, execute_job_request::Job as Work, job_event::Event, job_result::Result as Done,
};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::ErrorCode;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[derive(Clone, Default)]
pub(crate) struct Echo {
    jobs: Jobs,
}

/// What a channel of the workload serves, with this service in place of the real one. All channels that are
/// made from one `Echo` share its jobs.
pub(crate) fn services(echo: &Echo) -> Services {
    Services::new().with(WorkloadServer::new(echo.clone())).without(CHAIN)
}

#[async_trait]
impl Workload for Echo {
    async fn load_model(&self, _: Request<LoadModelRequest>) -> Result<Response<LoadModelReply>, Status> {
        Err(refuse(ErrorCode::ModelUnknown, "no model here"))
    }

    type ExecuteJobStream = ReceiverStream<Result<JobEvent, Status>>;

    async fn execute_job(
        &self,
        request: Request<ExecuteJobRequest>,
    ) -> Result<Response<Self::ExecuteJobStream>, Status> {
        let ExecuteJobRequest { job_id, job } = request.into_inner();
        let work = job.ok_or_else(|| refuse(ErrorCode::ArgumentInvalid, "no job"))?;
        let mut job = self.jobs.begin(job_id)?;
        let (events, stream) = mpsc::channel(4);
        tokio::spawn(async move {
            let told = events.clone();
            let last = tokio::select! {
                () = events.closed() => return,
                done = job.run(perform(work, told)) => done,
            };
            drop(job);
            let _ = events.send(last).await;
        });
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
        _: Request<LeaveArenasRequest>,
    ) -> Result<Response<LeaveArenasReply>, Status> {
        Ok(Response::new(LeaveArenasReply {}))
    }

    async fn health_check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        let (running, jobs_begun) = self.jobs.counts();
        let jobs_running = u32::try_from(running).unwrap();
        Ok(Response::new(HealthCheckReply { jobs_running, jobs_begun, ..HealthCheckReply::default() }))
    }
}

async fn perform(work: Work, events: mpsc::Sender<Result<JobEvent, Status>>) -> Result<JobEvent, Status> {
    match work {
        // Says what it was given.
        Work::Ingest(IngestJob { text, .. }) => {
            let text_digest = match text.unwrap_or_default().content("the text")? {
                Content::Inline(bytes) => format!("{} bytes inline", bytes.len()),
                Content::Handle(handle) => format!("region {}", handle.region),
            };
            let done = Done::Ingest(IngestResult { text_digest, ..IngestResult::default() });
            Ok(JobEvent { event: Some(Event::Result(JobResult { result: Some(done) })) })
        }
        // Never ends, and tells of it as fast as it is heard.
        Work::Compose(_) => loop {
            let token = JobEvent { event: Some(Event::Token("x".repeat(1000))) };
            if events.send(Ok(token)).await.is_err() {
                std::future::pending::<()>().await;
            }
        },
        // Waits for ever, in silence.
        _ => std::future::pending().await,
    }
}
