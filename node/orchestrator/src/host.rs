//! The supervisor, as this process sees it.

use crate::failure::Failure;
use ioi_ipc::proto::supervisor::{
    ReportRequest, orchestrator_host_client::OrchestratorHostClient, report_request::Report,
};
use ioi_ipc::tonic::transport::Channel;
use ioi_port::{End, Heart, REPORT, REPORT_BYTES_MAX};

/// What the supervisor answers, and what it wants by itself.
#[derive(Clone)]
pub(crate) struct Host {
    client: OrchestratorHostClient<Channel>,
    heart: Heart,
}

impl Host {
    pub(crate) fn new(channel: Channel, heart: Heart) -> Self {
        Self { client: OrchestratorHostClient::new(channel), heart }
    }

    pub(crate) fn client(&self) -> OrchestratorHostClient<Channel> {
        self.client.clone()
    }

    /// Shows the user something: over the cell, which waits for nobody; by a call what ends the
    /// run, what is too long, and what finds the outbox full, since a call is answered when there is
    /// room. An error means that the supervisor is gone, and with it this process, soon.
    pub(crate) async fn report(&self, report: Report) {
        let is_last = matches!(report, Report::Finished(_) | Report::Failed(_));
        let request = ReportRequest { report: Some(report) };
        if !is_last {
            let record = ioi_ipc::encode(&request);
            if record.len() <= REPORT_BYTES_MAX && self.heart.leave(REPORT, &record).is_ok() {
                return;
            }
        }
        let _ = self.client().report(request).await;
    }

    /// The session is open: from now on this process must be heard of all the time.
    pub(crate) fn serving(&self) {
        self.heart.serving();
    }

    /// Answers with the reason when the session is to end early: the user wants it, or a process of the node
    /// is stopped.
    pub(crate) async fn end(&self) -> Failure {
        let End { code, reason } = self.heart.end().await;
        Failure::new(code, reason)
    }
}
