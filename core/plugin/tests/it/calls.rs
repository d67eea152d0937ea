//! Calls: answers, cancelling, limits, leaving.

use crate::support::{at, closed, feed, frame, header, ready, ready_with, request, violation};
use ioi_plugin::message::Response;
use ioi_plugin::{
    CallError, CallId, CloseReason, CommandError, Effect, Effects, Flags, FrameType, Limits, RequestId,
    Session,
};
use ioi_types::ErrorCode;

/// A call of `from` that has arrived at `to`.
fn open(from: &mut Session, to: &mut Session) -> (CallId, RequestId) {
    let mut sent = Effects::new();
    let id = from.call(at(0), &request("t"), &mut sent).unwrap();
    let effects = feed(to, &sent.bytes);
    let [Effect::Request(call)] = effects.list.as_slice() else { panic!("{effects:?}") };
    assert_eq!(call.deadline_at_ms, 1001, "counted from its arrival");
    (id, call.id)
}

fn answer() -> Response {
    Response::new(b"{}".to_vec())
}

/// Both directions behave alike.
fn pairs() -> [(Session, Session); 2] {
    let (host, plugin) = ready();
    let (other_host, other_plugin) = ready();
    [(host, plugin), (other_plugin, other_host)]
}

#[test]
fn a_cancelled_call_is_settled_by_exactly_one_confirmation() {
    for (mut caller, mut callee) in pairs() {
        let (id, incoming) = open(&mut caller, &mut callee);
        let mut effects = Effects::new();
        caller.cancel(at(1), id, &mut effects).unwrap();
        assert_eq!(caller.cancel(at(1), id, &mut effects), Err(CommandError::NotOpen { id: id.0 }));
        assert_eq!(caller.calls_open(), 1, "it counts until it is confirmed");
        let confirmed = feed(&mut callee, &effects.bytes);
        assert_eq!(confirmed.list, [Effect::Cancelled { id: incoming }]);
        assert_eq!(callee.requests_open(), 0);
        let late = callee.respond(at(1), incoming, &answer(), &mut Effects::new());
        assert_eq!(late, Err(CommandError::NotOpen { id: incoming.0 }));
        let settled = feed(&mut caller, &confirmed.bytes);
        assert!(settled.list.is_empty());
        assert_eq!((caller.calls_open(), caller.counters().answers_dropped), (0, 0));
    }
}

#[test]
fn an_answer_that_crosses_a_cancel_is_dropped_and_counted() {
    for (mut caller, mut callee) in pairs() {
        let (id, incoming) = open(&mut caller, &mut callee);
        let (mut cancel, mut late) = (Effects::new(), Effects::new());
        caller.cancel(at(1), id, &mut cancel).unwrap();
        callee.respond(at(1), incoming, &answer(), &mut late).unwrap();
        assert!(feed(&mut caller, &late.bytes).list.is_empty());
        assert_eq!((caller.calls_open(), caller.counters().answers_dropped), (0, 1));
        let ignored = feed(&mut callee, &cancel.bytes);
        assert!(ignored.list.is_empty() && ignored.bytes.is_empty());
    }
}

#[test]
fn a_deadline_fails_the_call_here_and_stops_the_work_there() {
    for (mut caller, mut callee) in pairs() {
        let (id, incoming) = open(&mut caller, &mut callee);
        let (mut here, mut there) = (Effects::new(), Effects::new());
        assert_eq!((caller.wake_at_ms(), callee.wake_at_ms()), (1000, 1001));
        caller.tick(at(999), &mut here);
        assert!(here.list.is_empty());
        caller.tick(at(1000), &mut here);
        assert!(matches!(here.list.as_slice(), [Effect::Failed { id: failed, error }]
            if *failed == id && error.code() == Some(ErrorCode::DeadlineExceeded)));
        callee.tick(at(1001), &mut there);
        callee.tick(at(1002), &mut there);
        assert_eq!(there.list, [Effect::Cancelled { id: incoming }], "said once");
        let confirmed = feed(&mut callee, &here.bytes);
        assert!(confirmed.list.is_empty(), "and not again when the Cancel comes");
        assert!(feed(&mut caller, &confirmed.bytes).list.is_empty());
        assert_eq!((caller.calls_open(), callee.requests_open()), (0, 0));
    }
}

#[test]
fn no_more_calls_than_agreed_are_opened_or_taken() {
    let limits = Limits { calls_max: 2, ..Limits::default() };
    let (mut host, mut plugin) = ready_with(limits);
    let (id, incoming) = open(&mut host, &mut plugin);
    open(&mut host, &mut plugin);
    let refused = Err(CommandError::CallsInFlight { calls_max: 2 });
    assert_eq!(host.call(at(0), &request("t"), &mut Effects::new()), refused);
    let mut effects = Effects::new();
    host.cancel(at(0), id, &mut effects).unwrap();
    assert_eq!(
        host.call(at(0), &request("t"), &mut Effects::new()),
        refused,
        "a peer that never confirms starves itself"
    );
    let mut done = Effects::new();
    plugin.respond(at(0), incoming, &answer(), &mut done).unwrap();
    feed(&mut host, &done.bytes);
    open(&mut host, &mut plugin);

    let third = crate::support::request_frame(99);
    let effects = feed(&mut plugin, &third);
    assert_eq!(violation(&effects), Some("quota.calls"));
}

#[test]
fn the_smaller_of_two_limits_holds_on_both_sides() {
    let small =
        Limits { payload_bytes_max: 4096, calls_max: 7, heartbeat_interval_ms: 100, heartbeat_misses_max: 9 };
    let (mut hello, mut answer) = (Effects::new(), Effects::new());
    let mut host = crate::support::host(Limits { heartbeat_misses_max: 2, ..Limits::default() });
    let mut plugin = crate::support::plugin(small, &mut hello);
    host.receive(at(0), &hello.bytes, &mut answer);
    feed(&mut plugin, &answer.bytes);
    assert_eq!(host.limits(), Limits { heartbeat_misses_max: 2, ..small });
    assert_eq!(plugin.limits(), host.limits());
    let long = Response::new(vec![b' '; 5000]);
    let (_, incoming) = open(&mut plugin, &mut host);
    let refused = host.respond(at(0), incoming, &long, &mut Effects::new());
    assert!(matches!(refused, Err(CommandError::TooLong { payload_bytes_max: 4096, .. })), "{refused:?}");
    host.respond(at(0), incoming, &super::calls::answer(), &mut Effects::new()).unwrap();
}

#[test]
fn a_host_that_grants_more_than_was_offered_is_refused() {
    let (mut hello, mut answer) = (Effects::new(), Effects::new());
    let _plugin = crate::support::plugin(Limits::default(), &mut hello);
    let mut host = crate::support::host(Limits::default());
    host.receive(at(0), &hello.bytes, &mut answer);
    let small = Limits { calls_max: 3, ..Limits::default() };
    let mut plugin = crate::support::plugin(small, &mut Effects::new());
    assert_eq!(violation(&feed(&mut plugin, &answer.bytes)), Some("protocol.payload"));
}

#[test]
fn nothing_is_sent_before_the_handshake_or_after_the_end() {
    let mut effects = Effects::new();
    let mut host = crate::support::host(Limits::default());
    assert_eq!(host.call(at(0), &request("t"), &mut effects), Err(CommandError::NotReady));
    host.ended(&mut effects);
    assert_eq!(host.call(at(0), &request("t"), &mut effects), Err(CommandError::Closed));
    host.tick(at(u64::MAX), &mut effects);
    host.close(at(0), ErrorCode::Internal, "x", &mut effects);
    host.ended(&mut effects);
    assert_eq!(effects.list, [Effect::Closed(CloseReason::TransportEnded)], "the end is said once");
    assert!(effects.bytes.is_empty());
    assert_eq!(host.wake_at_ms(), u64::MAX);
}

#[test]
fn when_the_peer_is_gone_every_call_fails_and_every_request_is_cancelled() {
    for (index, (mut one, mut other)) in pairs().into_iter().enumerate() {
        let (id, _) = open(&mut one, &mut other);
        let (_, incoming) = open(&mut other, &mut one);
        let mut effects = Effects::new();
        one.ended(&mut effects);
        let code = [ErrorCode::PluginGone, ErrorCode::NodeGone][index];
        let [Effect::Failed { id: failed, error }, cancelled, end] = effects.list.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!((*failed, error.code()), (id, Some(code)));
        assert_eq!(cancelled, &Effect::Cancelled { id: incoming });
        assert_eq!(end, &Effect::Closed(CloseReason::TransportEnded));
    }
}

#[test]
fn a_shutdown_is_answered_when_the_last_call_is() {
    for (mut one, mut other) in pairs() {
        let (id, incoming) = open(&mut one, &mut other);
        let mut effects = Effects::new();
        one.shutdown(at(1), 500, "bye", &mut effects).unwrap();
        assert_eq!(one.call(at(1), &request("t"), &mut effects), Err(CommandError::ShuttingDown));
        let told = feed(&mut other, &effects.bytes);
        assert_eq!(told.list, [Effect::Shutdown { deadline_at_ms: 501, reason: "bye".into() }]);
        assert!(told.bytes.is_empty());
        // The one that is asked to go may still ask for what it needs to finish.
        open(&mut other, &mut one);
        let mut done = Effects::new();
        other.respond(at(2), incoming, &answer(), &mut done).unwrap();
        assert_eq!(closed(&done), Some(&CloseReason::Drained));
        let end = feed(&mut one, &done.bytes);
        assert!(matches!(end.list.first(), Some(Effect::Response { id: answered, .. }) if *answered == id));
        assert_eq!(closed(&end), Some(&CloseReason::Drained));
    }
}

#[test]
fn a_shutdown_with_nothing_open_is_answered_at_once() {
    for (mut one, mut other) in pairs() {
        let mut effects = Effects::new();
        one.shutdown(at(1), 500, "", &mut effects).unwrap();
        let told = feed(&mut other, &effects.bytes);
        assert_eq!(closed(&told), Some(&CloseReason::Drained));
        assert_eq!(closed(&feed(&mut one, &told.bytes)), Some(&CloseReason::Drained));
    }
}

#[test]
fn a_shutdown_ends_at_its_deadline_on_either_side() {
    for (mut one, mut other) in pairs() {
        open(&mut one, &mut other);
        let (mut here, mut there) = (Effects::new(), Effects::new());
        one.shutdown(at(0), 500, "", &mut here).unwrap();
        feed(&mut other, &here.bytes);
        assert_eq!((one.wake_at_ms(), other.wake_at_ms()), (500, 501));
        one.tick(at(500), &mut here);
        assert_eq!(closed(&here), Some(&CloseReason::ShutdownDeadline));
        other.tick(at(501), &mut there);
        assert_eq!(closed(&there), Some(&CloseReason::ShutdownDeadline));
    }
}

#[test]
fn after_a_shutdown_its_sender_opens_nothing() {
    for (mut one, mut other) in pairs() {
        open(&mut one, &mut other);
        let mut effects = Effects::new();
        one.shutdown(at(0), 500, "", &mut effects).unwrap();
        feed(&mut other, &effects.bytes);
        let effects = feed(&mut other, &crate::support::request_frame(99));
        assert_eq!(violation(&effects), Some("protocol.state"));
    }
    let (_, mut plugin) = ready();
    let (mut host, mut other) = ready();
    open(&mut host, &mut other);
    let shutdown = |id| frame(header(FrameType::Shutdown, Flags::NONE, id), b"\x08\x64");
    feed(&mut plugin, &crate::support::request_frame(1));
    feed(&mut plugin, &shutdown(2));
    assert_eq!(violation(&feed(&mut plugin, &shutdown(3))), Some("protocol.state"), "a second Shutdown");
}

#[test]
fn a_one_way_call_is_delivered_and_cannot_be_answered() {
    for (mut one, mut other) in pairs() {
        let mut effects = Effects::new();
        one.call_one_way(at(0), &request("note"), &mut effects).unwrap();
        let told = feed(&mut other, &effects.bytes);
        let [Effect::Request(call)] = told.list.as_slice() else { panic!("{told:?}") };
        assert!(call.one_way);
        assert_eq!((one.calls_open(), other.requests_open()), (0, 0));
        let error = CallError::new(ErrorCode::PluginFailed, "x");
        assert!(other.fail(at(0), call.id, &error, &mut effects).is_err());
    }
}

#[test]
fn an_error_with_a_number_of_a_later_version_keeps_its_name() {
    let (mut host, mut plugin) = ready();
    let (id, incoming) = open(&mut host, &mut plugin);
    let later = CallError {
        number: 4999,
        name: "quota.later".into(),
        message: "é".repeat(600),
        retry_after_ms: 7,
        correlation_id: vec![5; 16],
    };
    let mut effects = Effects::new();
    plugin.fail(at(0), incoming, &later, &mut effects).unwrap();
    let effects = feed(&mut host, &effects.bytes);
    let cut = CallError { message: "é".repeat(512), ..later };
    assert_eq!(cut.code(), None);
    assert_eq!(effects.list, [Effect::Failed { id, error: cut }], "a long message is cut at a character");
}
