//! Write an IOI plugin in Rust: name its tools, run it.
//!
//! It does not know policies, sandboxes or where a file lies: everything a
//! tool wants from outside it asks its [`Host`] for, which may refuse. Threads
//! and blocking calls only; no async runtime.
//!
//! ```no_run
//! use ioi_sdk::{Call, Plugin, Reply, ToolError, Value};
//! use std::process::ExitCode;
//!
//! fn greet(call: &Call) -> Result<Reply, ToolError> {
//!     let name = call.text("name")?;
//!     Ok(Reply::new(Value::map([("greeting", Value::from(format!("Hello, {name}")))])))
//! }
//!
//! fn main() -> ExitCode {
//!     Plugin::new("greeter", env!("CARGO_PKG_VERSION")).tool("greet", greet).run()
//! }
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Plugin`] | the tools and the connection |
//! | [`Call`], [`Reply`], [`ToolError`] | one call of a tool and its answer |
//! | [`Host`], [`HostError`] | what a tool may ask for |
//! | [`File`], [`Page`], [`Entry`] | documents of the user |
//! | [`Buffer`], [`Slice`] | shared memory to fill and hand on, so that no bytes go through the host's messages |
#![forbid(unsafe_code)]

mod arenas;
mod buffer;
mod call;
mod connection;
mod descriptors;
mod file;
mod host;
mod plugin;
mod workers;

pub use buffer::{Buffer, Slice};
pub use call::{Call, Reply, ToolError};
pub use file::{File, OpenMany};
pub use host::{Host, HostError};
pub use ioi_canon::Value;
pub use ioi_plugin::Limits;
pub use ioi_plugin::services::{Entry, Kind, Page};
pub use plugin::Plugin;
