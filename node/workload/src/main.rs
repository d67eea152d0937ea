//! The workload process: passages, retrieval and answers; no keys, no network.
//!
//! Started by `ioi`, served over the descriptor `orchestrator` of `IOI_FDS`.
#![forbid(unsafe_code)]

mod answer;
mod arenas;
mod corpus;
mod memory;
mod model;
mod models;
mod service;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use corpus::Corpus;
use ioi_ipc::proto::blockchain::chain_server::SERVICE_NAME as CHAIN;
use ioi_ipc::proto::control::workload_server::WorkloadServer;
use ioi_ipc::proto::supervisor::{ConfigureRequest, workload_host_client::WorkloadHostClient};
use ioi_ipc::{Inherited, Services, pair};
use ioi_port::{Heart, Transfers};
use memory::Memory;
use service::Service;
use std::sync::Arc;

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
    let (heart, descriptors) = Heart::start(inherited.descriptors()?)?;
    let mut host = WorkloadHostClient::new(pair::client(inherited.supervisor()?).await?);
    host.configure(ConfigureRequest {}).await.context("no configuration came")?;
    let memory = Memory::new(host, Transfers::start(descriptors)?);
    heart.serving();
    pair::serve(inherited.named("orchestrator")?, services(Arc::default(), memory)).await?;
    Ok(())
}

/// What the orchestrator may ask: jobs and models, and a chain that local mode does not have.
fn services(corpus: Arc<Corpus>, memory: Memory) -> Services {
    Services::new().with(WorkloadServer::new(Service::new(corpus, memory))).without(CHAIN)
}
