//! A server in a process of its own, whose memory and time can be measured.

use super::service::{Echo, services};
use ioi_ipc::bounds::Bounds;
use ioi_ipc::pair;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = "IOI_TEST_SOCKET";
const NAME: &str = "process::a_server_in_a_process_of_its_own_answers_health";

/// The process; it ends with this.
pub(crate) struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    pub(crate) fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let socket = env::temp_dir().join(format!("ioi-ipc-test-{}-{count}", std::process::id()));
        let _ = fs::remove_file(&socket);
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(SOCKET, &socket).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), socket }
    }

    /// A new connection, as by a pair of its own.
    pub(crate) async fn connect(&self) -> UnixStream {
        let begun = Instant::now();
        loop {
            match UnixStream::connect(&self.socket).await {
                Ok(stream) => return stream,
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "no server: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A figure of `/proc/<pid>/status`, in KiB.
    pub(crate) fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Processor time that the process has used, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Waits until the process rests: a quarter of a second in which it uses no more than a tenth.
    pub(crate) async fn rests(&self) {
        let begun = Instant::now();
        loop {
            let before = self.ticks();
            tokio::time::sleep(Duration::from_millis(250)).await;
            if self.ticks() - before <= 2 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "the server still works after 5 s");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(socket: PathBuf) {
    let listener = UnixListener::bind(socket).unwrap();
    let echo = Echo::default();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let end = stream.into_std().unwrap().into();
        tokio::spawn(pair::serve_within(end, services(&echo), Bounds::NODE));
    }
}

/// The other tests start this one as their server, so it is the first to be looked at when all of them fail.
#[test]
fn a_server_in_a_process_of_its_own_answers_health() {
    if let Some(socket) = env::var_os(SOCKET) {
        return serve(socket.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start();
        let health = super::calls::health(server.connect().await).await;
        assert_eq!(health, Ok(()));
        assert!(server.memory("VmHWM") >= server.memory("VmRSS"));
        server.rests().await;
    });
}
