//! `ioi ipc`: what runs now, what happens in it, and how fast this machine is at it.

mod bench;
mod ls;
mod table;
mod tap;

pub(crate) use bench::{Cores, far_side};

use crate::args::IpcCommand;
use crate::failure::{Failure, exit_of};
use crate::render::Screen;
use ioi_ipc::status;
use ioi_ipc::tonic::Status;
use ioi_node_supervisor::Home;
use ioi_types::{ErrorCode, LogId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A run answers within milliseconds; one that is stopped does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Digits of a log's id that are shown, and suffice as its name.
const SHORT_DIGITS: usize = 8;

pub(crate) async fn run(command: IpcCommand, screen: &mut Screen) -> Result<(), Failure> {
    match command {
        IpcCommand::Ls => ls::run(&home()?, screen).await,
        IpcCommand::Tap { session, seconds } => tap::run(&home()?, session.as_deref(), seconds, screen).await,
        IpcCommand::Bench(args) => bench::run(&args, screen),
    }
}

fn home() -> Result<Home, Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    home.check()?;
    Ok(home)
}

fn refused(status: &Status) -> Failure {
    match status::code(status) {
        // What came without a code of ours came from no run: the connection broke.
        ErrorCode::Internal => Failure::unavailable("the run has gone before it answered"),
        code => Failure::new(exit_of(code), code.name(), status.message()),
    }
}

fn short(log: LogId) -> String {
    log.to_string().chars().take(SHORT_DIGITS).collect()
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
