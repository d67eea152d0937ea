//! One descriptor per packet, under a 16-byte id, between two processes.
//!
//! # The protocol
//! A connected `SOCK_SEQPACKET` Unix socket. A packet is exactly the 16 bytes of a
//! transfer id and one descriptor in `SCM_RIGHTS`; nothing answers it. Any other
//! packet is the peer's fault: all that came with it is closed, and the caller ends
//! the channel.

use super::SystemError;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, RecvMsg, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg,
    socketpair, sockopt,
};
use rustix::time::Timespec;
use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Length of a transfer id.
pub const TRANSFER_ID_BYTES: usize = 16;

/// A transfer id and the descriptor that came under it.
pub type Received = ([u8; TRANSFER_ID_BYTES], OwnedFd);

/// Room for one descriptor. The kernel's alignment lets a second one in; those
/// beyond it the kernel closes itself and says so (`MSG_CTRUNC`).
const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(1));

/// One end of a socket over which descriptors pass, one at a time.
///
/// Each operation comes in three kinds: plain (waits), `_timeout` (waits so long)
/// and `try_` (never waits). All three work whether or not the socket is set to
/// `O_NONBLOCK`, so a reactor may drive the `try_` kind through [`AsFd`]. Descriptors
/// are received close-on-exec.
#[derive(Debug)]
pub struct DescriptorChannel {
    socket: OwnedFd,
}

impl DescriptorChannel {
    /// Makes two connected ends.
    ///
    /// # Errors
    /// [`ChannelError::System`] when descriptors run out.
    pub fn pair() -> Result<(DescriptorChannel, DescriptorChannel), ChannelError> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(SystemError::of("socketpair"))?;
        Ok((DescriptorChannel { socket: one }, DescriptorChannel { socket: other }))
    }

    /// Takes over an end that was inherited.
    ///
    /// # Errors
    /// [`ChannelError::NotAChannel`] for anything but a Unix `SOCK_SEQPACKET` socket.
    pub fn from_fd(socket: OwnedFd) -> Result<DescriptorChannel, ChannelError> {
        let domain = sockopt::socket_domain(&socket).map_err(|_| ChannelError::NotAChannel)?;
        let kind = sockopt::socket_type(&socket).map_err(|_| ChannelError::NotAChannel)?;
        if domain != AddressFamily::UNIX || kind != SocketType::SEQPACKET {
            return Err(ChannelError::NotAChannel);
        }
        Ok(DescriptorChannel { socket })
    }

    /// Sends a copy of `descriptor`; waits while the peer's queue is full.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] when the peer is gone, [`ChannelError::System`] when
    /// too many descriptors are under way.
    pub fn send(&self, id: [u8; TRANSFER_ID_BYTES], descriptor: BorrowedFd<'_>) -> Result<(), ChannelError> {
        self.send_until(id, descriptor, None)
    }

    /// As [`DescriptorChannel::send`], but waits no longer than `timeout`.
    ///
    /// # Errors
    /// As `send`, and [`ChannelError::TimedOut`].
    pub fn send_timeout(
        &self,
        id: [u8; TRANSFER_ID_BYTES],
        descriptor: BorrowedFd<'_>,
        timeout: Duration,
    ) -> Result<(), ChannelError> {
        self.send_until(id, descriptor, deadline_after(timeout))
    }

    /// Sends a copy of `descriptor` if that needs no waiting; says whether it did.
    ///
    /// # Errors
    /// As [`DescriptorChannel::send`].
    pub fn try_send(
        &self,
        id: [u8; TRANSFER_ID_BYTES],
        descriptor: BorrowedFd<'_>,
    ) -> Result<bool, ChannelError> {
        let descriptors = [descriptor];
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fits = control.push(SendAncillaryMessage::ScmRights(&descriptors));
        assert!(fits, "CONTROL_BYTES has room for one descriptor");
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let sent = loop {
            match sendmsg(&self.socket, &[IoSlice::new(&id)], &mut control, flags) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        match sent {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(errno) => Err(failed("sendmsg", errno)),
        }
    }

    /// Waits for the next descriptor.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] when the peer is gone, [`ChannelError::Fault`] for a
    /// packet against the protocol, with everything in it closed.
    pub fn recv(&self) -> Result<Received, ChannelError> {
        self.recv_until(None)
    }

    /// As [`DescriptorChannel::recv`], but waits no longer than `timeout`.
    ///
    /// # Errors
    /// As `recv`, and [`ChannelError::TimedOut`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received, ChannelError> {
        self.recv_until(deadline_after(timeout))
    }

    /// The next descriptor, or `None` if there is none yet.
    ///
    /// # Errors
    /// As [`DescriptorChannel::recv`].
    pub fn try_recv(&self) -> Result<Option<Received>, ChannelError> {
        let mut id = [0; TRANSFER_ID_BYTES];
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        // TRUNC asks for a packet's real length, also where it is longer than an id.
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let message = loop {
            match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut id)], &mut control, flags) {
                Ok(message) => break message,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(failed("recvmsg", errno)),
            }
        };
        let descriptor = only_descriptor(&message, take_descriptors(&mut control))?;
        Ok(Some((id, descriptor)))
    }

    fn send_until(
        &self,
        id: [u8; TRANSFER_ID_BYTES],
        descriptor: BorrowedFd<'_>,
        deadline: Option<Instant>,
    ) -> Result<(), ChannelError> {
        while !self.try_send(id, descriptor)? {
            self.wait_for(PollFlags::OUT, deadline)?;
        }
        Ok(())
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<Received, ChannelError> {
        loop {
            if let Some(received) = self.try_recv()? {
                return Ok(received);
            }
            self.wait_for(PollFlags::IN, deadline)?;
        }
    }

    /// Returns when the socket may be ready, possibly early.
    fn wait_for(&self, ready: PollFlags, deadline: Option<Instant>) -> Result<(), ChannelError> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Err(ChannelError::TimedOut);
        }
        // A time too long for the kernel is as good as none: the caller's loop asks again.
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&self.socket, ready)], left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(failed("poll", errno)),
        }
    }
}

impl AsFd for DescriptorChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::os::fd::AsRawFd for DescriptorChannel {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.socket.as_raw_fd()
    }
}

impl From<DescriptorChannel> for OwnedFd {
    fn from(channel: DescriptorChannel) -> OwnedFd {
        channel.socket
    }
}

/// `None`, that is no deadline, for a time beyond what the clock can count.
fn deadline_after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

fn failed(call: &'static str, errno: Errno) -> ChannelError {
    match errno {
        // RESET: the peer went with packets of ours unread.
        Errno::PIPE | Errno::CONNRESET => ChannelError::Closed,
        errno => SystemError { call, errno }.into(),
    }
}

/// Owns every descriptor that came, so that dropping the list closes them.
fn take_descriptors(control: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = part {
            descriptors.extend(came);
        }
    }
    descriptors
}

/// The descriptor of a packet that keeps to the protocol.
fn only_descriptor(message: &RecvMsg, mut descriptors: Vec<OwnedFd>) -> Result<OwnedFd, ChannelError> {
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(TransferFault::Truncated.into());
    }
    // The end of the stream looks like an empty packet; neither says more.
    if message.bytes == 0 && descriptors.is_empty() {
        return Err(ChannelError::Closed);
    }
    if message.bytes != TRANSFER_ID_BYTES {
        return Err(TransferFault::MessageBytes(message.bytes).into());
    }
    match (descriptors.pop(), descriptors.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(TransferFault::DescriptorCount(0).into()),
        (Some(_), more) => Err(TransferFault::DescriptorCount(more + 1).into()),
    }
}

/// What a peer did against the protocol of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferFault {
    /// More descriptors than there is room for; or this process may open no more.
    Truncated,
    /// Not one descriptor but this many.
    DescriptorCount(usize),
    /// A packet of this many bytes instead of an id's.
    MessageBytes(usize),
    /// Nobody asked for this id, or so long ago that it is forgotten.
    Unknown,
    /// A descriptor came under this id before.
    Used,
    /// It came later than [`TRANSFER_LIFE`](super::TRANSFER_LIFE) after it was asked for.
    Expired,
}

impl fmt::Display for TransferFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("a packet had more descriptors than could be taken"),
            Self::DescriptorCount(count) => write!(f, "a packet had {count} descriptors instead of 1"),
            Self::MessageBytes(bytes) => {
                write!(f, "a packet had {bytes} bytes instead of {TRANSFER_ID_BYTES}")
            }
            Self::Unknown => f.write_str("a descriptor came under a transfer id that nobody waits for"),
            Self::Used => f.write_str("a second descriptor came under one transfer id"),
            Self::Expired => f.write_str("a descriptor came later than 1 s after it was asked for"),
        }
    }
}

impl std::error::Error for TransferFault {}

/// A descriptor that could not be sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The descriptor is not a Unix `SOCK_SEQPACKET` socket.
    NotAChannel,
    /// The peer is gone.
    Closed,
    /// The time was up first.
    TimedOut,
    /// The peer did something against the protocol; end the channel.
    Fault(TransferFault),
    /// A system call failed.
    System(SystemError),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAChannel => f.write_str("the descriptor is not a Unix socket of type SEQPACKET"),
            Self::Closed => f.write_str("the other end of the descriptor channel is closed"),
            Self::TimedOut => f.write_str("no descriptor passed in the time given"),
            Self::Fault(fault) => fault.fmt(f),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChannelError {}

impl From<TransferFault> for ChannelError {
    fn from(fault: TransferFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<SystemError> for ChannelError {
    fn from(error: SystemError) -> Self {
        Self::System(error)
    }
}
