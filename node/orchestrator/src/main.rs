//! The orchestrator process: sessions, routing, decisions and the audit log.
//!
//! It maps no bulk data: names, sizes and digests pass through it, documents
//! never. Started by `ioi`, configured over descriptor 3.
#![forbid(unsafe_code)]

mod access;
mod ask;
mod bounds;
mod demo;
mod failure;
mod gate;
mod host;
mod link;
mod log;
mod model;
mod receipt;
mod run;
mod services;
mod session;
mod workload;

use anyhow::{Context, Result};
use failure::Failure;
use host::Host;
use ioi_ipc::proto::egress::egress_client::EgressClient;
use ioi_ipc::proto::supervisor::{AskTask, ConfigureRequest, Failed, report_request::Report, task::Task};
use ioi_ipc::{Inherited, pair};
use ioi_port::Heart;
use model::Model;
use receipt::CutShort;
use session::Session;
use workload::Workload;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    ioi_ipc::abort_on_panic();
    let inherited = Inherited::from_environment()?;
    let (heart, descriptors) = Heart::start(inherited.descriptors()?)?;
    let host = Host::new(pair::client(inherited.supervisor()?).await?, heart);
    let configuration =
        host.client().configure(ConfigureRequest {}).await.context("no configuration came")?;
    let task = configuration.get_ref().task.clone().and_then(|task| task.task);
    let session = Session::open(&inherited, host.clone(), descriptors, configuration.into_inner()).await;
    let (failure, receipt) = match session {
        Ok(session) => {
            host.serving();
            match perform(&inherited, &session, task).await {
                Ok(()) => return Ok(()),
                Err(cut) => {
                    let failure = cut.failure.clone();
                    // A log or guardian that is gone leaves none; the failure says so.
                    (failure, receipt::of_cut_short(&session, cut).await.unwrap_or_default())
                }
            }
        }
        Err(failure) => (failure, String::new()),
    };
    let Failure { code, message } = failure;
    host.report(Report::Failed(Failed { error_code: code.number(), message, receipt })).await;
    Ok(())
}

async fn perform(inherited: &Inherited, session: &Session, task: Option<Task>) -> Result<(), CutShort> {
    match task {
        Some(Task::Ask(task)) => {
            ask::run(session, workload(inherited, session).await?, model(inherited, task).await?).await
        }
        Some(Task::Run(task)) => Ok(run::run(session, &task).await?),
        Some(Task::Demo(task)) => demo::run(session, workload(inherited, session).await?, &task).await,
        None => Err(Failure::internal("the configuration names no task").into()),
    }
}

/// Who writes the answers, where the user named an endpoint.
async fn model(inherited: &Inherited, task: AskTask) -> Result<Option<Model>, Failure> {
    let Some(endpoint) = task.model else { return Ok(None) };
    // It bounds its own requests, and the caller bounds it.
    let connect = async { pair::client(inherited.named("egress")?).await };
    let channel = connect.await.map_err(|error| Failure::internal(format!("no way out: {error}")))?;
    Ok(Some(Model { endpoint, egress: EgressClient::new(channel) }))
}

async fn workload(inherited: &Inherited, session: &Session) -> Result<Workload, Failure> {
    let deadline = session.bounds.workload;
    let connect = async { pair::client_within(inherited.named("workload")?, deadline).await };
    let channel = connect.await.map_err(|error| Failure::internal(format!("no workload: {error}")))?;
    Ok(Workload::new(channel, deadline))
}
