//! The guardian process: keys, log frontiers, statements and the vault; no network.
//!
//! One process serves one log, or does one thing to the vault. Started by `ioi`, configured over
//! descriptor 3.
#![forbid(unsafe_code)]

mod journal;
mod keystore;
mod release;
mod service;
mod vault;

use anyhow::{Context, Result};
use ioi_ipc::proto::guardian::credentials_server::CredentialsServer;
use ioi_ipc::proto::guardian::guardian_server::GuardianServer;
use ioi_ipc::proto::supervisor::{
    ConfigureRequest, GuardianConfiguration, ReadyRequest, guardian_host_client::GuardianHostClient,
};
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::{Inherited, Services, pair};
use ioi_port::Heart;
use ioi_types::{BootId, LogId};
use keystore::KeyStore;
use release::{CredentialsService, Releases};
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    ioi_ipc::abort_on_panic();
    let inherited = Inherited::from_environment()?;
    let (heart, _) = Heart::start(inherited.descriptors()?)?;
    let directory = inherited.named("directory")?;
    let mut host = GuardianHostClient::new(pair::client(inherited.supervisor()?).await?);
    let mut configuration =
        host.configure(ConfigureRequest {}).await.context("no configuration came")?.into_inner();
    let keys = KeyStore::open(directory.as_fd())?;
    match configuration.vault.take().and_then(|vault| vault.task) {
        Some(task) => {
            host.vault_done(vault::perform(&keys, task)).await?;
            Ok(())
        }
        None => serve(&inherited, &heart, &mut host, keys, &configuration).await,
    }
}

async fn serve(
    inherited: &Inherited,
    heart: &Heart,
    host: &mut GuardianHostClient<Channel>,
    keys: KeyStore,
    configuration: &GuardianConfiguration,
) -> Result<()> {
    let log = LogId(configuration.log_id.as_slice().try_into().context("a log id has 16 bytes")?);
    let mut boot = BootId([0; 16]);
    getrandom::fill(&mut boot.0).map_err(std::io::Error::other)?;
    let journal = journal::Journal::open(keys.journal(log)?, log, boot)?;
    let key = keys.key()?;
    host.ready(ReadyRequest { public_key: key.public().to_bytes().to_vec() }).await?;
    let releases = Releases::new(configuration, keys);
    if inherited.has("egress") {
        let services = Services::new().with(CredentialsServer::new(CredentialsService(releases.clone())));
        // An error means that the egress process is gone, which the orchestrator meets.
        tokio::spawn(pair::serve(inherited.named("egress")?, services));
    }
    let service = service::GuardianService { boot, key, journal: Arc::new(Mutex::new(journal)), releases };
    let services = Services::new().with(GuardianServer::new(service));
    heart.serving();
    pair::serve(inherited.named("orchestrator")?, services).await?;
    Ok(())
}
