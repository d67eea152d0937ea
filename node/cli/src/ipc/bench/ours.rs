//! The data plane: a port for small messages, and leases of an arena for others, whose handles travel over it.
//!
//! The near side is the host: it reads nothing of the far one in place. The far
//! side reads in place what its host lends, but for the pattern that measures
//! the copy of a reader who trusts nobody.

use super::cell::Cell;
use super::channel::{Channel, Error, PATIENCE, Patience, Side};
use ioi_port::Spin;
use ioi_port::blocking::{Receiver, Sender, split_with};
use ioi_shm::{
    Borrower, DescriptorChannel, FillError, Handle, LEASE_ALIGN, Lender, Loan, OwnMemory, PeerMemory, Port,
    Quota, SendError,
};
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::Arc;

const SLOTS: usize = 256;
/// One-way messages that one store publishes.
const BATCH: usize = 32;
/// A copy lands in pieces of this size.
const PIECE_BYTES: usize = 256 << 10;

/// What a message of the port is.
const DATA: u32 = 1;
const LEND: u32 = 2;
const RETURN: u32 = 3;

/// One end; messages of at most `BYTES` bytes go by the ring itself.
pub(super) struct Ours<const BYTES: usize> {
    sender: Sender<SLOTS, BYTES>,
    receiver: Receiver<SLOTS, BYTES>,
    /// `None` where all that this side sends goes by the ring.
    lender: Option<Lender>,
    borrower: Option<Borrower>,
    /// Handles that came while a lease was waited for.
    lent: VecDeque<Handle>,
    waits: bool,
    out: Box<[u8; BYTES]>,
    inwards: Box<[u8; BYTES]>,
    /// Where loans are copied to that may not be read in place.
    private: Vec<u8>,
}

/// A message, wherever it lies.
enum Incoming {
    Inline(usize),
    Lent(Loan),
}

/// What one side lends to the other; both know it from the cell.
#[derive(Clone, Copy)]
struct Lends {
    arena: u64,
    message_bytes: usize,
    is_trusted: bool,
}

impl Lends {
    fn of(cell: Cell, side: Side) -> Self {
        match side {
            Side::Near => Self { arena: 1, message_bytes: cell.bytes, is_trusted: !cell.is_copied() },
            Side::Far => Self { arena: 2, message_bytes: cell.answer_bytes(), is_trusted: false },
        }
    }

    /// As many messages as may be under way, and one that is being filled.
    fn arena_bytes(self) -> u64 {
        let one = (self.message_bytes as u64).next_multiple_of(LEASE_ALIGN);
        one * (Cell::depth(self.message_bytes) as u64 + 1)
    }

    fn quota(self) -> Quota {
        Quota { leases_max: SLOTS, bytes_max: self.arena_bytes() }
    }

    fn lender(self, link: &DescriptorChannel) -> Result<Lender, Error> {
        let bytes = self.arena_bytes();
        let memory = Arc::new(OwnMemory::create(bytes, bytes)?);
        link.send_timeout([self.arena as u8; 16], memory.reader_descriptor()?.as_fd(), PATIENCE)?;
        Ok(Lender::new(memory, self.arena, 0..bytes, self.quota())?)
    }

    fn borrower(self, link: &DescriptorChannel) -> Result<Borrower, Error> {
        let bytes = self.arena_bytes();
        let (id, descriptor) = link.recv_timeout(PATIENCE)?;
        if id != [self.arena as u8; 16] {
            return Err("another descriptor came than was asked for".into());
        }
        let memory = Arc::new(PeerMemory::accept(descriptor, bytes, bytes)?);
        // The near side never writes what it has lent until it has it back.
        let borrower = if self.is_trusted { Borrower::trusted } else { Borrower::untrusted };
        Ok(borrower(memory, self.arena, 0..bytes, self.quota()))
    }
}

impl<const BYTES: usize> Ours<BYTES> {
    fn send_inline(&mut self, id: u32, bytes: usize) -> Result<(), Error> {
        let mut patience = Patience::default();
        loop {
            match self.sender.port().try_send(id, &self.out[..bytes]) {
                Ok(()) => return Ok(()),
                Err(SendError::Full) => patience.poll()?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn send_handle(&mut self, id: u32, handle: &Handle) -> Result<(), Error> {
        let bytes = handle.to_bytes();
        self.out[..bytes.len()].copy_from_slice(&bytes);
        self.send_inline(id, bytes.len())
    }

    /// A lease, as soon as the other side has given enough back.
    fn lease(&mut self, bytes: usize) -> Result<Handle, Error> {
        let mut patience = Patience::default();
        loop {
            match lender(&mut self.lender)?.lease(bytes as u64, 0) {
                Ok(handle) => return Ok(handle),
                Err(FillError::Lease(_)) => patience.poll()?,
                Err(error) => return Err(error.into()),
            }
            if let Some(header) = self.receiver.port().try_recv(&mut self.inwards)?
                && self.sort(header.msg_id, header.length)?.is_some()
            {
                return Err("a message came that nobody waits for".into());
            }
        }
    }

    /// What came by the ring: a message, or a handle that is kept or taken back.
    fn sort(&mut self, id: u32, length: usize) -> Result<Option<Incoming>, Error> {
        if id == DATA {
            return Ok(Some(Incoming::Inline(length)));
        }
        let bytes = self.inwards[..length].first_chunk().ok_or("a handle that is too short")?;
        let handle = Handle::from_bytes(bytes);
        match id {
            LEND => self.lent.push_back(handle),
            RETURN => lender(&mut self.lender)?.release(&handle)?,
            other => return Err(format!("there is no message {other}").into()),
        }
        Ok(None)
    }

    fn wait(&mut self) -> Result<Incoming, Error> {
        let mut patience = Patience::default();
        loop {
            if let Some(handle) = self.lent.pop_front() {
                let borrower = self.borrower.as_mut().ok_or("nothing is lent here")?;
                return Ok(Incoming::Lent(borrower.take(&handle)?));
            }
            let header = if self.waits {
                Some(self.receiver.recv(&mut self.inwards, PATIENCE)?)
            } else {
                self.receiver.port().try_recv(&mut self.inwards)?
            };
            match header {
                Some(header) => {
                    if let Some(incoming) = self.sort(header.msg_id, header.length)? {
                        return Ok(incoming);
                    }
                }
                None => patience.poll()?,
            }
        }
    }
}

fn lender(lender: &mut Option<Lender>) -> Result<&mut Lender, Error> {
    lender.as_mut().ok_or_else(|| "this side lends nothing".into())
}

impl<const BYTES: usize> Channel for Ours<BYTES> {
    fn connect(link: &DescriptorChannel, cell: Cell, side: Side) -> Result<Self, Error> {
        // Each side has a core of its own.
        let (sender, receiver) = split_with(Port::connect(link, 1, PATIENCE)?, &Spin::for_cores(2));
        let (near, far) = (Lends::of(cell, Side::Near), Lends::of(cell, Side::Far));
        let (own, other) = if side == Side::Near { (near, far) } else { (far, near) };
        let lends = |lends: Lends| lends.message_bytes > BYTES;
        let lender = lends(own).then(|| own.lender(link)).transpose()?;
        let borrower = lends(other).then(|| other.borrower(link)).transpose()?;
        let copies = lends(other) && !other.is_trusted;
        Ok(Self {
            sender,
            receiver,
            lender,
            borrower,
            lent: VecDeque::with_capacity(SLOTS),
            waits: cell.waits(),
            out: Box::new([1; BYTES]),
            inwards: Box::new([1; BYTES]),
            private: if copies { vec![1; other.message_bytes] } else { Vec::new() },
        })
    }

    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        if bytes <= BYTES {
            fill(&mut self.out[..bytes]);
            return self.send_inline(DATA, bytes);
        }
        let handle = self.lease(bytes)?;
        let lender = lender(&mut self.lender)?;
        fill(lender.fill(&handle)?);
        lender.hand_over(&handle)?;
        self.send_handle(LEND, &handle)
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Error> {
        if bytes > BYTES {
            return (0..count).try_for_each(|index| self.send(bytes, |out| fill(index, out)));
        }
        let mut patience = Patience::default();
        for index in 0..count {
            fill(index, &mut self.out[..bytes]);
            while let Err(error) = self.sender.port().push(DATA, &self.out[..bytes]) {
                if error != SendError::Full {
                    return Err(error.into());
                }
                self.sender.port().publish();
                patience.poll()?;
            }
            if (index + 1).is_multiple_of(BATCH) || index + 1 == count {
                self.sender.port().publish();
            }
        }
        Ok(())
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let loan = match self.wait()? {
            Incoming::Inline(length) => return Ok(read(&self.inwards[..length])),
            Incoming::Lent(loan) => loan,
        };
        let value = match loan.in_place() {
            Some(bytes) => read(bytes),
            None => {
                let own = self.private.get_mut(..loan.bytes()).ok_or("more was lent than is expected")?;
                loan.copy_to(own, PIECE_BYTES, |_| ());
                read(own)
            }
        };
        let borrower = self.borrower.as_mut().ok_or("nothing is lent here")?;
        let handle = borrower.give_back(loan)?;
        self.send_handle(RETURN, &handle)?;
        Ok(value)
    }

    /// The lender's books say what the dead one held; it is free when it can be lent again.
    fn recover(mut self, cell: Cell) -> Result<(), Error> {
        let lender = lender(&mut self.lender)?;
        let (back, expected) = (lender.reclaim(), 1);
        if back != expected {
            return Err(format!("{back} leases came back, not {expected}").into());
        }
        lender.lease(cell.bytes as u64, 0)?;
        Ok(())
    }
}
