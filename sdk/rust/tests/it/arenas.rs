//! Memory that a tool lends, has back, and lends again.

use crate::host::TestHost;
use ioi_canon::Value;
use ioi_plugin::message::{BulkHandle, Request};
use ioi_plugin::services::{
    ALLOC, ARENA, AllocAnswer, AllocArguments, LIST, RETURN, ReturnArguments, SEAL, SealAnswer, Shape,
};
use ioi_plugin::{CallError, CallId, IncomingCall};
use ioi_sdk::{Plugin, Reply};
use ioi_shm::{Borrower, Handle, PeerMemory, Quota, Region, WriterDraft};
use ioi_types::ErrorCode;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A buffer of `bytes` bytes, of which as many are handed over, all of them `with`.
fn lends() -> Plugin {
    Plugin::new("t", "1")
        .tool("lend", |call| {
            let (bytes, with) = (call.integer("bytes")?, call.integer("with")?);
            let mut buffer = call.host().alloc(u64::try_from(bytes).unwrap())?;
            buffer.fill(u8::try_from(with).unwrap());
            let slice = buffer.hand_over(usize::try_from(bytes).unwrap())?;
            Ok(Reply::new(Value::from(true)).with_slice(slice))
        })
        .tool("waste", |call| {
            // A buffer that isn't handed over, a slice that isn't sent, and one too much of both.
            drop(call.host().alloc(100)?);
            drop(call.host().alloc(100)?.hand_over(100)?);
            assert!(call.host().alloc(100)?.hand_over(101).is_err());
            Ok(Reply::new(Value::from(true)))
        })
        .tool("late", |call| {
            let slice = call.host().alloc(100)?.hand_over(100)?;
            // Answered by nobody: it ends when the call is cancelled.
            assert!(call.host().list(0, b"", None).is_err());
            Ok(Reply::new(Value::from(true)).with_slice(slice))
        })
}

fn asked_for(bytes: i64, with: i64) -> Value {
    Value::map([("bytes", Value::from(bytes)), ("with", Value::from(with))])
}

/// The host's side of one arena.
fn serve(host: &mut TestHost, region: u64) -> (u64, Borrower) {
    let call = host.asked(ARENA);
    let AllocArguments { bytes } = AllocArguments::from_bytes(&call.request.arguments).unwrap();
    let draft = WriterDraft::create(bytes, std::slice::from_ref(&(0..bytes))).unwrap();
    host.hand_over(&call, draft.writer_descriptor().unwrap().as_fd());
    host.respond(call.id, &AllocAnswer { region, bytes });
    // The next thing that the plugin says, it says after it has mapped the arena.
    host.until_any();
    let memory = draft.share().unwrap().reader_descriptor().unwrap();
    let memory = Arc::new(PeerMemory::accept(memory, bytes, bytes).unwrap());
    let quota = Quota { leases_max: 1, bytes_max: bytes };
    (bytes, Borrower::untrusted(memory, region, 0..bytes, quota))
}

fn handle_of(handle: &BulkHandle) -> Handle {
    let BulkHandle { region, generation, offset, length, type_id, .. } = *handle;
    Handle { region, generation, type_id, offset, length }
}

/// The one slice of an answer.
fn lent(host: &mut TestHost, id: CallId) -> Handle {
    let response = host.answer(id).unwrap();
    let [handle] = response.handles.as_slice() else { panic!("{response:?}") };
    handle_of(handle)
}

fn read(borrower: &mut Borrower, handle: &Handle) -> Vec<u8> {
    let loan = borrower.take(handle).unwrap();
    let mut bytes = vec![0; loan.bytes()];
    loan.copy_to(&mut bytes, 4096, |_| ());
    borrower.give_back(loan).unwrap();
    bytes
}

fn give_back(host: &mut TestHost, arguments: Vec<u8>) {
    let request = Request::new(RETURN, arguments, 1000);
    host.step(|session, now, effects| session.call_one_way(now, &request, effects)).unwrap();
}

fn give_back_lease(host: &mut TestHost, handle: &Handle) {
    let leases = vec![(handle.region, handle.generation)];
    give_back(host, ReturnArguments { leases }.to_bytes());
}

fn nothing_was_asked(host: &mut TestHost) {
    assert_eq!(host.step(|session, _, _| session.requests_open()), 0, "the host was asked for memory");
}

#[test]
fn what_was_returned_is_lent_again_and_what_was_not_is_left_alone() {
    let (mut host, _thread) = TestHost::start(lends());
    let first = host.call("lend", &asked_for(100_000, 1));
    let (bytes, mut one) = serve(&mut host, 41);
    assert_eq!(bytes, 1 << 17, "the next power of two");
    let first = lent(&mut host, first);
    assert_eq!(first, Handle { region: 41, generation: 1, type_id: 0, offset: 0, length: 100_000 });

    // It is still lent, so the next buffer lies in another arena.
    let second = host.call("lend", &asked_for(100_000, 2));
    let (_, mut two) = serve(&mut host, 42);
    let second = lent(&mut host, second);
    assert_eq!((second.region, second.generation), (42, 1));
    assert_eq!(read(&mut one, &first), vec![1; 100_000]);
    assert_eq!(read(&mut two, &second), vec![2; 100_000]);

    // What came back last is lent first.
    give_back_lease(&mut host, &second);
    give_back_lease(&mut host, &first);
    for (with, region, borrower) in [(3, 41, &mut one), (4, 42, &mut two)] {
        let id = host.call("lend", &asked_for(70_000, with));
        let again = lent(&mut host, id);
        assert_eq!((again.region, again.generation, again.length), (region, 2, 70_000));
        assert_eq!(read(borrower, &again), vec![u8::try_from(with).unwrap(); 70_000]);
    }
    nothing_was_asked(&mut host);
}

#[test]
fn a_return_of_what_is_not_lent_changes_nothing() {
    let (mut host, _thread) = TestHost::start(lends());
    let first = host.call("lend", &asked_for(10, 1));
    let (_, mut one) = serve(&mut host, 41);
    let first = lent(&mut host, first);
    for arguments in [&b"[]"[..], b"{}", br#"{"leases":[[41,"x"]]}"#, br#"{"leases":[[41,0],[41,2],[40,1]]}"#]
    {
        give_back(&mut host, arguments.to_vec());
    }
    let second = host.call("lend", &asked_for(10, 2));
    let (_, _two) = serve(&mut host, 42);
    assert_eq!(lent(&mut host, second).region, 42);
    assert_eq!(read(&mut one, &first), [1; 10]);
    give_back_lease(&mut host, &first);
    give_back_lease(&mut host, &first);
    let third = host.call("lend", &asked_for(10, 3));
    assert_eq!(lent(&mut host, third).generation, 2);
    // The old name ends no lease of the new one.
    give_back_lease(&mut host, &first);
    let fourth = host.call("lend", &asked_for(10, 4));
    let (_, _three) = serve(&mut host, 43);
    assert_eq!(lent(&mut host, fourth).region, 43);
}

#[test]
fn what_nobody_gets_is_free_again_at_once() {
    let (mut host, _thread) = TestHost::start(lends());
    let wasted = host.call("waste", &asked_for(0, 0));
    let (_, mut one) = serve(&mut host, 41);
    assert_eq!(host.result(wasted), Value::from(true));
    let late = host.call("late", &asked_for(0, 0));
    host.asked(LIST);
    host.step(|session, now, effects| session.cancel(now, late, effects)).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let mut generation = 0;
    // The late tool gives its arena back only when it has seen that it was cancelled.
    while generation == 0 {
        assert!(Instant::now() < until, "the arena never came back");
        let id = host.call("lend", &asked_for(10, 7));
        match host.asked_or_answered(ARENA, id) {
            Some(call) => refuse(&mut host, &call),
            None => {
                let handle = lent(&mut host, id);
                assert_eq!(handle.region, 41);
                assert_eq!(read(&mut one, &handle), [7; 10]);
                generation = handle.generation;
            }
        }
    }
    // Twice wasted, once too long, once late.
    assert_eq!(generation, 5);
}

/// Fails a tool that asks for more memory.
fn refuse(host: &mut TestHost, call: &IncomingCall) {
    host.refuse(call.id, &CallError::new(ErrorCode::Cancelled, "not now"));
}

/// The host's side of a buffer that is a sealed region, lent with bytes of 5.
fn serve_sealed(host: &mut TestHost, id: CallId, bytes: u64) {
    let call = host.asked(ALLOC);
    assert_eq!(AllocArguments::from_bytes(&call.request.arguments).unwrap().bytes, bytes);
    let region = Region::create(bytes).unwrap();
    host.hand_over(&call, region.writer_descriptor().unwrap().as_fd());
    host.respond(call.id, &AllocAnswer { region: 7, bytes });
    let call = host.asked(SEAL);
    let view = region.seal().unwrap().map().unwrap();
    host.respond(call.id, &SealAnswer { bytes });
    assert_eq!(lent(host, id), Handle { region: 7, generation: 1, type_id: 0, offset: 0, length: bytes });
    assert!(view.iter().all(|byte| *byte == 5));
}

#[test]
fn without_room_for_an_arena_a_buffer_is_a_sealed_region_and_no_other_is_asked_for() {
    for code in [ErrorCode::QuotaMemory, ErrorCode::ServiceUnknown] {
        let (mut host, _thread) = TestHost::start(lends());
        let first = host.call("lend", &asked_for(1000, 1));
        let (_, mut one) = serve(&mut host, 41);
        let first = lent(&mut host, first);
        let id = host.call("lend", &asked_for(1000, 5));
        let call = host.asked(ARENA);
        host.refuse(call.id, &CallError::new(code, "no"));
        serve_sealed(&mut host, id, 1000);
        let id = host.call("lend", &asked_for(1000, 5));
        serve_sealed(&mut host, id, 1000);
        // The arena that there is goes on.
        assert_eq!(read(&mut one, &first), [1; 1000]);
        give_back_lease(&mut host, &first);
        let again = host.call("lend", &asked_for(1000, 2));
        let again = lent(&mut host, again);
        assert_eq!(read(&mut one, &again), [2; 1000]);
    }
}

#[test]
fn what_is_larger_than_an_arena_is_a_sealed_region() {
    let (mut host, _thread) = TestHost::start(lends());
    let id = host.call("lend", &asked_for((16 << 20) + 1, 5));
    serve_sealed(&mut host, id, (16 << 20) + 1);
}

/// More often than there may be arenas, so that what is set aside for one has to be given up.
#[test]
fn memory_that_is_not_all_there_is_no_arena_and_takes_the_room_of_none() {
    let (mut host, _thread) = TestHost::start(lends());
    for _ in 0..40 {
        let id = host.call("lend", &asked_for(16 << 20, 1));
        let call = host.asked(ARENA);
        let bytes = AllocArguments::from_bytes(&call.request.arguments).unwrap().bytes;
        let draft = WriterDraft::create(bytes, &[]).unwrap();
        host.hand_over(&call, draft.writer_descriptor().unwrap().as_fd());
        host.respond(call.id, &AllocAnswer { region: 41, bytes });
        let error = host.answer(id).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Internal));
        assert!(error.message.contains("the arena can't be used"), "{error}");
    }
}

#[test]
fn a_buffer_of_nothing_costs_no_arena() {
    let (mut host, _thread) = TestHost::start(lends());
    let first = host.call("lend", &asked_for(10, 1));
    let (_, mut one) = serve(&mut host, 41);
    let first = lent(&mut host, first);
    give_back_lease(&mut host, &first);
    let empty = host.call("lend", &asked_for(0, 1));
    let call = host.asked(ALLOC);
    host.refuse(call.id, &CallError::new(ErrorCode::QuotaMemory, "a region has 1 byte or more"));
    assert_eq!(host.answer(empty).unwrap_err().code(), Some(ErrorCode::QuotaMemory));
    let again = host.call("lend", &asked_for(10, 2));
    let again = lent(&mut host, again);
    assert_eq!(again.region, 41);
    assert_eq!(read(&mut one, &again), [2; 10]);
}
