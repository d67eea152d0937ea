//! Everything that an attempt could reach, and whether it did.

use crate::support::{Outcome, program};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What must not be seen: 16 bytes.
pub(crate) const CANARY: &str = "canary-7c1f93ab!";

/// A file, listeners of all kinds, and another process of the same user.
pub(crate) struct Stage {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) tcp: TcpListener,
    pub(crate) udp: UdpSocket,
    pub(crate) unix: UnixListener,
    pub(crate) datagram: UnixDatagram,
    pub(crate) named: UnixListener,
    pub(crate) name: String,
    pub(crate) victim: Child,
    pub(crate) memory: Box<[u8; 16]>,
}

impl Stage {
    pub(crate) fn set() -> Self {
        use std::os::linux::net::SocketAddrExt;
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("canary"), CANARY).unwrap();
        let name = format!("ioi-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let stage = Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            unix: UnixListener::bind(directory.path().join("socket")).unwrap(),
            datagram: UnixDatagram::bind(directory.path().join("datagrams")).unwrap(),
            named: UnixListener::bind_addr(&address).unwrap(),
            name,
            victim: Command::new(program("harmless")).arg("sleep").spawn().unwrap(),
            memory: Box::new(CANARY.as_bytes().try_into().unwrap()),
            directory,
        };
        stage.tcp.set_nonblocking(true).unwrap();
        stage.udp.set_nonblocking(true).unwrap();
        stage.unix.set_nonblocking(true).unwrap();
        stage.datagram.set_nonblocking(true).unwrap();
        stage.named.set_nonblocking(true).unwrap();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    /// If the attempt says that it sent a signal, that may take a while to arrive.
    pub(crate) fn victim_died(&mut self, outcome: &Outcome) -> bool {
        let patience = Duration::from_millis(if outcome.stdout.contains("GOT") { 5000 } else { 20 });
        let deadline = Instant::now() + patience;
        while self.victim.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    pub(crate) fn victim_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.victim.id())).unwrap()
    }

    /// A socket on which the directory of the stage waits to be received.
    pub(crate) fn directory_on_a_socket(&self) -> OwnedFd {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
        use std::os::fd::AsFd;
        let (ours, theirs) = UnixStream::pair().unwrap();
        let directory = fs::File::open(self.directory.path()).unwrap();
        let fds = [directory.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        sendmsg(&ours, &[std::io::IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
        theirs.into()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}
