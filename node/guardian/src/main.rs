//! The guardian process: keys, log frontiers and statements; no network.
//!
//! One process serves one log. Started by `ioi`, configured over descriptor 3.
#![forbid(unsafe_code)]

mod journal;
mod keystore;
mod service;

use anyhow::{Context, Result};
use ioi_ipc::proto::guardian::guardian_server::GuardianServer;
use ioi_ipc::proto::supervisor::{
    ConfigureRequest, GuardianConfiguration, ReadyRequest, StoredRequest,
    guardian_host_client::GuardianHostClient,
};
use ioi_ipc::tonic::transport::{Channel, Server};
use ioi_ipc::{Inherited, pair};
use ioi_types::{BootId, LogId};
use keystore::KeyStore;
use std::os::fd::AsFd;
use std::sync::Mutex;
use zeroize::Zeroizing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    ioi_ipc::abort_on_panic();
    let inherited = Inherited::from_environment()?;
    let directory = inherited.named("directory")?;
    let mut host = GuardianHostClient::new(pair::client(inherited.supervisor()?).await?);
    let configuration =
        host.configure(ConfigureRequest {}).await.context("no configuration came")?.into_inner();
    let keys = KeyStore::open(directory.as_fd())?;
    match configuration.store {
        Some(ref credential) => {
            let secret = Zeroizing::new(credential.secret.clone());
            keys.store(&credential.name, &secret)?;
            host.stored(StoredRequest {}).await?;
            Ok(())
        }
        None => serve(&inherited, &mut host, &keys, &configuration).await,
    }
}

async fn serve(
    inherited: &Inherited,
    host: &mut GuardianHostClient<Channel>,
    keys: &KeyStore,
    configuration: &GuardianConfiguration,
) -> Result<()> {
    let log = LogId(configuration.log_id.as_slice().try_into().context("a log id has 16 bytes")?);
    let mut boot = BootId([0; 16]);
    getrandom::fill(&mut boot.0).map_err(std::io::Error::other)?;
    let journal = journal::Journal::open(keys.journal(log)?, log, boot)?;
    let key = keys.key()?;
    host.ready(ReadyRequest { public_key: key.public().to_bytes().to_vec() }).await?;
    let service = service::GuardianService { boot, key, journal: Mutex::new(journal) };
    let router = Server::builder().add_service(GuardianServer::new(service));
    pair::serve(inherited.named("orchestrator")?, router).await?;
    Ok(())
}
