//! The egress process: the only route out; no files, one credential a request.
//!
//! It sends what the guardian has authorized and nothing else. Started by `ioi`, asked over the descriptor
//! `orchestrator` of `IOI_FDS`.
#![forbid(unsafe_code)]

mod service;

use anyhow::Result;
use ioi_egress::Client;
use ioi_ipc::proto::egress::egress_server::EgressServer;
use ioi_ipc::proto::guardian::credentials_client::CredentialsClient;
use ioi_ipc::proto::supervisor::egress_host_client::EgressHostClient;
use ioi_ipc::{Inherited, Services, pair};
use ioi_port::{Heart, Transfers};
use service::EgressService;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    ioi_ipc::abort_on_panic();
    let inherited = Inherited::from_environment()?;
    let (heart, descriptors) = Heart::start(inherited.descriptors()?)?;
    let service = EgressService {
        client: Client::new()?,
        guardian: CredentialsClient::new(pair::client(inherited.named("guardian")?).await?),
        host: EgressHostClient::new(pair::client(inherited.supervisor()?).await?),
        transfers: Transfers::start(descriptors)?,
    };
    let services = Services::new().with(EgressServer::new(service));
    heart.serving();
    pair::serve(inherited.named("orchestrator")?, services).await?;
    Ok(())
}
