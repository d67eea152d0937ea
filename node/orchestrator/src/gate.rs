//! The gate: decide, record, and only then let a call go ahead.
//!
//! Nothing else in the process calls the firewall or writes intents, so there
//! is no way to an effect past it.

use crate::failure::Failure;
use crate::host::Host;
use crate::log::{AuditLog, now_ms};
use ioi_audit::{Started, Status, Witnessed};
use ioi_firewall::{
    Access, Call, Decision, DirectRefusal, Facts, Object, Policy, RateState, TreeAccess, UNTRUSTED,
    bytes_value,
};
use ioi_ipc::proto::supervisor::{Refusal, report_request::Report};
use ioi_types::{ErrorCode, Verdict};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// Decides and records the calls of one session.
pub(crate) struct Gate {
    policy: Policy,
    log: AuditLog,
    host: Host,
    rates: Mutex<RateState>,
    /// The labels of what the session has taken in, each with the record that says how it came. None is
    /// ever taken off.
    labels: Mutex<BTreeMap<String, Cause>>,
    /// Records are written in the order of the decisions, so that rates replay.
    turn: tokio::sync::Mutex<()>,
}

/// What brought a label.
#[derive(Clone, Debug)]
struct Cause {
    record: u64,
    /// In words: `fs::read of /home/eve/notes.md by plugin:files`.
    what: String,
}

/// Leave to go ahead. Whoever holds it says what became of the call; where it
/// is dropped instead, nobody knows, and the log says that.
#[must_use]
pub(crate) struct Permit {
    log: Option<AuditLog>,
    intent: u64,
    /// What the session had taken in when it was decided.
    labels: Vec<String>,
}

impl Gate {
    pub(crate) fn new(policy: Policy, log: AuditLog, host: Host) -> Self {
        let turn = tokio::sync::Mutex::new(());
        let (rates, labels) = (Mutex::new(RateState::new()), Mutex::default());
        Self { policy, log, host, rates, labels, turn }
    }

    /// Decides a call on what its object is, and records the decision.
    ///
    /// # Errors
    /// `policy.denied` or `policy.ask` with the rule's sentence, or a failure of the log.
    pub(crate) async fn pass(&self, call: Call, object: Option<Object>) -> Result<Permit, Failure> {
        let turn = self.turn.lock().await;
        let facts = Facts { time_ms: now_ms(), object, labels: self.labels() };
        let decision = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            self.policy.decide(&call, &facts, &mut rates)
        };
        let intent = self.log.intent(&call, &facts, &decision).await?;
        if decision.verdict == Verdict::Allow {
            self.take_in(decision.labels.clone(), intent, || described(&call));
        }
        drop(turn);
        if decision.verdict == Verdict::Allow {
            let labels = facts.labels.into_keys().collect();
            return Ok(Permit { log: Some(self.log.clone()), intent, labels });
        }
        self.log.outcome(intent, Status::Refused, Vec::new()).await?;
        let failure = self.refusal(&decision);
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
    /// The labels of what the session has taken in so far, each with the record that says how it came.
    pub(crate) fn labels(&self) -> BTreeMap<String, u64> {
        self.causes().iter().map(|(label, cause)| (label.clone(), cause.record)).collect()
    }

    fn causes(&self) -> MutexGuard<'_, BTreeMap<String, Cause>> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, labels: Vec<String>, record: u64, what: impl Fn() -> String) {
        let mut causes = self.causes();
        for label in labels {
            causes.entry(label).or_insert_with(|| Cause { record, what: what() });
        }
    }

    fn refusal(&self, decision: &Decision) -> Failure {
        let mut reason = decision.reason.clone();
        if let Some(cause) = decision.label.as_ref().and_then(|label| self.causes().get(label).cloned()) {
            reason = format!("{reason} Record {} is {}.", cause.record, cause.what);
        }
        match decision.verdict {
            Verdict::Ask => {
                let message = format!("{reason} No approver is enrolled, so what asks is denied.");
                Failure::new(ErrorCode::PolicyAsk, message)
            }
            _ => Failure::new(ErrorCode::PolicyDenied, reason),
        }
    }

    /// Records that a process was started. What it says from now on, the session has taken in.
    pub(crate) async fn started(&self, started: Started) -> Result<(), Failure> {
        let _turn = self.turn.lock().await;
        let name = started.process.name.clone();
        let says_untrusted = name.starts_with("plugin:") && !self.policy.trusts(&name);
        let labels = says_untrusted.then(|| UNTRUSTED.to_owned()).into_iter().collect();
        let record = self.log.started(started).await?;
        let what = format!("the start of {name}, which says what it likes");
        self.take_in(labels, record, || what.clone());
        Ok(())
    }

    /// Whether a rule speaks about something in a tree that no rule was asked about.
    pub(crate) fn limits_in(&self, principals: &[&str], tree: &[u8]) -> bool {
        self.policy.limits_in(principals, tree)
    }

    /// A program can open all of a tree, so it has taken in whatever is labelled there.
    pub(crate) fn granted(&self, tree: &[u8], permit: &Permit) {
        let what = || format!("the start of a program that may open all of {}", show(tree));
        self.take_in(self.policy.labels_beneath(tree), permit.intent, what);
    }

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

/// What a call was, for whoever is refused another one because of it.
fn described(call: &Call) -> String {
    let by = call.principals.last().map_or("", String::as_str);
    format!("{} of {} by {by}", call.action, target(call))
}

fn show(path: &[u8]) -> String {
    bytes_value(path).as_str().map_or_else(|| path.escape_ascii().to_string(), str::to_owned)
}

fn target(call: &Call) -> String {
    let first = ["path", "executable", "url", "host"].iter().find_map(|name| call.args.get(*name));
    first.map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_text(), str::to_owned))
}

impl Permit {
    /// What the session had taken in when it was decided, for whoever decides it again.
    pub(crate) fn labels(&self) -> &[String] {
        &self.labels
    }

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
