//! `ioi run`: one program, decided before it starts, recorded when it has ended.

use crate::failure::Failure;
use crate::receipt;
use crate::session::{Session, profile};
use ioi_audit::{Closing, Ended, Started};
use ioi_canon::{Map, Value};
use ioi_firewall::{Access, Call};
use ioi_ipc::proto::supervisor as wire;
use ioi_plugin::services::bytes_value;
use ioi_types::ErrorCode;

/// Decides, starts, waits, closes.
///
/// # Errors
/// The refusal, or what ended the session early.
pub(crate) async fn run(session: &Session, task: &wire::RunTask) -> Result<(), Failure> {
    check_direct(session, task)?;
    let digest = task.executable_digest.parse();
    let digest = digest.map_err(|error| Failure::internal(format!("the executable's digest: {error}")))?;
    let call = Call::exec([session.principal()], &task.executable, digest, &task.argv);
    let permit = session.gate.pass(call, None).await?;
    for root in session.configuration.roots.iter().chain(&task.write_roots) {
        session.gate.granted(root, &permit);
    }
    let (code, signal) = match execute(session).await {
        Ok(exit) => {
            permit.done(Vec::new()).await?;
            exit
        }
        Err(failure) => {
            permit.failed(failure.code).await?;
            return Err(failure);
        }
    };
    let signal = u64::try_from(signal).unwrap_or(0);
    session.log.ended(Ended { instance: 0, name: "program".into(), code, signal }).await?;
    receipt::finish(session, closing(session, task, code), code).await
}

async fn execute(session: &Session) -> Result<(i32, i32), Failure> {
    let supervisor = |status: ioi_ipc::tonic::Status| Failure::node("supervisor", &status);
    let started =
        session.host.client().start_program(wire::StartProgramRequest {}).await.map_err(supervisor)?;
    let process = started.into_inner().process.unwrap_or_default();
    session.gate.started(Started { instance: 0, process: profile(&process)? }).await?;
    let exit = session
        .host
        .client()
        .wait_program(wire::WaitProgramRequest {})
        .await
        .map_err(supervisor)?
        .into_inner();
    Ok((exit.code, exit.signal))
}

/// The program gets its folders directly, so every rule that touches one must
/// be a plain allow; a rule that would need to look at each file refuses the start.
fn check_direct(session: &Session, task: &wire::RunTask) -> Result<(), Failure> {
    let reads = session.configuration.roots.iter().map(|root| (root, Access::Read));
    let writes = task.write_roots.iter().map(|root| (root, Access::Write));
    for (root, access) in reads.chain(writes) {
        session.gate.direct(&[&session.principal(), "program"], root, access).map_err(|reason| {
            let root = String::from_utf8_lossy(root);
            let message = format!("the program can't be given `{root}` directly: {reason}");
            Failure::new(ErrorCode::PolicyDenied, message)
        })?;
    }
    Ok(())
}

fn closing(session: &Session, task: &wire::RunTask, code: i32) -> Closing {
    let list = |items: &[Vec<u8>]| Value::List(items.iter().map(|item| bytes_value(item)).collect());
    Closing {
        task: Map::from([
            ("argv".to_owned(), list(&task.argv)),
            ("command".to_owned(), "run".into()),
            ("exit".to_owned(), code.into()),
            ("read".to_owned(), list(&session.configuration.roots)),
            ("write".to_owned(), list(&task.write_roots)),
        ]),
        answer: None,
        citations: Vec::new(),
        policy: session.policy_source.clone(),
        context: session.policy_context.clone(),
    }
}
