//! What must hold of every parser of foreign bytes, for any bytes at all.
//!
//! Each target is a function that takes an input and panics if a property fails. It knows neither
//! libFuzzer nor where inputs come from: `cargo test -p ioi-fuzz` replays `corpus/` and seeded
//! mutations of it, `cargo xtask fuzz` searches for new inputs.
//!
//! ```
//! let target = ioi_fuzz::find("canon").unwrap();
//! (target.check)(br#"{"a":1}"#);
//! ```
#![forbid(unsafe_code)]

mod advice;
mod byte_ring;
mod canon;
mod cell;
mod context;
mod control;
mod decision;
pub mod edit;
mod frames;
mod handles;
mod html;
mod inherited;
mod journal;
mod lenses;
mod merkle;
pub mod mutate;
mod names;
mod pdf;
mod policy;
mod receipt;
mod receipt_edits;
mod records;
mod ring;
mod routed;
mod sandbox;
pub mod script;
mod scrub;
mod search;
mod services;
mod session;
mod signed_records;
mod statement;
mod text;
mod views;

/// One thing that reads foreign bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and its folder's in `corpus/`.
    pub name: &'static str,
    /// Panics if what must hold of every input does not hold of this one.
    pub check: fn(&[u8]),
}

const fn target(name: &'static str, check: fn(&[u8])) -> Target {
    Target { name, check }
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    target("byte-ring", byte_ring::check),
    target("canon", canon::check),
    target("cell", cell::check),
    target("context", context::check),
    target("control", control::check),
    target("decision", decision::check),
    target("frames", frames::check),
    target("handles", handles::check),
    target("html", html::check),
    target("inherited", inherited::check),
    target("journal", journal::check),
    target("lenses", lenses::check),
    target("merkle", merkle::check),
    target("names", names::check),
    target("pdf", pdf::check),
    target("policy", policy::check),
    target("receipt", receipt::check),
    target("receipt-edits", receipt_edits::check),
    target("records", records::check),
    target("ring", ring::check),
    target("routed", routed::check),
    target("sandbox", sandbox::check),
    target("scrub", scrub::check),
    target("search", search::check),
    target("services", services::check),
    target("session", session::check),
    target("signed-records", signed_records::check),
    target("statement", statement::check),
    target("text", text::check),
    target("views", views::check),
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
