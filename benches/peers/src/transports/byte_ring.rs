//! Ours for streams: a byte ring each way, whose records lie one behind the other.

use crate::cell::Cell;
use crate::channel::{Channel, Connect};
use crate::link::Link;
use anyhow::{Result, bail};
use ioi_shm::byte_ring::{CAPACITY_MAX, record_bytes_max};
use ioi_shm::{
    DescriptorChannel, Handover, OwnMemory, OwnSection, PeerMemory, PeerSection, Reader, SendError, Writer,
};
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const MEMORY_ID: [u8; 16] = *b"peers-byte-ring\0";
/// Where the parts of a region lie: the reader's words, the writer's, the records.
const READER: u64 = 0;
const WRITER: u64 = 256;
const DATA: Range<u64> = 4096..4096 + CAPACITY_MAX as u64;
/// One-way records that are published with one store.
const BATCH: usize = 32;

pub const BYTES_MAX: usize = record_bytes_max(CAPACITY_MAX) as usize;

pub struct ByteRing {
    writer: Writer<OwnSection, PeerSection>,
    reader: Reader<OwnSection, PeerSection>,
    out: Vec<u8>,
    inwards: Vec<u8>,
}

impl ByteRing {
    fn new(channel: &DescriptorChannel, cell: &Cell) -> Result<Self> {
        let handover = Handover::new(channel, TIMEOUT);
        let own = OwnMemory::create(DATA.end, DATA.end)?;
        handover.send(MEMORY_ID, own.reader_descriptor()?.as_fd())?;
        let other = PeerMemory::accept(handover.expect(MEMORY_ID)?, DATA.end, DATA.end)?;
        let nothing = DATA.start..DATA.start;
        let writer = Writer::new(own.page(WRITER, DATA)?, other.page(READER, nothing.clone())?);
        let reader = Reader::new(own.page(READER, nothing)?, other.page(WRITER, DATA)?, 1);
        let bytes = cell.bytes.max(cell.answer_bytes());
        Ok(Self { writer, reader, out: vec![1; bytes], inwards: vec![1; bytes] })
    }

    /// Whether there was room.
    #[inline]
    fn push(&mut self, bytes: usize) -> Result<bool> {
        match self.writer.push(0, &self.out[..bytes]) {
            Ok(()) => Ok(true),
            Err(SendError::Full) => Ok(false),
            // All of it is allocated.
            Err(SendError::Grow { capacity }) => {
                self.writer.grow(capacity);
                Ok(false)
            }
            Err(error) => bail!("{error}"),
        }
    }

    /// Nobody sleeps on these rings, so nobody has to be woken.
    #[inline]
    fn publish(&mut self) {
        let _ = self.writer.publish();
    }

    /// The length of the next record, if there is one.
    #[inline]
    fn poll(&mut self) -> Result<Option<usize>> {
        let length = self.reader.try_recv(&mut self.inwards)?.map(|record| record.payload.len());
        if self.reader.ack_is_due() {
            let _ = self.reader.ack();
        }
        Ok(length)
    }
}

impl Channel for ByteRing {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        fill(&mut self.out[..bytes]);
        while !self.push(bytes)? {}
        self.publish();
        Ok(())
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        loop {
            if let Some(length) = self.poll()? {
                return Ok(read(&self.inwards[..length]));
            }
            std::hint::spin_loop();
        }
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        for index in 0..count {
            fill(index, &mut self.out[..bytes]);
            while !self.push(bytes)? {
                self.publish();
            }
            if (index + 1) % BATCH == 0 || index + 1 == count {
                self.publish();
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
}

impl Connect for ByteRing {
    // Records are copied before they are shown.
    const PRIVATE: bool = true;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (channel, theirs) = DescriptorChannel::pair()?;
        link.send_descriptors(&[theirs.as_fd()])?;
        Self::new(&channel, cell)
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let [socket] = link.receive_descriptors()?;
        Self::new(&DescriptorChannel::from_fd(socket)?, cell)
    }
}
