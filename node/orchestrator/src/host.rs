//! The supervisor, as this process sees it.

use ioi_ipc::proto::supervisor::{
    BeatRequest, ReportRequest, orchestrator_host_client::OrchestratorHostClient, report_request::Report,
};
use ioi_ipc::tonic::transport::Channel;
use tokio::sync::watch;

/// A connection that shows all the time that this process is alive.
#[derive(Clone)]
pub(crate) struct Host {
    client: OrchestratorHostClient<Channel>,
    interrupted: watch::Receiver<bool>,
}

impl Host {
    /// Begins to show that this process is there.
    pub(crate) fn new(channel: Channel) -> Self {
        let client = OrchestratorHostClient::new(channel);
        let (interrupt, interrupted) = watch::channel(false);
        tokio::spawn(beat(client.clone(), interrupt));
        Self { client, interrupted }
    }

    pub(crate) fn client(&self) -> OrchestratorHostClient<Channel> {
        self.client.clone()
    }

    /// Shows the user something. An error means that the supervisor is gone,
    /// and with it this process, soon.
    pub(crate) async fn report(&self, report: Report) {
        let _ = self.client().report(ReportRequest { report: Some(report) }).await;
    }

    /// Answers when the user wants the run to end.
    pub(crate) async fn interrupted(&self) {
        let mut interrupted = self.interrupted.clone();
        // Where the supervisor is gone nobody interrupts any more.
        if interrupted.wait_for(|now| *now).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn beat(mut client: OrchestratorHostClient<Channel>, interrupt: watch::Sender<bool>) {
    while let Ok(reply) = client.beat(BeatRequest {}).await {
        if reply.into_inner().interrupted {
            let _ = interrupt.send(true);
        }
    }
}
