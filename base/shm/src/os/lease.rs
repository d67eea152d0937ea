//! Leases with their bytes: what [`Arena`] and [`Held`] keep books of.
//!
//! Three ways to read what a peer has leased, by who is trusted:
//! a [`Loan`] of an untrusted writer can only be copied out; one of a trusted writer
//! ([`Borrower::trusted`]) is read in place, because a writer that this process
//! already trusts with its life (it started it, and can stop and trace it) keeps the
//! promise not to write a lease before it is given back; memory for many readers is
//! [`Sealed`](super::Sealed).

use super::copy::copy_in;
use super::mapping::Mapping;
use super::present::Present;
use super::shared::{OwnMemory, PeerMemory};
use super::{RangeError, RegionError};
use crate::arena::is_younger;
use crate::{Arena, Handle, HandleError, Held, LeaseError, Quota};
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

/// An arena grows in steps of so many bytes: 2 MiB.
const STEP_BYTES: u64 = 2 << 20;

/// The lending side: a part of its own memory, and the books.
#[derive(Debug)]
pub struct Lender {
    memory: Arc<OwnMemory>,
    arena: Arena,
    /// Generations of leases that may still be written, by handle offset.
    open: Vec<(u64, u32)>,
    /// The generation that was handed over last.
    youngest: u32,
}

impl Lender {
    /// Lends `bounds` of `memory`, which it calls region `region`; memory is allocated as it is needed.
    ///
    /// # Errors
    /// [`RangeError`] when the bounds lie outside, aren't whole pages or were given out before.
    pub fn new(
        memory: Arc<OwnMemory>,
        region: u64,
        bounds: Range<u64>,
        quota: Quota,
    ) -> Result<Lender, RangeError> {
        let is_aligned = [bounds.start, bounds.end].iter().all(|at| at.is_multiple_of(crate::LEASE_ALIGN));
        if !is_aligned {
            let length = bounds.end.saturating_sub(bounds.start);
            return Err(RangeError { offset: bounds.start, length, bytes: memory.bytes() });
        }
        memory.claim(std::slice::from_ref(&bounds))?;
        let allocated = if memory.is_whole() { bounds.end } else { bounds.start };
        let arena = Arena::new(region, bounds, allocated, quota);
        Ok(Lender { memory, arena, open: Vec::new(), youngest: 0 })
    }

    /// Leases `length` bytes, to be filled and handed over.
    ///
    /// Leases are handed over in the order in which they are made: the peer takes each
    /// handle of a region only if it is younger than all before it. Whoever fills two at
    /// once and is done with the second first [cancels](Lender::cancel) the other.
    ///
    /// # Errors
    /// [`FillError::Lease`], or [`FillError::Memory`] when no memory can be allocated.
    pub fn lease(&mut self, length: u64, type_id: u32) -> Result<Handle, FillError> {
        let handle = match self.arena.lease(length, type_id) {
            Err(LeaseError::Allocate { end }) => {
                self.allocate_to(end)?;
                self.arena.lease(length, type_id)?
            }
            other => other?,
        };
        self.open.push((handle.offset, handle.generation));
        Ok(handle)
    }

    /// The bytes of a lease that was not handed over yet.
    ///
    /// What they hold from before is whatever this arena held last: same peer, same labels.
    ///
    /// # Errors
    /// [`FillError::HandedOver`], or [`FillError::Handle`].
    pub fn fill(&mut self, handle: &Handle) -> Result<&mut [u8], FillError> {
        let (start, length) = self.open_part(handle)?;
        // SAFETY: the range lies within the arena, which this lender alone has claimed,
        // so nothing else in this process refers to it; the borrow of `self` keeps it
        // the only reference. No other process can write it: memory that this one made by
        // its seals, memory that it adopted by those and the broker's promise
        // (`OwnMemory::adopt`). That peers may read it while it is written concerns them,
        // not this process. It was allocated.
        Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), length) })
    }

    /// What was filled in so far.
    ///
    /// # Errors
    /// As [`Lender::fill`].
    pub fn filled(&self, handle: &Handle) -> Result<&[u8], FillError> {
        let (start, length) = self.open_part(handle)?;
        // SAFETY: as in `fill`; the borrow of `self` keeps this process from writing it.
        Ok(unsafe { std::slice::from_raw_parts(start.as_ptr(), length) })
    }

    /// Where a lease lies that was not handed over yet.
    fn open_part(&self, handle: &Handle) -> Result<(NonNull<u8>, usize), FillError> {
        let range = self.arena.check(handle)?;
        if self.open_at(handle).is_none() {
            return Err(FillError::HandedOver);
        }
        // SAFETY: the range was checked to lie within the arena, and that within the mapping.
        let start = unsafe { self.memory.mapping().start().add(range.start as usize) };
        Ok((start, (range.end - range.start) as usize))
    }

    /// From now on the peer may read it and this side writes it no more.
    ///
    /// # Errors
    /// [`FillError::HandedOver`] for the second time, [`FillError::OutOfOrder`] after a
    /// younger lease, whose handle would make this one stale to the peer.
    pub fn hand_over(&mut self, handle: &Handle) -> Result<(), FillError> {
        let at = self.open_at(handle).ok_or(FillError::HandedOver)?;
        if !is_younger(handle.generation, self.youngest) {
            return Err(FillError::OutOfOrder { generation: handle.generation, youngest: self.youngest });
        }
        self.open.swap_remove(at);
        self.youngest = handle.generation;
        Ok(())
    }

    /// Has a lease back, as the peer says by this handle.
    ///
    /// # Errors
    /// As [`Arena::release`]; a lease that was not handed over is nothing that the peer
    /// can return, so its handle is [`HandleError::Stale`], too.
    pub fn release(&mut self, handle: &Handle) -> Result<(), HandleError> {
        self.arena.check(handle)?;
        if self.open_at(handle).is_some() {
            return Err(HandleError::Stale { generation: handle.generation });
        }
        self.arena.release(handle)
    }

    /// Has a lease back that was never handed over.
    ///
    /// # Errors
    /// [`FillError::HandedOver`] when the peer may be reading it, [`FillError::Handle`].
    pub fn cancel(&mut self, handle: &Handle) -> Result<(), FillError> {
        self.arena.check(handle)?;
        let at = self.open_at(handle).ok_or(FillError::HandedOver)?;
        self.open.swap_remove(at);
        Ok(self.arena.release(handle)?)
    }

    /// The peer is dead: has everything back.
    pub fn reclaim(&mut self) -> usize {
        self.open.clear();
        self.arena.reclaim()
    }

    /// The books.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    fn open_at(&self, handle: &Handle) -> Option<usize> {
        self.open.iter().position(|open| *open == (handle.offset, handle.generation))
    }

    fn allocate_to(&mut self, end: u64) -> Result<(), FillError> {
        let bounds = self.arena.bounds();
        let from = self.arena.allocated();
        let end =
            (end - bounds.start).next_multiple_of(STEP_BYTES).min(bounds.end - bounds.start) + bounds.start;
        self.memory.allocate(from..end).map_err(FillError::Memory)?;
        self.arena.allocated_to(end);
        Ok(())
    }
}

/// The borrowing side: a peer's memory, and what this side holds of it.
#[derive(Debug)]
pub struct Borrower {
    memory: Arc<PeerMemory>,
    held: Held,
    is_trusted: bool,
    present: Present,
}

impl Borrower {
    /// Borrows from a peer that may write its memory at any time. Loans are copied out.
    #[must_use]
    pub fn untrusted(memory: Arc<PeerMemory>, region: u64, bounds: Range<u64>, quota: Quota) -> Borrower {
        Borrower::new(memory, region, bounds, quota, false)
    }

    /// Borrows from a process that this one trusts with its life. Loans are read in place.
    ///
    /// To call this is to vouch that the writer doesn't write what it has lent: the
    /// bytes are then a plain `&[u8]`, and one that changes is undefined behaviour *of
    /// this process*. It is for the parent that started and sandboxed it, and for one
    /// borrower of its memory: two have books of their own, and each lets the writer
    /// believe that what is given back is read no more.
    #[must_use]
    pub fn trusted(memory: Arc<PeerMemory>, region: u64, bounds: Range<u64>, quota: Quota) -> Borrower {
        Borrower::new(memory, region, bounds, quota, true)
    }

    fn new(
        memory: Arc<PeerMemory>,
        region: u64,
        bounds: Range<u64>,
        quota: Quota,
        is_trusted: bool,
    ) -> Borrower {
        let present = Present::new(bounds.clone());
        Borrower { memory, held: Held::new(region, bounds, quota), is_trusted, present }
    }

    /// Takes a handle that the peer sent.
    ///
    /// The first loan of memory that was not looked at before asks the kernel whether it is
    /// there, which takes longer the larger it is; afterwards the size doesn't matter.
    ///
    /// # Errors
    /// [`HandleError`] by the rule that it breaks, [`HandleError::Outside`] also when
    /// the bytes aren't there.
    pub fn take(&mut self, handle: &Handle) -> Result<Loan, HandleError> {
        let range = self.held.take(handle)?;
        if !self.is_present(&range) {
            self.held.give_back(handle)?;
            return Err(HandleError::Outside { offset: handle.offset, length: handle.length });
        }
        let mapping = Arc::clone(self.memory.mapping());
        Ok(Loan { mapping, range, handle: *handle, is_trusted: self.is_trusted })
    }

    /// Whether every page of a range is there; each page is looked at until it was found once.
    fn is_present(&mut self, range: &Range<u64>) -> bool {
        let memory = &self.memory;
        range.end <= memory.bytes() && self.present.check(range, |part| memory.first_hole(part))
    }

    /// Ends a loan; the handle is to be sent back to the peer.
    ///
    /// # Errors
    /// [`HandleError::Stale`] for a loan of another borrower's memory, whatever its handle says.
    pub fn give_back(&mut self, loan: Loan) -> Result<Handle, HandleError> {
        if !Arc::ptr_eq(&loan.mapping, self.memory.mapping()) {
            return Err(HandleError::Stale { generation: loan.handle.generation });
        }
        self.held.give_back(&loan.handle)?;
        Ok(loan.handle)
    }

    /// The books.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }
}

/// Bytes that a peer has lent.
///
/// A loan that is dropped is not given back: it stays in the borrower's books, and counts
/// against its quota, because the peer was never told that it may write there again.
#[derive(Debug)]
#[must_use = "a loan that is dropped stays held; give it back"]
pub struct Loan {
    mapping: Arc<Mapping>,
    range: Range<u64>,
    handle: Handle,
    is_trusted: bool,
}

impl Loan {
    /// What it was taken by.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// The bytes where they lie, if the writer is trusted.
    #[must_use]
    pub fn in_place(&self) -> Option<&[u8]> {
        // SAFETY: the range is readable while the mapping lives. Whoever made the
        // borrower with `trusted` vouches that nobody writes it before `give_back`, which
        // takes the loan and with it ends this borrow.
        self.is_trusted.then(|| unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.bytes()) })
    }

    /// Copies the bytes out in pieces of at most `piece_bytes`, and shows each as it
    /// has landed, while it is still in the cache: to hash it, say.
    ///
    /// # Panics
    /// When `into` isn't exactly as long as the loan, or `piece_bytes` is 0.
    pub fn copy_to(&self, into: &mut [u8], piece_bytes: usize, mut landed: impl FnMut(&[u8])) {
        assert!(into.len() == self.bytes(), "the copy has the length of the loan");
        let mut from = self.start();
        for piece in into.chunks_mut(piece_bytes) {
            // SAFETY: the pieces lie one after the other within the loan, which is readable.
            unsafe {
                copy_in(from, piece);
                from = from.add(piece.len());
            }
            landed(piece);
        }
    }

    fn start(&self) -> NonNull<u8> {
        // SAFETY: the range was checked to lie within the mapping.
        unsafe { self.mapping.start().add(self.range.start as usize) }
    }
}

/// A lease that was not given or can't be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillError {
    /// The books say no.
    Lease(LeaseError),
    /// The handle names no lease of this arena.
    Handle(HandleError),
    /// The machine has no memory for it.
    Memory(RegionError),
    /// The peer may be reading it: this side writes it no more.
    HandedOver,
    /// A younger lease was handed over before it, so the peer would refuse it; cancel it.
    OutOfOrder {
        /// Its generation.
        generation: u32,
        /// The generation that was handed over last.
        youngest: u32,
    },
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(error) => error.fmt(f),
            Self::Handle(error) => error.fmt(f),
            Self::Memory(error) => write!(f, "the arena is full: {error}"),
            Self::HandedOver => f.write_str("the lease was handed over and is not this side's to write"),
            Self::OutOfOrder { generation, youngest } => {
                write!(f, "lease {generation} can't be handed over after lease {youngest}; cancel it")
            }
        }
    }
}

impl std::error::Error for FillError {}

impl From<LeaseError> for FillError {
    fn from(error: LeaseError) -> Self {
        Self::Lease(error)
    }
}

impl From<HandleError> for FillError {
    fn from(error: HandleError) -> Self {
        Self::Handle(error)
    }
}
