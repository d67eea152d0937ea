//! The one memory map of a host and one peer: where everything lies and what its numbers mean.
//!
//! Without its feature `os` it is constants, and with `protocol` what both sides do with the words of
//! an entry; `native` is the map between two processes. What the messages mean, and who may send which,
//! it doesn't know. The numbers come from `schema/cell.capnp`, like those of every other language; that no two sections and no two fields overlap is checked while this crate is compiled.
//!
//! ```
//! // Where the host finds the third module's capabilities in its own region.
//! let entry = ioi_cell::REGISTRY_OFFSET + 2 * ioi_cell::REGISTRY_ENTRY_BYTES;
//! let capabilities = entry + ioi_cell::REGISTRY_ENTRY_CAPABILITIES_OFFSET;
//! assert_eq!(capabilities, 0x228);
//! ```
#![cfg_attr(not(feature = "os"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod checks;
#[allow(missing_docs, reason = "the names say it; where they do not, the schema has a comment")]
mod map;
#[cfg(feature = "os")]
pub mod native;
#[cfg(feature = "protocol")]
pub mod protocol;

pub use map::*;

/// A part of the map that has a place of its own; the arena follows the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its number, and its entry in the supervisor table.
    pub number: u32,
    /// From the base of the map.
    pub offset: u32,
    /// Its size.
    pub bytes: u32,
    /// Who writes in it: [`SUPERVISOR_FLAG_HOST`], [`SUPERVISOR_FLAG_PEER`] or both.
    pub flags: u32,
}

const fn section(number: u32, offset: u32, bytes: u32, flags: u32) -> Section {
    Section { number, offset, bytes, flags }
}

const HOST: u32 = SUPERVISOR_FLAG_HOST;
const PEER: u32 = SUPERVISOR_FLAG_PEER;

/// The sections before the arena, in the order in which they lie.
pub const SECTIONS: [Section; 9] = [
    section(SECTION_EPOCHS, EPOCHS_OFFSET, EPOCHS_BYTES, HOST | PEER),
    section(SECTION_SUPERVISOR, SUPERVISOR_OFFSET, SUPERVISOR_BYTES, HOST),
    section(SECTION_REGISTRY, REGISTRY_OFFSET, REGISTRY_BYTES, HOST),
    section(SECTION_HEADERS, HEADERS_OFFSET, HEADERS_BYTES, HOST | PEER),
    section(SECTION_SYSCALLS, SYSCALLS_OFFSET, SYSCALLS_BYTES, PEER),
    section(SECTION_PATTERNS, PATTERNS_OFFSET, PATTERNS_BYTES, HOST),
    section(SECTION_HISTORY, HISTORY_OFFSET, HISTORY_BYTES, HOST),
    section(SECTION_INBOX, INBOX_OFFSET, INBOX_BYTES, HOST),
    section(SECTION_OUTBOX, OUTBOX_OFFSET, OUTBOX_BYTES, PEER),
];
