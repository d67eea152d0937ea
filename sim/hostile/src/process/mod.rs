//! A hostile process at the other end of a real socket, a row for each thing that it does.
//!
//! A row has two sides. The peer's runs in a process of its own and does the worst that it
//! can there; the victim's holds what `ioi-shm` answered against the one error or the one
//! harmless outcome that the row names. Every row ends with the victim's descriptors and
//! shared memory as they were, and never has the victim waited for longer than its deadline
//! and [`GRACE`].

mod hand_over;
mod live;
mod memory;
mod raw;
mod scene;

pub use scene::{GRACE, Left, Scene};

use ioi_shm::DescriptorChannel;
use ioi_shm::Port;
use std::os::fd::AsFd;
use std::process::ExitCode;

/// The port of every row: messages small enough that a few fill it.
pub(crate) type Small = Port<8, 48>;

/// One thing that a hostile process does.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it does.
    pub name: &'static str,
    /// The peer's side. What it can't do here is no failure: the victim says so.
    pub peer: fn(&DescriptorChannel),
    /// The victim's side: panics if it met anything else than what the row names.
    pub victim: fn(&mut Scene),
}

const fn row(name: &'static str, peer: fn(&DescriptorChannel), victim: fn(&mut Scene)) -> Row {
    Row { name, peer, victim }
}

/// Every row, by part: the hand-over, memory, then rings and bells that live.
pub const ROWS: &[&[Row]] = &[hand_over::ROWS, memory::ROWS, live::ROWS];

/// The row of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().copied().flatten().find(|row| row.name == name)
}

/// The hostile process itself: its channel is its standard input.
#[must_use]
pub fn be_peer(name: &str) -> ExitCode {
    let channel = std::io::stdin().as_fd().try_clone_to_owned().ok();
    let channel = channel.and_then(|socket| DescriptorChannel::from_fd(socket).ok());
    let (Some(row), Some(channel)) = (find(name), channel) else {
        eprintln!("ioi-hostile: peer wants the name of a row and a channel as standard input");
        return ExitCode::from(2);
    };
    (row.peer)(&channel);
    // Whoever leaves is noticed; the row is about what it did before.
    while channel.recv().is_ok() {}
    ExitCode::SUCCESS
}
