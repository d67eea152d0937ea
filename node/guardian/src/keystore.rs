//! The guardian's directory: `keys/suite1.key`, `vault/<name>`, `logs/<log id>/journal`.
//!
//! The process holds the directory as a descriptor and knows no path to it.
//! Files are 0600, created whole under a temporary name and linked into place,
//! so that a crash leaves no half-written key and ten guardians that start at
//! once agree on one. A temporary file is locked for as long as somebody needs
//! it; one that a crash left is not, and is removed at the next start. `unlock = none`: the key lies on the disk as it is, which
//! protects from nobody who has the disk.

use ioi_crypto::SecretKey;
use ioi_types::{CredentialNameError, LogId, check_credential_name};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use zeroize::Zeroizing;

const KEY_FILE: &str = "suite1.key";
/// The longest secret in the vault: it goes into one header.
pub(crate) const SECRET_BYTES_MAX: usize = 8 * 1024;
/// The shortest: a shorter one would be found by chance in what comes back, and dropped.
pub(crate) const SECRET_BYTES_MIN: usize = 8;
/// Before the random part of a temporary file's name, in 32 hexadecimal digits.
const TEMPORARY: &str = ".new-";

/// Why the directory can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KeyStoreError {
    #[error("{what}: {source}")]
    File { what: &'static str, source: Errno },
    #[error("{what}: {source}")]
    Io { what: &'static str, source: std::io::Error },
    #[error("the key file has mode {0:03o}; it must be 600 (chmod 600 it if nobody else has read it)")]
    Mode(u32),
    #[error("the key file is damaged: {0}")]
    Damaged(String),
    #[error("no random bytes for a key: {0}")]
    Random(String),
    #[error("another guardian serves this log")]
    Locked,
    #[error(transparent)]
    Name(#[from] CredentialNameError),
    #[error("a credential has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")]
    SecretSize,
    #[error("a credential is printable ASCII without spaces; this one holds another character")]
    SecretText,
    #[error(
        "the credential `{name}` can't be used: {why}; remove it, and store it again with: ioi credential set {name}"
    )]
    Credential { name: String, why: String },
    #[error("there is no credential `{0}`; `ioi credential list` names those that there are")]
    NoCredential(String),
}

fn file(what: &'static str) -> impl Fn(Errno) -> KeyStoreError {
    move |source| KeyStoreError::File { what, source }
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> KeyStoreError {
    move |source| KeyStoreError::Io { what, source }
}

/// The guardian's directory.
pub(crate) struct KeyStore {
    keys: OwnedFd,
    vault: OwnedFd,
    logs: OwnedFd,
}

impl KeyStore {
    /// Opens the directory's folders, making those that are missing.
    pub(crate) fn open(directory: BorrowedFd<'_>) -> Result<Self, KeyStoreError> {
        let store = Self {
            keys: folder(directory, "keys")?,
            vault: folder(directory, "vault")?,
            logs: folder(directory, "logs")?,
        };
        remove_leftovers(store.keys.as_fd())?;
        remove_leftovers(store.vault.as_fd())?;
        Ok(store)
    }

    /// The signing key, made at the first call ever.
    pub(crate) fn key(&self) -> Result<SecretKey, KeyStoreError> {
        if let Some(key) = self.read_key()? {
            return Ok(key);
        }
        let key = SecretKey::generate().map_err(|error| KeyStoreError::Random(error.to_string()))?;
        // Where another guardian was faster its key is the key.
        create(self.keys.as_fd(), KEY_FILE, &*key.to_bytes())?;
        self.read_key()?.ok_or_else(|| KeyStoreError::Damaged("it vanished while it was made".into()))
    }

    fn read_key(&self) -> Result<Option<SecretKey>, KeyStoreError> {
        let Some(mut opened) = open_existing(self.keys.as_fd(), KEY_FILE)? else { return Ok(None) };
        let mode = fs::fstat(&opened).map_err(file("the key file"))?.st_mode & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyStoreError::Mode(mode));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        Read::take(&mut opened, 128).read_to_end(&mut bytes).map_err(io("the key file"))?;
        SecretKey::from_bytes(&bytes).map(Some).map_err(|error| KeyStoreError::Damaged(error.to_string()))
    }

    /// Stores a credential, replacing one of the same name.
    pub(crate) fn store(&self, name: &str, secret: &[u8]) -> Result<(), KeyStoreError> {
        check_credential_name(name)?;
        check_secret(secret)?;
        let temporary = Temporary::write(self.vault.as_fd(), secret)?;
        fs::renameat(&self.vault, &temporary.name, &self.vault, name).map_err(file("the vault"))?;
        fs::fsync(&self.vault).map_err(file("the vault"))
    }

    /// A credential's secret; `None` if there is none of that name.
    pub(crate) fn load(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        check_credential_name(name)?;
        let bad = |why: String| KeyStoreError::Credential { name: name.into(), why };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = match fs::openat(&self.vault, name, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(bad(format!("it can't be opened: {errno}"))),
        };
        let stat = fs::fstat(&opened).map_err(|errno| bad(errno.to_string()))?;
        if fs::FileType::from_raw_mode(stat.st_mode) != fs::FileType::RegularFile || stat.st_mode & 0o077 != 0
        {
            return Err(bad("it is no file that only its owner may read".into()));
        }
        let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
        let most = SECRET_BYTES_MAX as u64 + 1;
        let read = Read::take(File::from(opened), most).read_to_end(&mut secret);
        read.map_err(|error| bad(error.to_string()))?;
        check_secret(&secret).map_err(|error| bad(error.to_string()))?;
        Ok(Some(secret))
    }

    /// Forgets a credential.
    pub(crate) fn remove(&self, name: &str) -> Result<(), KeyStoreError> {
        check_credential_name(name)?;
        match fs::unlinkat(&self.vault, name, AtFlags::empty()) {
            Ok(()) => fs::fsync(&self.vault).map_err(file("the vault")),
            Err(Errno::NOENT) => Err(KeyStoreError::NoCredential(name.into())),
            Err(errno) => Err(file("the vault")(errno)),
        }
    }

    /// The names of all credentials, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, KeyStoreError> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.vault).map_err(file("the vault"))? {
            let entry = entry.map_err(file("the vault"))?;
            let name = entry.file_name().to_str().ok().filter(|name| check_credential_name(name).is_ok());
            names.extend(name.map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// A log's journal, locked for this process: `(file, whether it was there before)`.
    pub(crate) fn journal(&self, log: LogId) -> Result<File, KeyStoreError> {
        let folder = folder(self.logs.as_fd(), &log.to_string())?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let journal =
            fs::openat(&folder, "journal", flags, Mode::RUSR | Mode::WUSR).map_err(file("the journal"))?;
        match fs::flock(&journal, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(KeyStoreError::Locked),
            Err(errno) => return Err(file("the journal's lock")(errno)),
        }
        fs::fsync(&folder).and_then(|()| fs::fsync(&self.logs)).map_err(file("the log's folder"))?;
        Ok(journal.into())
    }
}

fn check_secret(secret: &[u8]) -> Result<(), KeyStoreError> {
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
        return Err(KeyStoreError::SecretSize);
    }
    match secret.iter().all(u8::is_ascii_graphic) {
        true => Ok(()),
        false => Err(KeyStoreError::SecretText),
    }
}

fn folder(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, KeyStoreError> {
    match fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => fs::fsync(parent).map_err(file("the guardian's folder"))?,
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(file("the guardian's folder")(errno)),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(parent, name, flags, Mode::empty()).map_err(file("the guardian's folder"))
}

fn open_existing(folder: BorrowedFd<'_>, name: &str) -> Result<Option<File>, KeyStoreError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match fs::openat(folder, name, flags, Mode::empty()) {
        Ok(opened) => Ok(Some(opened.into())),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(file("the key file")(errno)),
    }
}

/// Writes `bytes` durably under `name` unless it is there; never a part of them.
fn create(folder: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> Result<(), KeyStoreError> {
    let temporary = Temporary::write(folder, bytes)?;
    let linked = match fs::linkat(folder, &temporary.name, folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(file("the key file")(errno)),
    };
    let _ = fs::unlinkat(folder, &temporary.name, AtFlags::empty());
    linked.and_then(|()| fs::fsync(folder).map_err(file("the keys' folder")))
}

/// A file under a temporary name, locked until this is dropped.
struct Temporary {
    name: String,
    locked: File,
}

impl Temporary {
    /// A new file with these bytes, durably.
    fn write(folder: BorrowedFd<'_>, bytes: &[u8]) -> Result<Self, KeyStoreError> {
        let mut temporary = Self::create(folder)?;
        let file = &mut temporary.locked;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("a new file"))?;
        Ok(temporary)
    }

    fn create(folder: BorrowedFd<'_>) -> Result<Self, KeyStoreError> {
        loop {
            let (name, opened) = new_file(folder)?;
            if let Some(temporary) = Self::lock(name, opened)? {
                return Ok(temporary);
            }
        }
    }

    /// `None` where the file is gone: before it was locked it looked like a leftover to a guardian that
    /// started just then.
    fn lock(name: String, opened: File) -> Result<Option<Self>, KeyStoreError> {
        fs::flock(&opened, FlockOperation::LockExclusive).map_err(file("a new file's lock"))?;
        let links = fs::fstat(&opened).map_err(file("a new file"))?.st_nlink;
        Ok((links > 0).then_some(Self { name, locked: opened }))
    }
}

fn new_file(folder: BorrowedFd<'_>) -> Result<(String, File), KeyStoreError> {
    // Random and not the pid: guardians in pid namespaces of their own share theirs.
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| KeyStoreError::Random(error.to_string()))?;
    let name = format!("{TEMPORARY}{}", ioi_types::hex::encode(&random));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = fs::openat(folder, &name, flags, Mode::RUSR | Mode::WUSR).map_err(file("a new file"))?;
    Ok((name, opened.into()))
}

/// Removes temporary files that nobody holds locked: their writer was killed.
fn remove_leftovers(folder: BorrowedFd<'_>) -> Result<(), KeyStoreError> {
    for entry in fs::Dir::read_from(folder).map_err(file("the guardian's folder"))? {
        let entry = entry.map_err(file("the guardian's folder"))?;
        if !is_temporary(entry.file_name().to_bytes()) {
            continue;
        }
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        // One that vanishes meanwhile, or is no file of ours, is left to itself.
        let Ok(opened) = fs::openat(folder, entry.file_name(), flags, Mode::empty()) else { continue };
        if fs::flock(&opened, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::unlinkat(folder, entry.file_name(), AtFlags::empty());
        }
    }
    Ok(())
}

fn is_temporary(name: &[u8]) -> bool {
    let digits = name.strip_prefix(TEMPORARY.as_bytes());
    digits.is_some_and(|digits| {
        digits.len() == 32 && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn store(path: &Path) -> KeyStore {
        KeyStore::open(File::open(path).unwrap().as_fd()).unwrap()
    }

    #[test]
    fn the_key_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path()).key().unwrap().public().id();
        assert_eq!(store(folder.path()).key().unwrap().public().id(), first);
        let leftovers = std::fs::read_dir(folder.path().join("keys")).unwrap().count();
        assert_eq!(leftovers, 1, "only the key file stays");
    }

    #[test]
    fn guardians_that_start_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let one = store(folder.path());
        create(one.keys.as_fd(), KEY_FILE, &*SecretKey::generate().unwrap().to_bytes()).unwrap();
        let winner = one.key().unwrap().public().id();
        create(one.keys.as_fd(), KEY_FILE, &*SecretKey::generate().unwrap().to_bytes()).unwrap();
        assert_eq!(one.key().unwrap().public().id(), winner);
    }

    #[test]
    fn what_a_killed_guardian_left_goes_at_the_next_start_and_what_another_needs_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path());
        let key = first.key().unwrap().public().id();
        let keys = folder.path().join("keys");
        for (part, name) in [("keys", "0"), ("vault", "a")] {
            std::fs::write(folder.path().join(part).join(format!(".new-{}", name.repeat(32))), "cut")
                .unwrap();
        }
        // None of these has a name that a guardian would give.
        let foreign =
            [".new-", ".new-0", &format!(".new-{}", "g".repeat(32)), &format!(".new-{}", "0".repeat(33))];
        foreign.iter().for_each(|name| std::fs::write(keys.join(name), "").unwrap());
        let needed = Temporary::write(first.keys.as_fd(), b"of a guardian that still runs").unwrap();
        let names = |part: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder.path().join(part)).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let second = store(folder.path());
        let mut expected: Vec<String> = foreign.map(str::to_owned).into();
        expected.extend([needed.name.clone(), KEY_FILE.to_owned()]);
        expected.sort();
        assert_eq!(names("keys"), expected);
        assert_eq!(names("vault"), Vec::<String>::new());
        assert_eq!(second.key().unwrap().public().id(), key);
        drop(needed);
        store(folder.path());
        assert_eq!(names("keys").len(), foreign.len() + 1);
    }

    #[test]
    fn a_temporary_file_that_was_taken_for_a_leftover_is_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (name, opened) = new_file(store.keys.as_fd()).unwrap();
        remove_leftovers(store.keys.as_fd()).unwrap();
        assert!(Temporary::lock(name, opened).unwrap().is_none());
        let (name, opened) = new_file(store.keys.as_fd()).unwrap();
        let kept = Temporary::lock(name, opened).unwrap().expect("it is there");
        remove_leftovers(store.keys.as_fd()).unwrap();
        assert!(folder.path().join("keys").join(&kept.name).exists());
    }

    #[test]
    fn a_key_that_others_may_read_and_a_cut_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.key().unwrap();
        let path = folder.path().join("keys").join(KEY_FILE);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(store.key(), Err(KeyStoreError::Mode(0o644))));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, [1; 64]).unwrap();
        assert!(matches!(store.key(), Err(KeyStoreError::Damaged(_))));
    }

    #[test]
    fn a_second_guardian_on_one_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let held = store.journal(LogId([1; 16])).unwrap();
        assert!(matches!(store.journal(LogId([1; 16])), Err(KeyStoreError::Locked)));
        assert!(store.journal(LogId([2; 16])).is_ok());
        drop(held);
        assert!(store.journal(LogId([1; 16])).is_ok());
    }

    #[test]
    fn credential_names_cannot_leave_the_vault() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for name in ["", "../x", "a/b", "a.b", "é", &"a".repeat(65)] {
            assert!(matches!(store.store(name, b"secret-secret"), Err(KeyStoreError::Name(_))), "{name}");
        }
    }

    #[test]
    fn the_vault_replaces_names_and_forgets_what_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.store("openai", b"one-secret").unwrap();
        store.store("openai", b"two-secret").unwrap();
        store.store("anthropic", b"three-secret").unwrap();
        assert_eq!(store.load("openai").unwrap().unwrap().as_slice(), b"two-secret");
        assert_eq!(store.names().unwrap(), ["anthropic", "openai"]);
        store.remove("openai").unwrap();
        assert!(store.load("openai").unwrap().is_none());
        assert!(matches!(store.remove("openai"), Err(KeyStoreError::NoCredential(_))));
        assert_eq!(store.names().unwrap(), ["anthropic"]);
    }

    #[test]
    fn whatever_else_lies_in_the_vault_is_named_and_never_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.store("good", b"good-secret").unwrap();
        let vault = folder.path().join("vault");
        let write = |name: &str, bytes: &[u8], mode: u32| {
            std::fs::write(vault.join(name), bytes).unwrap();
            std::fs::set_permissions(vault.join(name), PermissionsExt::from_mode(mode)).unwrap();
        };
        write("empty", b"", 0o600);
        write("short", b"x", 0o600);
        write("line", b"good-secret\n", 0o600);
        write("open", b"good-secret", 0o644);
        std::fs::create_dir(vault.join("folder")).unwrap();
        std::os::unix::fs::symlink(vault.join("good"), vault.join("link")).unwrap();
        rustix::fs::mknodat(fs::CWD, vault.join("fifo"), fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for name in ["empty", "short", "line", "open", "folder", "link", "fifo"] {
            let refused = store.load(name).unwrap_err();
            assert!(matches!(refused, KeyStoreError::Credential { .. }), "{name}: {refused}");
            assert!(refused.to_string().contains(name), "{refused}");
        }
        assert_eq!(store.load("good").unwrap().unwrap().as_slice(), b"good-secret");
    }

    #[test]
    fn a_secret_that_is_no_header_or_too_short_to_be_searched_for_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for secret in [b"".as_slice(), b"short12", &[b'a'; SECRET_BYTES_MAX + 1]] {
            assert!(matches!(store.store("a", secret), Err(KeyStoreError::SecretSize)));
        }
        for secret in
            [b"two words".as_slice(), b"line\r\nx-evil: 1", b"nul\0-secret", "umlaut-\u{fc}".as_bytes()]
        {
            assert!(matches!(store.store("a", secret), Err(KeyStoreError::SecretText)));
        }
        assert!(store.names().unwrap().is_empty());
    }
}
