//! Every transport that is measured, with what it is and what it promises.

mod bare;
mod byte_ring;
mod capnp_rpc;
mod iceoryx;
mod ipc_channel;
mod ours;
mod rtrb;
mod shmem_ipc;
mod socket;
mod tonic;

use crate::cell::{BULK_BYTES, Cell, Pattern, Wait};
use crate::channel::Connect;
use crate::far::Reactor;
use crate::link::Link;
use crate::measure::{Span, measure};
use crate::pin::{Cores, end_with_parent};
use crate::sample::Round;
use crate::{kill, limits};
use anyhow::Result;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

/// One row of the registry.
pub struct Transport {
    /// On command lines and in JSON.
    pub name: &'static str,
    /// In tables and plots.
    pub title: &'static str,
    pub kind: Kind,
    /// How it was used here, and what its library promises; a sentence each.
    pub used: &'static str,
    pub promises: &'static str,
    /// Why a cell is not measured, if it is not.
    pub refuses: fn(&Cell) -> Option<&'static str>,
    pub near: fn(&Near) -> Result<Round>,
    pub far: fn(Link, Cell, Cores) -> Result<()>,
}

/// What a row is compared as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Ours,
    Peer,
    /// The machine's, or code without any check.
    Limit,
}

/// In the order of tables and rounds.
pub const TRANSPORTS: &[Transport] = &[
    Transport {
        name: "cache-line",
        title: "cache line",
        kind: Kind::Limit,
        used: "one word in shared memory, written by both sides in turn",
        promises: "nothing: it carries 4 bytes",
        refuses: |cell| match (cell.pattern, cell.wait, cell.bytes) {
            (Pattern::RoundTrip, Wait::Spin, 64) => None,
            _ => Some(""),
        },
        near: limits::cache_line,
        far: limits::cache_line_far,
    },
    Transport {
        name: "futex-pair",
        title: "two futex wakes",
        kind: Kind::Limit,
        used: "each side sleeps in futex until the other wakes it",
        promises: "nothing: it carries 4 bytes",
        refuses: |cell| match (cell.pattern, cell.wait, cell.bytes) {
            (Pattern::RoundTrip | Pattern::ColdRoundTrip, Wait::Block, 64) => None,
            _ => Some(""),
        },
        near: limits::futex_pair,
        far: limits::futex_pair_far,
    },
    Transport {
        name: "memory",
        title: "memory",
        kind: Kind::Limit,
        used: "one process alone on its own 50 MiB, touched before",
        promises: "nothing: it goes nowhere",
        refuses: |cell| match cell.pattern {
            Pattern::InPlace => None,
            pattern if pattern.is_untrusted() => None,
            _ => Some(""),
        },
        near: limits::memory,
        far: |_, _, _| Ok(()),
    },
    Transport {
        name: "idle",
        title: "idle process",
        kind: Kind::Limit,
        used: "a process that was just started, maps nothing and sleeps",
        promises: "nothing: it holds nothing",
        refuses: |cell| if cell.pattern == Pattern::Killed { None } else { Some("") },
        near: limits::idle,
        far: limits::idle_far,
    },
    Transport {
        name: "bare",
        title: "bare ring",
        kind: Kind::Limit,
        used: "commit words and payloads in one memfd that both write; in place at every size. \
               Blocking: 100 µs of polling, then futex",
        promises: "nothing: no bound, index or length is checked",
        refuses: |cell| match cell.pattern {
            Pattern::Killed => Some("it knows no peers"),
            pattern if pattern.is_untrusted() => Some("a peer that lies makes it read anywhere"),
            _ => None,
        },
        near: near::<bare::Bare>,
        far: far::<bare::Bare>,
    },
    Transport {
        name: "ours",
        title: "ours (ioi-shm)",
        kind: Kind::Ours,
        used: "ports of 256 slots: 256 bytes (1 KiB: of 1 KiB), copied in and out, one way written in place; larger messages as leases of \
               an arena, read in place from the host, copied out of the other side's. Blocking by \
               the waiter of ioi-port: it polls for up to 100 µs, as long as that pays, then sleeps in futex",
        promises: "peers may be hostile: one writer a region, everything checked or copied before use, leases \
                   kept in private books; no names, no files",
        refuses: |_| None,
        near: ours::near,
        far: ours::far,
    },
    Transport {
        name: "byte-ring",
        title: "ours, byte ring",
        kind: Kind::Ours,
        used: "a byte ring each way, which grows to 512 KiB; records copied in and out, 32 published at once",
        promises: "as above, for streams",
        refuses: |cell| match (cell.pattern, cell.wait) {
            (Pattern::RoundTrip | Pattern::OneWay, Wait::Spin) if cell.bytes <= byte_ring::BYTES_MAX => None,
            (Pattern::RoundTrip | Pattern::OneWay, Wait::Spin) => Some("records are at most 256 KiB"),
            _ => Some(""),
        },
        near: near::<byte_ring::ByteRing>,
        far: far::<byte_ring::ByteRing>,
    },
    Transport {
        name: "iceoryx2",
        title: "iceoryx2",
        kind: Kind::Peer,
        used: "publish-subscribe of byte slices, one publisher and one subscriber each way, \
               `loan_slice_uninit`, no overflow. Blocking: 100 µs of polling by us, then its event service",
        promises: "no copy at any size between processes that trust each other; files in `/dev/shm`",
        refuses: |cell| match cell.pattern {
            pattern if pattern.is_untrusted() => Some("not offered: peers are trusted"),
            _ => None,
        },
        near: near::<iceoryx::Iceoryx>,
        far: far::<iceoryx::Iceoryx>,
    },
    Transport {
        name: "shmem-ipc",
        title: "shmem-ipc",
        kind: Kind::Peer,
        used: "`sharedring`, one each way, of items of the message's size, in place. Blocking: 100 µs \
               of polling by us, then its eventfds. Untrusted rows: copied out by us, then checked",
        promises: "untrusting processes: a memfd that can't shrink, and a count that is checked. Both \
                   sides can write all of it, so what was received may change until it is copied",
        refuses: |_| None,
        near: shmem_ipc::near,
        far: shmem_ipc::far,
    },
    Transport {
        name: "ipc-channel",
        title: "ipc-channel",
        kind: Kind::Peer,
        used: "byte channels below 1 MiB, `IpcSharedMemory` from there on, written in place",
        promises: "messages over Unix sockets, copied; large ones as a new memfd each, not sealed, so \
                   the sender can go on writing",
        refuses: |_| None,
        near: near::<ipc_channel::IpcChannel>,
        far: far::<ipc_channel::IpcChannel>,
    },
    Transport {
        name: "unix-socket",
        title: "Unix socket",
        kind: Kind::Peer,
        used: "a stream socket pair, a length before each message, buffers of 4 MiB; small one-way \
               messages are written and read 64 KiB at a time",
        promises: "two copies by the kernel; nothing shared",
        refuses: |_| None,
        near: near::<socket::Socket>,
        far: far::<socket::Socket>,
    },
    Transport {
        name: "capnp-rpc",
        title: "capnp-rpc",
        kind: Kind::Peer,
        used: "two-party RPC over a Unix socket pair on a current-thread runtime; one way by its \
               streaming calls",
        promises: "messages are read in place in a private copy; promise pipelining; bounds checked",
        refuses: async_only,
        near: near::<capnp_rpc::CapnpRpc>,
        far: far::<capnp_rpc::CapnpRpc>,
    },
    Transport {
        name: "tonic",
        title: "tonic (gRPC)",
        kind: Kind::Peer,
        used: "one bidirectional stream of `bytes` over a Unix socket pair, current-thread runtimes, \
               HTTP/2 windows and frames at their largest",
        promises: "HTTP/2 and Protocol Buffers, copied; deadlines, cancellation, any language",
        refuses: async_only,
        near: near::<tonic::Tonic>,
        far: far::<tonic::Tonic>,
    },
    Transport {
        name: "rtrb",
        title: "rtrb (threads)",
        kind: Kind::Peer,
        used: "threads of one process, not processes; chunks of items of the message's size",
        promises: "a safe ring between threads that share everything",
        refuses: |cell| match (cell.pattern, cell.wait) {
            (Pattern::RoundTrip | Pattern::OneWay, Wait::Spin) if cell.bytes <= 1 << 20 => None,
            (Pattern::RoundTrip | Pattern::ColdRoundTrip, Wait::Block) => Some("it has no blocking call"),
            _ => Some("threads share their memory anyway"),
        },
        near: rtrb::near,
        far: |_, _, _| Ok(()),
    },
];

/// Runtimes that always wait in the kernel.
fn async_only(cell: &Cell) -> Option<&'static str> {
    match (cell.pattern, cell.wait) {
        (Pattern::RoundTrip, Wait::Block) => {
            Some("the same as its other round trip: it always waits in epoll")
        }
        _ => None,
    }
}

pub fn find(name: &str) -> Option<&'static Transport> {
    TRANSPORTS.iter().find(|transport| transport.name == name)
}

/// What the near side knows when it begins.
pub struct Near {
    pub transport: &'static str,
    pub cell: Cell,
    pub span: Span,
    pub cores: Cores,
}

/// The other process, and the link to it.
pub struct Far {
    pub child: Child,
    pub link: Link,
}

impl Near {
    pub fn start_far(&self) -> Result<Far> {
        let (own, theirs) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["far", self.transport, &self.cell.to_argument()?]);
        command.args([self.cores.near, self.cores.far].map(|core| core.to_string()));
        let child = command.stdin(OwnedFd::from(theirs)).spawn()?;
        Ok(Far { child, link: Link::new(own) })
    }
}

/// The near process of a transport between processes.
fn near<C: Connect>(near: &Near) -> Result<Round> {
    let mut far = near.start_far()?;
    let mut channel = C::near(&mut far.link, &near.cell)?;
    if near.cell.pattern == Pattern::Killed {
        return kill::measure(channel, far, &near.cell);
    }
    let round = measure(&mut channel, &near.cell, near.span)?;
    // The far side ends by the last message; until then the near one must stay.
    while far.child.try_wait()?.is_none() {
        channel.drive(std::time::Duration::from_millis(1))?;
    }
    Ok(round)
}

/// The far process of a transport between processes.
fn far<C: Connect>(mut link: Link, cell: Cell, cores: Cores) -> Result<()> {
    end_with_parent()?;
    let channel = C::far(&mut link, &cell)?;
    channel.serve(Reactor::new(cell, C::PRIVATE, link, cores.near))
}

/// Messages under way in one direction: as many as fit well, fewer of the large ones.
pub(crate) fn depth(bytes: usize) -> usize {
    if bytes >= BULK_BYTES { 1 } else { ((4 << 20) / bytes).clamp(2, 256) }
}
