//! One kill, and what must be true after it.

use crate::link::{Link, Mark};
use crate::traffic::Traffic;
use crate::window::{Role, WINDOWS, Window};
use ioi_hostile::Chance;
use ioi_hostile::process::Left;
use ioi_shm::{DescriptorChannel, PeerWatch, Port};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::Timespec;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// After so long a survivor that has nothing to do sleeps.
const FALL_ASLEEP: Duration = Duration::from_millis(3);
/// Everything is back within this.
const BACK: Duration = Duration::from_secs(1);
/// A sleeper is woken; by itself it would look only a second after it fell asleep.
const TOLD_ASLEEP: Duration = Duration::from_millis(500);
/// A victim that never reaches its window would be a fault of the storm.
const PATIENCE: Duration = Duration::from_secs(20);
/// A random kill comes at the latest after this many nanoseconds of traffic.
const NANOS_MAX: u32 = 1_500_000;

/// What one kill is to be; survivor and victim both know it by its number.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// In which window and role; `None`: at a random instruction.
    pub window: Option<(Window, Role)>,
    /// Which of the moments inside the window.
    pub(crate) variant: u64,
    /// Honest steps before.
    pub(crate) steps: u64,
    nanos: u64,
    /// The survivor sleeps in the kernel when it happens.
    pub(crate) asleep: bool,
}

/// What one kill showed.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// From just before the signal until the survivor was told.
    pub told: Duration,
    /// From then on until messages were drained, leases were back and the memory unmapped.
    pub released: Duration,
    /// Messages and records that the dead had completed and that were read after its death.
    pub drained: u32,
    /// Leases that came back, and loans that were given up.
    pub leases: usize,
}

impl Plan {
    /// Kill `number` of a storm: every second at a random instruction, the others by turns.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Plan {
        let mut chance = Chance::new(seed, number);
        let turn = number as usize / 2;
        let role = if (turn / WINDOWS.len()).is_multiple_of(2) { Role::Sender } else { Role::Receiver };
        let window = number.is_multiple_of(2).then_some((WINDOWS[turn % WINDOWS.len()], role));
        let mut below = |count| u64::from(chance.below(count));
        let (variant, steps, nanos) = (below(6), below(200), below(NANOS_MAX));
        // One that sleeps takes nothing, so that a victim at work soon has nothing left to do.
        let asleep = below(if window.is_some() { 2 } else { 4 }) == 1;
        Plan { window, variant, steps, nanos, asleep }
    }

    pub(crate) fn victim_sends(&self) -> bool {
        self.window.is_none_or(|(_, role)| role == Role::Sender)
    }

    fn survivor_sends(&self) -> bool {
        self.window.is_none_or(|(_, role)| role == Role::Receiver)
    }
}

/// Starts a victim, kills it, and looks.
///
/// # Panics
/// When anything of what must be true is not.
pub fn one_kill(program: &Path, seed: u64, number: u64) -> Kill {
    start_lookout();
    let before = Left::now();
    let plan = Plan::new(seed, number);
    let (channel, theirs) = DescriptorChannel::pair().expect("a socket pair");
    let mut victim = Victim::start(program, seed, number, theirs);
    let link = Link::connect(&channel).expect("the victim connects");
    drop(channel);
    let mut traffic = Traffic::new(link, Chance::new(seed ^ 2, number), plan.survivor_sends());
    let watch = PeerWatch::of(traffic.link.port.sender.life()).expect("there are threads and descriptors");
    play(&mut traffic, &plan);
    assert!(!traffic.link.port.receiver.bell().is_peer_gone(), "the victim died before it was killed");

    let began = if plan.asleep {
        killed_while_asleep(&victim, &mut traffic, &plan)
    } else {
        let began = Instant::now();
        victim.0.kill().expect("it is ours to kill");
        wait_for_death(&traffic);
        began
    };
    let told = began.elapsed();
    let (drained, leases) = settle(&mut traffic);
    drop((traffic, watch));
    let released = began.elapsed().checked_sub(told).unwrap_or_default();

    assert!(!plan.asleep || told <= TOLD_ASLEEP, "a sleeper found out by itself, after {told:?}");
    assert!(told + released <= BACK, "all was back only after {:?}", told + released);
    let status = victim.0.wait().expect("it is ours");
    assert_eq!(status.signal(), Some(9), "the victim ended by itself: {status}");
    assert_eq!(Left::now(), before, "what was left behind");
    Kill { told, released, drained, leases }
}

/// Its thread and descriptor are of the process, not of a kill.
fn start_lookout() {
    let (here, there) = DescriptorChannel::pair().expect("a socket pair");
    let connect = |channel| Port::<2, 16>::connect(&channel, 0, PATIENCE).expect("memory and descriptors");
    let (one, _other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| connect(there));
        (connect(here), other.join().expect("no panic"))
    });
    drop(PeerWatch::of(one.sender.life()).expect("there are threads"));
}

/// Traffic until the victim is where it is to die.
fn play(traffic: &mut Traffic, plan: &Plan) {
    let began = Instant::now();
    let Some(_) = plan.window else {
        while traffic.link.marked(Mark::Begun) == 0 {
            traffic.step();
        }
        let nanos = Duration::from_nanos(plan.nanos);
        let began = Instant::now();
        while began.elapsed() < nanos {
            traffic.step();
        }
        return;
    };
    while traffic.link.marked(Mark::Window) == 0 {
        traffic.step();
        assert!(began.elapsed() < PATIENCE, "the victim does not reach {:?}", plan.window);
    }
}

/// The survivor sleeps on the port, for a message or for room, when the signal is sent: when that was.
fn killed_while_asleep(victim: &Victim, traffic: &mut Traffic, plan: &Plan) -> Instant {
    let victim = Pid::from_child(&victim.0);
    std::thread::scope(|scope| {
        let killer = scope.spawn(move || {
            std::thread::sleep(FALL_ASLEEP);
            let began = Instant::now();
            kill_process(victim, Signal::KILL).expect("it is ours to kill");
            began
        });
        // One that goes on may make room; one that stays in its window can't.
        if plan.window.is_some() && plan.variant.is_multiple_of(2) {
            traffic.sleep_for_room_until_closed(PATIENCE);
        } else {
            traffic.sleep_until_closed(PATIENCE);
        }
        killer.join().expect("no panic")
    })
}

/// The bell's other end is closed with its process: that is how a death is told.
fn wait_for_death(traffic: &Traffic) {
    let limit = Timespec { tv_sec: 1, tv_nsec: 0 };
    let mut ends = [PollFd::from_borrowed_fd(traffic.link.port.receiver.as_fd(), PollFlags::empty())];
    loop {
        let ready = poll(&mut ends, Some(&limit)).expect("poll");
        assert!(ready > 0, "nobody told of the death within a second");
        if ends[0].revents().contains(PollFlags::HUP) {
            return;
        }
    }
}

/// Reads what the dead had completed, and has everything back.
fn settle(traffic: &mut Traffic) -> (u32, usize) {
    let before = traffic.messages.1 + traffic.records.1;
    traffic.receive_messages();
    traffic.receive_records();
    // Handles and returns count as well: they were completed.
    traffic.receive_handles();
    for (what, got, mark) in [
        ("messages", traffic.messages.1, Mark::Messages),
        ("records", traffic.records.1, Mark::Records),
        ("leases", traffic.leases.1, Mark::Leases),
    ] {
        // It marks after it has published, so it may have died between the two.
        let completed = traffic.link.marked(mark);
        assert!(got == completed || got == completed + 1, "{got} {what} of {completed}");
    }
    let loans = traffic.held.len();
    for loan in traffic.held.drain(..) {
        traffic.link.borrower.give_back(loan).expect("it is held");
    }
    assert_eq!((traffic.link.borrower.held().loans(), traffic.link.borrower.held().bytes()), (0, 0));
    let out = traffic.link.lender.reclaim();
    assert_eq!(out, traffic.lent.len(), "leases that came back with the death");
    assert_eq!(traffic.link.lender.reclaim(), 0, "and once only");
    let arena = traffic.link.lender.arena();
    assert_eq!((arena.leases(), arena.bytes()), (0, 0));
    (traffic.messages.1 + traffic.records.1 - before, out + loans)
}

/// The process, killed at the latest when the storm ends.
struct Victim(Child);

impl Victim {
    fn start(program: &Path, seed: u64, number: u64, channel: DescriptorChannel) -> Victim {
        let mut command = Command::new(program);
        command.args(["victim", &seed.to_string(), &number.to_string()]);
        command.stdin(Stdio::from(OwnedFd::from(channel)));
        Victim(command.spawn().expect("a victim"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
