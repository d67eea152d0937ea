//! Readiness of a descriptor that tokio has no type for.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::unix::AsyncFd;

/// Registers an object that owns its descriptor with the running event loop.
///
/// # Errors
/// When the descriptor can't be polled.
///
/// The deprecated constructor trusts `as_raw_fd` to name one open descriptor for
/// the object's whole life. Everything that comes here owns its descriptor
/// (`AsFd` says so), and the object is kept inside until it is dropped.
#[expect(
    deprecated,
    reason = "the replacement is unsafe for objects that do not own their descriptor; these do"
)]
pub fn watch<T: AsFd + AsRawFd>(object: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(object)
}
