//! A system call that failed, by name.

use rustix::io::Errno;
use std::fmt;

/// A system call that failed for a reason this crate has no better name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemError {
    /// The system call, as in its manual page.
    pub call: &'static str,
    /// What the kernel answered.
    pub errno: Errno,
}

impl SystemError {
    /// For `map_err`: names the call that failed.
    pub(crate) fn of(call: &'static str) -> impl Fn(Errno) -> SystemError {
        move |errno| SystemError { call, errno }
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, self.errno)
    }
}

impl std::error::Error for SystemError {}
