//! The folder of running runs: `<log>.sock` and `<log>.key` for each, and how what was left is told from what lives.
//!
//! A socket gets its name only when it listens. So whoever connects to a name
//! and is refused knows that nobody listens there any more: the run was killed,
//! and both names may go. What has not yet got that far lies under other names,
//! and only goes when it is older than any start.
//!
//! Sockets are named through the folder's descriptor (`/proc/self/fd/N/name`):
//! the address fits however long the folder's path is, and the folder that was
//! checked is the one that is used.

use crate::home::Home;
use crate::home::{HomeError, private_folder};
use ioi_types::{LogId, hex};
use rustix::fs::{self, AtFlags, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Half a start takes milliseconds.
const UNFINISHED_FOR: Duration = Duration::from_secs(60);
/// Names in the folder that are looked at.
const ENTRIES_MAX: usize = 4096;

/// What every call must show.
#[derive(Clone)]
pub(crate) struct Key(String);

impl Key {
    fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(hex::encode(&bytes)))
    }

    /// The value of the header `authorization`.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

/// The folder, open.
pub(crate) struct Place {
    folder: File,
}

impl Place {
    /// Makes the folder where it is not there.
    pub(crate) fn make(home: &Home) -> Result<Self, HomeError> {
        let path = home.live();
        let folder = private_folder(&path)?;
        let closed = folder.set_permissions(PermissionsExt::from_mode(0o700));
        closed.map_err(|source| HomeError::Folder { path, source })?;
        Ok(Self { folder })
    }

    /// `None` where nothing has run yet.
    pub(crate) fn open(home: &Home) -> Result<Option<Self>, HomeError> {
        if home.live().exists() { Self::make(home).map(Some) } else { Ok(None) }
    }

    /// Where a name of the folder is found by calls that take no descriptor.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd()))
    }

    pub(crate) fn socket_path(&self, log: LogId) -> PathBuf {
        self.path(&socket(log))
    }

    /// Listens under the run's name, with a new key beside it.
    pub(crate) fn listen(&self, log: LogId) -> io::Result<(UnixListener, Key)> {
        let unfinished = format!("{log}.new");
        let listener = UnixListener::bind(self.path(&unfinished))?;
        let finished = self.write_key(log).and_then(|key| {
            std::fs::set_permissions(self.path(&unfinished), PermissionsExt::from_mode(0o600))?;
            fs::renameat(&self.folder, &unfinished, &self.folder, socket(log))?;
            Ok(key)
        });
        if finished.is_err() {
            self.remove_name(&unfinished);
            self.remove_name(&key(log));
        }
        finished.map(|key| (listener, key))
    }

    fn write_key(&self, log: LogId) -> io::Result<Key> {
        let made = Key::random()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.folder, key(log), flags, Mode::RUSR | Mode::WUSR)?;
        File::from(file).write_all(made.0.as_bytes())?;
        Ok(made)
    }

    /// The key that lies beside a run's socket.
    pub(crate) fn read_key(&self, log: LogId) -> io::Result<Key> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.folder, key(log), flags, Mode::empty())?);
        let mut text = String::new();
        file.take(65).read_to_string(&mut text)?;
        match hex::decode_array::<32>(&text) {
            Some(_) => Ok(Key(text)),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "the key is not 64 hexadecimal digits")),
        }
    }

    /// Takes a run's names away.
    pub(crate) fn remove(&self, log: LogId) {
        self.remove_name(&socket(log));
        self.remove_name(&key(log));
    }

    /// One that is gone already is no error.
    fn remove_name(&self, name: &str) {
        let _ = fs::unlinkat(&self.folder, name, AtFlags::empty());
    }

    /// The runs that have a socket, living or not. Half a start that was left is removed on the way.
    pub(crate) fn runs(&self) -> io::Result<Vec<LogId>> {
        let mut runs = Vec::new();
        for entry in std::fs::read_dir(self.path("."))?.take(ENTRIES_MAX) {
            let name = entry?.file_name();
            let Some((stem, kind)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
            let Ok(log) = stem.parse::<LogId>() else { continue };
            match kind {
                "sock" => runs.push(log),
                "key" if self.path(&socket(log)).exists() => {}
                "key" | "new" if self.is_old(&format!("{stem}.{kind}")) => {
                    self.remove_name(&format!("{stem}.{kind}"));
                }
                _ => {}
            }
        }
        runs.sort_unstable();
        Ok(runs)
    }

    fn is_old(&self, name: &str) -> bool {
        let made = std::fs::symlink_metadata(self.path(name)).and_then(|meta| meta.modified());
        made.is_ok_and(|made| SystemTime::now().duration_since(made).is_ok_and(|age| age > UNFINISHED_FOR))
    }
}

fn socket(log: LogId) -> String {
    format!("{log}.sock")
}

fn key(log: LogId) -> String {
    format!("{log}.key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    fn home(root: &Path) -> Home {
        Home { config: root.to_owned(), data: root.to_owned(), user: None }
    }

    fn names(place: &Place) -> Vec<String> {
        let entries = std::fs::read_dir(place.path(".")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_is_found_under_a_path_that_no_socket_address_holds_and_only_its_user_can_open_it() {
        let base = tempfile::tempdir().unwrap();
        let deep = base.path().join("long/".repeat(60));
        let home = home(&deep);
        assert!(Place::open(&home).unwrap().is_none() && !deep.exists(), "looking has made a folder");
        let place = Place::make(&home).unwrap();
        let log = LogId([7; 16]);
        let (_listener, key) = place.listen(log).unwrap();
        assert!(home.live().join(format!("{log}.sock")).as_os_str().len() > 108);
        assert_eq!(place.runs().unwrap(), [log]);
        assert_eq!(place.read_key(log).unwrap().0, key.0);
        UnixStream::connect(place.socket_path(log)).unwrap();
        let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.live()), 0o700);
        for name in names(&place) {
            assert_eq!(mode(&home.live().join(&name)), 0o600, "{name}");
        }
        place.remove(log);
        assert_eq!(names(&place), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_others_could_look_into_is_closed() {
        let base = tempfile::tempdir().unwrap();
        let home = home(base.path());
        std::fs::create_dir(home.live()).unwrap();
        std::fs::set_permissions(home.live(), PermissionsExt::from_mode(0o755)).unwrap();
        Place::open(&home).unwrap().unwrap();
        assert_eq!(std::fs::metadata(home.live()).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(home.live(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(matches!(Place::open(&home), Err(HomeError::Permissions { mode: 0o777, .. })));
    }

    #[test]
    fn half_a_start_is_left_alone_until_it_is_old() {
        let base = tempfile::tempdir().unwrap();
        let place = Place::make(&home(base.path())).unwrap();
        let log = LogId([1; 16]);
        let unfinished = [format!("{log}.key"), format!("{log}.new"), "notes.txt".to_owned()];
        for name in &unfinished {
            std::fs::write(place.path(name), "").unwrap();
        }
        assert!(place.runs().unwrap().is_empty());
        assert_eq!(names(&place).len(), 3, "a start that is under way was disturbed");
        for name in &unfinished {
            let file = File::options().write(true).open(place.path(name)).unwrap();
            file.set_modified(SystemTime::now() - UNFINISHED_FOR * 2).unwrap();
        }
        assert!(place.runs().unwrap().is_empty());
        assert_eq!(names(&place), ["notes.txt"], "what is not ours was touched, or ours was left");
    }
}
