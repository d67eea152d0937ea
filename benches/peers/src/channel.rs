//! What a transport must be able to do.

use crate::cell::Cell;
use crate::far::Reactor;
use crate::link::Link;
use anyhow::Result;

/// One end of a connection that carries messages both ways.
///
/// `fill` gets the memory that the transport sends from, and `read` the memory that it received
/// into, as close to the wire as the library lets a user come: shared memory where there is some,
/// else the one buffer that it copies from or to.
pub trait Channel: Sized {
    /// Sends one message of `bytes` bytes.
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()>;

    /// Waits for one message.
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T>;

    /// Sends `count` messages, `fill` getting the number of each; in batches where the library has
    /// them.
    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        for index in 0..count {
            self.send(bytes, |out| fill(index, out))?;
        }
        Ok(())
    }

    /// Waits for one message and takes those that are there already as well.
    fn receive_some(&mut self, read: impl FnMut(&[u8])) -> Result<()> {
        self.receive(read)
    }

    /// The far side: lets the reactor see every message and sends what it answers, until it has
    /// seen the last. Libraries that call their user do it their own way.
    fn serve(mut self, mut reactor: Reactor) -> Result<()> {
        while !reactor.is_done() {
            self.receive_some(|message| reactor.react(message))?;
            if let Some(answer) = reactor.take_answer() {
                self.send(reactor.answer_bytes(), |out| answer.write(out))?;
            }
        }
        Ok(())
    }

    /// Lets time pass; libraries with tasks of their own get on with them.
    fn drive(&mut self, time: std::time::Duration) -> Result<()> {
        std::thread::sleep(time);
        Ok(())
    }

    /// After the other side was killed: what the library documents for getting back what a dead peer
    /// held, while this side goes on. False: it documents nothing, and closing the connection is
    /// what there is.
    fn recover(&mut self) -> Result<bool> {
        Ok(false)
    }
}

/// A transport between two processes. The link is a Unix socket between them, for descriptors and
/// names; nothing of what is measured goes over it unless the transport *is* such a socket.
pub trait Connect: Channel {
    /// Whether a received message lies in memory that the sender can't write any more.
    const PRIVATE: bool;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self>;
    fn far(link: &mut Link, cell: &Cell) -> Result<Self>;
}
