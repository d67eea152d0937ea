//! The data plane's types against the golden vectors, hostile bytes and what was released.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests say why they were skipped")]

mod evolution;
/// The types as they were released.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
mod frozen {
    pub mod data_capnp {
        include!(concat!(env!("OUT_DIR"), "/frozen/data_capnp.rs"));
    }
}
/// The types as a later schema may have them: a number and a text more in every struct.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
mod evolved {
    pub mod data_capnp {
        include!(concat!(env!("OUT_DIR"), "/evolved/data_capnp.rs"));
    }
}
/// The types as no later schema may have them: a field renumbered in one, retyped in another.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
mod broken {
    pub mod data_capnp {
        include!(concat!(env!("OUT_DIR"), "/broken/data_capnp.rs"));
    }
}
mod hostile;
mod later;
mod refusals;
mod values;
mod vectors;
