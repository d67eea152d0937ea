//! The socket between the two processes of a measurement: it carries names and descriptors while they
//! connect, and its end tells that the other one is gone.

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// No transport sends more at once.
const DESCRIPTORS_MAX: usize = 8;
const LINE_BYTES_MAX: usize = 4096;

/// One end of it.
pub struct Link {
    stream: UnixStream,
}

impl Link {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// The end that the near process put in the place of standard input.
    pub fn inherited() -> Result<Self> {
        Ok(Self { stream: std::io::stdin().as_fd().try_clone_to_owned()?.into() })
    }

    pub fn say(&mut self, line: &str) -> Result<()> {
        Ok(self.stream.write_all(format!("{line}\n").as_bytes())?)
    }

    pub fn hear(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.stream.read_exact(&mut byte).context("the other side ended while connecting")?;
            match byte[0] {
                b'\n' => return Ok(String::from_utf8(line)?),
                byte => line.push(byte),
            }
            ensure!(line.len() <= LINE_BYTES_MAX, "a line on the link is too long");
        }
    }

    pub fn send_descriptors(&mut self, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        ensure!(control.push(SendAncillaryMessage::ScmRights(descriptors)), "too many descriptors");
        rustix::net::sendmsg(&self.stream, &[IoSlice::new(b"d")], &mut control, SendFlags::empty())?;
        Ok(())
    }

    pub fn receive_descriptors<const COUNT: usize>(&mut self) -> Result<[OwnedFd; COUNT]> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let flags = RecvFlags::CMSG_CLOEXEC;
        rustix::net::recvmsg(&self.stream, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
        let mut received = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                received.extend(descriptors);
            }
        }
        let count = received.len();
        let Ok(descriptors) = received.try_into() else { bail!("{count} descriptors came, not {COUNT}") };
        Ok(descriptors)
    }

    /// Whether the other side has said something, or ended.
    pub fn has_line(&self) -> Result<bool> {
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN)];
        Ok(poll(&mut ready, Some(&Timespec::default()))? > 0)
    }

    /// Blocks until the other process is gone.
    pub fn wait_for_end(&mut self) -> Result<()> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => Ok(()),
            // It died with bytes unread.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
            Ok(_) => bail!("the other side spoke when it should have been dead"),
            Err(error) => Err(error.into()),
        }
    }
}

/// A connected pair, apart from the link, for a runtime that does the waiting.
pub fn socket_pair() -> Result<(UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((near, far))
}
