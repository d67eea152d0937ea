//! `ioi demo`: a question is answered, then the misbehaving plugin tries one thing at a time.
//!
//! What a plugin says of its attempt is reported as its claim; whether it had an
//! effect is looked at by the command, from outside.

use crate::ask::{Ask, Conversation, or_ended};
use crate::failure::Failure;
use crate::receipt::CutShort;
use crate::session::Session;
use crate::workload::Workload;
use ioi_canon::{Map, Value};
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::control::{self, execute_job_request::Job};
use ioi_ipc::proto::supervisor::{self as wire, report_request::Report};
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

/// The same as `ioi ask` on the bundled documents, then the attempts.
///
/// # Errors
/// What ended the session early; an attempt that fails is no failure.
pub(crate) async fn run(
    session: &Session,
    workload: Workload,
    task: &wire::DemoTask,
) -> Result<(), CutShort> {
    let mut ask = Ask::new(session, workload.clone(), None);
    let mut conversation = Conversation::default();
    let work = async {
        ask.ingest().await?;
        ask.answer(task.question.clone(), &mut conversation).await?;
        for name in ATTEMPTS {
            attempt(session, &workload, task, name).await?;
        }
        Ok(())
    };
    let ended = or_ended(session, work).await;
    conversation.finish(session, ended).await
}

/// The workload digests the buffer that the plugin filled with the letter `a`,
/// had sealed, and then tried to change.
async fn digest_again(
    session: &Session,
    workload: &Workload,
    response: &Response,
    instance: u32,
) -> Result<String, Failure> {
    let Some(handle) = response.handles.first() else { return Ok("no buffer".into()) };
    let granted = session.host.client().grant(wire::GrantRequest { region: handle.region, instance }).await;
    granted.map_err(|status| Failure::node("supervisor", &status))?;
    let length = usize::try_from(handle.length).unwrap_or(usize::MAX).min(1 << 20);
    let document = control::Document {
        path: "(the rogue's buffer)".into(),
        text_length: handle.length,
        claimed_digest: ioi_crypto::blake3(&vec![b'a'; length]).to_string(),
        ..Default::default()
    };
    let text = Some(Payload::of_handle(SharedMemoryHandle::whole(handle.region, handle.length)));
    let job = control::IngestJob { text, source: None, documents: vec![document], digest_only: true };
    Ok(match workload.execute(Job::Ingest(job)).await {
        Ok(_) => "digest same".into(),
        Err(failure) => format!("digest {}", failure.message),
    })
}

async fn attempt(
    session: &Session,
    workload: &Workload,
    task: &wire::DemoTask,
    name: &str,
) -> Result<(), Failure> {
    let plugin = session.start_plugin("rogue").await?;
    let targets: Map =
        task.targets.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let arguments = Value::map([("name", Value::from(name)), ("targets", Value::Map(targets))]).to_bytes();
    let answered = plugin.link.call(Request::new("attempt", arguments, ATTEMPT_DEADLINE_MS)).await;
    let (claimed, detail) = match &answered {
        Ok(Response { result, .. }) => ("answered", String::from_utf8_lossy(result).into_owned()),
        Err(error) => ("failed", error.to_string()),
    };
    let claimed = match &answered {
        Ok(response) if !response.handles.is_empty() => {
            digest_again(session, workload, response, plugin.instance).await?
        }
        _ => claimed.to_owned(),
    };
    session.stop_plugin(plugin).await?;
    let report = wire::Attempt { name: name.into(), claimed, detail };
    session.host.report(Report::Attempt(report)).await;
    Ok(())
}
