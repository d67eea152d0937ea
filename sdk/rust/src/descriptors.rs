//! Descriptors that come beside the frames, each under an id that this side chose.

use crate::host::HostError;
use ioi_shm::DescriptorChannel;
use ioi_types::{ErrorCode, TransferId};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a descriptor may come after the answer that speaks of it.
const LATE: Duration = Duration::from_secs(1);

/// Who waits for what. One thread receives ([`Descriptors::run`]), the tools' threads take.
#[derive(Debug)]
pub(crate) struct Descriptors {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug)]
struct State {
    /// Expected ids, and what has come under them.
    slots: HashMap<TransferId, Option<OwnedFd>>,
    /// The random half of this process's ids; the other half counts.
    prefix: [u8; 8],
    count: u64,
    /// Nothing comes any more.
    ended: bool,
}

impl Descriptors {
    pub(crate) fn new(prefix: [u8; 8]) -> Self {
        let state = State { slots: HashMap::new(), prefix, count: 0, ended: false };
        Self { state: Mutex::new(state), came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses an id and waits for it from now on.
    pub(crate) fn expect(&self) -> Result<TransferId, HostError> {
        let mut state = self.lock();
        if state.ended {
            return Err(gone());
        }
        state.count += 1;
        let (random, counter) = (u64::from_le_bytes(state.prefix), state.count);
        let id = TransferId((u128::from(random) << 64 | u128::from(counter)).to_be_bytes());
        state.slots.insert(id, None);
        Ok(id)
    }

    /// Takes the descriptor of `id`, which may come up to a second after `from`.
    pub(crate) fn take(&self, id: TransferId, from: Instant) -> Result<OwnedFd, HostError> {
        let mut state = self.lock();
        loop {
            if let Some(descriptor) = state.slots.get_mut(&id).and_then(Option::take) {
                state.slots.remove(&id);
                return Ok(descriptor);
            }
            let left = LATE.saturating_sub(from.elapsed());
            if state.ended {
                return Err(gone());
            }
            if left.is_zero() {
                let message =
                    format!("no descriptor came under transfer id {id} within a second of the answer");
                return Err(HostError::new(ErrorCode::TransferUnknown, message));
            }
            state = self.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No longer waits for `id`; what came or still comes under it is closed.
    pub(crate) fn forget(&self, id: TransferId) {
        self.lock().slots.remove(&id);
    }

    /// Receives until the channel ends or breaks a rule. What nobody expects is closed.
    pub(crate) fn run(&self, channel: &DescriptorChannel) {
        while let Ok((id, descriptor)) = channel.recv() {
            let mut state = self.lock();
            if let Some(slot @ None) = state.slots.get_mut(&TransferId(id)) {
                *slot = Some(descriptor);
                self.came.notify_all();
            }
        }
        self.lock().ended = true;
        self.came.notify_all();
    }
}

fn gone() -> HostError {
    HostError::new(ErrorCode::NodeGone, "the descriptor channel ended")
}
