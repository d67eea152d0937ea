//! A plugin of one tool.

use ioi_sdk::{Call, Plugin, Reply, ToolError, Value};
use std::process::ExitCode;

fn greet(call: &Call) -> Result<Reply, ToolError> {
    let name = call.text("name")?;
    Ok(Reply::new(Value::map([("greeting", Value::from(format!("Hello, {name}")))])))
}

fn main() -> ExitCode {
    Plugin::new("greeter", env!("CARGO_PKG_VERSION")).tool("greet", greet).run()
}
