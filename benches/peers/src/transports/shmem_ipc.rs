//! shmem-ipc: a `sharedring` each way, of items as large as the message, so that one never wraps
//! around its end.
#![allow(unsafe_code, reason = "it gives out raw pointers, since its peers are not trusted")]

use super::Near;
use crate::cell::{ANSWER_BYTES, BULK_BYTES, Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::link::Link;
use crate::patience;
use crate::pin::Cores;
use crate::sample::Round;
use crate::transports::depth;
use anyhow::{Result, bail};
use shmem_ipc::sharedring::{Receiver, Sender};
use std::fs::File;
use std::os::fd::AsFd;

/// `SENT` bytes one way, `RECEIVED` the other.
struct Shmem<const SENT: usize, const RECEIVED: usize> {
    out: Sender<[u8; SENT]>,
    inwards: Receiver<[u8; RECEIVED]>,
    wait: Wait,
}

impl<const SENT: usize, const RECEIVED: usize> Shmem<SENT, RECEIVED> {
    fn wait(&mut self) -> Result<()> {
        match self.wait {
            Wait::Block => {
                let look = || Ok((self.inwards.receiver_mut().read_count()? > 0).then_some(()));
                if patience::spin(look)?.is_none() {
                    self.inwards.block_until_readable()?;
                }
            }
            Wait::Spin => {
                while self.inwards.receiver_mut().read_count()? == 0 {
                    std::hint::spin_loop();
                }
            }
        }
        Ok(())
    }

    fn wait_for_room(&mut self) -> Result<()> {
        match self.wait {
            Wait::Block => drop(self.out.block_until_writable()?),
            Wait::Spin => while self.out.sender_mut().write_count()? == 0 {},
        }
        Ok(())
    }
}

impl<const SENT: usize, const RECEIVED: usize> Channel for Shmem<SENT, RECEIVED> {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        self.wait_for_room()?;
        let write = |slot: *mut [u8; SENT], _| {
            // SAFETY: the library gave room for at least one item; its only reader, this program as
            // well, waits until it is counted.
            fill(unsafe { &mut (&mut *slot)[..bytes] });
            1
        };
        // The eventfds are for whoever sleeps; a polling reader needs no system call.
        match self.wait {
            Wait::Block => drop(self.out.send_raw(write)?),
            Wait::Spin => drop(self.out.sender_mut().send(write)?),
        }
        Ok(())
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.wait()?;
        let mut value = None;
        let take = |slot: *const [u8; RECEIVED], _| {
            // SAFETY: as above: the writer, this program as well, leaves it alone until it is given back.
            value = Some(read(unsafe { &*slot }));
            1
        };
        match self.wait {
            Wait::Block => drop(self.inwards.receive_raw(take)?),
            Wait::Spin => drop(self.inwards.receiver_mut().recv(take)?),
        }
        Ok(value.expect("an item was there"))
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        let mut sent = 0;
        while sent < count {
            self.wait_for_room()?;
            let write = |slots: *mut [u8; SENT], room: usize| {
                let batch = room.min(count - sent);
                for index in 0..batch {
                    // SAFETY: as above, for `room` items.
                    fill(sent + index, unsafe { &mut (&mut *slots.add(index))[..bytes] });
                }
                sent += batch;
                batch
            };
            match self.wait {
                Wait::Block => drop(self.out.send_raw(write)?),
                Wait::Spin => drop(self.out.sender_mut().send(write)?),
            }
        }
        Ok(())
    }

    fn receive_some(&mut self, mut read: impl FnMut(&[u8])) -> Result<()> {
        self.wait()?;
        let take = |slots: *const [u8; RECEIVED], count: usize| {
            for index in 0..count {
                // SAFETY: as above, for `count` items.
                read(unsafe { &*slots.add(index) });
            }
            count
        };
        match self.wait {
            Wait::Block => drop(self.inwards.receive_raw(take)?),
            Wait::Spin => drop(self.inwards.receiver_mut().recv(take)?),
        }
        Ok(())
    }
}

impl<const SENT: usize, const RECEIVED: usize> Connect for Shmem<SENT, RECEIVED> {
    const PRIVATE: bool = false;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (out, inwards) = (Sender::new(depth(SENT))?, Receiver::new(depth(RECEIVED))?);
        link.send_descriptors(&[
            out.memfd().as_file().as_fd(),
            out.empty_signal().as_fd(),
            out.full_signal().as_fd(),
            inwards.memfd().as_file().as_fd(),
            inwards.empty_signal().as_fd(),
            inwards.full_signal().as_fd(),
        ])?;
        Ok(Self { out, inwards, wait: cell.wait })
    }

    // On this side RECEIVED is what the near one sends.
    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let [a, b, c, d, e, f] = link.receive_descriptors()?.map(File::from);
        let inwards = Receiver::open(depth(RECEIVED), a, b, c)?;
        let out = Sender::open(depth(SENT), d, e, f)?;
        Ok(Self { out, inwards, wait: cell.wait })
    }
}

/// The sizes are part of the type.
macro_rules! by_size {
    ($cell:expr, $call:ident, $swapped:tt, $($argument:expr),*) => {
        by_size!(@each $cell, $call, $swapped, ($($argument),*),
            256 0x400 0x1000 0x4000 0x1_0000 0x4_0000 0x10_0000 0x80_0000 BULK_BYTES)
    };
    (@each $cell:expr, $call:ident, $swapped:tt, $arguments:tt, $($bytes:tt)*) => {
        match ($cell.bytes, $cell.answer_bytes()) {
            (64, _) => by_size!(@call $call, $swapped, 64, 64, $arguments),
            $(($bytes, $bytes) => by_size!(@call $call, $swapped, $bytes, $bytes, $arguments),)*
            $(($bytes, ANSWER_BYTES) => by_size!(@call $call, $swapped, $bytes, ANSWER_BYTES, $arguments),)*
            (bytes, _) => bail!("no ring has items of {bytes} bytes"),
        }
    };
    (@call $call:ident, false, $there:tt, $back:tt, ($($argument:expr),*)) => {
        super::$call::<Shmem<{ $there }, { $back }>>($($argument),*)
    };
    (@call $call:ident, true, $there:tt, $back:tt, ($($argument:expr),*)) => {
        super::$call::<Shmem<{ $back }, { $there }>>($($argument),*)
    };
}

pub fn near(near: &Near) -> Result<Round> {
    by_size!(near.cell, near, false, near)
}

pub fn far(link: Link, cell: Cell, cores: Cores) -> Result<()> {
    by_size!(cell, far, true, link, cell, cores)
}
