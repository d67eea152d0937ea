//! The data plane's types, viewed where they lie: rkyv from Rust to Rust, Cap'n Proto for every other language.
//!
//! [`types`] has the types and their rkyv views, [`lens`] opens Cap'n Proto messages in place,
//! [`context`] is the passages that an answer is read from. The types are generated from
//! `schema/data.capnp`; what was released of it is never taken back.
//!
//! It maps no memory and asks nobody whether the bytes may still change: whoever calls has
//! sealed memory, or a copy. Who may read what, and where bytes come from, it doesn't know.
//!
//! ```
//! use ioi_data::{lens, types::Envelope};
//! let written = lens::encode(&Envelope { id: "1".into(), ..Envelope::default() })?;
//! assert_eq!(lens::open::<Envelope>(written.as_bytes())?.root()?.get_id()?, "1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod context;
pub mod lens;
pub mod types;

/// The types of `schema/data.capnp`, as generated: readers and builders in place.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used)]
pub mod data_capnp {
    include!(concat!(env!("OUT_DIR"), "/data_capnp.rs"));
}
