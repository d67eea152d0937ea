//! The round between two processes: an instruction in the inbox, work in the arena, a
//! result in the outbox, a picture in the ping-pong buffers.
//!
//! Started without arguments it is the host, and starts itself again as the peer.
#![allow(clippy::print_stdout, missing_docs)]

use ioi_cell::native::{Host, Peer, Tier};
use ioi_cell::{EPOCH_PING_PONG, HEALTH_STATE_SERVING};
use ioi_shm::{DescriptorChannel, Handle, Quota};
use std::env::{args, current_exe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;

const SECOND: Duration = Duration::from_secs(1);
const QUOTA: Quota = Quota { leases_max: 16, bytes_max: 8 << 20 };
const SUM: u32 = 1;

fn main() -> Done {
    if args().nth(1).as_deref() == Some("peer") { peer() } else { host() }
}

fn host() -> Done {
    let (here, there) = DescriptorChannel::pair()?;
    let end = Stdio::from(OwnedFd::from(there));
    let mut process = Command::new(current_exe()?).arg("peer").stdin(end).spawn()?;
    let mut cell = Host::open(&here, Tier::Light, process.id(), QUOTA, SECOND)?;

    // A million bytes in the arena, and an instruction that names them.
    let numbers = cell.lender.lease(1_000_000, 0)?;
    cell.lender.fill(&numbers)?.fill(3);
    cell.lender.hand_over(&numbers)?;
    cell.inbox.send(SUM, &numbers.to_bytes())?;

    let mut buffer = [0; 64];
    while !cell.outbox.wait(SECOND)? {}
    let result = cell.outbox.try_recv(&mut buffer)?.ok_or("no result came")?;
    println!("process {} says: {}", result.sender, str::from_utf8(result.payload)?);
    // The lease comes back under the name that it went out by.
    cell.lender.release(&numbers)?;

    let mut picture = [0; 16];
    let seen = cell.viewer.read(&mut picture)?.ok_or("no picture was made")?;
    println!("picture {} has {} bytes: {}", seen.version, seen.bytes, str::from_utf8(&picture)?);
    println!("the peer beats: {}", cell.peer_health.last().heartbeat > 0);
    if process.wait()?.success() { Ok(()) } else { Err("the peer failed".into()) }
}

fn peer() -> Done {
    let channel = DescriptorChannel::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut cell = Peer::join(&channel, Tier::Light, QUOTA, SECOND)?;
    cell.health.beat(HEALTH_STATE_SERVING, 1);
    let mut screen = cell.ping_pong(16)?;
    for round in 1..=3u8 {
        screen.write(&mut cell.lender, |bytes| {
            bytes.copy_from_slice(format!("round {round} of three").as_bytes())
        })?;
    }
    assert!(cell.host_epochs.current(EPOCH_PING_PONG) == 0, "that epoch is the peer's own");

    let mut buffer = [0; 64];
    while !cell.inbox.wait(SECOND)? {}
    let instruction = cell.inbox.try_recv(&mut buffer)?.ok_or("no instruction came")?;
    let handle = Handle::from_bytes(instruction.payload.try_into()?);
    let loan = cell.borrower.take(&handle)?;
    let bytes = loan.in_place().ok_or("the host is trusted")?;
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let words = format!("{} bytes sum up to {sum}", bytes.len());
    cell.borrower.give_back(loan)?;
    cell.outbox.send(SUM, words.as_bytes())?;
    Ok(())
}
