//! Bodies in chunks, and the credit that bounds them.

use crate::support::{at, feed, frame, header, ready, request, violation};
use ioi_plugin::message::Response;
use ioi_plugin::{
    Body, CallId, CommandError, Effect, Effects, Exchange, Flags, FrameType, RequestId, Session, limits,
};
use prost::Message;

const STREAM: usize = limits::STREAM_CREDIT_BYTES as usize;

/// A call with a body that has arrived at the plugin. Its opener costs 10 bytes.
fn open() -> (Session, Session, CallId, RequestId) {
    let (mut host, mut plugin) = ready();
    let mut effects = Effects::new();
    let id = host.call_with_body(at(0), &request("t"), &mut effects).unwrap();
    let told = feed(&mut plugin, &effects.bytes);
    let [Effect::Request(call)] = told.list.as_slice() else { panic!("{told:?}") };
    assert_eq!(call.body, Body::Chunks);
    let incoming = call.id;
    (host, plugin, id, incoming)
}

const OPENER: usize = 10;

#[test]
fn a_sender_stops_at_the_credit_and_goes_on_when_more_comes() {
    let (mut host, mut plugin, id, incoming) = open();
    let mut effects = Effects::new();
    assert_eq!(host.chunk_bytes_max(id), STREAM - OPENER);
    host.chunk(at(0), id, &vec![1; STREAM - OPENER], false, &mut effects).unwrap();
    let refused = host.chunk(at(0), id, b"x", false, &mut effects);
    assert_eq!(refused, Err(CommandError::NoCredit { cost: 1, available: 0 }));
    let empty = host.chunk(at(0), id, b"", true, &mut effects);
    assert_eq!(empty, Err(CommandError::NoCredit { cost: 64, available: 0 }), "an empty chunk costs too");
    feed(&mut plugin, &effects.bytes);
    let mut credit = Effects::new();
    plugin.consumed(at(0), incoming, STREAM - OPENER, &mut credit);
    let told = feed(&mut host, &credit.bytes);
    assert_eq!(told.list, [Effect::Writable { exchange: Some(Exchange::Mine(id)) }]);
    assert_eq!(host.chunk_bytes_max(id), STREAM);
}

#[test]
fn a_sender_that_ignores_credit_is_closed() {
    let chunk = |bytes: usize| frame(header(FrameType::Request, Flags::STREAM, 1), &vec![1; bytes]);
    let (_, mut plugin, _, _) = open();
    feed(&mut plugin, &chunk(STREAM - OPENER));
    assert_eq!(violation(&feed(&mut plugin, &chunk(1))), Some("protocol.credit"));
    let (_, mut plugin, _, _) = open();
    assert_eq!(violation(&feed(&mut plugin, &chunk(STREAM - OPENER + 1))), Some("protocol.credit"));
}

#[test]
fn a_million_empty_chunks_run_out_of_credit() {
    let (_, mut plugin, _, _) = open();
    let chunk = frame(header(FrameType::Request, Flags::STREAM, 1), b"");
    let taken = (0..1_000_000).take_while(|_| violation(&feed(&mut plugin, &chunk)).is_none()).count();
    assert_eq!(taken, (STREAM - OPENER) / 64);
}

#[test]
fn all_streams_together_are_bounded_by_the_session_credit() {
    let (mut host, mut plugin) = ready();
    let mut sent = 0;
    let mut effects = Effects::new();
    while let Ok(id) = host.call_with_body(at(0), &request("t"), &mut effects) {
        sent += OPENER;
        let count = host.chunk_bytes_max(id);
        if count > 0 {
            host.chunk(at(0), id, &vec![1; count], false, &mut effects).unwrap();
            sent += count;
        }
        if count == 0 {
            break;
        }
    }
    assert_eq!(sent as u64, limits::SESSION_CREDIT_BYTES);
    assert!(violation(&feed(&mut plugin, &effects.bytes)).is_none(), "and all of it is taken");
}

#[test]
fn a_sender_that_ignores_the_session_credit_is_closed() {
    let (_, mut plugin) = ready();
    let each = STREAM - OPENER;
    for id in 2..18 {
        let open = frame(header(FrameType::Request, Flags::STREAM, id), &request("t").encode_to_vec());
        let chunk = frame(header(FrameType::Request, Flags::STREAM, id), &vec![1; each]);
        assert_eq!(violation(&feed(&mut plugin, &[open, chunk].concat())), None, "stream {id}");
    }
    let open = frame(header(FrameType::Request, Flags::STREAM, 18), &request("t").encode_to_vec());
    let chunk = frame(header(FrameType::Request, Flags::STREAM, 18), &[1; 1_000]);
    let effects = feed(&mut plugin, &[open, chunk].concat());
    assert_eq!(violation(&effects), Some("protocol.credit"), "16 streams are the session's credit");
}

#[test]
fn credit_that_cannot_be_counted_is_refused() {
    let (mut host, ..) = open();
    let most = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let bytes = frame(header(FrameType::Credit, Flags::NONE, 0), &most);
    assert_eq!(violation(&feed(&mut host, &bytes)), Some("protocol.credit"));
}

#[test]
fn an_answer_with_a_body_arrives_in_order_and_ends_once() {
    let (mut host, mut plugin) = ready();
    let mut effects = Effects::new();
    let id = host.call(at(0), &request("t"), &mut effects).unwrap();
    feed(&mut plugin, &effects.bytes);
    let incoming = RequestId(id.0);
    let mut answer = Effects::new();
    let first = Response::new(b"{}".to_vec());
    plugin.respond_with_body(at(0), incoming, &first, &mut answer).unwrap();
    assert!(plugin.respond(at(0), incoming, &first, &mut answer).is_err(), "the answer has begun");
    plugin.chunk(at(0), incoming, b"one", false, &mut answer).unwrap();
    plugin.chunk(at(0), incoming, b"two", true, &mut answer).unwrap();
    assert_eq!(
        plugin.chunk(at(0), incoming, b"", true, &mut answer),
        Err(CommandError::NoStream { id: id.0 })
    );
    let effects = feed(&mut host, &answer.bytes);
    let chunk = |bytes: &[u8], last| Effect::Chunk { exchange: id.into(), bytes: bytes.to_vec(), last };
    let response = Effect::Response { id, response: first, body: Body::Chunks };
    assert_eq!(effects.list, [response, chunk(b"one", false), chunk(b"two", true)]);
    assert_eq!((host.calls_open(), plugin.requests_open()), (0, 0));
}

#[test]
fn an_answer_may_break_off_with_an_error() {
    let (mut host, mut plugin) = ready();
    let mut effects = Effects::new();
    let id = host.call(at(0), &request("t"), &mut effects).unwrap();
    feed(&mut plugin, &effects.bytes);
    let incoming = RequestId(id.0);
    let mut answer = Effects::new();
    plugin.respond_with_body(at(0), incoming, &Response::new(b"{}".to_vec()), &mut answer).unwrap();
    let error = ioi_plugin::CallError::new(ioi_types::ErrorCode::PluginFailed, "x");
    plugin.fail(at(0), incoming, &error, &mut answer).unwrap();
    let effects = feed(&mut host, &answer.bytes);
    assert!(matches!(effects.list.as_slice(), [Effect::Response { .. }, Effect::Failed { .. }]));
    assert_eq!((host.calls_open(), plugin.requests_open()), (0, 0));
}

#[test]
fn chunks_where_none_may_come_are_refused() {
    let (mut host, mut plugin) = ready();
    let mut effects = Effects::new();
    let id = host.call(at(0), &request("t"), &mut effects).unwrap();
    feed(&mut plugin, &effects.bytes);
    let end = frame(header(FrameType::Response, Flags::END, id.0), b"x");
    assert_eq!(violation(&feed(&mut host, &end)), Some("protocol.state"), "the last chunk before the first");
    let (mut host, mut plugin) = ready();
    let mut effects = Effects::new();
    let id = host.call(at(0), &request("t"), &mut effects).unwrap();
    feed(&mut plugin, &effects.bytes);
    let mut answer = Effects::new();
    plugin.respond_with_body(at(0), RequestId(id.0), &Response::new(b"{}".to_vec()), &mut answer).unwrap();
    feed(&mut host, &answer.bytes);
    let whole = frame(header(FrameType::Response, Flags::NONE, id.0), b"\x0a\x02{}");
    assert_eq!(violation(&feed(&mut host, &whole)), Some("protocol.state"), "a whole answer inside a body");
}

#[test]
fn an_answer_before_the_body_ended_ends_the_body_with_a_cancel() {
    let (mut host, mut plugin, id, incoming) = open();
    let (mut answer, mut chunks) = (Effects::new(), Effects::new());
    plugin.respond(at(0), incoming, &Response::new(b"{}".to_vec()), &mut answer).unwrap();
    host.chunk(at(0), id, b"crossing", false, &mut chunks).unwrap();
    let effects = feed(&mut plugin, &chunks.bytes);
    assert!(effects.list.is_empty(), "dropped");
    assert_eq!((plugin.counters().chunks_dropped, plugin.requests_open()), (1, 1));
    let effects = feed(&mut host, &answer.bytes);
    assert!(matches!(effects.list.as_slice(), [Effect::Response { body: Body::None, .. }]));
    assert_eq!(host.calls_open(), 0);
    let settled = feed(&mut plugin, &effects.bytes);
    assert!(settled.list.is_empty() && settled.bytes.is_empty(), "the Cancel is no news");
    assert_eq!(plugin.requests_open(), 0);
}

#[test]
fn what_was_dropped_gives_its_session_credit_back() {
    let (mut host, mut plugin) = ready();
    let (mut total, mut given) = (0, Effects::new());
    // Each round sends a body's worth of chunks that the plugin drops.
    while total < 3 * limits::SESSION_CREDIT_BYTES as usize {
        let mut effects = Effects::new();
        let id = host.call_with_body(at(0), &request("t"), &mut effects).unwrap();
        feed(&mut plugin, &effects.take_bytes());
        plugin.respond(at(0), RequestId(id.0), &Response::new(b"{}".to_vec()), &mut given).unwrap();
        let count = host.chunk_bytes_max(id);
        assert!(count > 0, "credit ran out after {total} bytes");
        host.chunk(at(0), id, &vec![1; count], false, &mut effects).unwrap();
        plugin.receive(at(0), &effects.bytes, &mut given);
        let effects = feed(&mut host, &given.take_bytes());
        plugin.receive(at(0), &effects.bytes, &mut given);
        total += count;
    }
    assert_eq!((host.calls_open(), plugin.requests_open()), (0, 0));
}

#[test]
fn answers_dropped_after_a_cancel_give_their_session_credit_back() {
    let (mut host, mut plugin) = ready();
    let mut total = 0;
    while total < 3 * limits::SESSION_CREDIT_BYTES as usize {
        let (mut call, mut answer, mut cancel) = (Effects::new(), Effects::new(), Effects::new());
        let id = host.call(at(0), &request("t"), &mut call).unwrap();
        feed(&mut plugin, &call.bytes);
        host.cancel(at(0), id, &mut cancel).unwrap();
        let incoming = RequestId(id.0);
        plugin.respond_with_body(at(0), incoming, &Response::new(b"{}".to_vec()), &mut answer).unwrap();
        let count = plugin.chunk_bytes_max(incoming);
        assert!(count > 0, "credit ran out after {total} bytes");
        plugin.chunk(at(0), incoming, &vec![1; count], true, &mut answer).unwrap();
        let effects = feed(&mut host, &answer.bytes);
        assert!(effects.list.is_empty(), "dropped");
        feed(&mut plugin, &[cancel.bytes, effects.bytes].concat());
        total += count;
    }
    assert_eq!((host.calls_open(), plugin.requests_open()), (0, 0));
}

#[test]
fn a_receiver_that_says_it_consumed_more_than_came_gives_nothing_away() {
    let (_, mut plugin, _, incoming) = open();
    let mut effects = Effects::new();
    plugin.consumed(at(0), incoming, 100_000_000, &mut effects);
    assert!(effects.bytes.is_empty(), "nothing was outstanding");
}
