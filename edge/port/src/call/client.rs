//! The side that asks.

use super::{CALL_HEADER_BYTES, Calls, Head, Kind, Status, TooMany};
use crate::blocking::{Receiver, Sender, split};
use ioi_shm::{Port, RecvError, SendTimeoutError};
use std::fmt;
use std::time::{Duration, Instant};

const NANOS_PER_MS: u128 = 1_000_000;

/// Asks over a port and waits for answers, in any order.
///
/// ```
/// use ioi_port::{Client, Server, Status};
/// use std::time::Duration;
///
/// let (one, other) = ioi_port::pair::<16, 64>()?;
/// let second = Duration::from_secs(1);
/// let serving = std::thread::spawn(move || {
///     let mut server = Server::new(one, 8);
///     let request = server.next(second).expect("a request comes");
///     let (number, answer) = (request.number, request.body.to_ascii_uppercase());
///     server.answer(number, Status::OK, &answer, second)
/// });
/// let mut client = Client::new(other, 8);
/// let answer = client.call(1, b"shout", second)?;
/// assert_eq!((answer.status, answer.body), (Status::OK, &b"SHOUT"[..]));
/// # assert!(serving.join().expect("no panic")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client<const SLOTS: usize, const BYTES: usize> {
    sender: Sender<SLOTS, BYTES>,
    receiver: Receiver<SLOTS, BYTES>,
    calls: Calls,
    /// By the places in the table: answers that came while another was waited for.
    answers: Vec<Kept<BYTES>>,
    started: Instant,
}

#[derive(Clone, Debug)]
struct Kept<const BYTES: usize> {
    status: Status,
    length: usize,
    message: [u8; BYTES],
}

/// What the server says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'client> {
    /// How it went.
    pub status: Status,
    /// What it says.
    pub body: &'client [u8],
}

impl<const SLOTS: usize, const BYTES: usize> Client<SLOTS, BYTES> {
    /// A client that has at most `in_flight_max` calls at once.
    #[must_use]
    pub fn new(port: Port<SLOTS, BYTES>, in_flight_max: usize) -> Self {
        const { assert!(BYTES >= CALL_HEADER_BYTES, "a call's header has to fit") };
        let (sender, receiver) = split(port);
        let none = Kept { status: Status::OK, length: 0, message: [0; BYTES] };
        let answers = vec![none; in_flight_max];
        Client { sender, receiver, calls: Calls::new(in_flight_max), answers, started: Instant::now() }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn call(&mut self, method: u16, body: &[u8], timeout: Duration) -> Result<Answer<'_>, CallError> {
        let number = self.begin(method, body, timeout)?;
        self.wait(number)
    }

    /// Asks, and gives the number to [`Client::wait`] for.
    ///
    /// # Errors
    /// [`CallError`]; nothing is in flight then.
    pub fn begin(&mut self, method: u16, body: &[u8], timeout: Duration) -> Result<u32, CallError> {
        // Rounded up: a call whose time is over when it comes is never answered.
        let timeout_ms = timeout.as_nanos().div_ceil(NANOS_PER_MS);
        let timeout_ms = u32::try_from(timeout_ms).unwrap_or(u32::MAX);
        let head = Head { kind: Kind::Request, code: method, timeout_ms };
        let mut message = [0; BYTES];
        let too_long = CallError::TooLong { length: body.len(), length_max: BYTES - CALL_HEADER_BYTES };
        let length = head.write(body, &mut message).ok_or(too_long)?;
        self.calls.expire(self.now());
        let number = self.calls.begin(self.now().saturating_add(timeout))?;
        let sent = self.sender.send(number, &message[..length], timeout);
        if sent.is_err() {
            self.calls.cancel(number);
        }
        sent?;
        Ok(number)
    }

    /// Waits for the answer to a call that was begun, until its deadline.
    ///
    /// # Errors
    /// [`CallError`]; the call is over then.
    pub fn wait(&mut self, number: u32) -> Result<Answer<'_>, CallError> {
        let place = loop {
            let deadline = self.calls.deadline(number).ok_or(CallError::Over { number })?;
            if let Some(place) = self.calls.take(number) {
                break place;
            }
            let left = deadline.saturating_sub(self.now());
            if left.is_zero() || !self.receive(left)? {
                self.cancel(number);
                return Err(CallError::TimedOut { number });
            }
        };
        let kept = &self.answers[place];
        Ok(Answer { status: kept.status, body: &kept.message[CALL_HEADER_BYTES..kept.length] })
    }

    /// Waits for a call no longer, and tells the server so if it has room to hear it.
    pub fn cancel(&mut self, number: u32) {
        let mut message = [0; CALL_HEADER_BYTES];
        Head { kind: Kind::Cancel, code: 0, timeout_ms: 0 }.write(&[], &mut message);
        if self.calls.cancel(number) {
            // A server that isn't told works in vain until the deadline, which it knows.
            self.sender.port().try_send(number, &message).ok();
        }
    }

    /// The calls, with the counts of answers that were dropped.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Takes one message in and keeps the answer if somebody waits for it; false when none came.
    fn receive(&mut self, timeout: Duration) -> Result<bool, CallError> {
        let mut message = [0; BYTES];
        let header = match self.receiver.recv(&mut message, timeout) {
            Err(RecvError::TimedOut) => return Ok(false),
            other => other?,
        };
        match Head::read(&message[..header.length]) {
            Some((Head { kind: Kind::Answer, code, .. }, _)) => {
                if let Some(place) = self.calls.answered(header.msg_id) {
                    self.answers[place] = Kept { status: Status(code), length: header.length, message };
                }
            }
            _ => self.calls.not_an_answer(),
        }
        Ok(true)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A call without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// Too many are in flight.
    TooMany(TooMany),
    /// The body doesn't fit into a message: send it by handle.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that fit.
        length_max: usize,
    },
    /// No answer came in time.
    TimedOut {
        /// The call's number.
        number: u32,
    },
    /// Nobody waits for this call: it was taken, cancelled, or its time was up.
    Over {
        /// The call's number.
        number: u32,
    },
    /// The request could not be sent.
    Send(SendTimeoutError),
    /// The server is gone, or broke the ring.
    Receive(RecvError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(error) => error.fmt(f),
            Self::TooLong { length, length_max } => {
                write!(f, "a body of {length} bytes is longer than the {length_max} that fit into a call")
            }
            Self::TimedOut { number } => write!(f, "call {number} was not answered in time"),
            Self::Over { number } => write!(f, "call {number} is over"),
            Self::Send(error) => write!(f, "the request was not sent: {error}"),
            Self::Receive(error) => write!(f, "no answer can come: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<TooMany> for CallError {
    fn from(error: TooMany) -> Self {
        Self::TooMany(error)
    }
}

impl From<SendTimeoutError> for CallError {
    fn from(error: SendTimeoutError) -> Self {
        Self::Send(error)
    }
}

impl From<RecvError> for CallError {
    fn from(error: RecvError) -> Self {
        Self::Receive(error)
    }
}
