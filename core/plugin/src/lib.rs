//! The framed plugin protocol, version 1: codec and session as state machines without input or output.
//!
//! It does not know sockets, clocks, randomness, processes or what a call
//! means: the caller brings the bytes, the time and the random session id, and
//! decides what a request may do. It covers the transport of a *spawned*
//! plugin; frame types and flags that belong to later features are refused by
//! name (see [`FrameType`] and [`Flags`]).
//!
//! ```
//! use ioi_plugin::{Effect, Effects, HostConfig, Now, PluginConfig, Session, message::Request};
//! let now = Now { monotonic_ms: 0, unix_ns: 0 };
//! let (mut out, mut at_host, mut at_plugin) = (Effects::new(), Effects::new(), Effects::new());
//! let mut host = Session::host(HostConfig::new(7, [1; 32]), now);
//! let mut plugin = Session::plugin(PluginConfig::new("example", [2; 32]), now, &mut out);
//! host.receive(now, &out.take_bytes(), &mut at_host);
//! plugin.receive(now, &at_host.take_bytes(), &mut at_plugin);
//!
//! let id = host.call(now, &Request::new("echo", b"{}".to_vec(), 1000), &mut at_host)?;
//! at_plugin.clear();
//! plugin.receive(now, &at_host.take_bytes(), &mut at_plugin);
//! let Effect::Request(call) = &at_plugin.list[0] else { panic!("no request") };
//! assert_eq!((call.id.0, call.request.name.as_str()), (id.0, "echo"));
//! # Ok::<(), ioi_plugin::CommandError>(())
//! ```
#![forbid(unsafe_code)]

mod decode;
mod error;
mod frame;
pub mod message;
pub mod services;
mod session;

pub use decode::{Decoder, Frame};
pub use error::{CallError, CloseReason, CommandError, Violation};
pub use frame::{
    FRAME_OVERHEAD_BYTES, Flags, FrameType, HEADER_BYTES, Header, TRAILER_BYTES, VERSION, checksum, encode,
};
pub use session::{
    Body, CallId, Counters, Effect, Effects, Exchange, HostConfig, IncomingCall, Limits, Now, PluginConfig,
    Ready, RequestId, Session, limits,
};

/// Feeds arbitrary bytes to a host's session that is past its handshake when
/// `ready` is set: the whole of a fuzz target.
pub fn fuzz_session(ready: bool, bytes: &[u8]) {
    session::fuzz(ready, bytes);
}
