//! The cells: one memory map with each process of the node, over which it is heard of and told to end.
//!
//! The supervisor makes a cell before its process is there and sends it over the process's
//! descriptor channel; the process answers when it has taken it. What the process writes in
//! its own region is not believed: a heartbeat only says that it is not silent, a state only
//! how long it may be.

use crate::bounds::Bounds;
use crate::child::Exit;
use crate::descriptors::Descriptors;
use crate::run::RunError;
use crate::shared::lock;
use crate::silence::{LOOK_EVERY, Looks, Silence};
use ioi_cell::native::{Bytes, Health, Host, Offer};
use ioi_cell::{
    EPOCH_HEALTH_HOST, EPOCH_HEALTH_PEER, EPOCH_HISTORY, EPOCH_INBOX, EPOCH_OUTBOX, EPOCH_PATTERN,
    EPOCH_PING_PONG, EPOCH_REGISTRY, EPOCH_SHUTDOWN, EPOCH_SUPERVISOR, EPOCH_SYSCALL, HEALTH_STATE_STARTING,
};
use ioi_port::{End, ask_to_end};
use ioi_shm::ConnectError;
use ioi_types::ErrorCode;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

/// Without these two there is no receipt.
pub(crate) const ORCHESTRATOR: &str = "orchestrator";
const GUARDIAN: &str = "guardian";

/// Rings that come sooner than this after the last are heard together.
const HEAR_EVERY: Duration = Duration::from_millis(1);

/// Epochs that the host raises.
const BY_HOST: [(&str, u32); 7] = [
    ("inbox", EPOCH_INBOX),
    ("registry", EPOCH_REGISTRY),
    ("supervisor", EPOCH_SUPERVISOR),
    ("health_host", EPOCH_HEALTH_HOST),
    ("pattern", EPOCH_PATTERN),
    ("history", EPOCH_HISTORY),
    ("shutdown", EPOCH_SHUTDOWN),
];
/// Epochs that the peer raises.
const BY_PEER: [(&str, u32); 4] = [
    ("outbox", EPOCH_OUTBOX),
    ("health_peer", EPOCH_HEALTH_PEER),
    ("syscall", EPOCH_SYSCALL),
    ("ping_pong", EPOCH_PING_PONG),
];

/// What keeps a run from going on, found by looking at the cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    name: &'static str,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Nothing was heard of it for as long as it may be silent.
    Silent(Duration),
    /// It did something else with its cell than to take it.
    Broken(ConnectError),
    /// What it left in its outbox is no report.
    Lied(String),
    /// The machine has no descriptor to listen to it.
    Unheard(String),
}

impl Fault {
    /// Whether those that are left can still have a receipt of what happened until then.
    pub(crate) fn leaves_a_receipt(&self) -> bool {
        ![ORCHESTRATOR, GUARDIAN].contains(&self.name)
    }
}

impl From<Fault> for RunError {
    fn from(Fault { name, what }: Fault) -> Self {
        let name = name.to_owned();
        match what {
            What::Silent(silent) => Self::Silent { name, silent },
            What::Broken(source) => Self::Cell { name, source },
            What::Lied(what) => Self::Faulty { name, source: io::Error::other(what) },
            What::Unheard(why) => {
                Self::System { what: "the orchestrator can't be listened to", source: io::Error::other(why) }
            }
        }
    }
}

/// What the user may see of one cell.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) name: &'static str,
    pub(crate) alive: bool,
    /// What the process says of itself; `None` until it has taken its cell.
    pub(crate) health: Option<Health>,
    /// Since it was heard last, in time that counts.
    pub(crate) silent: Duration,
    /// As long as it may be silent.
    pub(crate) may_be: Duration,
    pub(crate) bytes: Option<Bytes>,
    /// Those that were ever raised.
    pub(crate) epochs: Vec<(&'static str, u32)>,
}

/// One process of the node.
struct Seat {
    name: &'static str,
    process: Process,
    cell: Cell,
    silence: Silence,
}

/// What is known of a process besides what it says.
#[derive(Clone)]
pub(crate) struct Process {
    /// How it ended, once it has.
    pub(crate) end: watch::Receiver<Option<Exit>>,
    /// Ends it and everything that it started.
    pub(crate) kill: Arc<dyn Fn() + Send + Sync>,
}

enum Cell {
    /// What the process is to be told when it has taken the cell.
    Offered(Option<End>),
    Taken(Box<Host>),
}

/// What lies in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) msg_id: u32,
    pub(crate) bytes: usize,
}

/// The cells of one run.
pub(crate) struct Cells {
    seats: Mutex<Vec<Seat>>,
    bounds: Bounds,
    fault: watch::Sender<Option<Fault>>,
    /// The orchestrator has rung.
    rung: Notify,
}

impl Cells {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            seats: Mutex::default(),
            bounds,
            fault: watch::Sender::new(None),
            rung: Notify::new(),
        })
    }

    /// Begins to listen to a process that was started, and waits for it to take its cell.
    pub(crate) fn add(
        self: &Arc<Self>,
        name: &'static str,
        process: Process,
        offer: Offer,
        descriptors: Arc<Descriptors>,
    ) {
        let ended = process.end.clone();
        let seat = Seat { name, process, cell: Cell::Offered(None), silence: Silence::default() };
        lock(&self.seats).push(seat);
        let cells = Arc::clone(self);
        tokio::spawn(async move {
            // A process that has ended is seen where processes are watched.
            let Ok((id, bell)) = descriptors.receive().await else { return };
            match offer.answered(id, bell) {
                Ok(host) if name == ORCHESTRATOR => {
                    let bell = host.bell.as_fd().try_clone_to_owned().and_then(ioi_port::watch);
                    cells.taken(name, host);
                    match bell {
                        Ok(bell) => cells.listen(name, bell).await,
                        Err(error) => cells.found(Fault { name, what: What::Unheard(error.to_string()) }),
                    }
                }
                Ok(host) => cells.taken(name, host),
                Err(_) if ended.borrow().is_some() => {}
                Err(error) => cells.found(Fault { name, what: What::Broken(error) }),
            }
        });
    }

    fn taken(&self, name: &str, mut host: Host) {
        if let Some(seat) = lock(&self.seats).iter_mut().find(|seat| seat.name == name) {
            if let Cell::Offered(Some(end)) = &seat.cell {
                tell(&mut host, end);
            }
            seat.cell = Cell::Taken(Box::new(host));
        }
    }

    /// Passes on that a process has rung, until it is gone. One that rings without end is heard as often as
    /// [`HEAR_EVERY`] says, and everybody else in between.
    async fn listen(&self, name: &str, bell: AsyncFd<OwnedFd>) {
        while let Ok(mut heard) = bell.readable().await {
            let is_gone = match lock(&self.seats).iter().find(|seat| seat.name == name).and_then(Seat::host) {
                Some(host) => {
                    if host.bell.silence() {
                        heard.clear_ready();
                    }
                    host.bell.is_peer_gone()
                }
                None => true,
            };
            self.rung.notify_one();
            if is_gone {
                return;
            }
            sleep(HEAR_EVERY).await;
        }
    }

    /// Answers when the orchestrator has rung since the last time.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Copies the next record of the orchestrator's outbox, if there is one. What is none of its rules
    /// ends the run.
    pub(crate) fn next_left(&self, into: &mut [u8]) -> Option<Left> {
        let next = {
            let mut seats = lock(&self.seats);
            let seat = seats.iter_mut().find(|seat| seat.name == ORCHESTRATOR)?;
            let Cell::Taken(host) = &mut seat.cell else { return None };
            let next = host.outbox.try_recv(into);
            next.map(|record| {
                record.map(|record| Left { msg_id: record.msg_id, bytes: record.payload.len() })
            })
        };
        next.unwrap_or_else(|error| {
            self.lied(error.to_string());
            None
        })
    }

    /// The orchestrator has left something that can't be.
    pub(crate) fn lied(&self, what: String) {
        self.found(Fault { name: ORCHESTRATOR, what: What::Lied(what) });
    }

    /// Asks the orchestrator to write down what happened until now, and to end.
    pub(crate) fn end(&self, end: End) {
        match lock(&self.seats).iter_mut().find(|seat| seat.name == ORCHESTRATOR).map(|seat| &mut seat.cell) {
            Some(Cell::Taken(host)) => tell(host, &end),
            Some(Cell::Offered(later)) => *later = Some(end),
            None => {}
        }
    }

    /// Looks at all cells again and again, until one of them shows a fault.
    pub(crate) async fn watch(self: Arc<Self>) {
        let (began, mut looks) = (Instant::now(), Looks::new(self.bounds.silent));
        loop {
            sleep(LOOK_EVERY).await;
            if let Some(fault) = self.look(looks.look(began.elapsed())) {
                return self.found(fault);
            }
        }
    }

    fn look(&self, seen: Option<Duration>) -> Option<Fault> {
        let mut seats = lock(&self.seats);
        let living = seats.iter_mut().filter(|seat| seat.is_alive());
        // All of them are looked at, so that none misses the time that this look has seen.
        living.fold(None, |fault, seat| {
            let health = seat.health();
            let silent = seat.silence.look(seen, health);
            let may_be = self.may_be_silent(health);
            fault.or((silent >= may_be).then_some(Fault { name: seat.name, what: What::Silent(may_be) }))
        })
    }

    /// A process that has not begun to serve may be silent for longer.
    fn may_be_silent(&self, health: Option<Health>) -> Duration {
        match health {
            Some(health) if health.state != HEALTH_STATE_STARTING => self.bounds.silent,
            _ => self.bounds.starting,
        }
    }

    /// The first fault ends the run: the process is killed, and the orchestrator told why, so that what
    /// happened until then is signed where it can be.
    fn found(&self, fault: Fault) {
        if self.fault.borrow().is_some() {
            return;
        }
        if fault.leaves_a_receipt() {
            self.end(End { code: ErrorCode::NodeGone, reason: RunError::from(fault.clone()).to_string() });
        }
        let process =
            lock(&self.seats).iter().find(|seat| seat.name == fault.name).map(|seat| seat.process.clone());
        // It is said why before it is seen that it has ended.
        self.fault.send_replace(Some(fault));
        if let Some(process) = process {
            (process.kill)();
        }
    }

    /// Answers when a fault was found.
    pub(crate) async fn fault(&self) -> Fault {
        let mut fault = self.fault.subscribe();
        match fault.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone()) {
            Some(fault) => fault,
            None => std::future::pending().await,
        }
    }

    /// What the orchestrator left that can't be, if it did.
    pub(crate) fn lie(&self) -> Option<String> {
        match &*self.fault.borrow() {
            Some(Fault { what: What::Lied(what), .. }) => Some(what.clone()),
            _ => None,
        }
    }

    /// The fault that was found, if one was.
    pub(crate) fn fault_so_far(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }

    /// All cells, in the order of their processes' start.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let summary = |seat: &Seat| seat.summary(self.may_be_silent(seat.health()));
        lock(&self.seats).iter().map(summary).collect()
    }
}

/// An error means that earlier instructions fill the inbox: it has been told to end before, and was silent
/// since, which ends it.
fn tell(host: &mut Host, end: &End) {
    let _ = ask_to_end(host, end);
}

impl Seat {
    fn is_alive(&self) -> bool {
        self.process.end.borrow().is_none()
    }

    fn host(&self) -> Option<&Host> {
        match &self.cell {
            Cell::Taken(host) => Some(host),
            Cell::Offered(_) => None,
        }
    }

    fn health(&self) -> Option<Health> {
        self.host().map(|host| host.peer_health.last())
    }

    fn summary(&self, may_be: Duration) -> Summary {
        Summary {
            name: self.name,
            alive: self.is_alive(),
            health: self.health(),
            silent: self.silence.so_far(),
            may_be,
            bytes: self.host().and_then(|host| host.bytes().ok()),
            epochs: self.host().map(epochs).unwrap_or_default(),
        }
    }
}

fn epochs(host: &Host) -> Vec<(&'static str, u32)> {
    let ours = BY_HOST.map(|(name, number)| (name, host.epochs.current(number)));
    let theirs = BY_PEER.map(|(name, number)| (name, host.peer_epochs.current(number)));
    ours.into_iter().chain(theirs).filter(|(_, raised)| *raised != 0).collect()
}

#[cfg(test)]
mod tests;
