//! The descriptors that a node process is born with.
//!
//! 3 is the gRPC pair with the supervisor, 4 the descriptor channel; further
//! ones are named in `IOI_FDS` as `guardian:5,workload:6`.

use ioi_shm::inherited;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

/// The descriptor of the supervisor's services in every node process.
pub const SUPERVISOR_FD: RawFd = 3;
/// The descriptor channel to the supervisor in every child.
pub const DESCRIPTORS_FD: RawFd = 4;
/// The environment variable that names the further ones.
pub const VARIABLE: &str = "IOI_FDS";

/// The descriptors, each to be taken once.
#[derive(Debug)]
pub struct Inherited {
    named: BTreeMap<String, RawFd>,
}

impl Inherited {
    /// Reads `IOI_FDS`; takes nothing yet.
    ///
    /// # Errors
    /// `InvalidInput` when the variable is not of its form: the process was not started by a supervisor.
    pub fn from_environment() -> io::Result<Self> {
        Self::parse(&std::env::var(VARIABLE).unwrap_or_default())
    }

    /// Reads the variable's value; takes nothing yet.
    ///
    /// # Errors
    /// As [`Self::from_environment`].
    pub fn parse(text: &str) -> io::Result<Self> {
        parse(text).map(|named| Self { named }).ok_or_else(|| {
            let message = format!(
                "{VARIABLE}=`{text}` is not a list as `name:5,other:6`; this program is started by `ioi`"
            );
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })
    }

    /// The names, each with its descriptor's number.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, RawFd)> {
        self.named.iter().map(|(name, number)| (name.as_str(), *number))
    }

    /// Takes the pair with the supervisor.
    ///
    /// # Errors
    /// When it is not open, or was taken before.
    pub fn supervisor(&self) -> io::Result<OwnedFd> {
        inherited(SUPERVISOR_FD)
    }

    /// Takes the descriptor channel.
    ///
    /// # Errors
    /// When it is not open, or was taken before.
    pub fn descriptors(&self) -> io::Result<OwnedFd> {
        inherited(DESCRIPTORS_FD)
    }

    /// Takes a named descriptor.
    ///
    /// # Errors
    /// `NotFound` for a name that is not in the list; otherwise as [`Self::supervisor`].
    pub fn named(&self, name: &str) -> io::Result<OwnedFd> {
        let number = self.named.get(name);
        let number = number
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{VARIABLE} has no `{name}`")))?;
        inherited(*number)
    }

    /// Whether a name is in the list.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }
}

/// Each name stands once and has a descriptor of its own, so that no list says two things.
fn parse(text: &str) -> Option<BTreeMap<String, RawFd>> {
    let mut named = BTreeMap::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (name, digits) = item.split_once(':')?;
        let number: RawFd = digits.parse().ok().filter(|number| (5..1024).contains(number))?;
        let is_new = !name.is_empty() && !named.contains_key(name) && !named.values().any(|n| *n == number);
        if !is_new || number.to_string() != digits {
            return None;
        }
        named.insert(name.to_owned(), number);
    }
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_numbers_from_5_are_read() {
        assert_eq!(
            parse("a:5,b:6").unwrap().into_iter().collect::<Vec<_>>(),
            [("a".into(), 5), ("b".into(), 6)]
        );
        assert_eq!(parse("").unwrap().len(), 0);
        for bad in ["a", "a:", ":5", "a:4", "a:-1", "a:x", "a:5;b:6", "a:99999", "a:+5", "a:05"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
    #[test]
    fn a_name_or_a_descriptor_that_stands_twice_is_refused() {
        for bad in ["a:5,a:6", "a:5,a:5", "a:5,b:5"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
