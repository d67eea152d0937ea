//! Streams from the egress process to the workload: a connected pair each, of which either takes its end once.

use crate::Refused;
use ioi_ipc::pair;
use ioi_types::ErrorCode;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Streams with an end that nobody took yet.
const STREAMS_MAX: usize = 16;

/// Which end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// For the egress process.
    Writing,
    /// For the workload.
    Reading,
}

/// The streams of one run.
#[derive(Default)]
pub(crate) struct Streams {
    waiting: BTreeMap<u64, [Option<OwnedFd>; 2]>,
    last: u64,
}

impl Streams {
    /// Makes a stream and returns its number.
    ///
    /// # Errors
    /// `quota.calls` when too many wait to be taken.
    pub(crate) fn open(&mut self) -> Result<u64, Refused> {
        let refused = |message: String| Refused { code: ErrorCode::QuotaCalls, message };
        if self.waiting.len() >= STREAMS_MAX {
            return Err(refused(format!("{STREAMS_MAX} streams wait for their ends to be taken")));
        }
        let (writing, reading) = pair::pair().map_err(|error| refused(error.to_string()))?;
        self.last += 1;
        self.waiting.insert(self.last, [Some(writing), Some(reading)]);
        Ok(self.last)
    }

    /// Hands one end over.
    ///
    /// # Errors
    /// `region.unknown` for a stream that is not there or whose end was taken.
    pub(crate) fn take(&mut self, stream: u64, end: End) -> Result<OwnedFd, Refused> {
        let index = if end == End::Writing { 0 } else { 1 };
        let taken = self.waiting.get_mut(&stream).and_then(|ends| ends[index].take());
        self.waiting.retain(|_, ends| ends.iter().any(Option::is_some));
        taken.ok_or_else(|| Refused {
            code: ErrorCode::RegionUnknown,
            message: format!("stream {stream} is not there, or its end was taken before"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn each_end_is_taken_once_and_they_are_connected() {
        let mut streams = Streams::default();
        let (first, second) = (streams.open().unwrap(), streams.open().unwrap());
        let mut writing = UnixStream::from(streams.take(first, End::Writing).unwrap());
        assert!(streams.take(first, End::Writing).is_err());
        let mut reading = UnixStream::from(streams.take(first, End::Reading).unwrap());
        assert!(streams.take(first, End::Reading).is_err());
        writing.write_all(b"through").unwrap();
        drop(writing);
        let mut text = String::new();
        reading.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        assert!(streams.take(second, End::Reading).is_ok());
        assert!(streams.take(99, End::Reading).is_err());
    }

    #[test]
    fn no_more_streams_wait_than_the_bound() {
        let mut streams = Streams::default();
        let all: Vec<_> = (0..STREAMS_MAX).map(|_| streams.open().unwrap()).collect();
        assert!(streams.open().is_err());
        streams.take(all[0], End::Reading).unwrap();
        assert!(streams.open().is_err(), "its other end still waits");
        streams.take(all[0], End::Writing).unwrap();
        assert!(streams.open().is_ok());
    }
}
