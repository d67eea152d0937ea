//! rtrb: a ring between two threads of one process, each on its core. It is no IPC; it shows what a
//! well-made ring in safe Rust costs when nobody has to be mistrusted.
#![allow(unsafe_code, reason = "a chunk is committed as initialised once it was filled in place")]

use crate::channel::Channel;
use crate::far::Reactor;
use crate::link::Link;
use crate::measure::measure;
use crate::pin::pin;
use crate::sample::Round;
use crate::transports::{Near, depth};
use anyhow::{Result, anyhow, bail};
use rtrb::{Consumer, Producer, RingBuffer};
use std::os::unix::net::UnixStream;

struct Rtrb<const BYTES: usize> {
    out: Producer<[u8; BYTES]>,
    inwards: Consumer<[u8; BYTES]>,
}

impl<const BYTES: usize> Channel for Rtrb<BYTES> {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        loop {
            if let Ok(mut chunk) = self.out.write_chunk_uninit(1) {
                let slot = chunk.as_mut_slices().0[0].as_mut_ptr();
                // SAFETY: the slot is ours until it is committed, and was zeroed when the ring was made.
                fill(unsafe { &mut (&mut *slot)[..bytes] });
                // SAFETY: as above.
                unsafe { chunk.commit_all() };
                return Ok(());
            }
        }
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        loop {
            if let Ok(chunk) = self.inwards.read_chunk(1) {
                let value = read(&chunk.as_slices().0[0]);
                chunk.commit_all();
                return Ok(value);
            }
            std::hint::spin_loop();
        }
    }

    fn receive_some(&mut self, mut read: impl FnMut(&[u8])) -> Result<()> {
        let count = self.inwards.slots();
        if let Ok(chunk) = self.inwards.read_chunk(count) {
            let (first, second) = chunk.as_slices();
            first.iter().chain(second).for_each(|message| read(message));
            chunk.commit_all();
        }
        Ok(())
    }
}

/// A ring whose slots have been zeroed and touched.
fn ring<const BYTES: usize>(slots: usize) -> (Producer<[u8; BYTES]>, Consumer<[u8; BYTES]>) {
    let (mut producer, mut consumer) = RingBuffer::new(slots);
    if let Ok(mut chunk) = producer.write_chunk_uninit(slots) {
        let (slots, _) = chunk.as_mut_slices();
        // SAFETY: plain bytes are valid once they are zero.
        unsafe {
            slots.as_mut_ptr().write_bytes(0, slots.len());
            chunk.commit_all();
        }
    }
    if let Ok(chunk) = consumer.read_chunk(slots) {
        chunk.commit_all();
    }
    (producer, consumer)
}

fn run<const BYTES: usize>(near: &Near) -> Result<Round> {
    let (out, their_in) = ring::<BYTES>(depth(BYTES));
    // An answer that is no echo fits as well, since no message is smaller.
    let (their_out, inwards) = ring::<BYTES>(depth(BYTES));
    let (cell, cores) = (near.cell, near.cores);
    let (link, _other) = UnixStream::pair()?;
    let far = std::thread::spawn(move || {
        pin(cores.far)?;
        Rtrb { out: their_out, inwards: their_in }.serve(Reactor::new(
            cell,
            true,
            Link::new(link),
            cores.near,
        ))
    });
    let round = measure(&mut Rtrb { out, inwards }, &near.cell, near.span)?;
    far.join().map_err(|_| anyhow!("the far thread panicked"))??;
    Ok(round)
}

/// Both sides, in one process.
pub fn near(near: &Near) -> Result<Round> {
    match near.cell.bytes {
        64 => run::<64>(near),
        256 => run::<256>(near),
        0x400 => run::<0x400>(near),
        0x1000 => run::<0x1000>(near),
        0x4000 => run::<0x4000>(near),
        0x1_0000 => run::<0x1_0000>(near),
        0x4_0000 => run::<0x4_0000>(near),
        0x10_0000 => run::<0x10_0000>(near),
        other => bail!("no ring has items of {other} bytes"),
    }
}
