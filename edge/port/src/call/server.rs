//! The side that answers.

use super::{CALL_HEADER_BYTES, Head, Kind, Status};
use crate::blocking::{Receiver, Sender, split};
use ioi_shm::{Port, RecvError, SendError, SendTimeoutError};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Takes requests from one client and answers them, in any order.
///
/// A request that is cancelled or over is forgotten: its answer isn't sent. What is no
/// request, names a call that is at hand, or comes when all places are taken, never
/// reaches the application. A call has its place from when it comes until it is
/// answered, cancelled or over.
#[derive(Debug)]
pub struct Server<const SLOTS: usize, const BYTES: usize> {
    sender: Sender<SLOTS, BYTES>,
    receiver: Receiver<SLOTS, BYTES>,
    at_hand: Vec<AtHand>,
    at_hand_max: usize,
    /// Requests that came while the server looked for cancellations; each has its place.
    backlog: VecDeque<Waiting<BYTES>>,
    message: [u8; BYTES],
    malformed: u64,
}

#[derive(Debug)]
struct Waiting<const BYTES: usize> {
    number: u32,
    method: u16,
    length: usize,
    message: [u8; BYTES],
}

#[derive(Clone, Copy, Debug)]
struct AtHand {
    number: u32,
    deadline: Instant,
}

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub struct Request<'server> {
    /// The call, to be named in the answer.
    pub number: u32,
    /// What is to be done.
    pub method: u16,
    /// From then on the client no longer waits.
    pub deadline: Instant,
    /// What it is to be done with.
    pub body: &'server [u8],
}

/// A client can't have a call remembered for longer: 1 hour.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

impl<const SLOTS: usize, const BYTES: usize> Server<SLOTS, BYTES> {
    /// A server that has at most `at_hand_max` calls at once.
    #[must_use]
    pub fn new(port: Port<SLOTS, BYTES>, at_hand_max: usize) -> Self {
        const { assert!(BYTES >= CALL_HEADER_BYTES, "a call's header has to fit") };
        let (sender, receiver) = split(port);
        let (at_hand, backlog) = (Vec::with_capacity(at_hand_max), VecDeque::new());
        Server { sender, receiver, at_hand, at_hand_max, backlog, message: [0; BYTES], malformed: 0 }
    }

    /// The next request, waiting at most `timeout` for it.
    ///
    /// # Errors
    /// [`RecvError`].
    pub fn next(&mut self, timeout: Duration) -> Result<Request<'_>, RecvError> {
        let until = Instant::now() + timeout.min(crate::LONGEST);
        let (number, method, length) = loop {
            if let Some(waiting) = self.backlog.pop_front() {
                self.message = waiting.message;
                if self.is_at_hand(waiting.number) {
                    break (waiting.number, waiting.method, waiting.length);
                }
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            let header = self.receiver.recv(&mut self.message, left)?;
            if let Some(method) = self.admit(header.msg_id, header.length) {
                break (header.msg_id, method, header.length);
            }
            // A client that sends nothing but nonsense can't keep this loop going.
            if left.is_zero() {
                return Err(RecvError::TimedOut);
            }
        };
        let deadline = self.deadline(number).unwrap_or(until);
        Ok(Request { number, method, deadline, body: &self.message[CALL_HEADER_BYTES..length] })
    }

    /// Answers a call, waiting at most `timeout` for room; false when nobody waits for it any more.
    ///
    /// # Errors
    /// Those of [`Sender::send`], `TooLong` included; the call is over in any case.
    pub fn answer(
        &mut self,
        number: u32,
        status: Status,
        body: &[u8],
        timeout: Duration,
    ) -> Result<bool, SendTimeoutError> {
        if !self.is_wanted(number) {
            return Ok(false);
        }
        self.forget(number);
        let mut message = [0; BYTES];
        let head = Head { kind: Kind::Answer, code: status.0, timeout_ms: 0 };
        let length_max = BYTES - CALL_HEADER_BYTES;
        let too_long = SendError::TooLong { length: body.len(), length_max };
        let length = head.write(body, &mut message).ok_or(too_long)?;
        self.sender.send(number, &message[..length], timeout)?;
        Ok(true)
    }

    /// Whether somebody still waits for the answer, as far as the client has said by now.
    pub fn is_wanted(&mut self, number: u32) -> bool {
        self.take_in();
        self.is_at_hand(number)
    }

    /// Messages that were no requests.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Looks at what has come, for cancellations; requests go to the backlog.
    fn take_in(&mut self) {
        for _ in 0..SLOTS {
            // A fault stays in the ring: the next `next` answers with it.
            let Ok(Some(header)) = self.receiver.port().try_recv(&mut self.message) else { return };
            if let Some(method) = self.admit(header.msg_id, header.length) {
                let (number, length, message) = (header.msg_id, header.length, self.message);
                self.backlog.push_back(Waiting { number, method, length, message });
            }
        }
    }

    /// Makes a place for the request in `self.message`, if it is one and there is room.
    fn admit(&mut self, number: u32, length: usize) -> Option<u16> {
        match Head::read(&self.message[..length]) {
            Some((head, _)) if head.kind == Kind::Request => self.admit_request(number, head),
            Some((head, _)) if head.kind == Kind::Cancel => {
                self.forget(number);
                None
            }
            _ => {
                self.malformed += 1;
                None
            }
        }
    }

    fn admit_request(&mut self, number: u32, head: Head) -> Option<u16> {
        let now = Instant::now();
        self.forget_what_is_over(now);
        if self.deadline(number).is_some() {
            self.refuse(number, Status::REPEATED);
            return None;
        }
        if self.at_hand.len() >= self.at_hand_max {
            self.refuse(number, Status::BUSY);
            return None;
        }
        let timeout = Duration::from_millis(u64::from(head.timeout_ms)).min(TIMEOUT_MAX);
        self.at_hand.push(AtHand { number, deadline: now + timeout });
        Some(head.code)
    }

    /// So the backlog is never longer than the table: [`Server::forget`] takes from both as well.
    fn forget_what_is_over(&mut self, now: Instant) {
        let before = self.at_hand.len();
        self.at_hand.retain(|call| call.deadline > now);
        if self.at_hand.len() < before {
            let at_hand = &self.at_hand;
            self.backlog.retain(|waiting| at_hand.iter().any(|call| call.number == waiting.number));
        }
    }

    fn forget(&mut self, number: u32) {
        self.at_hand.retain(|call| call.number != number);
        self.backlog.retain(|waiting| waiting.number != number);
    }

    fn deadline(&self, number: u32) -> Option<Instant> {
        self.at_hand.iter().find(|call| call.number == number).map(|call| call.deadline)
    }

    fn is_at_hand(&self, number: u32) -> bool {
        self.deadline(number).is_some_and(|deadline| deadline > Instant::now())
    }

    /// Says no if the client has room to hear it; one that doesn't listen learns by its deadline.
    fn refuse(&mut self, number: u32, status: Status) {
        let mut message = [0; CALL_HEADER_BYTES];
        Head { kind: Kind::Answer, code: status.0, timeout_ms: 0 }.write(&[], &mut message);
        self.sender.port().try_send(number, &message).ok();
    }
}
