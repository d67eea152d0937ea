//! Ours: a port (one ring each way) for small messages, and leases of an arena, whose handles travel
//! over the ring, for the others.
//!
//! One side is the host, which trusts nobody: what the other one lends is copied out before it is
//! looked at. The other side reads what its host lends in place. The near side is the host, but in the
//! untrusted rows, where the far one examines what it gets.

use crate::archive::PIECE_BYTES;
use crate::cell::{Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::far::Reactor;
use crate::link::Link;
use crate::pin::Cores;
use crate::sample::Round;
use crate::transports::{Near, depth};
use anyhow::{Context, Result, bail, ensure};
use ioi_port::Spin;
use ioi_port::blocking::{Receiver, Sender, split_with};
use ioi_shm::ring::Header;
use ioi_shm::{
    Borrower, DescriptorChannel, FillError, Handle, Lender, Loan, OwnMemory, PeerMemory, Port, Quota,
    SendError,
};
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

const SLOTS: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(10);
/// One-way messages that are published with one store.
const BATCH: usize = 32;

/// What a message of the ring is.
const DATA: u32 = 1;
const LEND: u32 = 2;
const RETURN: u32 = 3;

/// Arenas are known by the side that owns them.
const NEAR_ARENA: u64 = 1;
const FAR_ARENA: u64 = 2;

/// One end; messages of at most `BYTES` bytes go by the ring itself.
struct Ours<const BYTES: usize> {
    port: Option<(Sender<SLOTS, BYTES>, Receiver<SLOTS, BYTES>)>,
    lender: Option<Lender>,
    borrower: Option<Borrower>,
    /// Handles that came while something else was waited for.
    lent: VecDeque<Handle>,
    wait: Wait,
    out: Box<[u8; BYTES]>,
    inwards: Box<[u8; BYTES]>,
    /// Where loans of an untrusted peer are copied to.
    private: Vec<u8>,
}

/// A message, wherever it lies.
enum Incoming {
    Inline(usize),
    Lent(Loan),
}

/// Room for as many messages as may be under way, and one that is being filled.
fn arena_bytes(message_bytes: usize) -> u64 {
    (message_bytes as u64).next_multiple_of(ioi_shm::LEASE_ALIGN) * (depth(message_bytes) as u64 + 1)
}

fn quota(bytes: u64) -> Quota {
    Quota { leases_max: SLOTS, bytes_max: bytes }
}

impl<const BYTES: usize> Ours<BYTES> {
    fn new(channel: &DescriptorChannel, own: Side, other: Side, wait: Wait) -> Result<Self> {
        // Each side is bound to a core of its own.
        let port = split_with(Port::connect(channel, 1, TIMEOUT)?, &Spin::for_cores(2));
        let lender = own.lender(channel, BYTES)?;
        let borrower = other.borrower(channel, BYTES)?;
        let private = if borrower.is_some() && !other.is_host { vec![1; other.bytes] } else { Vec::new() };
        let lent = VecDeque::with_capacity(SLOTS);
        let (out, inwards) = (Box::new([1; BYTES]), Box::new([1; BYTES]));
        Ok(Self { port: Some(port), lender, borrower, lent, wait, out, inwards, private })
    }

    #[inline]
    fn send_inline(&mut self, id: u32, bytes: usize) -> Result<()> {
        loop {
            let (sender, _) = self.port.as_mut().expect("it is there until the peer is dead");
            match sender.port().try_send(id, &self.out[..bytes]) {
                Ok(()) => return Ok(()),
                Err(SendError::Full) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn send_handle(&mut self, id: u32, handle: &Handle) -> Result<()> {
        let bytes = handle.to_bytes();
        self.out[..bytes.len()].copy_from_slice(&bytes);
        self.send_inline(id, bytes.len())
    }

    /// A lease for the next message, as soon as the peer has given enough back.
    fn lease(&mut self, bytes: usize) -> Result<Handle> {
        loop {
            let lender = self.lender.as_mut().context("this side has no arena")?;
            match lender.lease(bytes as u64, 0) {
                Ok(handle) => return Ok(handle),
                Err(FillError::Lease(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if self.poll()?.is_some() {
                bail!("a message came that nobody waits for");
            }
        }
    }

    /// The length of the next message of the ring if it comes in time; handles that came instead are
    /// kept, and leases that came back taken in.
    #[inline]
    fn next(&mut self) -> Result<Option<usize>> {
        let (_, receiver) = self.port.as_mut().expect("as above");
        let received = match self.wait {
            Wait::Spin => receiver.port().try_recv(&mut self.inwards)?,
            // A handle may have come with the last one.
            Wait::Block if self.lent.is_empty() => Some(receiver.recv(&mut self.inwards, TIMEOUT)?),
            Wait::Block => None,
        };
        self.take(received)
    }

    /// What was received, if it is a message.
    #[inline]
    fn take(&mut self, received: Option<Header>) -> Result<Option<usize>> {
        match received {
            Some(header) if header.msg_id == DATA => Ok(Some(header.length)),
            Some(header) => self.sort(header.msg_id, header.length),
            None => Ok(None),
        }
    }

    #[cold]
    #[inline(never)]
    fn sort(&mut self, id: u32, length: usize) -> Result<Option<usize>> {
        let handle = Handle::from_bytes(self.inwards[..length].first_chunk().context("no handle")?);
        match id {
            LEND => self.lent.push_back(handle),
            RETURN => self.lender.as_mut().context("nothing was lent")?.release(&handle)?,
            other => bail!("there is no message {other}"),
        }
        Ok(None)
    }

    /// As above, if there is one already.
    #[inline]
    fn poll(&mut self) -> Result<Option<usize>> {
        let (_, receiver) = self.port.as_mut().expect("as above");
        let received = receiver.port().try_recv(&mut self.inwards)?;
        self.take(received)
    }

    /// The next message, and how it came.
    #[inline]
    fn wait(&mut self) -> Result<Incoming> {
        loop {
            if let Some(length) = self.next()? {
                return Ok(Incoming::Inline(length));
            }
            if let Some(handle) = self.lent.pop_front() {
                let borrower = self.borrower.as_mut().context("nothing is lent here")?;
                return Ok(Incoming::Lent(borrower.take(&handle)?));
            }
            std::hint::spin_loop();
        }
    }

    fn give_back(&mut self, loan: Loan) -> Result<()> {
        let handle = self.borrower.as_mut().context("nothing is lent here")?.give_back(loan)?;
        self.send_handle(RETURN, &handle)
    }

    fn show<T>(&mut self, loan: Loan, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let value = match loan.in_place() {
            Some(bytes) => read(bytes),
            None => {
                let own = &mut self.private[..loan.bytes()];
                loan.copy_to(own, PIECE_BYTES, |_| ());
                read(own)
            }
        };
        self.give_back(loan)?;
        Ok(value)
    }
}

impl<const BYTES: usize> Channel for Ours<BYTES> {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        if bytes <= BYTES {
            // Copied: the peer polls the slot's first line, and in place that would be written first.
            fill(&mut self.out[..bytes]);
            return self.send_inline(DATA, bytes);
        }
        let handle = self.lease(bytes)?;
        let lender = self.lender.as_mut().context("this side has no arena")?;
        fill(lender.fill(&handle)?);
        lender.hand_over(&handle)?;
        self.send_handle(LEND, &handle)
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        match self.wait()? {
            Incoming::Inline(length) => Ok(read(&self.inwards[..length])),
            Incoming::Lent(loan) => self.show(loan, read),
        }
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        if bytes > BYTES {
            for index in 0..count {
                self.send(bytes, |out| fill(index, out))?;
            }
            return Ok(());
        }
        for index in 0..count {
            let (sender, _) = self.port.as_mut().expect("as above");
            let port = sender.port();
            while let Err(error) = port.push_with(DATA, bytes, |out| fill(index, out)) {
                ensure!(error == SendError::Full, "{error}");
                port.publish();
            }
            if (index + 1) % BATCH == 0 || index + 1 == count {
                port.publish();
            }
        }
        Ok(())
    }

    fn receive_some(&mut self, mut read: impl FnMut(&[u8])) -> Result<()> {
        self.receive(&mut read)?;
        while let Some(length) = self.poll()? {
            read(&self.inwards[..length]);
        }
        Ok(())
    }

    fn serve(mut self, mut reactor: Reactor) -> Result<()> {
        while !reactor.is_done() {
            match self.wait()? {
                Incoming::Lent(loan) if loan.in_place().is_none() => {
                    reactor.react_to_copy(loan.bytes(), |own, landed| loan.copy_to(own, PIECE_BYTES, landed));
                    self.give_back(loan)?;
                }
                Incoming::Lent(loan) => self.show(loan, |message| reactor.react(message))?,
                Incoming::Inline(length) => {
                    reactor.react(&self.inwards[..length]);
                    while reactor.is_waiting()
                        && let Some(length) = self.poll()?
                    {
                        reactor.react(&self.inwards[..length]);
                    }
                }
            }
            if let Some(answer) = reactor.take_answer() {
                self.send(reactor.answer_bytes(), |out| answer.write(out))?;
            }
        }
        Ok(())
    }

    /// The lender's books say what the dead one held; its own memory goes with its mappings.
    fn recover(&mut self) -> Result<bool> {
        let lender = self.lender.as_mut().context("this side has no arena")?;
        ensure!(lender.reclaim() == 1, "the dead peer held one lease");
        (self.port, self.borrower) = (None, None);
        Ok(true)
    }
}

/// What one side lends to the other, as both know it from the cell.
#[derive(Clone, Copy)]
struct Side {
    arena: u64,
    /// Of a message.
    bytes: usize,
    /// What it lends is read in place, since the other side lives by its leave.
    is_host: bool,
}

impl Side {
    fn both(cell: &Cell) -> (Self, Self) {
        let far_is_host = cell.pattern.is_untrusted();
        let near = Self { arena: NEAR_ARENA, bytes: cell.bytes, is_host: !far_is_host };
        let far = Self { arena: FAR_ARENA, bytes: cell.answer_bytes(), is_host: far_is_host };
        (near, far)
    }

    /// None where every message goes by the ring.
    fn lender(&self, channel: &DescriptorChannel, inline_max: usize) -> Result<Option<Lender>> {
        if self.bytes <= inline_max {
            return Ok(None);
        }
        let bytes = arena_bytes(self.bytes);
        let memory = Arc::new(OwnMemory::create(bytes, bytes)?);
        channel.send_timeout([self.arena as u8; 16], memory.reader_descriptor()?.as_fd(), TIMEOUT)?;
        Ok(Some(Lender::new(memory, self.arena, 0..bytes, quota(bytes))?))
    }

    fn borrower(&self, channel: &DescriptorChannel, inline_max: usize) -> Result<Option<Borrower>> {
        if self.bytes <= inline_max {
            return Ok(None);
        }
        let bytes = arena_bytes(self.bytes);
        let (id, descriptor) = channel.recv_timeout(TIMEOUT)?;
        ensure!(id == [self.arena as u8; 16], "another descriptor came");
        let memory = Arc::new(PeerMemory::accept(descriptor, bytes, bytes)?);
        let borrower = if self.is_host { Borrower::trusted } else { Borrower::untrusted };
        Ok(Some(borrower(memory, self.arena, 0..bytes, quota(bytes))))
    }
}

impl<const BYTES: usize> Connect for Ours<BYTES> {
    // What lies where the peer can write is copied before it is shown.
    const PRIVATE: bool = true;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (channel, theirs) = DescriptorChannel::pair()?;
        link.send_descriptors(&[theirs.as_fd()])?;
        let (near, far) = Side::both(cell);
        Self::new(&channel, near, far, cell.wait)
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let [socket] = link.receive_descriptors()?;
        let (near, far) = Side::both(cell);
        Self::new(&DescriptorChannel::from_fd(socket)?, far, near, cell.wait)
    }
}

/// 1 KiB has a ring of its own slot size.
pub fn near(near: &Near) -> Result<Round> {
    match near.cell.bytes {
        0x400 => super::near::<Ours<0x400>>(near),
        _ => super::near::<Ours<0x100>>(near),
    }
}

pub fn far(link: Link, cell: Cell, cores: Cores) -> Result<()> {
    match cell.bytes {
        0x400 => super::far::<Ours<0x400>>(link, cell, cores),
        _ => super::far::<Ours<0x100>>(link, cell, cores),
    }
}
