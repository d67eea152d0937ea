//! Two processes, started separately, send each other messages through shared memory.
//!
//! Started without arguments it makes the channel and starts itself twice, as the
//! broker of a real system starts two programs.
#![allow(clippy::print_stdout, missing_docs)]

use std::env::{args, current_exe};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

fn main() -> Done {
    match args().nth(1).as_deref() {
        Some("ask") => ask(),
        Some("answer") => answer(),
        _ => start_both(),
    }
}

fn start_both() -> Done {
    let (one, other) = DescriptorChannel::pair()?;
    let start = |role, end: DescriptorChannel| {
        Command::new(current_exe()?).arg(role).stdin(Stdio::from(OwnedFd::from(end))).spawn()
    };
    let mut processes = [start("ask", one)?, start("answer", other)?];
    for process in &mut processes {
        if !process.wait()?.success() {
            return Err("one of the two failed".into());
        }
    }
    Ok(())
}

// In the README:
use ioi_shm::{DescriptorChannel, Port};
use std::os::fd::AsFd;
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;
const SECOND: Duration = Duration::from_secs(1);

fn connect(peer: u32) -> Result<Port<256, 64>, Box<dyn std::error::Error>> {
    let channel = DescriptorChannel::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?;
    Ok(Port::connect(&channel, peer, SECOND)?)
}

fn ask() -> Done {
    let mut port = connect(2)?;
    port.sender.try_send(7, b"how are you?")?;
    let mut bytes = [0; 64];
    let header = port.receiver.recv_timeout(&mut bytes, SECOND)?;
    println!(
        "process {} answers {}: {}",
        header.sender,
        header.msg_id,
        str::from_utf8(&bytes[..header.length])?
    );
    Ok(())
}

fn answer() -> Done {
    let mut port = connect(1)?;
    let header = port.receiver.recv_timeout(&mut [0; 64], SECOND)?;
    Ok(port.sender.try_send(header.msg_id, b"fine, thank you")?)
}
