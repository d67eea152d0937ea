//! Moves bytes between processes that do not trust each other, so that what was checked is what is read.
//!
//! | primitive | what it is |
//! |---|---|
//! | [`Sender`], [`Receiver`] | a ring of short messages, lock-free, one writer a side |
//! | [`Writer`], [`Reader`] | a ring of records of any size up to a bound, which grows |
//! | [`Wake`], [`os::wait`], [`os::Bell`] | the doorbell: whoever is busy costs its peer no system call |
//! | [`Epoch`] | a counter that only grows, to wait on |
//! | [`Handle`], [`Arena`], [`Held`] | leases of parts of a region, in private books at both ends |
//! | [`os::OwnMemory`], [`os::PeerMemory`] | memory that one process goes on writing and others read |
//! | [`os::Region`], [`os::Sealed`], [`os::View`] | memory that is filled, then nobody can change any more |
//! | [`os::PeerLife`], [`os::PeerWatch`] | whether a port's peer lives, told to whoever sleeps for it |
//! | [`os::Port`] | two rings between two processes, set up over one socket |
//! | [`os::Lender`], [`os::Borrower`] | leases with their bytes |
//! | [`os::DescriptorChannel`], [`os::Expected`] | descriptors, one a packet, under ids that the receiver chose |
//!
//! Everything outside [`os`] is pure, `no_std` and has no unsafe code: it runs over any
//! atomics, and so under model checkers. Byte layouts are in `docs/design/data-plane.md`.
//!
//! # What this crate deliberately does not know
//! | not here | where |
//! |---|---|
//! | what the bytes mean: decoding, validating, schemas | the plugin codec, `edge/data`, the reader of each format |
//! | routing, and who may send what to whom | `node/host` |
//! | framing, protocol versions | the plugin codec (`core/plugin`) |
//! | retries and back-off when a ring is full | `edge/port` |
//! | how long to spin, timeouts beyond one wait, async | `edge/port` |
//! | order across rings | `edge/port`, by sequence numbers |
//! | quotas and rates of a sender; here are only the bounds that its caller sets | `node/host`, the supervisor |
//! | configuration | each process's own |
//! | drivers and devices | plugins |
//! | digests: computing and comparing them | the receiver, before first use |
//! | transfer ids (randomness) and the clock of [`os::Expected`] | the caller passes both in |
//! | keeping a peer from *reading* what it was given | nobody: handing it over is letting it be read |
//!
//! # Why it is sound
//! A `&[u8]` over memory that another process can write is undefined behaviour, so there
//! are two kinds of memory and no third.
//!
//! **Memory that its one writer goes on writing** ([`os::OwnMemory`], [`os::PeerMemory`])
//! carries the seals `FUTURE_WRITE`, `SHRINK`, `GROW` and `SEAL`, put on after its writer
//! has mapped it: nobody else can write, cut or punch it, whatever descriptor of it they
//! reopen. Its readers see words through atomics, each read once into a register and
//! checked there, or copy bytes out. Whatever a peer writes makes wrong values, which are
//! found ([`Fault`]) and poison the ring for good; it can't make undefined behaviour, and
//! never touches words of ours, since no word is written by both sides.
//!
//! **Memory that nobody can write** ([`os::Sealed`]) carries `WRITE`, `SHRINK`, `GROW` and
//! `SEAL`, and the kernel keeps them for the life of the file; of it there are plain slices:
//!
//! - `WRITE` is refused (EBUSY) while *any* process maps the file writable or the
//!   kernel holds a page of it for somebody's input or output. Once it is on,
//!   `write`, `mmap` for writing and `mprotect` to writable fail for every
//!   descriptor, including one reopened through `/proc/self/fd`: seals belong to
//!   the file, not to the descriptor.
//! - `WRITE` also stops `fallocate` from punching holes and `madvise` from removing
//!   pages, and so does `FUTURE_WRITE`. `SHRINK` and `GROW` alone stop neither, and a
//!   read-only descriptor alone stops nothing, because it can be reopened for writing.
//! - `SHRINK` rules out the SIGBUS of a file cut short under its reader.
//! - A sealed file with holes would be filled page by page at the reader's expense,
//!   or kill it when memory is short, so both kinds refuse holes.
//!
//! Three ways to memory rest on a promise instead, and break Rust's rules if it is broken:
//! [`os::PeerBuffer::map`], [`os::OwnMemory::adopt`] (and `adopt_whole`) and [`os::Borrower::trusted`] are for
//! memory of the parent that started this process and could stop or trace it anyway; each
//! says what its caller vouches for. [`os::inherited`] is the fourth: its caller vouches
//! that nothing else in the process owns that number. They are safe functions all the
//! same. What they rest on is another process, or how this one was started; no type could
//! carry it, and a token to be made by an `unsafe` line would put that line into each
//! program, all of which forbid unsafe code.
//!
//! What else remains: memory that fails in hardware, or a swap device that can't be read,
//! ends the reader with SIGBUS. And to refuse a descriptor is to close it: where it lies on
//! a file system of its sender's own (FUSE), or is a TCP socket that lingers, `close` may
//! wait for as long as the sender likes. Nothing asks such a descriptor anything before;
//! who can make one, the sandbox decides.
//!
//! # Example
//! ```
//! use ioi_shm::{DescriptorChannel, Port};
//! use std::time::Duration;
//!
//! let (here, there) = DescriptorChannel::pair()?;
//! let second = Duration::from_secs(1);
//! let echo = std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let mut port = Port::<256, 64>::connect(&there, 1, second)?;
//!     let mut bytes = [0; 64];
//!     let header = port.receiver.recv_timeout(&mut bytes, second)?;
//!     Ok(port.sender.try_send(header.msg_id, &bytes[..header.length])?)
//! });
//! let mut port = Port::<256, 64>::connect(&here, 2, second)?;
//! port.sender.try_send(7, b"hello")?;
//! let mut bytes = [0; 64];
//! let header = port.receiver.recv_timeout(&mut bytes, second)?;
//! assert_eq!((header.sender, header.msg_id, &bytes[..header.length]), (2, 7, &b"hello"[..]));
//! # echo.join().unwrap().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(feature = "os"), no_std)]
#![cfg_attr(not(feature = "os"), forbid(unsafe_code))]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

mod arena;
pub mod byte_ring;
mod copy;
mod doorbell;
mod epoch;
mod fault;
mod handle;
mod page;
pub mod ring;
pub mod sync;

#[cfg(feature = "os")]
pub mod os;

pub use arena::{Arena, Held, LEASE_ALIGN, LeaseError, Quota};
pub use byte_ring::{Reader, Writer};
pub use doorbell::Wake;
pub use epoch::Epoch;
pub use fault::{Fault, SendError};
pub use handle::{HANDLE_ALIGN, HANDLE_BYTES, Handle, HandleError};
pub use page::{CONTROL_WORDS, LocalPage, OwnBytes, OwnPage, PeerPage, Word, Words};
pub use ring::{Receiver, Sender};

#[cfg(feature = "os")]
pub use os::*;
