//! A plain Unix stream socket: a length, then the bytes.

use super::cell::Cell;
use super::channel::{Channel, Error, PATIENCE, Patience, Side};
use ioi_shm::DescriptorChannel;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

const LENGTH_BYTES: usize = 8;
/// Small messages are collected until so many bytes are there.
const COLLECTED_BYTES: usize = 64 << 10;
/// The kernel grants what it may.
const BUFFER_BYTES: usize = 4 << 20;
const TRANSFER_ID: [u8; 16] = *b"the socket pair.";

/// One end of it.
pub(super) struct Socket {
    stream: UnixStream,
    out: Vec<u8>,
    inwards: Vec<u8>,
    /// The bytes of `inwards` that were read and not taken yet.
    ready: std::ops::Range<usize>,
}

impl Socket {
    fn new(stream: UnixStream, cell: Cell) -> Result<Self, Error> {
        set_socket_send_buffer_size(&stream, BUFFER_BYTES)?;
        set_socket_recv_buffer_size(&stream, BUFFER_BYTES)?;
        // Polling is a read that does not wait.
        stream.set_nonblocking(!cell.waits())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let largest = cell.bytes.max(cell.answer_bytes()) + LENGTH_BYTES;
        let room = largest.max(COLLECTED_BYTES);
        // Touched beforehand, as the shared memory is.
        Ok(Self { stream, out: vec![1; room + largest], inwards: vec![1; room], ready: 0..0 })
    }

    /// Puts a message behind the first `used` bytes and says how many are used then.
    fn put(&mut self, used: usize, bytes: usize, fill: impl FnOnce(&mut [u8])) -> usize {
        let (start, end) = (used + LENGTH_BYTES, used + LENGTH_BYTES + bytes);
        self.out[used..start].copy_from_slice(&(bytes as u64).to_ne_bytes());
        fill(&mut self.out[start..end]);
        end
    }

    fn write(&mut self, used: usize) -> Result<(), Error> {
        let (mut rest, mut patience) = (&self.out[..used], Patience::default());
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if is_pause(error.kind()) => patience.poll()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The length of the next message, once all of it is here.
    fn next(&self) -> Option<usize> {
        let here = &self.inwards[self.ready.clone()];
        let bytes = usize::try_from(u64::from_ne_bytes(*here.first_chunk()?)).ok()?;
        (here.len() - LENGTH_BYTES >= bytes).then_some(bytes)
    }

    fn wait(&mut self) -> Result<usize, Error> {
        let mut patience = Patience::default();
        loop {
            if let Some(bytes) = self.next() {
                return Ok(bytes);
            }
            if self.ready.start > 0 {
                self.inwards.copy_within(self.ready.clone(), 0);
                self.ready = 0..self.ready.len();
            }
            match self.stream.read(&mut self.inwards[self.ready.end..]) {
                Ok(0) => return Err("the other process closed the socket".into()),
                Ok(more) => self.ready.end += more,
                Err(error) if is_pause(error.kind()) => patience.poll()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Channel for Socket {
    fn connect(link: &DescriptorChannel, cell: Cell, side: Side) -> Result<Self, Error> {
        if side == Side::Far {
            return Self::new(link.recv_timeout(PATIENCE)?.1.into(), cell);
        }
        let (ours, theirs) = UnixStream::pair()?;
        link.send_timeout(TRANSFER_ID, theirs.as_fd(), PATIENCE)?;
        Self::new(ours, cell)
    }

    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        let used = self.put(0, bytes, fill);
        self.write(used)
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Error> {
        let mut used = 0;
        for index in 0..count {
            used = self.put(used, bytes, |out| fill(index, out));
            if used >= COLLECTED_BYTES || index + 1 == count {
                self.write(used)?;
                used = 0;
            }
        }
        Ok(())
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let bytes = self.wait()?;
        let start = self.ready.start + LENGTH_BYTES;
        let value = read(&self.inwards[start..start + bytes]);
        self.ready.start = start + bytes;
        if self.ready.is_empty() {
            self.ready = 0..0;
        }
        Ok(value)
    }

    /// What the other side held was its own copy, which went with it; here only the socket is left.
    fn recover(self, _: Cell) -> Result<(), Error> {
        Ok(())
    }
}
