//! Files that the host opened for this plugin.

use crate::host::{Host, HostError, PendingOpen};
use ioi_plugin::services::ReadAnswer;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::vec;

/// A file, open for reading. The plugin can't open its path itself.
#[derive(Debug)]
pub struct File {
    file: std::fs::File,
    path: Vec<u8>,
    size: u64,
}

impl File {
    pub(crate) fn new(descriptor: OwnedFd, answer: ReadAnswer) -> Self {
        Self { file: descriptor.into(), path: answer.path, size: answer.size }
    }

    /// The opened file's own absolute path.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Bytes when it was opened; the file may grow or shrink afterwards.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Everything up to `bytes_max`.
    ///
    /// # Errors
    /// `FileTooLarge` when there is more, and those of reading.
    pub fn read_all(&mut self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let expected = self.size.min(bytes_max);
        let mut bytes = Vec::new();
        // One byte more, so that reading at the end sees it without growing.
        bytes.try_reserve_exact(usize::try_from(expected + 1).map_err(|_| io::ErrorKind::FileTooLarge)?)?;
        (&mut self.file).take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// The standard library's file, at its present position.
    #[must_use]
    pub fn into_std(self) -> std::fs::File {
        self.file
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// Files that wait unread at most.
const OPEN_AHEAD: usize = 16;

/// Files in the order of their paths, opened ahead of their use. See [`Host::open_many`].
pub struct OpenMany<'a> {
    host: Host<'a>,
    paths: vec::IntoIter<(u32, Vec<u8>)>,
    ahead: VecDeque<Result<PendingOpen, HostError>>,
}

impl<'a> OpenMany<'a> {
    pub(crate) fn new(host: Host<'a>, paths: Vec<(u32, Vec<u8>)>) -> Self {
        Self { host, paths: paths.into_iter(), ahead: VecDeque::new() }
    }
}

impl Iterator for OpenMany<'_> {
    type Item = Result<File, HostError>;

    fn next(&mut self) -> Option<Self::Item> {
        let wanted = OPEN_AHEAD - self.ahead.len();
        for (root, path) in self.paths.by_ref().take(wanted) {
            self.ahead.push_back(self.host.start_open(root, &path));
        }
        self.ahead.pop_front().map(|pending| pending?.wait())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ahead.len() + self.paths.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for OpenMany<'_> {}
