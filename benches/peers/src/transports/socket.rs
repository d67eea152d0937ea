//! A plain Unix stream socket: a length, then the bytes.

use crate::cell::{Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::link::Link;
use anyhow::{Result, bail};
use rustix::io::{Errno, read, write};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

const LENGTH_BYTES: usize = 8;
/// Small messages are collected until so many bytes are there.
const COALESCED_BYTES: usize = 64 << 10;
/// The kernel grants what it may.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// One end of it.
pub struct Socket {
    stream: UnixStream,
    out: Vec<u8>,
    /// Bytes read, of which `begin..end` are not taken yet.
    inwards: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Socket {
    fn new(stream: UnixStream, cell: &Cell) -> Result<Self> {
        set_socket_send_buffer_size(&stream, SOCKET_BUFFER_BYTES)?;
        set_socket_recv_buffer_size(&stream, SOCKET_BUFFER_BYTES)?;
        // Polling is a read that does not wait.
        stream.set_nonblocking(cell.wait == Wait::Spin)?;
        let largest = cell.bytes.max(cell.answer_bytes()) + LENGTH_BYTES;
        let room = largest.max(COALESCED_BYTES);
        // Touched beforehand, as is everyone's memory.
        Ok(Self { stream, out: vec![1; room + largest], inwards: vec![1; room], begin: 0, end: 0 })
    }

    /// Puts one message behind the first `used` bytes and returns how many are used then.
    fn put(&mut self, used: usize, bytes: usize, fill: impl FnOnce(&mut [u8])) -> usize {
        let end = used + LENGTH_BYTES + bytes;
        self.out[used..used + LENGTH_BYTES].copy_from_slice(&(bytes as u64).to_ne_bytes());
        fill(&mut self.out[used + LENGTH_BYTES..end]);
        end
    }

    fn write_all(&self, used: usize) -> Result<()> {
        let mut rest = &self.out[..used];
        while !rest.is_empty() {
            match write(&self.stream, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_more(&mut self) -> Result<()> {
        loop {
            match read(&self.stream, &mut self.inwards[self.end..]) {
                Ok(0) => bail!("the other side closed the socket"),
                Ok(more) => {
                    self.end += more;
                    return Ok(());
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The length of the next message, if all of it is here.
    fn ready(&self) -> Option<usize> {
        let rest = &self.inwards[self.begin..self.end];
        let length = u64::from_ne_bytes(*rest.first_chunk::<LENGTH_BYTES>()?) as usize;
        (rest.len() - LENGTH_BYTES >= length).then_some(length)
    }

    fn wait(&mut self) -> Result<usize> {
        loop {
            if let Some(bytes) = self.ready() {
                return Ok(bytes);
            }
            if self.begin > 0 {
                self.inwards.copy_within(self.begin..self.end, 0);
                (self.begin, self.end) = (0, self.end - self.begin);
            }
            self.read_more()?;
        }
    }

    fn take<T>(&mut self, bytes: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        let start = self.begin + LENGTH_BYTES;
        let value = read(&self.inwards[start..start + bytes]);
        self.begin = start + bytes;
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        value
    }
}

impl Channel for Socket {
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        let used = self.put(0, bytes, fill);
        self.write_all(used)
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let bytes = self.wait()?;
        Ok(self.take(bytes, read))
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        let mut used = 0;
        for index in 0..count {
            used = self.put(used, bytes, |out| fill(index, out));
            if used >= COALESCED_BYTES || index + 1 == count {
                self.write_all(used)?;
                used = 0;
            }
        }
        Ok(())
    }

    fn receive_some(&mut self, mut read: impl FnMut(&[u8])) -> Result<()> {
        let mut next = Some(self.wait()?);
        while let Some(bytes) = next {
            self.take(bytes, &mut read);
            next = self.ready();
        }
        Ok(())
    }
}

impl Connect for Socket {
    const PRIVATE: bool = true;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        link.send_descriptors(&[theirs.as_fd()])?;
        Self::new(stream, cell)
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let [stream] = link.receive_descriptors()?;
        Self::new(stream.into(), cell)
    }
}
