//! Files of mediated trees, as the program of `ioi run` opens them: each is decided and recorded before it is had.

use crate::failure::Failure;
use crate::gate::{Gate, Permit};
use crate::host::Host;
use crate::run::principals;
use crate::session::Session;
use ioi_audit::Witnessed;
use ioi_firewall::{Call, Object, ObjectKind};
use ioi_ipc::proto::supervisor as wire;
use ioi_types::ErrorCode;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Decides accesses as long as it is polled; answers only with what ends the session. An access that is under way
/// then goes on to its outcome by itself.
pub(crate) async fn serve(session: &Session) -> Failure {
    let (failed, mut failure) = mpsc::channel(1);
    let fetching = async {
        loop {
            match session.host.client().next_access(wire::NextAccessRequest {}).await {
                Ok(reply) if reply.get_ref().end => return std::future::pending().await,
                Ok(reply) => reply.into_inner().accesses.into_iter().for_each(|access| {
                    let asking = Asking {
                        gate: Arc::clone(&session.gate),
                        host: session.host.clone(),
                        principals: principals(session),
                        access,
                    };
                    let failed = failed.clone();
                    tokio::spawn(async move {
                        if let Err(failure) = asking.settle().await {
                            // The first one is enough.
                            let _ = failed.try_send(failure);
                        }
                    });
                }),
                Err(status) => return Failure::node("supervisor", &status),
            }
        }
    };
    tokio::select! {
        failure = fetching => failure,
        Some(failure) = failure.recv() => failure,
    }
}

/// One access.
struct Asking {
    gate: Arc<Gate>,
    host: Host,
    principals: [String; 2],
    access: wire::Access,
}

impl Asking {
    /// # Errors
    /// What ends the session: nothing goes ahead that can't be recorded. A refusal is none.
    async fn settle(self) -> Result<(), Failure> {
        match self.decide().await {
            Ok(permits) => self.carry_out(permits).await,
            Err(failure) => {
                // The program waits, whatever the reason; an error means that it waits no more.
                let _ = self.answer(false).await;
                match failure.code {
                    ErrorCode::PolicyDenied | ErrorCode::PolicyAsk => Ok(()),
                    _ => Err(failure),
                }
            }
        }
    }

    /// Leave for each action; all of them must be allowed.
    async fn decide(&self) -> Result<Vec<(&str, Permit)>, Failure> {
        let mut permits = Vec::new();
        if self.access.actions.is_empty() {
            return Err(Failure::internal("an access asks for nothing"));
        }
        for action in &self.access.actions {
            let call = Call::file(self.principals.clone(), action, &self.access.path);
            match self.gate.pass(call, self.object()).await {
                Ok(permit) => permits.push((action.as_str(), permit)),
                Err(failure) => {
                    // Allowed by itself, and not done, since it was to be had with the other or not at all.
                    for (_, permit) in permits {
                        permit.failed(failure.code).await?;
                    }
                    return Err(failure);
                }
            }
        }
        Ok(permits)
    }

    /// What the opened descriptor is; a file that is to be created is nothing yet.
    fn object(&self) -> Option<Object> {
        let wire::Access { kind, size, device, inode, .. } = &self.access;
        let kind = (!kind.is_empty()).then(|| ObjectKind::from_name(kind).unwrap_or(ObjectKind::Other))?;
        Some(Object { kind, size: *size, device: *device, inode: *inode })
    }

    async fn carry_out(&self, permits: Vec<(&str, Permit)>) -> Result<(), Failure> {
        let reply = self.answer(true).await;
        for (action, permit) in permits {
            match &reply {
                Ok(reply) => permit.done(witnessed(action, reply)?).await?,
                // Whether it was created or emptied before the program died, nobody knows.
                Err(failure) if failure.code == ErrorCode::Cancelled && action == "fs::write" => drop(permit),
                Err(failure) => permit.failed(failure.code).await?,
            }
        }
        Ok(())
    }

    async fn answer(&self, allowed: bool) -> Result<wire::AnswerAccessReply, Failure> {
        let answer = wire::AnswerAccessRequest { id: self.access.id, allowed };
        let reply = self.host.client().answer_access(answer).await;
        let reply = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        match ErrorCode::from_number(reply.error_code) {
            None if reply.error_code == 0 => Ok(reply),
            code => Err(Failure::new(code.unwrap_or(ErrorCode::Internal), reply.error)),
        }
    }
}

/// What a file held that was opened for reading.
fn witnessed(action: &str, reply: &wire::AnswerAccessReply) -> Result<Vec<Witnessed>, Failure> {
    if reply.digest.is_empty() || action != "fs::read" {
        return Ok(Vec::new());
    }
    let digest = reply.digest.parse();
    let digest = digest.map_err(|error| Failure::internal(format!("the file's digest: {error}")))?;
    Ok(vec![Witnessed { what: "file".into(), digest, bytes: reply.size, by: "supervisor".into() }])
}
