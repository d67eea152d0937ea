//! `ioi demo`: the misbehaving plugin tries one thing at a time, then a question is answered.
//!
//! What a plugin says of its attempt is reported as its claim; whether it had an
//! effect is looked at by the command, from outside.

use crate::ask::{Ask, Conversation};
use crate::failure::Failure;
use crate::receipt;
use crate::session::Session;
use ioi_canon::{Map, Value};
use ioi_ipc::proto::control::workload_client::WorkloadClient;
use ioi_ipc::proto::supervisor::{self as wire, report_request::Report};
use ioi_ipc::tonic::transport::Channel;
use ioi_plugin::message::{Request, Response};

const ATTEMPT_DEADLINE_MS: u32 = 5_000;

/// What is tried, in this order; each by a plugin instance of its own.
const ATTEMPTS: [&str; 8] = [
    "read-key",
    "connect",
    "write-file",
    "rewrite-sealed",
    "reopen-for-writing",
    "announce-4-gib",
    "fork-without-end",
    "leave-the-group",
];

/// Attempts, then the same as `ioi ask` on the bundled documents.
///
/// # Errors
/// What ended the session early; an attempt that fails is no failure.
pub(crate) async fn run(
    session: &Session,
    workload: WorkloadClient<Channel>,
    task: &wire::DemoTask,
) -> Result<(), Failure> {
    for name in ATTEMPTS {
        attempt(session, task, name).await?;
    }
    let mut ask = Ask { session, workload, progress: wire::Progress::default() };
    ask.ingest().await?;
    let mut conversation = Conversation::default();
    ask.answer(task.question.clone(), &mut conversation).await?;
    receipt::finish(session, conversation.closing(session)).await
}

async fn attempt(session: &Session, task: &wire::DemoTask, name: &str) -> Result<(), Failure> {
    let plugin = session.start_plugin("rogue").await?;
    let targets: Map = task.targets.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let arguments = Value::map([("name", Value::from(name)), ("targets", Value::Map(targets))]).to_bytes();
    let answered = plugin.link.call(Request::new("attempt", arguments, ATTEMPT_DEADLINE_MS)).await;
    let (claimed, detail) = match &answered {
        Ok(Response { result, .. }) => ("answered", String::from_utf8_lossy(result).into_owned()),
        Err(error) => ("failed", error.to_string()),
    };
    session.stop_plugin(plugin).await?;
    let report = wire::Attempt { name: name.into(), claimed: claimed.into(), detail };
    session.host.report(Report::Attempt(report)).await;
    Ok(())
}
