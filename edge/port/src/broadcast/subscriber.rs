//! The side that reads in place.

use super::publisher::is_newer;
use super::{ASK, Ask, BROADCAST_BYTES, BroadcastPort, HERE, Here, TransferId};
use ioi_shm::{
    ChannelError, ConnectError, DescriptorChannel, Handle, HandleError, Port, RecvError, RejectError, Sealed,
    SendTimeoutError, View,
};
use std::fmt;
use std::time::{Duration, Instant};

/// Where a subscriber begins, and how it goes on when it falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Everything that is still kept, in order.
    Oldest,
    /// Always the newest alone.
    Newest,
}

/// Takes publications from one publisher, which it need not trust.
#[derive(Debug)]
pub struct Subscriber {
    port: BroadcastPort,
    channel: DescriptorChannel,
    from: Start,
    bytes_max: u64,
    seen: u32,
    missed: u64,
    asked: Option<TransferId>,
}

/// Bytes that nobody can change any more.
#[derive(Debug)]
pub struct Publication {
    /// What they are; its generation is the number of the publication.
    pub handle: Handle,
    /// The bytes, in place, for as long as this lives.
    pub bytes: View,
}

impl Subscriber {
    /// Connects with the publisher at the other end of `channel`; refuses publications of
    /// more than `bytes_max` bytes.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        channel: DescriptorChannel,
        from: Start,
        bytes_max: u64,
        timeout: Duration,
    ) -> Result<Subscriber, ConnectError> {
        let port = Port::connect(&channel, 0, timeout)?;
        Ok(Subscriber { port, channel, from, bytes_max, seen: 0, missed: 0, asked: None })
    }

    /// The next publication, waiting at most `timeout` for it.
    ///
    /// # Errors
    /// [`SubscribeError`]. After `TimedOut` it may be called again; after any other the
    /// publisher is gone or at fault.
    pub fn next(&mut self, timeout: Duration) -> Result<Publication, SubscribeError> {
        let deadline = Instant::now() + timeout.min(crate::LONGEST);
        let id = self.ask(timeout)?;
        let mut message = [0; BROADCAST_BYTES];
        let left = deadline.saturating_duration_since(Instant::now());
        let header = self.port.receiver.recv_timeout(&mut message, left)?;
        self.port.receiver.ack();
        let here =
            Here::read(&message[..header.length]).filter(|here| header.msg_id == HERE && here.id == id);
        let handle = here.ok_or(SubscribeError::Protocol)?.handle;
        // A publisher sends the descriptor first, so there is nothing to wait for.
        let (came, descriptor) = self.channel.try_recv()?.ok_or(SubscribeError::Protocol)?;
        if came != id || (self.seen != 0 && !is_newer(handle.generation, self.seen)) {
            return Err(SubscribeError::Protocol);
        }
        let sealed = Sealed::accept(descriptor, self.bytes_max)?;
        if handle.locate(handle.region, 0..sealed.bytes())? != (0..sealed.bytes()) {
            return Err(SubscribeError::Protocol);
        }
        self.took(handle.generation);
        Ok(Publication { handle, bytes: sealed.map()? })
    }

    /// Publications that came and went between those that were taken.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Asks unless an ask is open from before: the id that the answer will have.
    fn ask(&mut self, timeout: Duration) -> Result<TransferId, SubscribeError> {
        if let Some(id) = self.asked {
            return Ok(id);
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| SubscribeError::NoRandomness)?;
        let newest_only = self.from == Start::Newest;
        let ask = Ask { id, seen: self.seen, newest_only };
        self.port.sender.send_timeout(ASK, &ask.to_bytes(), timeout)?;
        self.asked = Some(id);
        Ok(id)
    }

    fn took(&mut self, generation: u32) {
        if self.seen != 0 {
            self.missed += u64::from(generation.wrapping_sub(self.seen) - 1);
        }
        self.seen = generation;
        self.asked = None;
    }
}

/// No publication.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// None came in time.
    TimedOut,
    /// The publisher is gone, or broke the ring.
    Receive(RecvError),
    /// The publisher can't be asked.
    Send(SendTimeoutError),
    /// The descriptor did not come.
    Channel(ChannelError),
    /// The descriptor is not sealed memory of the size allowed.
    Rejected(RejectError),
    /// The handle is none of the memory.
    Handle(HandleError),
    /// The publisher answered what was not asked.
    Protocol,
    /// The kernel gives no random bytes for a transfer id.
    NoRandomness,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no publication came in time"),
            Self::Receive(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Channel(error) => write!(f, "a publication's descriptor did not come: {error}"),
            Self::Rejected(error) => write!(f, "a publication was refused: {error}"),
            Self::Handle(error) => write!(f, "a publication was refused: {error}"),
            Self::Protocol => f.write_str("the publisher answered what was not asked; end the subscription"),
            Self::NoRandomness => f.write_str("there are no random bytes for a transfer id"),
        }
    }
}

impl std::error::Error for SubscribeError {}

impl From<RecvError> for SubscribeError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::TimedOut => Self::TimedOut,
            other => Self::Receive(other),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for SubscribeError {
            fn from(error: $from) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
impl From<SendTimeoutError> for SubscribeError {
    fn from(error: SendTimeoutError) -> Self {
        match error {
            SendTimeoutError::TimedOut => Self::TimedOut,
            other => Self::Send(other),
        }
    }
}

from!(ChannelError => Channel, RejectError => Rejected, HandleError => Handle);
