//! Who is connected to whom. Each end is given under a name; its number and `IOI_FDS` follow from the order.

use crate::descriptors::Descriptors;
use crate::run::{RunError, system};
use ioi_cell::native::Offer;
use ioi_ipc::pair;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;

/// Descriptors that are named are numbered from here.
const NAMED_FROM: usize = 5;
/// A cell has one peer, so that what comes over it needs no further name.
const ONLY_PEER: u32 = 0;

/// What one process of the node is born with, and our end of its services.
pub(crate) struct Station {
    name: &'static str,
    /// Our end of the pair over which the process asks the supervisor.
    host: OwnedFd,
    supervisor: OwnedFd,
    channel: OwnedFd,
    /// Our end of the channel, and the cell that was sent over it.
    descriptors: Arc<Descriptors>,
    offer: Offer,
    named: Vec<(&'static str, OwnedFd)>,
}

/// A station whose process can be started.
pub(crate) struct Parts {
    /// Our end of its services.
    pub(crate) host: OwnedFd,
    pub(crate) descriptors: Arc<Descriptors>,
    pub(crate) offer: Offer,
    /// What it is born with, each with its number.
    pub(crate) inherited: Vec<(OwnedFd, RawFd)>,
}

impl Station {
    /// A process that is connected to the supervisor alone.
    ///
    /// # Errors
    /// Those of making the pairs and the cell.
    pub(crate) fn new(name: &'static str) -> Result<Self, RunError> {
        let (host, supervisor) = pair::pair().map_err(system("no socket pair"))?;
        let (descriptors, channel) = Descriptors::pair().map_err(system("no descriptor channel"))?;
        let offer = descriptors.offer(ONLY_PEER).map_err(system("no cell"))?;
        let descriptors = Arc::new(descriptors);
        Ok(Self { name, host, supervisor, channel, descriptors, offer, named: Vec::new() })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Our end of its descriptor channel.
    pub(crate) fn descriptors(&self) -> Arc<Descriptors> {
        Arc::clone(&self.descriptors)
    }

    /// Gives it a further descriptor under a name.
    pub(crate) fn give(&mut self, name: &'static str, descriptor: OwnedFd) {
        self.named.push((name, descriptor));
    }

    /// Gives each of two processes an end of one pair, under the name of the other.
    ///
    /// # Errors
    /// Those of making the pair.
    pub(crate) fn connect(&mut self, other: &mut Self) -> Result<(), RunError> {
        let (ours, theirs) = pair::pair().map_err(system("no socket pair"))?;
        self.give(other.name, ours);
        other.give(self.name, theirs);
        Ok(())
    }

    /// The value of `IOI_FDS`, as `directory:5,guardian:6`.
    pub(crate) fn variable(&self) -> String {
        let items = (NAMED_FROM..).zip(&self.named).map(|(number, (name, _))| format!("{name}:{number}"));
        items.collect::<Vec<_>>().join(",")
    }

    pub(crate) fn into_parts(self) -> Parts {
        let fixed = [(self.supervisor, ioi_ipc::SUPERVISOR_FD), (self.channel, ioi_ipc::DESCRIPTORS_FD)];
        let named = (NAMED_FROM as i32..).zip(self.named).map(|(number, (_, end))| (end, number));
        let inherited = fixed.into_iter().chain(named).collect();
        Parts { host: self.host, descriptors: self.descriptors, offer: self.offer, inherited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[tokio::test]
    async fn each_finds_the_other_under_its_name_at_the_number_that_is_said() {
        let mut one = Station::new("one").unwrap();
        let mut two = Station::new("two").unwrap();
        let mut three = Station::new("three").unwrap();
        one.connect(&mut three).unwrap();
        one.connect(&mut two).unwrap();
        assert_eq!((one.variable(), two.variable()), ("three:5,two:6".into(), "one:5".into()));
        let numbered = |station: Station, wanted: i32| {
            let mut all = station.into_parts().inherited.into_iter();
            UnixStream::from(all.find(|(_, number)| *number == wanted).unwrap().0)
        };
        let (mut from, mut to) = (numbered(one, 6), numbered(two, 5));
        from.write_all(b"to two").unwrap();
        drop(from);
        let mut said = String::new();
        to.read_to_string(&mut said).unwrap();
        assert_eq!(said, "to two");
    }
}
