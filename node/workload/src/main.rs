//! The workload process: passages, retrieval and answers; no keys, no network.
//!
//! Started by `ioi`, served over the descriptor `orchestrator` of `IOI_FDS`.
#![forbid(unsafe_code)]

mod answer;
mod corpus;
mod memory;
mod model;

use anyhow::{Context, Result};
use corpus::{Corpus, Regions};
use ioi_ipc::proto::control::workload_server::{Workload, WorkloadServer};
use ioi_ipc::proto::control::{
    AskReply, AskRequest, CompleteReply, CompleteRequest, ComposeEvent, ComposeRequest, IngestReply,
    IngestRequest, PromptReply, PromptRequest,
};
use ioi_ipc::proto::supervisor::{ConfigureRequest, workload_host_client::WorkloadHostClient};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait, transport::Server};
use ioi_ipc::{Inherited, Transfers, pair};
use ioi_types::ErrorCode;
use memory::Memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

fn main() -> Result<()> {
    ioi_ipc::abort_on_panic();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .context("no runtime")?
        .block_on(run())
}

async fn run() -> Result<()> {
    let inherited = Inherited::from_environment()?;
    let mut host = WorkloadHostClient::new(pair::client(inherited.supervisor()?).await?);
    host.configure(ConfigureRequest {}).await.context("no configuration came")?;
    let memory = Memory { host, transfers: Transfers::start(inherited.descriptors()?)? };
    let service = Service { corpus: Arc::default(), memory, slices: AtomicU64::new(0) };
    let router = Server::builder().add_service(WorkloadServer::new(service));
    pair::serve(inherited.named("orchestrator")?, router).await?;
    Ok(())
}

struct Service {
    corpus: Arc<Corpus>,
    memory: Memory,
    slices: AtomicU64,
}

#[async_trait]
impl Workload for Service {
    async fn ingest(&self, request: Request<IngestRequest>) -> Result<Response<IngestReply>, Status> {
        let request = request.into_inner();
        if self.corpus.is_finished() && !request.digest_only {
            return Err(refuse(
                ErrorCode::ArgumentInvalid,
                "a question was asked, so nothing more is ingested",
            ));
        }
        let missing = || refuse(ErrorCode::ArgumentInvalid, "the request names no text region");
        let text = self.memory.fetch(request.text.ok_or_else(missing)?.id).await?;
        let source = match &request.source {
            Some(region) => Some(self.memory.fetch(region.id).await?),
            None => None,
        };
        let corpus = Arc::clone(&self.corpus);
        let work = move || corpus.ingest(&request, Regions { text, source });
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| refuse(ErrorCode::Internal, "the indexing thread failed"))?.map(Response::new)
    }

    async fn complete(&self, _: Request<CompleteRequest>) -> Result<Response<CompleteReply>, Status> {
        let corpus = Arc::clone(&self.corpus);
        // Merging the builders may take a while; it must not hold up the transport.
        let finished = tokio::task::spawn_blocking(move || corpus.finished()).await;
        let index = finished.map_err(|_| refuse(ErrorCode::Internal, "the indexing thread failed"))?;
        Ok(Response::new(CompleteReply { passages: index.passage_count() }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskReply>, Status> {
        let slice_id = self.slices.fetch_add(1, Ordering::Relaxed) + 1;
        answer::answer(&self.corpus, &self.memory, &request.into_inner(), slice_id).await.map(Response::new)
    }

    async fn prompt(&self, request: Request<PromptRequest>) -> Result<Response<PromptReply>, Status> {
        let slice_id = self.slices.fetch_add(1, Ordering::Relaxed) + 1;
        answer::prompt(&self.corpus, &self.memory, &request.into_inner(), slice_id).await.map(Response::new)
    }

    type ComposeStream = ReceiverStream<Result<ComposeEvent, Status>>;

    async fn compose(
        &self,
        request: Request<ComposeRequest>,
    ) -> Result<Response<Self::ComposeStream>, Status> {
        let ComposeRequest { stream, passages } = request.into_inner();
        let stream = self.memory.stream(stream).await?;
        let (sender, events) = mpsc::channel(64);
        tokio::spawn(model::compose(stream, passages, sender));
        Ok(Response::new(ReceiverStream::new(events)))
    }
}
