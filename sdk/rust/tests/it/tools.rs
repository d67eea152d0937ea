//! Calls of tools: answers, failures, panics, cancelling, many at once.

use crate::host::{TestHost, code, exit};
use ioi_canon::Value;
use ioi_plugin::{CallError, Effect, Limits};
use ioi_sdk::{Call, Plugin, Reply, ToolError};
use ioi_types::ErrorCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

fn echo(call: &Call) -> Result<Reply, ToolError> {
    Ok(Reply::new(call.arguments().clone()))
}

fn empty() -> Value {
    Value::map([("n", Value::from(1))])
}

fn failed(result: Result<ioi_plugin::message::Response, CallError>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code().unwrap(), error.message)
}

#[test]
fn a_tool_gets_its_arguments_and_its_answer_arrives() {
    let (mut host, thread) = TestHost::start(Plugin::new("t", "1").tool("echo", echo));
    for number in 0..50 {
        let arguments = Value::map([("n", Value::from(number))]);
        let id = host.call("echo", &arguments);
        assert_eq!(host.result(id), arguments);
    }
    host.shut_down(1000);
    host.until(|effect| matches!(effect, Effect::Closed(ioi_plugin::CloseReason::Drained)).then_some(()));
    assert_eq!(code(thread), exit(0));
}

#[test]
fn the_host_learns_the_plugins_name() {
    let (mut host, (frames, descriptors)) = TestHost::pair(ioi_plugin::Limits::default());
    let _thread = std::thread::spawn(move || Plugin::new("files", "9.8.7").run_on(frames, descriptors));
    let peer = host.until(|effect| match effect {
        Effect::Ready(ready) => Some(ready.peer.clone()),
        _ => None,
    });
    assert!(peer.starts_with("files/9.8.7 ioi-sdk/"), "{peer}");
}

#[test]
fn what_a_tool_cannot_do_is_answered_by_name() {
    let plugin = Plugin::new("t", "1")
        .tool("echo", echo)
        .tool("name", |call| Ok(Reply::new(Value::from(call.text("name")?))))
        .tool("fails", |_| Err(ToolError::new(ErrorCode::ExtractFailed, "no text")))
        .tool("panics", |_| panic!("on purpose: {}", 7))
        .tool("too long", echo)
        .tool("long", |_| Ok(Reply::new(Value::from("x".repeat(70_000)))));
    let (mut host, _thread) = TestHost::start(plugin);
    let mut call = |tool: &str| {
        let id = host.call(tool, &empty());
        failed(host.answer(id))
    };
    assert_eq!(call("missing"), (ErrorCode::ServiceUnknown, "there is no tool `missing`".into()));
    assert_eq!(call("name"), (ErrorCode::ArgumentInvalid, "`name` is missing".into()));
    assert_eq!(call("fails"), (ErrorCode::ExtractFailed, "no text".into()));
    assert_eq!(call("panics"), (ErrorCode::PluginFailed, "the tool panicked: on purpose: 7".into()));
    let (code, message) = call("long");
    assert_eq!(code, ErrorCode::PluginFailed);
    assert!(message.contains("64 KiB"), "{message}");
    let id = host.call("echo", &empty());
    assert_eq!(host.result(id), empty(), "the plugin goes on");
}

#[test]
fn arguments_that_are_not_a_canonical_object_are_refused() {
    let (mut host, _thread) = TestHost::start(Plugin::new("t", "1").tool("echo", echo));
    for arguments in [&b"[1]"[..], b"{\"a\": 1}", b"{\"b\":1,\"a\":1}", b"{}x", b"null"] {
        let request = ioi_plugin::message::Request::new("echo", arguments.to_vec(), 1000);
        let id = host.step(|session, now, effects| session.call(now, &request, effects)).unwrap();
        assert_eq!(failed(host.answer(id)).0, ErrorCode::ArgumentInvalid);
    }
}

#[test]
fn calls_run_at_once_on_as_many_threads_as_workers() {
    let barrier = Arc::new(Barrier::new(3));
    let plugin = Plugin::new("t", "1").workers(3).tool("meet", move |_| {
        barrier.wait();
        Ok(Reply::new(Value::from(true)))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let ids = [(); 3].map(|()| host.call("meet", &empty()));
    for id in ids {
        assert_eq!(host.result(id), Value::from(true));
    }
}

#[test]
fn a_cancelled_call_learns_of_it_and_its_late_answer_is_not_sent() {
    let (began, has_begun) = channel();
    let (ended, has_ended) = channel();
    let plugin = Plugin::new("t", "1").workers(1).tool("echo", echo).tool("slow", move |call| {
        began.send(()).unwrap();
        while !call.cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        ended.send(()).unwrap();
        Ok(Reply::new(Value::from("late")))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("slow", &empty());
    has_begun.recv().unwrap();
    host.step(|session, now, effects| session.cancel(now, id, effects)).unwrap();
    // The one worker is free again, and nothing came for the cancelled call.
    let id = host.call("echo", &empty());
    assert_eq!(host.result(id), empty());
    has_ended.recv().unwrap();
    assert_eq!(host.step(|session, _, _| (session.calls_open(), session.counters().answers_dropped)), (0, 0));
}

#[test]
fn a_cancelled_call_that_waits_for_a_worker_never_runs() {
    let (began, has_begun) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let runs = Arc::new(AtomicU32::new(0));
    let counter = runs.clone();
    let plugin = Plugin::new("t", "1").workers(1).tool("echo", echo).tool("slow", move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        began.send(()).unwrap();
        may_go.lock().unwrap().recv().unwrap();
        Ok(Reply::new(Value::from(true)))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let first = host.call("slow", &empty());
    has_begun.recv().unwrap();
    let second = host.call("slow", &empty());
    host.step(|session, now, effects| session.cancel(now, second, effects)).unwrap();
    // The plugin's confirmation is in: it has taken the second call off its queue.
    let third = host.call("echo", &empty());
    while host.step(|session, _, _| session.calls_open()) > 2 {
        host.pump();
    }
    go.send(()).unwrap();
    assert_eq!(host.result(first), Value::from(true));
    assert_eq!(host.result(third), empty());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[test]
fn a_call_past_its_deadline_is_told_to_stop() {
    let (ended, has_ended) = channel();
    let plugin = Plugin::new("t", "1").tool("slow", move |call| {
        while !call.cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        ended.send(call.host().list(0, b"", None).unwrap_err().code).unwrap();
        Err(ToolError::failed("stopped"))
    });
    // No heartbeat wakes the plugin before: only the deadline does.
    let limits = Limits { heartbeat_interval_ms: 600_000, ..Limits::default() };
    let (mut host, _thread) = TestHost::start_with(plugin.limits(limits), limits);
    host.beat_and_wait();
    // Time for the plugin's clock to go back to sleep after the echo.
    std::thread::sleep(Duration::from_millis(50));
    let request = ioi_plugin::message::Request::new("slow", b"{}".to_vec(), 30);
    host.step(|session, now, effects| session.call(now, &request, effects)).unwrap();
    let code = has_ended.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(code, ErrorCode::DeadlineExceeded | ErrorCode::Cancelled), "{code}");
}
