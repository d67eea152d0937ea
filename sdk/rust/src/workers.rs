//! Threads that run the tools.

use crate::arenas::Lent;
use crate::call::{Call, Reply, ToolError};
use crate::connection::Connection;
use ioi_plugin::IncomingCall;
use ioi_types::ErrorCode;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) type Tool = Box<dyn Fn(&Call) -> Result<Reply, ToolError> + Send + Sync>;
pub(crate) type Tools = BTreeMap<String, Tool>;

/// Runs calls until the session closes.
pub(crate) fn work(tools: &Tools, connection: &Arc<Connection>) {
    while let Some((incoming, cancelled)) = connection.next_call() {
        let answer = run(tools, connection, incoming.clone(), cancelled);
        let (answer, lent) = match answer.map(Reply::into_response) {
            Ok((response, lent)) => (Ok(response), lent),
            Err(error) => (Err(error.to_call_error()), Vec::new()),
        };
        if connection.answer(&incoming, &answer) {
            lent.into_iter().for_each(Lent::sent);
        }
    }
}

fn run(
    tools: &Tools,
    connection: &Arc<Connection>,
    incoming: IncomingCall,
    cancelled: Arc<AtomicBool>,
) -> Result<Reply, ToolError> {
    let name = &incoming.request.name;
    let tool = tools.get(name);
    let tool =
        tool.ok_or_else(|| ToolError::new(ErrorCode::ServiceUnknown, format!("there is no tool `{name}`")))?;
    let call = Call::new(incoming, cancelled, connection.clone())?;
    // A tool's own state is behind its own locks, which a panic poisons.
    let result = catch_unwind(AssertUnwindSafe(|| tool(&call)));
    result.unwrap_or_else(|panic| Err(ToolError::failed(describe(&*panic))))
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("the tool panicked: {text}")
}
