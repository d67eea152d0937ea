//! How a plugin ends, also as a process of its own.

use crate::host::{TestHost, code, exit};
use ioi_canon::Value;
use ioi_plugin::{CloseReason, Effect, Limits};
use ioi_sdk::{Plugin, Reply};
use ioi_types::ErrorCode;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// The example plugin, with its two descriptors where a host puts them.
fn spawn() -> (TestHost, Child) {
    let (host, (frames, descriptors)) = TestHost::pair(Limits::default());
    let tests = std::env::current_exe().unwrap();
    let greeter = tests.parent().unwrap().parent().unwrap().join("examples/greeter");
    assert!(greeter.exists(), "examples are built with the tests: {}", greeter.display());
    let child = Command::new("sh")
        .args(["-c", r#"exec "$0" 3<&0 4>&1 </dev/null >&2"#])
        .arg(greeter)
        .stdin(frames)
        .stdout(descriptors)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (host, child)
}

/// Waits for the end; returns the exit code and all that was printed.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "the plugin outlives its host");
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), None);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_process_serves_calls_over_descriptors_3_and_4_until_it_is_told_to_stop() {
    let (mut host, child) = spawn();
    host.until(|effect| matches!(effect, Effect::Ready(_)).then_some(()));
    let id = host.call("greet", &Value::map([("name", Value::from("Ada"))]));
    assert_eq!(host.result(id), Value::map([("greeting", Value::from("Hello, Ada"))]));
    host.shut_down(1000);
    host.until(|effect| matches!(effect, Effect::Closed(CloseReason::Drained)).then_some(()));
    assert_eq!(ended(child), (Some(0), String::new()));
}

#[test]
fn when_the_host_dies_the_process_ends_without_a_word() {
    for after_handshake in [true, false] {
        let (mut host, child) = spawn();
        if after_handshake {
            host.until(|effect| matches!(effect, Effect::Ready(_)).then_some(()));
            host.call("greet", &Value::map([("name", Value::from("Ada"))]));
        }
        drop(host);
        assert_eq!(ended(child), (Some(0), String::new()));
    }
}

#[test]
fn a_process_that_no_host_started_says_so_and_exits_2() {
    let tests = std::env::current_exe().unwrap();
    let greeter = tests.parent().unwrap().parent().unwrap().join("examples/greeter");
    let script = r#"exec "$0" 3>&- 4>&-"#;
    let output = Command::new("sh").args(["-c", script]).arg(greeter).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("a plugin is started by `ioi`"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_tool_that_waits_for_a_dead_host_gets_an_error() {
    let (ended, has_ended) = channel();
    let plugin = Plugin::new("t", "1").tool("list", move |call| {
        let error = call.host().list(0, b"", None).unwrap_err();
        ended.send((error.code, call.cancelled())).unwrap();
        Err(error.into())
    });
    let (mut host, thread) = TestHost::start(plugin);
    host.call("list", &Value::map([("n", Value::from(1))]));
    host.asked("fs::list");
    drop(host);
    assert_eq!(has_ended.recv_timeout(Duration::from_secs(20)).unwrap(), (ErrorCode::NodeGone, true));
    assert_eq!(code(thread), exit(0));
}

#[test]
fn a_host_that_breaks_the_protocol_is_told_so_and_the_code_is_6() {
    let (mut host, thread) =
        TestHost::start(Plugin::new("t", "1").tool("t", |_| Ok(Reply::new(Value::from(true)))));
    host.raw(&[9]);
    let error = host.until(|effect| match effect {
        Effect::Closed(CloseReason::PeerError(error)) => Some(error.clone()),
        _ => None,
    });
    assert_eq!(error.code(), Some(ErrorCode::ProtocolVersion));
    assert_eq!(code(thread), exit(6));
}

#[test]
fn a_shutdown_waits_for_the_running_call() {
    let (began, has_begun) = channel();
    let plugin = Plugin::new("t", "1").tool("list", move |call| {
        began.send(()).unwrap();
        let page = call.host().list(0, b"", None)?;
        Ok(Reply::new(Value::from(page.entries.len() as i64)))
    });
    let (mut host, thread) = TestHost::start(plugin);
    let id = host.call("list", &Value::map([("n", Value::from(1))]));
    has_begun.recv().unwrap();
    host.shut_down(10_000);
    let asked = host.asked("fs::list");
    host.respond(asked.id, &ioi_sdk::Page::default());
    assert_eq!(host.result(id), Value::from(0));
    host.until(|effect| matches!(effect, Effect::Closed(CloseReason::Drained)).then_some(()));
    assert_eq!(code(thread), exit(0));
}

#[test]
fn a_plugin_echoes_heartbeats_while_its_tools_work() {
    let limits = Limits { heartbeat_interval_ms: 100, heartbeat_misses_max: 2, ..Limits::default() };
    let (go, may_go) = channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let plugin = Plugin::new("t", "1").workers(1).tool("slow", move |_| {
        may_go.lock().unwrap().recv().unwrap();
        Ok(Reply::new(Value::from(true)))
    });
    let (mut host, _thread) = TestHost::start_with(plugin, limits);
    let id = host.call("slow", &Value::map([("n", Value::from(1))]));
    for _ in 0..6 {
        host.beat_and_wait();
    }
    go.send(()).unwrap();
    assert_eq!(host.result(id), Value::from(true));
}
