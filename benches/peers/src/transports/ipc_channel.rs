//! ipc-channel: byte channels for small messages, its shared memory for large ones.
#![allow(unsafe_code, reason = "its shared memory is written in place by an unsafe call")]

use crate::cell::{Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::link::Link;
use anyhow::{Result, anyhow};
use ipc_channel::TryRecvError;
use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory,
    bytes_channel, channel,
};

/// From here on a message goes as shared memory.
const SHARED_BYTES_MIN: usize = 1 << 20;

/// One end of it. Which of the two ways a message goes is known from its size.
pub struct IpcChannel {
    out: (IpcBytesSender, IpcSender<IpcSharedMemory>),
    inwards: (IpcBytesReceiver, IpcReceiver<IpcSharedMemory>),
    received_bytes: usize,
    buffer: Vec<u8>,
    wait: Wait,
}

type Outwards = (IpcBytesSender, IpcSender<IpcSharedMemory>);
type Inwards = (IpcBytesReceiver, IpcReceiver<IpcSharedMemory>);

fn polled<T>(mut once: impl FnMut() -> Result<T, TryRecvError>) -> Result<T> {
    loop {
        match once() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Empty) => {}
            Err(error) => return Err(anyhow!("{error}")),
        }
    }
}

impl IpcChannel {
    fn new(out: Outwards, inwards: Inwards, sizes: (usize, usize), wait: Wait) -> Self {
        Self { out, inwards, received_bytes: sizes.1, buffer: vec![1; sizes.0], wait }
    }

    fn receive_shared(&self) -> Result<IpcSharedMemory> {
        let receiver = &self.inwards.1;
        match self.wait {
            Wait::Spin => polled(|| receiver.try_recv()),
            Wait::Block => receiver.recv().map_err(|error| anyhow!("{error}")),
        }
    }

    fn receive_bytes(&self) -> Result<Vec<u8>> {
        let receiver = &self.inwards.0;
        match self.wait {
            Wait::Spin => polled(|| receiver.try_recv()),
            Wait::Block => receiver.recv().map_err(|error| anyhow!("{error}")),
        }
    }
}

impl Channel for IpcChannel {
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        if self.buffer.len() < SHARED_BYTES_MIN {
            fill(&mut self.buffer[..bytes]);
            return Ok(self.out.0.send(&self.buffer[..bytes])?);
        }
        let mut memory = IpcSharedMemory::from_byte(0, bytes);
        // SAFETY: nobody else has it before it is sent, and it is sent once.
        fill(unsafe { memory.deref_mut() });
        self.out.1.send(memory).map_err(|error| anyhow!("{error}"))
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        if self.received_bytes < SHARED_BYTES_MIN {
            return Ok(read(&self.receive_bytes()?));
        }
        Ok(read(&self.receive_shared()?))
    }
}

impl Connect for IpcChannel {
    // Its shared memory is mapped by both sides for writing.
    const PRIVATE: bool = false;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let (server, name) = IpcOneShotServer::<(Outwards, Inwards)>::new()?;
        link.say(&name)?;
        let (_, (out, inwards)) = server.accept().map_err(|error| anyhow!("{error}"))?;
        Ok(Self::new(out, inwards, (cell.bytes, cell.answer_bytes()), cell.wait))
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        let server = IpcSender::connect(link.hear()?)?;
        let ((near_out, inwards), (out, near_in)) = (bytes_channel()?, bytes_channel()?);
        let ((near_out_shared, inwards_shared), (out_shared, near_in_shared)) = (channel()?, channel()?);
        let theirs: (Outwards, Inwards) = ((near_out, near_out_shared), (near_in, near_in_shared));
        server.send(theirs).map_err(|error| anyhow!("{error}"))?;
        let sizes = (cell.answer_bytes(), cell.bytes);
        Ok(Self::new((out, out_shared), (inwards, inwards_shared), sizes, cell.wait))
    }
}
