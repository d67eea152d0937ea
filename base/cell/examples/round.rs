//! The round between two processes, through every section of the map: a module in the registry, a type
//! in the pattern cache, an instruction in the inbox, work in the arena, a result in the outbox, a
//! picture in the ping-pong buffers; then a call of the peer, what it asks about in the peer's arena,
//! the job in the history, and the end.
//!
//! Started without `peer` it is the host, and starts itself again as the peer. `dedicated` takes the
//! largest tier instead of the smallest.
#![allow(clippy::print_stdout, missing_docs)]

use ioi_cell::native::{HistoryEntry, Pattern, RegistryEntry, Syscall};
use ioi_cell::native::{Host, Peer, Tier};
use ioi_cell::*;
use ioi_shm::{DescriptorChannel, Handle, Quota};
use std::env::{args, current_exe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;

const SECOND: Duration = Duration::from_secs(1);
const QUOTA: Quota = Quota { leases_max: 16, bytes_max: 8 << 20 };
/// Messages of the boxes.
const SUM: u32 = 1;
const GIVEN_BACK: u32 = 2;
/// A module, one of its methods and the type that it takes.
const SUMS: u32 = 7;
const SPELL: u32 = 3;
const NUMBERS: u32 = 0x6e75;

fn main() -> Done {
    let is = |word: &str| args().any(|argument| argument == word);
    let tier = if is("dedicated") { Tier::Dedicated } else { Tier::Light };
    if is("peer") { peer(tier) } else { host(tier) }
}

fn host(tier: Tier) -> Done {
    let (here, there) = DescriptorChannel::pair()?;
    let mut process = Command::new(current_exe()?);
    process.arg("peer").args(args().skip(1)).stdin(Stdio::from(OwnedFd::from(there)));
    let mut process = process.spawn()?;
    let mut cell = Host::open(&here, tier, process.id(), QUOTA, SECOND)?;
    introduce(&mut cell)?;

    // A million bytes in the arena, and an instruction that names them.
    let numbers = cell.lender.lease(1_000_000, NUMBERS)?;
    cell.lender.fill(&numbers)?.fill(3);
    cell.lender.hand_over(&numbers)?;
    cell.inbox.send(SUM, &numbers.to_bytes())?;
    println!("process {}", result(&mut cell)?);
    // The lease comes back under the name that it went out by.
    cell.lender.release(&numbers)?;

    let mut picture = [0; 16];
    let seen = cell.viewer.read(&mut picture)?.ok_or("no picture was made")?;
    println!("picture {} has {} bytes: {}", seen.version, seen.bytes, str::from_utf8(&picture)?);
    println!("the peer beats: {}", cell.peer_health.last().heartbeat > 0);

    answer(&mut cell)?;
    println!("process {}", result(&mut cell)?);
    println!("calls in flight: {}", cell.syscalls.all()?.len());
    cell.shut_down();
    if process.wait()?.success() { Ok(()) } else { Err("the peer failed".into()) }
}

/// What the peer is to find: a module and the type that it takes.
fn introduce(cell: &mut Host) -> Done {
    let schema_hash = [9; 32];
    cell.registry.set(
        2,
        &RegistryEntry {
            name: "sums".into(),
            module: SUMS,
            version: 1,
            capabilities: 1,
            state: HEALTH_STATE_SERVING,
            epoch: EPOCH_MODULES_FIRST,
            schema_hash,
        },
    )?;
    let name = "Numbers".into();
    cell.patterns.add(&Pattern { type_id: NUMBERS, kind: PATTERN_KIND_RKYV, schema_hash, name })?;
    cell.health.beat(HEALTH_STATE_SERVING, 1);
    Ok(())
}

/// The next record of the outbox, with who has sent it.
fn result(cell: &mut Host) -> Result<String, Box<dyn std::error::Error>> {
    let mut buffer = [0; 128];
    while !cell.outbox.wait(SECOND)? {}
    let result = cell.outbox.try_recv(&mut buffer)?.ok_or("no result came")?;
    Ok(format!("{} says: {}", result.sender, str::from_utf8(result.payload)?))
}

/// Does what the peer's call asks for: reads its arena, by a copy, and says in the history that it is done.
fn answer(cell: &mut Host) -> Done {
    let call = loop {
        let seen = cell.peer_epochs.current(EPOCH_SYSCALL);
        if let Some(call) = cell.syscalls.all()?.first() {
            break *call;
        }
        cell.peer_epochs.wait(EPOCH_SYSCALL, seen, SECOND)?;
    };
    let loan = cell.borrower.take(&call.handle)?;
    let mut words = vec![0; loan.bytes()];
    loan.copy_to(&mut words, 4096, |_| {});
    println!("call {} to module {}: {}", call.call, call.module, str::from_utf8(&words)?);
    let handle = cell.borrower.give_back(loan)?;
    cell.inbox.send(GIVEN_BACK, &handle.to_bytes())?;
    let digest = [words[0]; 32];
    cell.history.add(&HistoryEntry {
        job: call.call,
        finished_ns: 5,
        status: 0,
        type_id: 0,
        handle,
        digest,
    })?;
    Ok(())
}

fn peer(tier: Tier) -> Done {
    let channel = DescriptorChannel::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut cell = Peer::join(&channel, tier, QUOTA, SECOND)?;
    cell.health.beat(HEALTH_STATE_SERVING, 1);
    let mut screen = cell.ping_pong(16)?;
    for round in 1..=3u8 {
        screen.write(&mut cell.lender, |bytes| {
            bytes.copy_from_slice(format!("round {round} of three").as_bytes())
        })?;
    }

    let handle = told(&mut cell, SUM)?;
    let pattern = cell.patterns.find(handle.type_id)?.ok_or("a type that nobody has introduced")?;
    let loan = cell.borrower.take(&handle)?;
    let bytes = loan.in_place().ok_or("the host is trusted")?;
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let words = format!("{} bytes of {} sum up to {sum}", bytes.len(), pattern.name);
    cell.borrower.give_back(loan)?;
    cell.outbox.send(SUM, words.as_bytes())?;

    let words = ask(&mut cell, sum)?;
    cell.outbox.send(SUM, words.as_bytes())?;
    while !cell.is_to_end() {
        cell.host_epochs.wait(EPOCH_SHUTDOWN, 0, SECOND)?;
    }
    Ok(())
}

/// The handle in the next instruction.
fn told(cell: &mut Peer, msg_id: u32) -> Result<Handle, Box<dyn std::error::Error>> {
    let mut buffer = [0; 64];
    while !cell.inbox.wait(SECOND)? {}
    let instruction = cell.inbox.try_recv(&mut buffer)?.ok_or("no instruction came")?;
    assert_eq!(instruction.msg_id, msg_id);
    Ok(Handle::from_bytes(instruction.payload.try_into()?))
}

/// Calls the module by its name about words in this side's arena, and says what came of it.
fn ask(cell: &mut Peer, sum: u64) -> Result<String, Box<dyn std::error::Error>> {
    let module = cell.registry.find("sums")?.ok_or("no such module")?;
    let words = format!("how is {sum} spelt?");
    let handle = cell.lender.lease(words.len() as u64, 0)?;
    cell.lender.fill(&handle)?.copy_from_slice(words.as_bytes());
    cell.lender.hand_over(&handle)?;
    let before = cell.host_epochs.current(EPOCH_HISTORY);
    let state = SYSCALL_STATE_ASKED;
    let call = Syscall { call: 11, method: SPELL, state, module: module.module, deadline_ns: 1, handle };
    let entry = cell.syscalls.set(&call)?;
    while !cell.host_epochs.wait(EPOCH_HISTORY, before, SECOND)? {}
    let job = cell.history.get(1)?.ok_or("the job is not in the history")?;
    cell.syscalls.remove(entry)?;
    let given_back = told(cell, GIVEN_BACK)?;
    cell.lender.release(&given_back)?;
    let (arena, beats) =
        (cell.supervisor.entries()[SECTION_ARENA as usize], cell.host_health.last().heartbeat);
    let arena_mib = (arena.offset + arena.bytes) >> 20;
    Ok(format!(
        "job {} has status {}; the map has {arena_mib} MiB, the host beat {beats} times",
        job.job, job.status
    ))
}
