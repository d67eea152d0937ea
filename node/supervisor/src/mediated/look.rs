//! What a call is about: flags read, paths resolved, nothing decided and nothing opened for use.

use super::trees::{Place, Trees};
use crate::roots::{Facts, Kind, facts};
use ioi_sandbox::{Call, Name};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What to do about an open.
pub(crate) enum Look {
    /// No mediated file is meant, or nobody can tell: the kernel's answer, within what was granted, is the right one.
    GoOn,
    /// It can't be had, whatever a rule says.
    Refuse(Errno),
    /// This is to be decided on.
    There(There),
    /// So is this.
    Missing(Missing),
}

/// Something of a mediated tree, opened so that nothing can be done with it.
pub(crate) struct There {
    pub(crate) descriptor: OwnedFd,
    pub(crate) facts: Facts,
    pub(crate) wants: Wants,
}

/// A name in a folder of a mediated tree, under which nothing is yet.
pub(crate) struct Missing {
    pub(crate) entry: Entry,
    pub(crate) wants: Wants,
}

/// A name in a folder of a mediated tree that the user named for writing. The folder is held; the name is taken as
/// it stands, and no link under it is followed.
pub(crate) struct Entry {
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
    /// The folder's own path and the name.
    pub(crate) path: PathBuf,
    /// What is under the name, if anything is.
    pub(crate) facts: Option<Facts>,
}

/// What the flags of an open ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) read: bool,
    /// Also for a file that is only to be emptied.
    pub(crate) write: bool,
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
    pub(crate) truncate: bool,
    pub(crate) folder: bool,
    /// A link at the end of the path is not followed.
    pub(crate) link_itself: bool,
    access: OFlags,
}

impl Wants {
    /// `None` where no content is asked for: `O_PATH`, and the access mode 3, which can neither read nor write.
    pub(crate) fn of(flags: OFlags) -> Option<Self> {
        let (create, exclusive) = (flags.contains(OFlags::CREATE), flags.contains(OFlags::EXCL));
        let access = flags & OFlags::ACCMODE;
        let (read, write) = match access {
            OFlags::RDONLY => (true, false),
            OFlags::WRONLY => (false, true),
            OFlags::RDWR => (true, true),
            _ => return None,
        };
        let truncate = flags.contains(OFlags::TRUNC);
        (!flags.contains(OFlags::PATH)).then_some(Self {
            read,
            write: write || truncate,
            create,
            exclusive: create && exclusive,
            truncate,
            folder: flags.contains(OFlags::DIRECTORY),
            link_itself: flags.contains(OFlags::NOFOLLOW) || (create && exclusive),
            access,
        })
    }

    /// The access mode of the descriptor. One that empties a file must be able to write for a moment longer: who
    /// asks for reading and emptying may write, or it is refused.
    pub(crate) fn mode(&self) -> OFlags {
        if self.truncate && self.access == OFlags::RDONLY { OFlags::RDWR } else { self.access }
    }

    /// What has to be allowed for something of this kind.
    pub(crate) fn actions(&self, kind: Kind) -> Vec<String> {
        let actions: &[&str] = match (kind, self.read, self.write) {
            (Kind::Folder, ..) => &["fs::list"],
            (_, true, true) => &["fs::read", "fs::write"],
            (_, false, true) => &["fs::write"],
            _ => &["fs::read"],
        };
        actions.iter().map(|action| (*action).to_owned()).collect()
    }
}

/// Resolves the path of an open in the program's root.
pub(crate) fn look(call: &Call, name: Name, flags: OFlags, root: &OwnedFd, trees: &Trees) -> Look {
    let Some(wants) = Wants::of(flags) else { return Look::GoOn };
    let Some(path) = absolute(call, name) else { return Look::GoOn };
    let follow = if wants.link_itself { OFlags::NOFOLLOW } else { OFlags::empty() };
    let look = match open(root, &path, follow) {
        Ok(descriptor) => there(root, descriptor, wants, trees),
        Err(Errno::NOENT) if wants.create && !wants.folder => missing(root, &path, wants, trees),
        Err(_) => Look::GoOn,
    };
    // What was found under the caller's number was its own if it waits even now.
    if call.still_waits() { look } else { Look::GoOn }
}

/// Resolves all of a path but its last name. `None` where no tree is meant in which names may change, or nobody
/// can tell.
pub(crate) fn look_at_name(call: &Call, name: Name, root: &OwnedFd, trees: &Trees) -> Option<Entry> {
    let mut path = absolute(call, name)?;
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    entry(root, &path, trees).filter(|_| call.still_waits())
}

/// The path from the root. What can't be read, or is relative to something without a path, has none.
fn absolute(call: &Call, name: Name) -> Option<Vec<u8>> {
    let path = call.path(name).filter(|path| !path.is_empty())?;
    if path[0] == b'/' {
        return Some(path);
    }
    let mut whole = call.base(name).ok()?.into_os_string().into_encoded_bytes();
    (whole.first() == Some(&b'/')).then_some(())?;
    whole.push(b'/');
    whole.extend(path);
    Some(whole)
}

/// Links of `/proc` that lead to what a process has open are not followed: what they lead to may have no path.
fn open(root: &OwnedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC | flags;
    fs::openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
}

fn there(root: &OwnedFd, descriptor: OwnedFd, wants: Wants, trees: &Trees) -> Look {
    let Ok(facts) = facts(&descriptor) else { return Look::GoOn };
    let Place::Mediated { writes } = trees.place(&facts.path) else { return Look::GoOn };
    let is_folder = facts.kind == Kind::Folder;
    if wants.exclusive {
        return Look::Refuse(Errno::EXIST);
    }
    if facts.kind == Kind::Link {
        return Look::Refuse(Errno::LOOP);
    }
    if wants.folder && !is_folder {
        return Look::Refuse(Errno::NOTDIR);
    }
    if is_folder && (wants.write || wants.create) {
        return Look::Refuse(Errno::ISDIR);
    }
    // As in a tree that was granted directly for reading alone: Landlock refuses.
    if wants.write && !writes || !has_this_path(root, &facts) {
        return Look::GoOn;
    }
    Look::There(There { descriptor, facts, wants })
}

/// What was removed a moment ago has a path with a note at its end, which no rule about the file knows.
fn has_this_path(root: &OwnedFd, facts: &Facts) -> bool {
    let path = facts.path.as_os_str().as_encoded_bytes();
    if !path.ends_with(b" (deleted)") {
        return true;
    }
    let same = open(root, path, OFlags::NOFOLLOW).and_then(|other| fs::fstat(&other));
    same.is_ok_and(|other| (other.st_dev, other.st_ino) == (facts.device, facts.inode))
}

fn missing(root: &OwnedFd, path: &[u8], wants: Wants, trees: &Trees) -> Look {
    match entry(root, path, trees) {
        None => Look::GoOn,
        // A link that leads nowhere: the file would be made where it points.
        Some(Entry { facts: Some(facts), .. }) if facts.kind == Kind::Link => Look::Refuse(Errno::ACCESS),
        Some(entry) => Look::Missing(Missing { entry, wants }),
    }
}

/// The folder is resolved, and the last name taken as it stands.
fn entry(root: &OwnedFd, path: &[u8], trees: &Trees) -> Option<Entry> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let (above, name) = (&path[..slash], &path[slash + 1..]);
    if name.is_empty() || name == b"." || name == b".." {
        return None;
    }
    let folder = open(root, if above.is_empty() { b"/" } else { above }, OFlags::DIRECTORY).ok()?;
    let found = facts(&folder).ok()?;
    let name = OsStr::from_bytes(name);
    let path = found.path.join(name);
    // Both: the name of a tree's own root lies outside, and so does that of a tree within it.
    let may_change = |path: &Path| trees.place(path) == Place::Mediated { writes: true };
    if !may_change(&found.path) || !may_change(&path) || !has_this_path(root, &found) {
        return None;
    }
    let facts = match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Some(Facts {
            path: path.clone(),
            kind: Kind::of(FileType::from_raw_mode(stat.st_mode)),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            device: stat.st_dev,
            inode: stat.st_ino,
        }),
        Err(Errno::NOENT) => None,
        Err(_) => return None,
    };
    Some(Entry { folder, name: name.to_owned(), path, facts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_flags_asks_for_what_it_can_do() {
        // Over all of them: writing is asked for exactly where open(2) says that the file can change.
        let bits = [OFlags::CREATE, OFlags::EXCL, OFlags::TRUNC, OFlags::APPEND, OFlags::DIRECTORY];
        for access in 0..4 {
            for chosen in 0..1 << bits.len() {
                let picked = bits.iter().enumerate().filter(|(bit, _)| chosen & (1 << bit) != 0);
                let flags = picked.fold(OFlags::from_bits_retain(access), |all, (_, flag)| all | *flag);
                let Some(wants) = Wants::of(flags) else {
                    assert_eq!(access, 3);
                    continue;
                };
                let changes = access == 1 || access == 2 || flags.contains(OFlags::TRUNC);
                assert_eq!(wants.write, changes, "{flags:?}");
                assert_eq!(wants.read, access == 0 || access == 2, "{flags:?}");
                let actions = wants.actions(Kind::File);
                assert_eq!(actions.contains(&"fs::write".to_owned()), changes, "{flags:?}");
                assert_eq!(actions.contains(&"fs::read".to_owned()), wants.read, "{flags:?}");
                // The descriptor can do no more than was asked for.
                let can_write = wants.mode() != OFlags::RDONLY;
                assert_eq!(can_write, changes, "{flags:?}");
                assert!(wants.mode() == OFlags::WRONLY || wants.read, "{flags:?}");
                assert_eq!(wants.actions(Kind::Folder), ["fs::list"]);
            }
        }
        assert_eq!(Wants::of(OFlags::PATH | OFlags::RDWR), None);
    }
}
