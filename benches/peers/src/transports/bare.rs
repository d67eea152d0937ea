//! The limit of any ring: commit words and payloads in shared memory, written and read in place, and
//! nothing checked. A peer that lies makes it read anywhere within the region or wait for ever.

use crate::cell::{Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::link::Link;
use crate::patience;
use crate::shared::Region;
use anyhow::Result;
use rustix::thread::futex;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

const CONTROL_BYTES: usize = 256;
const ACKED: usize = 128;
const LINE: usize = 64;
const SLOTS_MAX: usize = 256;
const LANE_BYTES_MAX: usize = 64 << 20;

/// One direction. `published` is at 0, `acked` at 128, then the slots: a commit word each, and the
/// payload after it.
struct Lane {
    region: Region,
    slots: u32,
    stride: usize,
    payload_at: usize,
    wait: Wait,
    /// Messages sent, or received.
    index: u32,
    /// What the sender saw last.
    acked: u32,
}

/// Where a slot's payload begins, and how far the slots are apart.
fn slot_layout(bytes: usize) -> (usize, usize) {
    // Words of 16 bytes never lie across two lines; what needs many lines starts on one.
    let payload_at = if bytes <= 256 { 16 } else { LINE };
    (payload_at, (payload_at + bytes).next_multiple_of(LINE))
}

/// A power of two, so that an index that wraps stays in step.
fn slots_for(stride: usize) -> usize {
    1 << (LANE_BYTES_MAX / stride).clamp(2, SLOTS_MAX).ilog2()
}

impl Lane {
    fn bytes_for(bytes: usize) -> usize {
        let (_, stride) = slot_layout(bytes);
        CONTROL_BYTES + slots_for(stride) * stride
    }

    fn new(region: Region, bytes: usize, wait: Wait) -> Self {
        let (payload_at, stride) = slot_layout(bytes);
        Self { region, slots: slots_for(stride) as u32, stride, payload_at, wait, index: 0, acked: 0 }
    }

    fn slot(&self, index: u32) -> usize {
        CONTROL_BYTES + (index & (self.slots - 1)) as usize * self.stride
    }

    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        while self.index.wrapping_sub(self.acked) == self.slots {
            self.acked = self.region.atomic_u32(ACKED).load(Acquire);
            std::hint::spin_loop();
        }
        let slot = self.slot(self.index);
        fill(self.region.view_mut(slot + self.payload_at, bytes));
        self.index = self.index.wrapping_add(1);
        let commit = u64::from(self.index) | (bytes as u64) << 32;
        self.region.atomic_u64(slot).store(commit, Release);
        if self.wait == Wait::Block {
            self.region.atomic_u32(0).store(self.index, Release);
            futex::wake(self.region.atomic_u32(0), futex::Flags::empty(), 1)?;
        }
        Ok(())
    }

    /// The length of the next message, if it is there.
    fn ready(&self) -> Option<usize> {
        let commit = self.region.atomic_u64(self.slot(self.index)).load(Acquire);
        (commit as u32 == self.index.wrapping_add(1)).then_some((commit >> 32) as usize)
    }

    fn wait(&self) -> usize {
        loop {
            let found = match self.wait {
                Wait::Spin => self.ready(),
                Wait::Block => patience::spin(|| Ok(self.ready())).unwrap_or(None),
            };
            if let Some(bytes) = found {
                return bytes;
            }
            std::hint::spin_loop();
            if self.wait == Wait::Block {
                // What it returns does not matter: the slot says whether something came.
                let _ = futex::wait(self.region.atomic_u32(0), futex::Flags::empty(), self.index, None);
            }
        }
    }

    fn take<T>(&mut self, bytes: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        let value = read(self.region.view(self.slot(self.index) + self.payload_at, bytes));
        self.index = self.index.wrapping_add(1);
        value
    }

    fn acknowledge(&self) {
        self.region.atomic_u32(ACKED).store(self.index, Release);
    }
}

/// Both directions.
pub struct Bare {
    out: Lane,
    inwards: Lane,
}

impl Channel for Bare {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        self.out.send(bytes, fill)
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let bytes = self.inwards.wait();
        let value = self.inwards.take(bytes, read);
        self.inwards.acknowledge();
        Ok(value)
    }

    fn receive_some(&mut self, mut read: impl FnMut(&[u8])) -> Result<()> {
        let mut next = Some(self.inwards.wait());
        let start = self.inwards.index;
        while let Some(bytes) = next {
            self.inwards.take(bytes, &mut read);
            if self.inwards.index.wrapping_sub(start) == self.inwards.slots / 4 {
                break;
            }
            next = self.inwards.ready();
        }
        self.inwards.acknowledge();
        Ok(())
    }
}

impl Connect for Bare {
    const PRIVATE: bool = false;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (out, first) = Region::create(Lane::bytes_for(cell.bytes))?;
        let (inwards, second) = Region::create(Lane::bytes_for(cell.answer_bytes()))?;
        link.send_descriptors(&[first.as_fd(), second.as_fd()])?;
        let out = Lane::new(out, cell.bytes, cell.wait);
        debug_assert_eq!(out.region.atomic_u32(0).load(Relaxed), 0);
        Ok(Self { out, inwards: Lane::new(inwards, cell.answer_bytes(), cell.wait) })
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let [first, second] = link.receive_descriptors()?;
        let inwards = Lane::new(Region::open(&first)?, cell.bytes, cell.wait);
        let out = Lane::new(Region::open(&second)?, cell.answer_bytes(), cell.wait);
        Ok(Self { out, inwards })
    }
}
