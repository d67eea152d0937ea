//! A program's file as it was when its bytes were looked at, so that those bytes and no others are executed.

use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A clock of the file system stands still for as long as this; a change within it can't be seen.
const TICK: Duration = Duration::from_millis(50);

/// Which file, and which state of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Set by the kernel at every change; no call sets it to a time of one's choice.
    changed: (i64, i64),
}

/// A file that was read from beginning to end without changing meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    state: State,
    /// The kernel maps this very file. A script, which another program reads, is not.
    is_elf: bool,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Measured {
    /// Gives all of a file's bytes to `look`, and remembers which state of which file they were.
    ///
    /// # Errors
    /// Those of reading it; `ResourceBusy` if it changed meanwhile.
    pub fn read<T>(path: &Path, look: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<(T, Self)> {
        let mut file = File::open(path)?;
        wait_for_tick(&file.metadata()?);
        let state = State::of(&file.metadata()?);
        let mut magic = [0; 4];
        let is_elf = file.read(&mut magic)? == 4 && magic == *b"\x7fELF";
        file.seek(SeekFrom::Start(0))?;
        let seen = look(&mut file)?;
        if State::of(&file.metadata()?) != state {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changed while it was read"));
        }
        Ok((seen, Self { state, is_elf }))
    }

    /// Whether a path leads to the same state of the same file now.
    pub(crate) fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(State::of(&path.metadata()?) == self.state)
    }

    /// Whether a descriptor is of the same state of the same file now.
    pub(crate) fn is(&self, file: &File) -> io::Result<bool> {
        Ok(State::of(&file.metadata()?) == self.state)
    }

    pub(crate) fn is_elf(&self) -> bool {
        self.is_elf
    }
}

/// A file that changed just now may change again without its times showing it.
fn wait_for_tick(metadata: &Metadata) {
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
    let since_epoch = Duration::new(u64::try_from(metadata.ctime()).unwrap_or(0), nanoseconds);
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since_epoch);
    if let Ok(age) = age
        && age < TICK
    {
        std::thread::sleep(TICK - age);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(path: &Path) -> Measured {
        let look = |file: &mut File| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        };
        let (bytes, measured) = Measured::read(path, look).unwrap();
        assert_eq!(bytes, fs::read(path).unwrap());
        measured
    }

    #[test]
    fn the_same_bytes_in_another_file_and_other_bytes_in_the_same_file_are_not_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "one").unwrap();
        fs::copy(&path, &other).unwrap();
        let measured = read(&path);
        assert!(measured.is_at(&path).unwrap());
        assert!(!measured.is_at(&other).unwrap());
        // At once, so that a clock that stands still would show.
        fs::write(&path, "two").unwrap();
        assert!(!measured.is_at(&path).unwrap());
        let measured = read(&path);
        fs::rename(&other, &path).unwrap();
        assert!(!measured.is_at(&path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(measured.is_at(&path).is_err());
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let refused = Measured::read(&path, |_| fs::write(&path, "two"));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    }

    #[test]
    fn a_program_is_told_from_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("a");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert!(!read(&script).is_elf());
        assert!(read(&std::env::current_exe().unwrap()).is_elf());
    }
}
