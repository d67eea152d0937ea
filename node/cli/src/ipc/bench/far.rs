//! The far process: receives, reads, answers; and the near one's hold of it.

use super::cell::{Cell, Pattern};
use super::channel::{Channel, Error, Side};
use super::cores::{Cores, end_with_parent, pin};
use super::message::{ANSWER_BYTES, Answer, Kind, fill, kind, sum};
use super::near::now;
use super::ours::Ours;
use super::socket::Socket;
use super::transport::Transport;
use ioi_shm::DescriptorChannel;
use std::ffi::OsString;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};

/// The first argument of a far process; no command of the user's has this name.
const WORD: &str = "ipc-bench-far";

/// The far process, and what connects it: a channel for descriptors, and a socket whose end is its own.
pub(super) struct Far {
    child: Child,
    pub(super) link: DescriptorChannel,
    pub(super) line: UnixStream,
}

impl Far {
    pub(super) fn start(transport: Transport, cell: Cell, cores: Cores) -> Result<Self, Error> {
        let (link, theirs) = DescriptorChannel::pair()?;
        let (line, far_line) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([WORD, transport.name(), cell.pattern.name()]);
        command.args([cell.bytes, cores.far].map(|number| number.to_string()));
        command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(far_line)).stderr(Stdio::null());
        Ok(Self { child: command.spawn()?, link, line })
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Waits until the process is gone and its memory with it: its descriptors are closed after that.
    pub(super) fn wait_for_end(&mut self) -> io::Result<()> {
        match self.line.read(&mut [0]) {
            Ok(0) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Ok(_) => Err(io::Error::other("the killed process still speaks")),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the far process, where this one was started as that; what it does wrong, its near side tells.
pub(crate) fn far_side() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
    let words = words?;
    let [WORD, transport, pattern, bytes, core] = words.as_slice() else { return None };
    let cell = Cell { pattern: pattern.parse().ok()?, bytes: bytes.parse().ok()? };
    let ended = serve(Transport::from_name(transport)?, cell, core.parse().ok()?);
    Some(if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(transport: Transport, cell: Cell, core: usize) -> Result<(), Error> {
    end_with_parent()?;
    pin(core)?;
    let link = DescriptorChannel::from_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    match (transport, cell.bytes) {
        (Transport::Socket, _) => react::<Socket>(&link, cell),
        (Transport::Ours, 0x400) => react::<Ours<0x400>>(&link, cell),
        (Transport::Ours, _) => react::<Ours<0x100>>(&link, cell),
    }
}

fn react<C: Channel>(link: &DescriptorChannel, cell: Cell) -> Result<(), Error> {
    let mut channel = C::connect(link, cell, Side::Far)?;
    let mut seen = Answer::default();
    loop {
        let asked = channel.receive(|message| {
            let asked = kind(message);
            match asked {
                Kind::Stamp => seen = Answer { time: now(), count: 1, sum: 0 },
                Kind::Hold => hold(sum(message)),
                Kind::Echo => seen.sum = sum(message),
                _ => {
                    if cell.pattern == Pattern::Hashed {
                        black_box(ioi_crypto::blake3(message));
                    }
                    seen.sum = seen.sum.wrapping_add(sum(message));
                    seen.count += 1;
                }
            }
            asked
        })?;
        match asked {
            Kind::Stop => return Ok(()),
            Kind::Quiet | Kind::Hold => {}
            Kind::Echo => {
                let seed = std::mem::take(&mut seen).sum;
                channel.send(cell.bytes, |out| fill(out, Kind::Quiet, seed))?;
            }
            Kind::Answer | Kind::Stamp => {
                let answer = std::mem::take(&mut seen);
                channel.send(ANSWER_BYTES, |out| answer.write(out))?;
            }
        }
    }
}

/// Says what was read, and keeps the message until the process is killed.
fn hold(sum: u64) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(&sum.to_ne_bytes()).and_then(|()| out.flush());
    loop {
        std::thread::park();
    }
}
