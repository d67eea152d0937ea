//! Hands memory from one process to another so that what was checked is what is read.
//!
//! A [`Region`] is a memory file that one side fills. [`Region::seal`] makes it
//! immutable for everyone, and a [`Sealed`] one may be read in place, as a plain
//! `&[u8]`, however hostile its author is. Descriptors travel over a
//! [`DescriptorChannel`], under ids that the receiver has chosen ([`Expected`]).
//!
//! # What this crate deliberately does not do
//! | not here | where |
//! |---|---|
//! | say what the bytes mean, decode or validate them | the plugin codec, the reader of each format |
//! | decide who may have a region, count quotas, keep a table of regions | the supervisor |
//! | compute or compare digests | the receiver, before first use |
//! | choose transfer ids (randomness), read the clock | the caller passes both in |
//! | route, retry, order, frame | the host's sessions |
//! | keep a peer from *reading* what it was given | nobody: handing it over is letting it be read |
//!
//! # Why a view is sound
//! A `&[u8]` over memory that another process can write is undefined behaviour,
//! so a [`View`] exists only over a file with the seals `WRITE`, `SHRINK`, `GROW`
//! and `SEAL`, and the kernel keeps them for the life of the file:
//!
//! - `WRITE` is refused (EBUSY) while *any* process maps the file writable or the
//!   kernel holds a page of it for somebody's input or output. Once it is on,
//!   `write`, `mmap` for writing and `mprotect` to writable fail for every
//!   descriptor, including one reopened through `/proc/self/fd`: seals belong to
//!   the file, not to the descriptor.
//! - `WRITE` also stops `fallocate` from punching holes and `madvise` from removing
//!   pages. `SHRINK` and `GROW` alone stop neither, and a read-only descriptor
//!   alone stops nothing, because it can be reopened for writing.
//! - `FUTURE_WRITE` is weaker: mappings that exist keep writing. It is for a single
//!   writer that goes on; here only [`PeerBuffer`] uses it, so that nothing else can
//!   write beneath its `&mut [u8]`. It never makes a file readable in place.
//! - `SHRINK` rules out the SIGBUS of a file cut short under its reader.
//! - A sealed file with holes would be filled page by page at the reader's expense,
//!   or kill it when memory is short, so [`Sealed::accept`] refuses holes.
//!
//! What remains: memory that fails in hardware, or a swap device that can't be read,
//! still ends the reader with SIGBUS.
//!
//! # Example
//! ```
//! use ioi_shm::{DescriptorChannel, Region, Sealed};
//! use std::os::fd::AsFd;
//!
//! let (ours, theirs) = DescriptorChannel::pair()?;
//! let mut region = Region::create(4096)?;
//! region.map_writer()?[..5].copy_from_slice(b"hello");
//! region.shrink_to(5)?;
//! ours.send([7; 16], region.seal()?.reader_descriptor()?.as_fd())?;
//!
//! let (id, descriptor) = theirs.recv()?;
//! let view = Sealed::accept(descriptor, 4096)?.map()?;
//! assert_eq!((id, &view[..]), ([7; 16], &b"hello"[..]));
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
pub use page::{CONTROL_WORDS, LocalPage, OwnPage, PeerPage, Word, Words};
pub use ring::{Receiver, Sender};

#[cfg(feature = "os")]
pub use os::*;
