//! Shared memory that the plugin lends to a reader, has back, and fills again.
//!
//! An arena is a region of its own with one lease at a time, so calls that run side by
//! side never wait for one another, and the reader meets each region's leases in their
//! order. What came back last is lent first: its bytes are the likeliest to be in a cache.

use crate::host::HostError;
use ioi_plugin::services::ReturnArguments;
use ioi_shm::{Handle, Lender, OwnMemory, Quota};
use ioi_types::ErrorCode;
use ioi_types::limits::{ARENA_BYTES_MAX, ARENAS_BYTES_MAX};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Arenas come in powers of two from this size on, up to [`ARENA_BYTES_MAX`]. What is larger goes in
/// a region of its own, which is sealed.
const ARENA_BYTES_MIN: u64 = 64 << 10;
/// Arenas of one plugin.
const COUNT_MAX: usize = 32;

/// The arenas of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Arenas(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What came back last is at the end.
    idle: Vec<Lender>,
    /// By region: read by somebody, or on its way there.
    lent: BTreeMap<u64, (Lender, Handle)>,
    /// Those that exist or are being asked for, and their bytes.
    count: usize,
    bytes: u64,
    /// The host has no more, or knows none.
    is_refused: bool,
}

fn bytes_of(lender: &Lender) -> u64 {
    lender.arena().bounds().end
}

fn fault(error: impl std::fmt::Display) -> HostError {
    HostError::new(ErrorCode::Internal, format!("the arena can't be used: {error}"))
}

impl Arenas {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease of the smallest idle arena that is large enough.
    pub(crate) fn lease(self: &Arc<Self>, bytes: u64) -> Option<Result<Filling, HostError>> {
        let lender = {
            let idle = &mut self.lock().idle;
            let latest_first = idle.iter().enumerate().rev();
            let fitting = latest_first.filter(|(_, lender)| bytes_of(lender) >= bytes);
            let (at, _) = fitting.min_by_key(|(_, lender)| bytes_of(lender))?;
            idle.remove(at)
        };
        Some(Filling::new(self, lender, bytes))
    }

    /// Room for one more arena that holds `bytes`; `None` where it goes without one.
    pub(crate) fn room(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let size = bytes.checked_next_power_of_two()?.max(ARENA_BYTES_MIN);
        let mut state = self.lock();
        let is_full = state.count == COUNT_MAX || size > ARENAS_BYTES_MAX - state.bytes;
        if size > ARENA_BYTES_MAX || is_full || state.is_refused {
            return None;
        }
        state.count += 1;
        state.bytes += size;
        Some(Room { arenas: Arc::clone(self), bytes: size, is_taken: false })
    }

    /// The host has refused one for want of memory or of the service: it is not asked again with each buffer,
    /// and the arenas that there are go on.
    pub(crate) fn refused(&self) {
        self.lock().is_refused = true;
    }

    /// The host says which leases were read.
    pub(crate) fn returned(&self, returned: &ReturnArguments) {
        for (region, generation) in &returned.leases {
            self.came_back(*region, *generation);
        }
    }

    /// What was never lent, or came back before, is nothing.
    fn came_back(&self, region: u64, generation: u32) {
        let mut state = self.lock();
        if state.lent.get(&region).is_none_or(|(_, handle)| handle.generation != generation) {
            return;
        }
        if let Some((mut lender, handle)) = state.lent.remove(&region)
            && lender.release(&handle).is_ok()
        {
            state.idle.push(lender);
        }
    }
}

/// Room that was set aside for an arena; given up when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    arenas: Arc<Arenas>,
    bytes: u64,
    is_taken: bool,
}

impl Room {
    /// How large the arena is to be.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The memory came: its first lease, of `bytes`.
    pub(crate) fn fill(mut self, memory: OwnedFd, region: u64, bytes: u64) -> Result<Filling, HostError> {
        let memory = Arc::new(OwnMemory::adopt_whole(memory, self.bytes).map_err(fault)?);
        let quota = Quota { leases_max: 1, bytes_max: self.bytes };
        let lender = Lender::new(memory, region, 0..self.bytes, quota).map_err(fault)?;
        self.is_taken = true;
        Filling::new(&self.arenas, lender, bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.is_taken {
            let mut state = self.arenas.lock();
            state.count -= 1;
            state.bytes -= self.bytes;
        }
    }
}

/// A lease that is being filled; dropped, its arena is idle again.
#[derive(Debug)]
pub(crate) struct Filling {
    arenas: Arc<Arenas>,
    /// There until it is handed over.
    lender: Option<Lender>,
    handle: Handle,
}

impl Filling {
    fn new(arenas: &Arc<Arenas>, mut lender: Lender, bytes: u64) -> Result<Self, HostError> {
        match lender.lease(bytes, 0) {
            Ok(handle) => Ok(Self { arenas: Arc::clone(arenas), lender: Some(lender), handle }),
            Err(error) => {
                arenas.lock().idle.push(lender);
                Err(fault(error))
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.lender.as_ref().and_then(|lender| lender.filled(&self.handle).ok()).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.lender.as_mut().and_then(|lender| lender.fill(&self.handle).ok()).unwrap_or_default()
    }

    /// From now on a reader may look at it.
    pub(crate) fn hand_over(mut self) -> Result<Lent, HostError> {
        let (handle, arenas) = (self.handle, Arc::clone(&self.arenas));
        let mut lender = self.lender.take().ok_or_else(|| fault("it was handed over"))?;
        lender.hand_over(&handle).map_err(fault)?;
        arenas.lock().lent.insert(handle.region, (lender, handle));
        Ok(Lent { arenas, handle, is_out: false })
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if let Some(mut lender) = self.lender.take()
            && lender.cancel(&self.handle).is_ok()
        {
            self.arenas.lock().idle.push(lender);
        }
    }
}

/// A lease that may be read by others. Dropped before it was sent, it comes back at once.
#[derive(Debug)]
pub(crate) struct Lent {
    arenas: Arc<Arenas>,
    handle: Handle,
    is_out: bool,
}

impl Lent {
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The host has its handle: it says when it comes back.
    pub(crate) fn sent(mut self) {
        self.is_out = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_out {
            self.arenas.came_back(self.handle.region, self.handle.generation);
        }
    }
}
