//! The process's side of it, for a thread.

use super::{BODY_BYTES_MAX, Notice, ROUTED_BYTES, Request, RoutedPort};
use crate::blocking::{Receiver, Sender, split};
use ioi_shm::{ConnectError, DescriptorChannel, Port, RecvError, SendError, SendTimeoutError};
use std::fmt;
use std::time::Duration;

/// A connection with a host's router.
#[derive(Debug)]
pub struct Endpoint {
    sender: Sender<64, ROUTED_BYTES>,
    receiver: Receiver<64, ROUTED_BYTES>,
    asked: u32,
    out: Vec<u8>,
    message: [u8; ROUTED_BYTES],
}

impl Endpoint {
    /// Connects with the host at the other end of `channel`.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(channel: &DescriptorChannel, timeout: Duration) -> Result<Endpoint, ConnectError> {
        Ok(Endpoint::new(Port::connect(channel, 0, timeout)?))
    }

    /// Takes over a port that is connected with a host.
    #[must_use]
    pub fn new(port: RoutedPort) -> Endpoint {
        let (sender, receiver) = split(port);
        Endpoint { sender, receiver, asked: 0, out: Vec::new(), message: [0; ROUTED_BYTES] }
    }

    /// Asks for something, waiting at most `timeout` for room: the number that a notice about it will have.
    ///
    /// # Errors
    /// Those of [`Sender::send`]; `TooLong` speaks of the request's body.
    pub fn ask(&mut self, request: &Request<'_>, timeout: Duration) -> Result<u32, SendTimeoutError> {
        if !request.write(&mut self.out) {
            let (length, length_max) = (request.body().len(), BODY_BYTES_MAX);
            return Err(SendError::TooLong { length, length_max }.into());
        }
        // Numbers from 1: what the host says of its own accord has 0.
        self.asked = self.asked.checked_add(1).unwrap_or(1);
        self.sender.send(self.asked, &self.out, timeout)?;
        Ok(self.asked)
    }

    /// The next thing that the host says, with the number of the request that it is about.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub fn notice(&mut self, timeout: Duration) -> Result<(u32, Notice<'_>), NoticeError> {
        let header = self.receiver.recv(&mut self.message, timeout)?;
        let notice = Notice::read(&self.message[..header.length]).ok_or(NoticeError::Malformed)?;
        Ok((header.msg_id, notice))
    }
}

/// The host said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeError {
    /// Nothing came.
    Receive(RecvError),
    /// What came is none of the protocol.
    Malformed,
}

impl fmt::Display for NoticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => error.fmt(f),
            Self::Malformed => f.write_str("the host said what is none of the protocol"),
        }
    }
}

impl std::error::Error for NoticeError {}

impl From<RecvError> for NoticeError {
    fn from(error: RecvError) -> Self {
        Self::Receive(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_long_is_named_by_its_own_length() {
        let (port, _host) = crate::pair::<64, ROUTED_BYTES>().unwrap();
        let body = [7; BODY_BYTES_MAX + 92];
        let request = Request::Send { capability: None, to: None, cause: 0, handle: None, body: &body };
        let asked = Endpoint::new(port).ask(&request, Duration::ZERO);
        let (length, length_max) = (BODY_BYTES_MAX + 92, BODY_BYTES_MAX);
        assert_eq!(asked, Err(SendTimeoutError::Send(SendError::TooLong { length, length_max })));
    }
}
