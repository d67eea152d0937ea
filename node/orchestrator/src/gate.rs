//! The gate: decide, record, and only then let a call go ahead.
//!
//! Nothing else in the process calls the firewall or writes intents, so there
//! is no way to an effect past it.

use crate::failure::Failure;
use crate::host::Host;
use crate::log::{AuditLog, now_ms};
use ioi_audit::{Status, Witnessed};
use ioi_firewall::{Access, Call, Decision, DirectRefusal, Facts, Object, Policy, RateState, TreeAccess};
use ioi_ipc::proto::supervisor::{Refusal, report_request::Report};
use ioi_types::{ErrorCode, Verdict};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;

/// Decides and records the calls of one session.
pub(crate) struct Gate {
    policy: Policy,
    log: AuditLog,
    host: Host,
    rates: Mutex<RateState>,
    /// Records are written in the order of the decisions, so that rates replay.
    turn: tokio::sync::Mutex<()>,
}

/// Leave to go ahead. Whoever holds it says what became of the call; where it
/// is dropped instead, nobody knows, and the log says that.
#[must_use]
pub(crate) struct Permit {
    log: Option<AuditLog>,
    intent: u64,
}

impl Gate {
    pub(crate) fn new(policy: Policy, log: AuditLog, host: Host) -> Self {
        let turn = tokio::sync::Mutex::new(());
        Self { policy, log, host, rates: Mutex::new(RateState::new()), turn }
    }

    /// Decides a call on what its object is, and records the decision.
    ///
    /// # Errors
    /// `policy.denied` or `policy.ask` with the rule's sentence, or a failure of the log.
    pub(crate) async fn pass(&self, call: Call, object: Option<Object>) -> Result<Permit, Failure> {
        let turn = self.turn.lock().await;
        let facts = Facts { time_ms: now_ms(), object };
        let decision = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            self.policy.decide(&call, &facts, &mut rates)
        };
        let intent = self.log.intent(&call, &facts, &decision).await?;
        drop(turn);
        if decision.verdict == Verdict::Allow {
            return Ok(Permit { log: Some(self.log.clone()), intent });
        }
        self.log.outcome(intent, Status::Refused, Vec::new()).await?;
        let failure = refusal(&decision);
        self.host
            .report(Report::Refusal(Refusal {
                principal: call.principals.last().cloned().unwrap_or_default(),
                action: call.action.clone(),
                target: target(&call),
                rule: decision.rule.map(|rule| format!("{}:{}", rule.id, rule.line)).unwrap_or_default(),
                reason: failure.message.clone(),
                would_allow: decision.would_allow.unwrap_or_default(),
            }))
            .await;
        Err(failure)
    }
}

impl Gate {
    /// Whether a program that nobody changed may have a tree: as a whole, or, `mediated`, one file at a time.
    ///
    /// # Errors
    /// The rule, or the lack of one, that stands against it.
    pub(crate) fn tree(
        &self,
        principals: &[&str],
        tree: &[u8],
        access: Access,
        mediated: bool,
    ) -> Result<(), DirectRefusal> {
        match self.policy.tree_access(principals, tree, access)? {
            TreeAccess::Mediated(why) if !mediated => Err(why),
            _ => Ok(()),
        }
    }
}

fn refusal(decision: &Decision) -> Failure {
    match decision.verdict {
        Verdict::Ask => {
            let message = format!("{}; no approver is enrolled, so what asks is denied", decision.reason);
            Failure::new(ErrorCode::PolicyAsk, message)
        }
        _ => Failure::new(ErrorCode::PolicyDenied, decision.reason.clone()),
    }
}

fn target(call: &Call) -> String {
    let first = ["path", "executable", "url", "host"].iter().find_map(|name| call.args.get(*name));
    first.map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_text(), str::to_owned))
}

impl Permit {
    /// The call was carried out.
    pub(crate) async fn done(self, results: Vec<Witnessed>) -> Result<(), Failure> {
        self.ends(Status::Ok, results).await
    }

    /// The call was tried and failed.
    pub(crate) async fn failed(self, code: ErrorCode) -> Result<(), Failure> {
        self.ends(Status::Failed(code.name().to_owned()), Vec::new()).await
    }

    async fn ends(mut self, status: Status, results: Vec<Witnessed>) -> Result<(), Failure> {
        match self.log.take() {
            Some(log) => log.outcome(self.intent, status, results).await,
            None => Ok(()),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let (Some(log), Ok(runtime)) = (self.log.take(), Handle::try_current()) {
            let intent = self.intent;
            runtime.spawn(async move { log.outcome(intent, Status::Unknown, Vec::new()).await });
        }
    }
}
