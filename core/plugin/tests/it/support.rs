//! Sessions that are ready, and frames made by hand.

use ioi_plugin::{
    CloseReason, Effect, Effects, Flags, FrameType, Header, HostConfig, Limits, Now, PluginConfig, Session,
    encode, message::Request,
};
use prost::Message;

pub(crate) const SESSION_ID: u64 = 0x1122_3344_5566_7788;

pub(crate) fn at(monotonic_ms: u64) -> Now {
    Now { monotonic_ms, unix_ns: 1_700_000_000_000_000_000 }
}

pub(crate) fn host(limits: Limits) -> Session {
    let config = HostConfig {
        limits,
        name: "host/1".into(),
        ..HostConfig::new(SESSION_ID, std::array::from_fn(|i| i as u8 + 32))
    };
    Session::host(config, at(0))
}

pub(crate) fn plugin(limits: Limits, effects: &mut Effects) -> Session {
    let config = PluginConfig { limits, ..PluginConfig::new("vector/1", std::array::from_fn(|i| i as u8)) };
    Session::plugin(config, at(0), effects)
}

/// Both sides past the handshake.
pub(crate) fn ready_with(limits: Limits) -> (Session, Session) {
    let (mut to_host, mut to_plugin, mut rest) = (Effects::new(), Effects::new(), Effects::new());
    let mut host = host(limits);
    let mut plugin = plugin(limits, &mut to_host);
    host.receive(at(0), &to_host.bytes, &mut to_plugin);
    plugin.receive(at(0), &to_plugin.bytes, &mut rest);
    assert!(host.is_ready() && plugin.is_ready());
    assert!(rest.bytes.is_empty(), "two frames are the whole handshake");
    (host, plugin)
}

pub(crate) fn ready() -> (Session, Session) {
    ready_with(Limits::default())
}

pub(crate) fn header(kind: FrameType, flags: Flags, id: u64) -> Header {
    Header { kind, flags, id, session_id: SESSION_ID, timestamp_ns: 0 }
}

pub(crate) fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&header, payload, &mut bytes);
    bytes
}

pub(crate) fn request(name: &str) -> Request {
    Request::new(name, b"{}".to_vec(), 1000)
}

/// A Request frame with this id.
pub(crate) fn request_frame(id: u64) -> Vec<u8> {
    frame(header(FrameType::Request, Flags::NONE, id), &request("t").encode_to_vec())
}

/// Feeds bytes and returns what came of them.
pub(crate) fn feed(session: &mut Session, bytes: &[u8]) -> Effects {
    let mut effects = Effects::new();
    session.receive(at(1), bytes, &mut effects);
    effects
}

/// The reason, if the effects end with one.
pub(crate) fn closed(effects: &Effects) -> Option<&CloseReason> {
    match effects.list.last() {
        Some(Effect::Closed(reason)) => Some(reason),
        _ => None,
    }
}

/// The name of the violation's code that closed the session.
pub(crate) fn violation(effects: &Effects) -> Option<&'static str> {
    match closed(effects)? {
        CloseReason::Violation(violation) => Some(violation.code().name()),
        _ => None,
    }
}
