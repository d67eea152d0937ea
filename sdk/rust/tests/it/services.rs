//! What a tool asks its host for: folders, files, memory.

use crate::host::TestHost;
use ioi_canon::Value;
use ioi_plugin::services::{
    ALLOC, AllocAnswer, AllocArguments, Entry, Kind, LIST, ListArguments, Page, READ, ReadAnswer,
    ReadArguments, SEAL, SealAnswer, SealArguments, Shape,
};
use ioi_plugin::{CallError, IncomingCall, Limits};
use ioi_sdk::{Plugin, Reply, ToolError};
use ioi_shm::Region;
use ioi_types::{Digest, ErrorCode};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};

fn empty() -> Value {
    Value::map([("n", Value::from(1))])
}

fn text(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes).into_owned())
}

/// An open file of these bytes, without a name.
fn file_of(bytes: &[u8]) -> File {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("ioi-sdk-{}-{count}", std::process::id()));
    File::create(&path).unwrap().write_all(bytes).unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

#[test]
fn a_folder_is_listed_page_by_page() {
    let plugin = Plugin::new("t", "1").tool("list", |call| {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let page = call.host().list(1, b"docs", cursor)?;
            names.extend(page.entries.iter().map(|entry| text(&entry.name)));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(Reply::new(Value::List(names)));
            }
        }
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("list", &empty());
    for (cursor, names, next) in [(None, [&b"a"[..], b"\xffb"], Some(2)), (Some(2), [&b"c"[..], b"d"], None)]
    {
        let call = host.asked(LIST);
        let expected = ListArguments { root: 1, path: b"docs".to_vec(), cursor };
        assert_eq!(ListArguments::from_bytes(&call.request.arguments).unwrap(), expected);
        assert_eq!(
            (call.request.correlation_id, call.request.traceparent.as_str()),
            (vec![9; 16], "00-trace")
        );
        assert!(call.request.transfer_id.is_empty());
        let entries = names.map(|name| Entry { name: name.to_vec(), kind: Kind::File, size: 5 }).to_vec();
        host.respond(call.id, &Page { entries, next });
    }
    let names = ["a", "\u{fffd}b", "c", "d"].map(Value::from).to_vec();
    assert_eq!(host.result(id), Value::List(names));
}

fn read_tool() -> Plugin {
    Plugin::new("t", "1").tool("read", |call| {
        let mut file = call.host().open(0, b"a.txt")?;
        assert_eq!((file.path(), file.size()), (&b"/home/u/a.txt"[..], 5));
        let bytes = file.read_all(100).map_err(|error| ToolError::failed(error.to_string()))?;
        Ok(Reply::new(text(&bytes)))
    })
}

fn opened() -> ReadAnswer {
    ReadAnswer { path: b"/home/u/a.txt".to_vec(), size: 5 }
}

#[test]
fn a_file_is_read_through_the_descriptor_that_came() {
    for descriptor_first in [true, false] {
        let (mut host, _thread) = TestHost::start(read_tool());
        let id = host.call("read", &empty());
        let call = host.asked(READ);
        let expected = ReadArguments { root: 0, path: b"a.txt".to_vec() };
        assert_eq!(ReadArguments::from_bytes(&call.request.arguments).unwrap(), expected);
        let file = file_of(b"hello");
        if descriptor_first {
            host.hand_over(&call, file.as_fd());
            host.respond(call.id, &opened());
        } else {
            host.respond(call.id, &opened());
            host.hand_over(&call, file.as_fd());
        }
        assert_eq!(host.result(id), Value::from("hello"));
    }
}

#[test]
fn a_refusal_reaches_the_caller_with_its_code_and_rule() {
    let (mut host, _thread) = TestHost::start(read_tool());
    let id = host.call("read", &empty());
    let call = host.asked(READ);
    host.refuse(call.id, &CallError::new(ErrorCode::PolicyDenied, "rule `keys` at policy.toml:4"));
    let error = host.answer(id).unwrap_err();
    assert_eq!(
        (error.code(), error.message.as_str()),
        (Some(ErrorCode::PolicyDenied), "rule `keys` at policy.toml:4")
    );
}

/// The plugin has closed its copy of the other end, which was the last one.
fn assert_closed(mut ours: std::os::unix::net::UnixStream) {
    ours.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    assert_eq!(ours.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_descriptor_that_nobody_asked_for_is_closed_and_harms_nothing() {
    let (mut host, _thread) = TestHost::start(read_tool());
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    host.descriptors.as_ref().unwrap().send([3; 16], theirs.as_fd()).unwrap();
    drop(theirs);
    assert_closed(ours);
    let id = host.call("read", &empty());
    let call = host.asked(READ);
    host.hand_over(&call, file_of(b"hello").as_fd());
    host.respond(call.id, &opened());
    assert_eq!(host.result(id), Value::from("hello"));
}

#[test]
fn an_answer_without_its_descriptor_fails_by_name() {
    let (mut host, _thread) = TestHost::start(read_tool());
    let id = host.call("read", &empty());
    let call = host.asked(READ);
    host.respond(call.id, &opened());
    assert_eq!(host.answer(id).unwrap_err().code(), Some(ErrorCode::TransferUnknown));
    // It comes too late: it is closed, and the next one is not mistaken for it.
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    host.hand_over(&call, theirs.as_fd());
    drop(theirs);
    assert_closed(ours);
    let id = host.call("read", &empty());
    let call = host.asked(READ);
    host.hand_over(&call, file_of(b"hello").as_fd());
    host.respond(call.id, &opened());
    assert_eq!(host.result(id), Value::from("hello"));
}

#[test]
fn many_files_are_asked_for_at_once_and_come_in_order() {
    const FILES: usize = 100;
    let plugin = Plugin::new("t", "1").tool("read", |call| {
        let paths = (0..FILES).map(|index| (0, format!("{index}").into_bytes()));
        let texts = call.host().open_many(paths).map(|file| match file {
            Ok(mut file) => text(&file.read_all(100).unwrap()),
            Err(error) => Value::from(error.code.name()),
        });
        Ok(Reply::new(texts.collect::<Vec<_>>().into()))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("read", &empty());
    // Sixteen are under way before any is answered; they are answered backwards.
    let ahead: Vec<IncomingCall> = (0..16).map(|_| host.asked(READ)).collect();
    for call in ahead.iter().rev() {
        serve(&mut host, call);
    }
    for _ in 16..FILES {
        let call = host.asked(READ);
        serve(&mut host, &call);
    }
    let expected = (0..FILES).map(|index| match index % 10 {
        7 => Value::from("path.missing"),
        _ => Value::from(index.to_string()),
    });
    assert_eq!(host.result(id), Value::List(expected.collect()));
}

/// A file whose text is its path; none whose path ends with a 7.
fn serve(host: &mut TestHost, call: &IncomingCall) {
    let path = ReadArguments::from_bytes(&call.request.arguments).unwrap().path;
    if path.ends_with(b"7") {
        host.refuse(call.id, &CallError::new(ErrorCode::PathMissing, "gone"));
    } else {
        host.hand_over(call, file_of(&path).as_fd());
        host.respond(call.id, &ReadAnswer { size: path.len() as u64, path });
    }
}

#[test]
fn no_more_requests_are_under_way_than_were_agreed() {
    let plugin = Plugin::new("t", "1").tool("read", |call| {
        let failed = call.host().open_many((0..30).map(|_| (0, b"x"))).filter(Result::is_err).count();
        Ok(Reply::new(Value::from(failed as i64)))
    });
    let (mut host, _thread) = TestHost::start_with(plugin, Limits { calls_max: 3, ..Limits::default() });
    let id = host.call("read", &empty());
    for _ in 0..30 {
        let call = host.asked(READ);
        assert!(host.step(|session, _, _| session.requests_open()) <= 3);
        host.refuse(call.id, &CallError::new(ErrorCode::PathMissing, "gone"));
    }
    assert_eq!(host.result(id), Value::from(30));
}

#[test]
fn requests_that_were_given_up_make_room_for_others() {
    let plugin = Plugin::new("t", "1").tool("read", |call| {
        for _ in 0..10 {
            // The second of each two is dropped unawaited, which cancels it.
            let first = call.host().open_many([(0, b"a"), (0, b"b")]).next();
            assert!(first.is_some_and(|file| file.is_err()));
        }
        Ok(Reply::new(Value::from(true)))
    });
    let (mut host, _thread) = TestHost::start_with(plugin, Limits { calls_max: 2, ..Limits::default() });
    let id = host.call("read", &empty());
    for _ in 0..10 {
        let (first, _second) = (host.asked(READ), host.asked(READ));
        host.refuse(first.id, &CallError::new(ErrorCode::PathMissing, "gone"));
    }
    assert_eq!(host.result(id), Value::from(true));
}

#[test]
fn memory_is_filled_sealed_and_handed_on_without_a_copy() {
    const BYTES: usize = 3 * 1024 * 1024 + 17;
    let plugin = Plugin::new("t", "1").tool("make", |call| {
        let mut buffer = call.host().alloc_sealed(BYTES as u64 + 1000)?;
        for (index, byte) in buffer[..BYTES].iter_mut().enumerate() {
            *byte = (index % 251) as u8;
        }
        let slice = buffer.hand_over(BYTES)?;
        assert_eq!((slice.region(), slice.bytes()), (42, BYTES as u64));
        Ok(Reply::new(Value::from("made"))
            .with_slice(slice.with_type(3).with_digest(Digest::blake3([1; 32]))))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("make", &empty());
    let call = host.asked(ALLOC);
    let AllocArguments { bytes } = AllocArguments::from_bytes(&call.request.arguments).unwrap();
    let mut region = Region::create(bytes).unwrap();
    host.hand_over(&call, region.writer_descriptor().unwrap().as_fd());
    host.respond(call.id, &AllocAnswer { region: 42, bytes: region.bytes() });
    let call = host.asked(SEAL);
    let expected = SealArguments { region: 42, used: BYTES as u64 };
    assert_eq!(SealArguments::from_bytes(&call.request.arguments).unwrap(), expected);
    assert!(call.request.transfer_id.is_empty());
    region.shrink_to(BYTES as u64).unwrap();
    let sealed = region.seal().expect("the plugin has unmapped it and closed its descriptor");
    host.respond(call.id, &SealAnswer { bytes: sealed.bytes() });
    let response = host.answer(id).unwrap();
    let [handle] = response.handles.as_slice() else { panic!("{response:?}") };
    assert_eq!((handle.region, handle.offset, handle.length, handle.type_id), (42, 0, BYTES as u64, 3));
    assert_eq!(handle.digest.as_deref(), Some(Digest::blake3([1; 32]).to_string().as_str()));
    let view = sealed.map().unwrap();
    assert_eq!(view.len(), BYTES);
    assert!(view.iter().enumerate().all(|(index, byte)| *byte == (index % 251) as u8));
}

#[test]
fn no_more_is_sealed_than_there_is_and_the_hosts_refusal_is_passed_on() {
    let plugin = Plugin::new("t", "1").tool("seal", |call| {
        let used = usize::try_from(call.integer("used")?).unwrap();
        let error = call.host().alloc_sealed(4096)?.hand_over(used).unwrap_err();
        Err(error.into())
    });
    let (mut host, _thread) = TestHost::start(plugin);
    for (used, code) in
        [(0, ErrorCode::SliceRange), (1 << 30, ErrorCode::SliceRange), (1, ErrorCode::RegionBusy)]
    {
        let id = host.call("seal", &Value::map([("used", Value::from(used))]));
        let call = host.asked(ALLOC);
        let region = Region::create(4096).unwrap();
        host.hand_over(&call, region.writer_descriptor().unwrap().as_fd());
        host.respond(call.id, &AllocAnswer { region: 1, bytes: region.bytes() });
        if code == ErrorCode::RegionBusy {
            let call = host.asked(SEAL);
            host.refuse(call.id, &CallError::new(ErrorCode::RegionBusy, "mapped"));
        }
        assert_eq!(host.answer(id).unwrap_err().code(), Some(code));
    }
}

#[test]
fn a_descriptor_that_is_not_the_agreed_memory_is_refused() {
    let plugin = Plugin::new("t", "1").tool("alloc", |call| {
        let buffer = call.host().alloc_sealed(4096)?;
        Ok(Reply::new(Value::from(buffer.len() as i64)))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("alloc", &empty());
    let call = host.asked(ALLOC);
    host.hand_over(&call, file_of(&[0; 4096]).as_fd());
    host.respond(call.id, &AllocAnswer { region: 1, bytes: 4096 });
    assert_eq!(host.answer(id).unwrap_err().code(), Some(ErrorCode::Internal));
    let id = host.call("alloc", &empty());
    let call = host.asked(ALLOC);
    let region = Region::create(100).unwrap();
    host.hand_over(&call, region.writer_descriptor().unwrap().as_fd());
    host.respond(call.id, &AllocAnswer { region: 1, bytes: 100 });
    let error = host.answer(id).unwrap_err();
    assert!(error.message.contains("4096 bytes were asked for and 100 came"), "{error}");
}

#[test]
fn an_answer_of_another_shape_is_the_hosts_fault() {
    let plugin = Plugin::new("t", "1").tool("list", |call| {
        call.host().list(0, b"", None)?;
        Ok(Reply::new(Value::from(true)))
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("list", &empty());
    let call = host.asked(LIST);
    host.respond(call.id, &opened());
    let error = host.answer(id).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Internal));
    assert!(error.message.contains("another shape"), "{error}");
}

#[test]
fn cancelling_a_call_cancels_what_it_asked_for() {
    let (ended, has_ended) = std::sync::mpsc::channel();
    let plugin = Plugin::new("t", "1").tool("list", move |call| {
        let error = call.host().list(0, b"", None).unwrap_err();
        ended.send((error.code, call.cancelled())).unwrap();
        Err(error.into())
    });
    let (mut host, _thread) = TestHost::start(plugin);
    let id = host.call("list", &empty());
    let asked = host.asked(LIST);
    host.step(|session, now, effects| session.cancel(now, id, effects)).unwrap();
    let cancelled = host.until(|effect| match effect {
        ioi_plugin::Effect::Cancelled { id } => Some(*id),
        _ => None,
    });
    assert_eq!(cancelled, asked.id);
    assert_eq!(has_ended.recv().unwrap(), (ErrorCode::Cancelled, true));
}
