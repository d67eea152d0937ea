//! The user's files: opened only here, beneath folders that the user named.
//!
//! A path is first opened with `O_PATH`, which lets nobody read anything. What
//! it is (and the path that the descriptor really has) goes to the
//! orchestrator; after the decision the *same descriptor* is reopened for
//! reading, so a link or a rename in between changes nothing. Folders are
//! listed here and never handed on: a folder's descriptor leads out of it.

use crate::listing::{Entry, Listing};
use ioi_types::{ErrorCode, limits};
use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Opened paths held at once, over all callers.
pub(crate) const OPENED_MAX: usize = 4096;
/// Memory of all listings that are under way at once.
const LISTINGS_BYTES_MAX: usize = 256 << 20;

/// A refusal with its stable code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The code.
    pub code: ErrorCode,
    /// One plain sentence.
    pub message: String,
}

pub(crate) fn refused(code: ErrorCode, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

/// What an opened descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link (in listings only; opening follows it beneath the root).
    Link,
    /// A FIFO, socket or device.
    Other,
}

impl Kind {
    /// The word on the wire and in records.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// Facts about an opened descriptor; the decision is taken on these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The descriptor's own absolute path.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) size: u64,
    /// The device that holds it.
    pub(crate) device: u64,
    /// Its inode there.
    pub(crate) inode: u64,
}

struct Opened {
    descriptor: OwnedFd,
    facts: Facts,
    /// Read at the first page, so that pages fit together.
    listing: Option<Listing>,
}

/// The roots of one run and what is open beneath them.
pub(crate) struct Roots {
    roots: Vec<OwnedFd>,
    opened: BTreeMap<u64, Opened>,
    last_id: u64,
    listings_bytes_max: usize,
}

impl Roots {
    /// Opens the folders that the user named.
    ///
    /// # Errors
    /// `path.missing`, `path.kind` or `path.unreadable` with the folder's name.
    pub(crate) fn open(folders: &[PathBuf]) -> Result<Self, Refused> {
        let open = |folder: &PathBuf| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            fs::open(folder, flags, Mode::empty()).map_err(|errno| errno_refusal(errno, folder))
        };
        let roots = folders.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { roots, opened: BTreeMap::new(), last_id: 0, listings_bytes_max: LISTINGS_BYTES_MAX })
    }

    /// Opens `path` beneath a root without gaining any access to its content.
    ///
    /// # Errors
    /// The path is not canonical, leaves the root, is missing, or too much is open.
    pub(crate) fn open_path(&mut self, root: u32, path: &[u8]) -> Result<(u64, Facts), Refused> {
        check_relative(path)?;
        if self.opened.len() >= OPENED_MAX {
            return Err(refused(ErrorCode::QuotaCalls, format!("{OPENED_MAX} paths are open already")));
        }
        let base = usize::try_from(root).ok().and_then(|index| self.roots.get(index));
        let base = base.ok_or_else(|| refused(ErrorCode::PathOutside, format!("there is no root {root}")))?;
        let relative = if path.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(path) };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let descriptor = fs::openat2(base, relative, flags, Mode::empty(), resolve)
            .map_err(|errno| errno_refusal(errno, Path::new(relative)))?;
        let facts = facts(&descriptor)?;
        self.last_id += 1;
        self.opened.insert(self.last_id, Opened { descriptor, facts: facts.clone(), listing: None });
        Ok((self.last_id, facts))
    }

    /// Reopens a regular file for reading and forgets the opened path.
    ///
    /// # Errors
    /// The id is unknown, the file is not regular, or the file system refuses.
    pub(crate) fn release(&mut self, id: u64) -> Result<(OwnedFd, Facts), Refused> {
        let opened = self.take(id)?;
        if opened.facts.kind != Kind::File {
            let kind = opened.facts.kind.name();
            return Err(refused(
                ErrorCode::PathKind,
                format!("only regular files are handed on, this is a {kind}"),
            ));
        }
        let again = format!("/proc/self/fd/{}", opened.descriptor.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = fs::open(&again, flags, Mode::empty())
            .map_err(|errno| errno_refusal(errno, &opened.facts.path))?;
        let now = fs::fstat(&file).map_err(|errno| errno_refusal(errno, &opened.facts.path))?;
        if u64::try_from(now.st_size) != Ok(opened.facts.size) {
            let message = "the file's size changed after the decision on it";
            return Err(refused(ErrorCode::PathUnreadable, message));
        }
        Ok((file, opened.facts))
    }

    /// One page of a folder's entries in byte order, and the cursor of the next page (0 at the end).
    ///
    /// # Errors
    /// The id is unknown, is no folder, can't be read, or holds more names than are listed.
    pub(crate) fn list(&mut self, id: u64, cursor: u32) -> Result<(Vec<Entry>, u32), Refused> {
        let held = self.opened.values().filter_map(|opened| opened.listing.as_ref());
        let left = self.listings_bytes_max.saturating_sub(held.map(Listing::bytes).sum());
        let unknown = || refused(ErrorCode::PathMissing, format!("no path is open under id {id}"));
        let opened = self.opened.get_mut(&id).ok_or_else(unknown)?;
        let listing = match &mut opened.listing {
            Some(listing) => listing,
            none => none.insert(Listing::read(opened.descriptor.as_fd(), &opened.facts, left)?),
        };
        Ok(listing.page(cursor))
    }

    /// Forgets an opened path.
    pub(crate) fn forget(&mut self, id: u64) {
        self.opened.remove(&id);
    }

    fn take(&mut self, id: u64) -> Result<Opened, Refused> {
        self.opened
            .remove(&id)
            .ok_or_else(|| refused(ErrorCode::PathMissing, format!("no path is open under id {id}")))
    }
}

/// A path beneath a root has only plain components, so that it has one spelling.
fn check_relative(path: &[u8]) -> Result<(), Refused> {
    let bad = |message: &str| Err(refused(ErrorCode::ArgumentInvalid, message));
    if path.len() > limits::PATH_BYTES_MAX {
        return bad("the path is longer than 4096 bytes");
    }
    if path.is_empty() {
        return Ok(());
    }
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" => {
                return bad(
                    "the path has an empty component: it must be relative, without `//` or a `/` at an end",
                );
            }
            b"." | b".." => return bad("the path has a `.` or `..` component"),
            name if name.len() > limits::NAME_BYTES_MAX => {
                return bad("the path has a component longer than 255 bytes");
            }
            name if name.contains(&0) => return bad("the path has a NUL byte"),
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn facts(descriptor: &OwnedFd) -> Result<Facts, Refused> {
    let unreadable = |errno: Errno| refused(ErrorCode::PathUnreadable, errno.to_string());
    let stat = fs::fstat(descriptor).map_err(unreadable)?;
    if stat.st_nlink == 0 {
        // Its path would have a note at its end, which no rule about the file knows.
        return Err(refused(ErrorCode::PathUnreadable, "it was removed while it was opened"));
    }
    let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let path = fs::readlink(&link, Vec::new()).map_err(unreadable)?;
    Ok(Facts {
        path: PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())),
        kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        device: stat.st_dev,
        inode: stat.st_ino,
    })
}

pub(crate) fn errno_refusal(errno: Errno, path: &Path) -> Refused {
    let path = path.display();
    match errno {
        Errno::NOENT => refused(ErrorCode::PathMissing, format!("{path} does not exist")),
        Errno::XDEV | Errno::LOOP => {
            refused(ErrorCode::PathOutside, format!("{path} leads out of the folder, or in a circle"))
        }
        Errno::NOTDIR => refused(ErrorCode::PathKind, format!("{path} is not a folder")),
        other => refused(ErrorCode::PathUnreadable, format!("{path} can't be opened: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    struct Tree {
        folder: tempfile::TempDir,
        roots: Roots,
    }

    fn tree() -> Tree {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("root/sub")).unwrap();
        std::fs::write(folder.path().join("root/sub/a.txt"), "inside").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        let roots = Roots::open(&[folder.path().join("root")]).unwrap();
        Tree { folder, roots }
    }

    fn code(result: Result<(u64, Facts), Refused>) -> ErrorCode {
        result.expect_err("must be refused").code
    }

    #[test]
    fn a_file_is_opened_then_reopened_with_exactly_its_content() {
        let mut tree = tree();
        let (id, facts) = tree.roots.open_path(0, b"sub/a.txt").unwrap();
        assert_eq!((facts.kind, facts.size), (Kind::File, 6));
        assert!(facts.path.ends_with("root/sub/a.txt"));
        let (file, _) = tree.roots.release(id).unwrap();
        let mut text = String::new();
        std::fs::File::from(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        assert_eq!(tree.roots.release(id).expect_err("single use").code, ErrorCode::PathMissing);
    }

    #[test]
    fn a_name_swapped_after_the_decision_does_not_change_what_is_read() {
        let mut tree = tree();
        let (id, _) = tree.roots.open_path(0, b"sub/a.txt").unwrap();
        let path = tree.folder.path().join("root/sub/a.txt");
        std::fs::remove_file(&path).unwrap();
        symlink(tree.folder.path().join("secret"), &path).unwrap();
        let (file, _) = tree.roots.release(id).unwrap();
        let mut text = String::new();
        std::fs::File::from(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
    }

    #[test]
    fn no_spelling_leads_out_of_the_root() {
        let mut tree = tree();
        let root = tree.folder.path().join("root");
        symlink("../secret", root.join("relative")).unwrap();
        symlink(tree.folder.path().join("secret"), root.join("absolute")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        for path in ["relative", "absolute", "loop"] {
            assert_eq!(code(tree.roots.open_path(0, path.as_bytes())), ErrorCode::PathOutside, "{path}");
        }
        for path in ["../secret", "sub/../../secret", "/etc/passwd", "sub//a.txt", "sub/", "./sub", "a\0b"] {
            assert_eq!(code(tree.roots.open_path(0, path.as_bytes())), ErrorCode::ArgumentInvalid, "{path}");
        }
        assert_eq!(code(tree.roots.open_path(1, b"sub")), ErrorCode::PathOutside);
        assert_eq!(code(tree.roots.open_path(0, b"nothing")), ErrorCode::PathMissing);
        assert_eq!(code(tree.roots.open_path(0, &[b'a'; 5000])), ErrorCode::ArgumentInvalid);
        assert_eq!(code(tree.roots.open_path(0, &[b'a'; 256])), ErrorCode::ArgumentInvalid);
    }

    #[test]
    fn only_regular_files_are_handed_on_and_a_fifo_does_not_hang() {
        let mut tree = tree();
        let fifo = tree.folder.path().join("root/fifo");
        fs::mknodat(fs::CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [&b"fifo"[..], b"sub", b""] {
            let (id, _) = tree.roots.open_path(0, path).unwrap();
            assert_eq!(tree.roots.release(id).expect_err("refused").code, ErrorCode::PathKind);
        }
    }

    #[test]
    fn pages_hold_every_name_once_and_in_order() {
        let mut tree = tree();
        let many = tree.folder.path().join("root/many");
        std::fs::create_dir(&many).unwrap();
        for number in 0..3000 {
            std::fs::write(many.join(format!("{number:05}")), "").unwrap();
        }
        let (id, _) = tree.roots.open_path(0, b"many").unwrap();
        let (mut names, mut cursor) = (Vec::new(), 0);
        loop {
            let (page, next) = tree.roots.list(id, cursor).unwrap();
            names.extend(page.into_iter().map(|entry| String::from_utf8(entry.name).unwrap()));
            if next == 0 {
                break;
            }
            cursor = next;
        }
        assert_eq!(names, (0..3000).map(|number| format!("{number:05}")).collect::<Vec<_>>());
    }

    #[test]
    fn the_number_of_open_paths_is_bounded() {
        let mut tree = tree();
        for _ in 0..OPENED_MAX {
            tree.roots.open_path(0, b"sub").unwrap();
        }
        assert_eq!(code(tree.roots.open_path(0, b"sub")), ErrorCode::QuotaCalls);
        tree.roots.forget(1);
        assert!(tree.roots.open_path(0, b"sub").is_ok());
    }

    #[test]
    fn the_memory_of_all_listings_together_is_bounded() {
        let mut tree = tree();
        for number in 0..3000 {
            std::fs::write(tree.folder.path().join(format!("root/sub/{number:05}")), "").unwrap();
        }
        let open = |tree: &mut Tree| tree.roots.open_path(0, b"sub").unwrap().0;
        let first = open(&mut tree);
        let (_, next) = tree.roots.list(first, 0).unwrap();
        let one = tree.roots.opened[&first].listing.as_ref().unwrap().bytes();
        assert!(one > 3000 * 5, "{one} bytes are not counted for 3000 names");
        tree.roots.listings_bytes_max = 2 * one;
        let (second, third) = (open(&mut tree), open(&mut tree));
        tree.roots.list(second, 0).unwrap();
        let over = tree.roots.list(third, 0).expect_err("a third listing is too much");
        assert_eq!(over.code, ErrorCode::QuotaMemory);
        assert!(tree.roots.list(first, next).is_ok(), "a listing that is under way goes on");
        tree.roots.forget(second);
        assert!(tree.roots.list(third, 0).is_ok(), "what is forgotten gives its memory back");
    }

    #[test]
    fn a_file_is_digested_as_it_is_handed_on() {
        let mut tree = tree();
        let (id, _) = tree.roots.open_path(0, b"sub/a.txt").unwrap();
        let (file, facts) = tree.roots.release(id).unwrap();
        let file = std::fs::File::from(file);
        let digest = crate::witness::digest(&file, facts.size).unwrap().unwrap();
        assert_eq!(digest, ioi_crypto::blake3(b"inside"));
        let mut text = String::new();
        (&file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside", "the descriptor is handed on at its beginning");
    }
}
