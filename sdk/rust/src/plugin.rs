//! The plugin: its tools and its life.

use crate::call::{Call, Reply, ToolError};
use crate::connection::Connection;
use crate::workers::{Tools, work};
use ioi_plugin::{CloseReason, Limits, PluginConfig};
use ioi_shm::{DescriptorChannel, inherited};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The descriptor of the frames.
const FRAMES_FD: i32 = 3;
/// The descriptor of the descriptor channel.
const DESCRIPTORS_FD: i32 = 4;
/// A host that reads nothing for so long, with its socket full, counts as gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// Worker threads at most, whatever the machine has.
const WORKERS_MAX: usize = 16;

/// A plugin, before it runs.
pub struct Plugin {
    name: String,
    tools: Tools,
    workers: usize,
    limits: Limits,
}

impl Plugin {
    /// A plugin without tools. Name and version are for the host's logs.
    #[must_use]
    pub fn new(id: &str, version: &str) -> Self {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let name = format!("{id}/{version} ioi-sdk/{}", env!("CARGO_PKG_VERSION"));
        Self { name, tools: Tools::new(), workers, limits: Limits::default() }
    }

    /// Adds a tool. It may run on several threads at once.
    ///
    /// A panic becomes a `plugin.failed` answer where panics unwind; in a build
    /// with `panic = "abort"` it ends the plugin and all its calls fail as
    /// `plugin.gone`.
    #[must_use]
    pub fn tool(
        mut self,
        name: &str,
        tool: impl Fn(&Call) -> Result<Reply, ToolError> + Send + Sync + 'static,
    ) -> Self {
        self.tools.insert(name.to_owned(), Box::new(tool));
        self
    }

    /// How many calls run at once; else as many as the machine has processors, at most 16.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count.clamp(1, WORKERS_MAX);
        self
    }

    /// The most that this plugin takes; the host may choose less.
    ///
    /// # Panics
    /// When a field is outside the range that [`Limits`] names.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        assert!(limits.is_valid(), "limits outside their ranges: {limits:?}");
        self.limits = limits;
        self
    }

    /// Serves the host that started this process, until it says to stop or is
    /// gone. To be the last thing that `main` does: calls still running are
    /// dropped with the process.
    ///
    /// The code is 0 after an orderly end, also when the host is gone; 2 when
    /// this process wasn't started by a host (the one message that is printed);
    /// 6 when the two sides don't understand one another.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match inherited(FRAMES_FD).and_then(|frames| Ok((frames, inherited(DESCRIPTORS_FD)?))) {
            Ok((frames, descriptors)) => self.run_on(frames, descriptors),
            Err(error) => {
                #[expect(
                    clippy::print_stderr,
                    reason = "someone started it by hand and there is no host to tell"
                )]
                {
                    eprintln!("a plugin is started by `ioi`, with descriptors 3 and 4 open: {error}");
                }
                ExitCode::from(ioi_types::exit::USAGE)
            }
        }
    }

    /// As [`run`](Self::run), over other descriptors: a connected stream socket
    /// for frames, a connected sequenced-packet socket for descriptors.
    #[must_use]
    pub fn run_on(self, frames: OwnedFd, descriptors: OwnedFd) -> ExitCode {
        match self.serve(frames.into(), descriptors) {
            Ok(CloseReason::Drained | CloseReason::ShutdownDeadline | CloseReason::TransportEnded) => {
                ExitCode::SUCCESS
            }
            Ok(_) | Err(_) => ExitCode::from(ioi_types::exit::INTERNAL),
        }
    }

    fn serve(self, socket: UnixStream, descriptors: OwnedFd) -> io::Result<CloseReason> {
        let (mut nonce, mut prefix) = ([0; 32], [0; 8]);
        getrandom::fill(&mut nonce).and_then(|()| getrandom::fill(&mut prefix)).map_err(io::Error::other)?;
        let channel = DescriptorChannel::from_fd(descriptors).map_err(io::Error::other)?;
        let reader = socket.try_clone()?;
        socket.set_write_timeout(Some(WRITE_PATIENCE))?;
        let config = PluginConfig { limits: self.limits, ..PluginConfig::new(self.name, nonce) };
        let connection = Connection::new(socket, config, prefix);
        let tools = Arc::new(self.tools);
        for index in 0..self.workers {
            let (tools, connection) = (tools.clone(), connection.clone());
            thread::Builder::new().name(format!("tool-{index}")).spawn(move || work(&tools, &connection))?;
        }
        let clock = connection.clone();
        let clock = thread::Builder::new().name("clock".into()).spawn(move || clock.keep_time())?;
        let receiver = connection.clone();
        thread::Builder::new()
            .name("descriptors".into())
            .spawn(move || receiver.descriptors.run(&channel))?;
        let reason = connection.read(reader);
        // It writes the last frames.
        let _ended = clock.join();
        Ok(reason)
    }
}
