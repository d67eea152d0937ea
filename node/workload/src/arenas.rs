//! Arenas of others: what they lend is copied out, because they may go on writing it.

use crate::memory::Bulk;
use ioi_crypto::hash::Blake3;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_shm::{Borrower, Handle, HandleError, PeerMemory, Quota, RejectError};
use ioi_types::ErrorCode;
use ioi_types::limits::ARENA_BYTES_MAX;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A piece is hashed while it is still in the second-level cache.
const PIECE_BYTES: usize = 256 << 10;

/// Those that are mapped, by region.
#[derive(Clone, Default)]
pub(crate) struct Arenas(Arc<Mutex<BTreeMap<u64, Arc<Arena>>>>);

impl Arenas {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Arena>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, region: u64) -> Option<Arc<Arena>> {
        self.lock().get(&region).cloned()
    }

    /// Adds one that came. Where two jobs fetched it at once, the first one counts: there is one
    /// borrower of a region, so that its leases are taken in their order.
    pub(crate) fn add(&self, region: u64, arena: Arena) -> Arc<Arena> {
        Arc::clone(self.lock().entry(region).or_insert_with(|| Arc::new(arena)))
    }

    pub(crate) fn leave(&self, regions: &[u64]) {
        // Unmapped after the table is free again.
        let left: Vec<_> = {
            let mut arenas = self.lock();
            regions.iter().filter_map(|region| arenas.remove(region)).collect()
        };
        drop(left);
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// One arena, whose owner is not trusted.
pub(crate) struct Arena(Mutex<Borrower>);

impl Arena {
    /// Checks the descriptor that came for region `region`, and maps it for reading.
    ///
    /// # Errors
    /// [`RejectError`] unless it is memory of `bytes` bytes, at most 16 MiB, all there, that takes no
    /// further writer.
    pub(crate) fn accept(descriptor: OwnedFd, region: u64, bytes: u64) -> Result<Self, RejectError> {
        if bytes > ARENA_BYTES_MAX {
            return Err(RejectError::TooBig { bytes, bytes_max: ARENA_BYTES_MAX });
        }
        let memory = PeerMemory::accept(descriptor, bytes, bytes)?;
        // A lease is held no longer than its copy takes.
        let quota = Quota { leases_max: 1, bytes_max: bytes };
        Ok(Self(Mutex::new(Borrower::untrusted(Arc::new(memory), region, 0..bytes, quota))))
    }

    /// Copies a lease out, in pieces that are hashed as they land. Blocking: up to 16 MiB.
    ///
    /// Whatever its owner writes meanwhile, the digest is that of the bytes that are kept.
    pub(crate) fn copy_out(&self, lease: &Handle, what: &str) -> Result<Bulk, Status> {
        let mut borrower = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = |error: HandleError| refuse(code_of(&error), format!("{what}: {error}"));
        let loan = borrower.take(lease).map_err(refused)?;
        let mut bytes = vec![0; loan.bytes()];
        let mut hash = Blake3::new();
        loan.copy_to(&mut bytes, PIECE_BYTES, |piece| {
            hash.update(piece);
        });
        borrower.give_back(loan).map_err(refused)?;
        Ok(Bulk::Copied { bytes, digest: hash.finish() })
    }
}

fn code_of(error: &HandleError) -> ErrorCode {
    match error {
        HandleError::Region { .. } | HandleError::Stale { .. } => ErrorCode::RegionUnknown,
        HandleError::Quota { .. } => ErrorCode::QuotaMemory,
        _ => ErrorCode::SliceRange,
    }
}
