//! Who is connected to whom. Each end is given under a name; its number and `IOI_FDS` follow from the order.

use crate::descriptors::Descriptors;
use crate::run::{RunError, system};
use ioi_ipc::pair;
use std::os::fd::OwnedFd;

/// Descriptors that are named are numbered from here.
const NAMED_FROM: usize = 5;

/// What one process of the node is born with, and our end of its services.
pub(crate) struct Station {
    name: &'static str,
    /// Our end of the pair over which the process asks the supervisor.
    host: OwnedFd,
    supervisor: OwnedFd,
    channel: OwnedFd,
    named: Vec<(&'static str, OwnedFd)>,
}

impl Station {
    /// A process that is connected to the supervisor alone, and our end of its descriptor channel.
    ///
    /// # Errors
    /// Those of making the pairs.
    pub(crate) fn new(name: &'static str) -> Result<(Self, Descriptors), RunError> {
        let (host, supervisor) = pair::pair().map_err(system("no socket pair"))?;
        let (descriptors, channel) = Descriptors::pair().map_err(system("no descriptor channel"))?;
        Ok((Self { name, host, supervisor, channel, named: Vec::new() }, descriptors))
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
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

    /// Our end of its services, and its descriptors with their numbers.
    pub(crate) fn into_parts(self) -> (OwnedFd, Vec<(OwnedFd, i32)>) {
        let fixed = [(self.supervisor, ioi_ipc::SUPERVISOR_FD), (self.channel, ioi_ipc::DESCRIPTORS_FD)];
        let named = (NAMED_FROM as i32..).zip(self.named).map(|(number, (_, end))| (end, number));
        (self.host, fixed.into_iter().chain(named).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[tokio::test]
    async fn each_finds_the_other_under_its_name_at_the_number_that_is_said() {
        let (mut one, _) = Station::new("one").unwrap();
        let (mut two, _) = Station::new("two").unwrap();
        let (mut three, _) = Station::new("three").unwrap();
        one.connect(&mut three).unwrap();
        one.connect(&mut two).unwrap();
        assert_eq!((one.variable(), two.variable()), ("three:5,two:6".into(), "one:5".into()));
        let numbered = |station: Station, wanted: i32| {
            let mut all = station.into_parts().1.into_iter();
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
