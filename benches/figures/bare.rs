//! What the bare kernel takes: a round trip between two processes, a synced write.

use crate::Result;
use crate::report::Samples;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// About the size of one call and of one answer as frames.
const MESSAGE_BYTES: usize = 128;

/// This program as the second process of a measurement; it ends when `stdin`'s other end does.
pub(crate) fn role(name: &str, stdin: OwnedFd) -> Result<std::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.arg(name).stdin(Stdio::from(stdin)).stdout(Stdio::piped()).spawn()?)
}

/// The descriptor that the first process gave.
pub(crate) fn stdin() -> Result<OwnedFd> {
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?)
}

/// The second process of [`round_trips`].
pub(crate) fn echo() -> Result<()> {
    let mut stream = UnixStream::from(stdin()?);
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message)?;
    }
    Ok(())
}

/// Microseconds from a message to its echo by another process.
pub(crate) fn round_trips(count: usize) -> Result<Samples> {
    let (mut stream, theirs) = UnixStream::pair()?;
    let mut other = role("role-echo", theirs.into())?;
    let mut message = [7; MESSAGE_BYTES];
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        samples.push(start.elapsed().as_secs_f64() * 1e6);
    }
    drop(stream);
    other.wait()?;
    Ok(Samples::new(samples))
}

/// Microseconds to append 512 bytes in this folder and sync them.
pub(crate) fn synced_writes(folder: &Path, count: usize) -> Result<Samples> {
    let mut file = File::create(folder.join("synced"))?;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        file.write_all(&[7; 512])?;
        file.sync_data()?;
        samples.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Samples::new(samples))
}
