//! `schema/vectors/plugin/*.hex`: made without this crate's code (see the README there).

use crate::support::{at, closed, host, plugin};
use ioi_plugin::message::{BulkHandle, Event, Request, Response};
use ioi_plugin::{
    CallError, CloseReason, Decoder, Effect, Effects, Flags, FrameType, Limits, Session, encode, limits,
};
use ioi_types::{ErrorCode, hex};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schema/vectors/plugin")
}

fn vector(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join(name).with_extension("hex")).unwrap();
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    hex::decode(&digits).unwrap()
}

#[test]
fn every_vector_decodes_and_encodes_to_the_same_bytes() {
    let expected = [
        ("handshake-1", FrameType::Handshake, 0),
        ("handshake-2", FrameType::Handshake, 0),
        ("heartbeat", FrameType::Heartbeat, 0),
        ("heartbeat-ack", FrameType::Heartbeat, 0),
        ("request", FrameType::Request, 0),
        ("request-one-way", FrameType::Request, 32),
        ("request-stream", FrameType::Request, 4),
        ("request-chunk", FrameType::Request, 4),
        ("request-end", FrameType::Request, 8),
        ("response", FrameType::Response, 0),
        ("event", FrameType::Event, 0),
        ("error", FrameType::Error, 0),
        ("error-connection", FrameType::Error, 0),
        ("shutdown", FrameType::Shutdown, 0),
        ("credit", FrameType::Credit, 0),
        ("credit-session", FrameType::Credit, 0),
        ("cancel", FrameType::Cancel, 0),
    ];
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "hex")).count();
    assert_eq!(files, expected.len(), "each vector is in this table");
    for (name, kind, flags) in expected {
        let bytes = vector(name);
        let mut decoder = Decoder::new(1 << 20);
        let mut rest = bytes.as_slice();
        let frame = decoder.next(&mut rest).unwrap().unwrap();
        assert_eq!((frame.header.kind, frame.header.flags, rest.len()), (kind, Flags(flags), 0), "{name}");
        let mut again = Vec::new();
        encode(&frame.header, frame.payload, &mut again);
        assert_eq!(again, bytes, "{name}");
    }
}

/// Passes what one side produced to the other.
fn pass(effects: &mut Effects, to: &mut Session, out: &mut Effects) {
    to.receive(at(5000), &effects.take_bytes(), out);
}

#[test]
fn a_session_produces_the_vectors_byte_for_byte() {
    let (mut p, mut h) = (Effects::new(), Effects::new());
    let mut host = host(Limits::default());
    let mut plugin = plugin(Limits::default(), &mut p);
    let now = at(5000);
    assert_eq!(p.bytes, vector("handshake-1"));
    host.receive(at(0), &p.take_bytes(), &mut h);
    assert_eq!(h.bytes, vector("handshake-2"));
    plugin.receive(at(0), &h.take_bytes(), &mut p);

    plugin.tick(now, &mut p);
    assert_eq!(p.bytes, vector("heartbeat"));
    pass(&mut p, &mut host, &mut h);
    assert_eq!(h.bytes, vector("heartbeat-ack"));
    pass(&mut h, &mut plugin, &mut p);

    let read = Request {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        correlation_id: (0x10..0x20).collect(),
        transfer_id: (0xa0..0xb0).collect(),
        idempotent: true,
        ..Request::new("fs::read", br#"{"path":"a.txt","root":0}"#.to_vec(), 1500)
    };
    let id = plugin.call(now, &read, &mut p).unwrap();
    assert_eq!(p.bytes, vector("request"));
    h.clear();
    pass(&mut p, &mut host, &mut h);
    let [Effect::Request(call)] = h.list.as_slice() else { panic!("{h:?}") };
    assert_eq!(call.request, read);
    assert_eq!(call.request.transfer().unwrap().0.to_vec(), read.transfer_id);
    let incoming = call.id;

    plugin.call_one_way(now, &Request::new("note", b"{}".to_vec(), 1), &mut p).unwrap();
    assert_eq!(p.take_bytes(), vector("request-one-way"));
    let body = plugin.call_with_body(now, &Request::new("store", b"{}".to_vec(), 1000), &mut p).unwrap();
    assert_eq!(p.bytes, vector("request-stream"));
    pass(&mut p, &mut host, &mut h);
    plugin.chunk(now, body, b"abc", false, &mut p).unwrap();
    assert_eq!(p.bytes, vector("request-chunk"));
    pass(&mut p, &mut host, &mut h);
    credit_flows(&mut plugin, &mut host, body);
    plugin.chunk(now, body, b"", true, &mut p).unwrap();
    assert_eq!(p.take_bytes(), vector("request-end"));

    let event = Event { topic: "files.changed".into(), body: b"{}".to_vec(), lost: 3 };
    plugin.event(now, &event, &mut p).unwrap();
    assert_eq!(p.take_bytes(), vector("event"));
    plugin.cancel(now, id, &mut p).unwrap();
    assert_eq!(p.take_bytes(), vector("cancel"));
    plugin.shutdown(now, 2000, "done", &mut p).unwrap();
    assert_eq!(p.take_bytes(), vector("shutdown"));

    h.clear();
    let handle = BulkHandle {
        region: 9,
        generation: 1,
        offset: 4096,
        length: 100,
        type_id: 7,
        digest: Some("blake3:00".into()),
        labels: vec!["web".into()],
        transfer_id: (0xc0..0xd0).collect(),
    };
    let response = Response { result: br#"{"ok":true}"#.to_vec(), handles: vec![handle] };
    host.respond(now, incoming, &response, &mut h).unwrap();
    assert_eq!(h.bytes, vector("response"));
}

/// 64 KiB consumed give a stream's credit back, 1 MiB the session's.
fn credit_flows(plugin: &mut Session, host: &mut Session, body: ioi_plugin::CallId) {
    let now = at(5000);
    let (mut p, mut h) = (Effects::new(), Effects::new());
    let their = ioi_plugin::RequestId(body.0);
    let opener = 14;
    let quarter = limits::STREAM_CREDIT_BYTES as usize / 4;
    host.consumed(now, their, 3, &mut h);
    for round in 0..16 {
        let bytes = if round == 0 { quarter - opener - 3 } else { quarter };
        plugin.chunk(now, body, &vec![7; bytes], false, &mut p).unwrap();
        pass(&mut p, host, &mut h);
        assert!(h.bytes.is_empty(), "nothing is given back before it is consumed");
        host.consumed(now, their, bytes, &mut h);
        let credit = if round == 15 {
            [vector("credit"), vector("credit-session")].concat()
        } else {
            vector("credit")
        };
        assert_eq!(h.bytes, credit, "round {round}");
        pass(&mut h, plugin, &mut p);
        p.clear();
    }
}

#[test]
fn both_errors_are_produced_and_understood() {
    let (mut host, mut plugin) = crate::support::ready();
    let (mut p, mut h) = (Effects::new(), Effects::new());
    let now = at(0);
    plugin.tick(at(5000), &mut p);
    let id = plugin.call(now, &crate::support::request("t"), &mut p).unwrap();
    host.receive(now, &p.take_bytes(), &mut h);
    h.clear();
    let error = CallError { retry_after_ms: 250, ..CallError::new(ErrorCode::PolicyDenied, "no") };
    host.fail(now, ioi_plugin::RequestId(id.0), &error, &mut h).unwrap();
    assert_eq!(h.bytes, vector("error"));
    plugin.receive(now, &h.bytes, &mut p);
    assert_eq!(p.list, [Effect::Failed { id, error }]);

    let (mut p, mut h) = (Effects::new(), Effects::new());
    let mut host = crate::support::host(Limits::default());
    host.close(now, ErrorCode::ProtocolVersion, "no", &mut h);
    assert_eq!(h.bytes, vector("error-connection"));
    let mut plugin = crate::support::plugin(Limits::default(), &mut p);
    plugin.receive(now, &h.bytes, &mut p);
    let expected = CallError::new(ErrorCode::ProtocolVersion, "no");
    assert_eq!(closed(&p), Some(&CloseReason::PeerError(expected)));
}
