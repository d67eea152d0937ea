//! Two processes that have nothing to do with the storm, and must not feel it.

use ioi_shm::{DescriptorChannel, PeerWatch, Port};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
/// Between two rounds, so that they leave the processors to the storm.
const PAUSE: Duration = Duration::from_millis(1);

/// The pair.
#[derive(Debug)]
pub struct Bystanders {
    asking: Child,
    answering: Child,
}

impl Bystanders {
    /// Starts both; `program` is this crate's.
    ///
    /// # Panics
    /// When no process or socket can be had.
    #[must_use]
    pub fn start(program: &Path) -> Bystanders {
        let (one, other) = DescriptorChannel::pair().expect("a socket pair");
        let start = |kind: &str, channel: DescriptorChannel| {
            let mut command = Command::new(program);
            command.args(["bystander", kind]).stdin(Stdio::from(OwnedFd::from(channel)));
            command.stdout(Stdio::piped()).spawn().expect("a bystander")
        };
        Bystanders { asking: start("asks", one), answering: start("answers", other) }
    }

    /// Ends both: how many rounds they had, and the longest that one was blocked.
    ///
    /// # Panics
    /// When they did not talk.
    #[must_use]
    pub fn end(mut self) -> (u64, Duration) {
        self.answering.kill().ok();
        self.answering.wait().ok();
        let mut text = String::new();
        self.asking.stdout.take().expect("it is piped").read_to_string(&mut text).expect("what it says");
        self.asking.wait().ok();
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
        let (Some(rounds), Some(nanos)) = (numbers.next(), numbers.next()) else {
            panic!("the bystanders did not talk: {text:?}");
        };
        (rounds, Duration::from_nanos(nanos))
    }
}

/// One of the two: it asks, or answers until it is killed.
#[must_use]
pub fn be_bystander(kind: &str) -> ExitCode {
    let channel = std::io::stdin().as_fd().try_clone_to_owned().ok();
    let channel = channel.and_then(|socket| DescriptorChannel::from_fd(socket).ok());
    let Some(Ok(mut port)) = channel.map(|channel| Port::<16, 64>::connect(&channel, 1, PATIENCE)) else {
        return ExitCode::from(2);
    };
    // So that a wake that is lost shows: nobody looks for a second then.
    let _watch = PeerWatch::of(port.sender.life()).expect("there are threads and descriptors");
    if kind == "answers" {
        answer(&mut port);
    } else {
        let (rounds, longest) = ask(&mut port);
        writeln!(std::io::stdout(), "{rounds} {}", longest.as_nanos()).ok();
    }
    ExitCode::SUCCESS
}

fn answer(port: &mut Port<16, 64>) {
    let mut into = [0; 64];
    let id = u64::from(std::process::id()).to_le_bytes();
    while let Ok(header) = port.receiver.recv_timeout(&mut into, PATIENCE) {
        port.sender.try_send(header.msg_id, &id).ok();
    }
}

/// Rounds until the other is gone, and the longest in which both could have run.
fn ask(port: &mut Port<16, 64>) -> (u64, Duration) {
    let (mut rounds, mut longest) = (0, Duration::ZERO);
    let mut into = [0; 64];
    let mut other = 0_u64;
    loop {
        let (began, queued_here, queued_there) = (Instant::now(), queued("self"), queued(&other.to_string()));
        port.sender.try_send(rounds as u32, b"still there?").ok();
        let Ok(header) = port.receiver.recv_timeout(&mut into, PATIENCE) else { return (rounds, longest) };
        let time = began.elapsed();
        assert_eq!(header.msg_id, rounds as u32);
        let waited = queued("self") - queued_here + queued(&other.to_string()).saturating_sub(queued_there);
        // The first round only says who answers.
        if other != 0 {
            longest = longest.max(time.saturating_sub(waited));
        }
        other = into.first_chunk().map_or(0, |id| u64::from_le_bytes(*id));
        rounds += 1;
        std::thread::sleep(PAUSE);
    }
}

/// How long a process could run and was not let: a busy machine is not a blocked peer.
fn queued(process: &str) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    let nanos = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
