//! Two processes, started separately, hand over a sealed buffer.
//!
//! Started without arguments it makes the channel and starts itself twice, as the
//! broker of a real system starts two programs.
#![allow(clippy::print_stdout, missing_docs)]

use std::env::{args, current_exe};
use std::process::{Command, Stdio};

fn main() -> Done {
    match args().nth(1).as_deref() {
        Some("write") => write(),
        Some("read") => read(),
        _ => start_both(),
    }
}

fn start_both() -> Done {
    let (one, other) = DescriptorChannel::pair()?;
    for (role, end) in [("write", one), ("read", other)] {
        let mut process =
            Command::new(current_exe()?).arg(role).stdin(Stdio::from(OwnedFd::from(end))).spawn()?;
        // One after the other, so that their lines don't mix; what was sent waits in the socket.
        if !process.wait()?.success() {
            return Err(format!("{role} failed").into());
        }
    }
    Ok(())
}

// In the README:
use ioi_shm::{DescriptorChannel, Region, Sealed};
use std::os::fd::{AsFd, OwnedFd};
use std::process::id;
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;
const SECOND: Duration = Duration::from_secs(1);

fn channel() -> Result<DescriptorChannel, Box<dyn std::error::Error>> {
    Ok(DescriptorChannel::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?)
}

fn write() -> Done {
    let mut region = Region::create(4096)?;
    region.map_writer()?[..5].copy_from_slice(b"hello");
    region.shrink_to(5)?;
    let sealed = region.seal()?;
    println!("{}: sealed {} bytes", id(), sealed.bytes());
    Ok(channel()?.send_timeout(*b"chosen by reader", sealed.reader_descriptor()?.as_fd(), SECOND)?)
}

fn read() -> Done {
    let (_id, descriptor): ([u8; 16], OwnedFd) = channel()?.recv_timeout(SECOND)?;
    let view = Sealed::accept(descriptor, 1 << 20)?.map()?;
    println!("{}: read {:?} in place", id(), str::from_utf8(&view)?);
    Ok(())
}
