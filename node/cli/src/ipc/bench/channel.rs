//! What both transports can do.

use super::cell::Cell;
use ioi_shm::DescriptorChannel;
use std::time::{Duration, Instant};

/// Whatever ends a measurement early; it is said and nothing else.
pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The other side answers within microseconds, or it never does.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Polls between two looks at the clock.
const POLLS: u32 = 1 << 16;

/// One end of a connection between the two processes.
///
/// `fill` gets the memory that is sent from, and `read` the memory that was received into: shared memory where
/// there is some, else the one buffer that the kernel copies from or to.
pub(super) trait Channel: Sized {
    /// Connects over the socket that the far process was born with.
    fn connect(link: &DescriptorChannel, cell: Cell, side: Side) -> Result<Self, Error>;

    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<(), Error>;

    /// Sends `count` messages, `fill` getting the number of each; collected where that is faster.
    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Error>;

    /// Waits for one message.
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Error>;

    /// The other side is dead: has back what it held, and uses it.
    fn recover(self, cell: Cell) -> Result<(), Error>;
}

/// Which process this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Takes the times.
    Near,
    Far,
}

/// Ends a wait for somebody who is gone.
#[derive(Default)]
pub(super) struct Patience {
    polls: u32,
    until: Option<Instant>,
}

impl Patience {
    /// One more poll in vain.
    pub(super) fn poll(&mut self) -> Result<(), Error> {
        self.polls = self.polls.wrapping_add(1);
        if !self.polls.is_multiple_of(POLLS) {
            return Ok(());
        }
        let now = Instant::now();
        if now > *self.until.get_or_insert(now + PATIENCE) {
            return Err("the other process does not answer".into());
        }
        Ok(())
    }
}
