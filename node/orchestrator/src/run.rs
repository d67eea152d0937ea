//! `ioi run`: one program, decided before it starts, its mediated files while it runs, recorded when it has ended.

use crate::access;
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
    check_trees(session, task)?;
    let digest = task.executable_digest.parse();
    let digest = digest.map_err(|error| Failure::internal(format!("the executable's digest: {error}")))?;
    let call = Call::exec([session.principal()], &task.executable, digest, &task.argv);
    let permit = session.gate.pass(call, None).await?;
    // Of a mediated tree it has taken in nothing yet: each read brings the labels of its file.
    let roots = session.configuration.roots.iter().chain(&task.write_roots);
    for root in roots.filter(|root| !task.mediated_roots.contains(root)) {
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
    let mut client = session.host.client();
    let exit = tokio::select! {
        exit = client.wait_program(wire::WaitProgramRequest {}) => exit.map_err(supervisor)?.into_inner(),
        failure = access::serve(session) => return Err(failure),
    };
    Ok((exit.code, exit.signal))
}

/// Who opens files in the program's name.
pub(crate) fn principals(session: &Session) -> [String; 2] {
    [session.principal(), "program".to_owned()]
}

/// A folder that the program gets directly must be under plain allows alone; one that is mediated, under rules
/// that may allow something in it. Who started the run has chosen which is which, and is not taken at its word.
fn check_trees(session: &Session, task: &wire::RunTask) -> Result<(), Failure> {
    let reads = session.configuration.roots.iter().map(|root| (root, Access::Read));
    let writes = task.write_roots.iter().map(|root| (root, Access::Write));
    for (root, access) in reads.chain(writes) {
        let mediated = task.mediated_roots.contains(root);
        let principals = principals(session);
        let principals: Vec<_> = principals.iter().map(String::as_str).collect();
        session.gate.tree(&principals, root, access, mediated).map_err(|reason| {
            let root = String::from_utf8_lossy(root);
            let message = format!("the program can't be given `{root}`: {reason}");
            Failure::new(ErrorCode::PolicyDenied, message)
        })?;
    }
    let principals = principals(session);
    let principals: Vec<_> = principals.iter().map(String::as_str).collect();
    match task.program_roots.iter().find(|root| session.gate.limits_in(&principals, root)) {
        Some(root) => {
            let root = String::from_utf8_lossy(root);
            let message = format!(
                "the program can't be given `{root}`, with which it is installed: a rule or label speaks about it"
            );
            Err(Failure::new(ErrorCode::PolicyDenied, message))
        }
        None => Ok(()),
    }
}

fn closing(session: &Session, task: &wire::RunTask, code: i32) -> Closing {
    let list = |items: &[Vec<u8>]| Value::List(items.iter().map(|item| bytes_value(item)).collect());
    Closing {
        task: Map::from([
            ("argv".to_owned(), list(&task.argv)),
            ("command".to_owned(), "run".into()),
            ("exit".to_owned(), code.into()),
            ("mediated".to_owned(), list(&task.mediated_roots)),
            ("read".to_owned(), list(&session.configuration.roots)),
            ("write".to_owned(), list(&task.write_roots)),
        ]),
        answer: None,
        citations: Vec::new(),
        policy: session.policy_source.clone(),
        context: session.policy_context.clone(),
    }
}
