//! Names of mediated trees that a program removes, makes and changes: decided, and then done here for it.

use super::look::{Entry, look_at_name};
use super::{Files, failed};
use crate::mediated::accesses::Granted;
use crate::roots::{Facts, Kind};
use ioi_ipc::proto::supervisor as wire;
use ioi_sandbox::{Call, Name};
use ioi_types::ErrorCode;
use rustix::fs::{self, AtFlags, Mode, RenameFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

impl Files {
    pub(super) fn remove(&self, call: Call, root: &OwnedFd, name: Name, folder: bool) {
        let Some(entry) = look_at_name(&call, name, root, &self.trees) else { return call.go_on() };
        let Some(facts) = &entry.facts else { return call.refuse(Errno::NOENT) };
        let Some(granted) = self.ask(vec!["fs::delete".into()], &entry.path, Some(facts)) else {
            return call.refuse(Errno::ACCESS);
        };
        let flags = if folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        end(call, fs::unlinkat(&entry.folder, &entry.name, flags), [granted]);
    }

    pub(super) fn make_folder(&self, call: Call, root: &OwnedFd, name: Name, mode: Mode) {
        let Some(entry) = look_at_name(&call, name, root, &self.trees) else { return call.go_on() };
        if entry.facts.is_some() {
            return call.refuse(Errno::EXIST);
        }
        let Some(granted) = self.ask(vec!["fs::write".into()], &entry.path, None) else {
            return call.refuse(Errno::ACCESS);
        };
        let mode = mode & !call.umask();
        end(call, fs::mkdirat(&entry.folder, &entry.name, mode), [granted]);
    }

    /// Within mediated trees only, and no folder: what lies in it would have other paths, which nobody decided on.
    /// Programs copy instead where they hear `EXDEV`, and each file is decided then.
    pub(super) fn rename(&self, call: Call, root: &OwnedFd, from: Name, to: Name, only_new: bool) {
        let look = |name| look_at_name(&call, name, root, &self.trees);
        let (from, to) = match (look(from), look(to)) {
            (Some(from), Some(to)) => (from, to),
            (None, None) => return call.go_on(),
            _ => return call.refuse(Errno::XDEV),
        };
        let Some(facts) = &from.facts else { return call.refuse(Errno::NOENT) };
        if facts.kind == Kind::Folder {
            return call.refuse(Errno::XDEV);
        }
        if to.facts.as_ref().is_some_and(|there| there.kind == Kind::Folder) {
            return call.refuse(Errno::ISDIR);
        }
        let Some(granted) = self.ask_for_rename(&from, facts, &to) else { return call.refuse(Errno::ACCESS) };
        end(call, rename(&from, facts, &to, only_new), granted);
    }

    /// Under its new name the file may be read by another rule, so it must be allowed to be read under the old one.
    fn ask_for_rename(&self, from: &Entry, facts: &Facts, to: &Entry) -> Option<[Granted; 2]> {
        let leaves: &[&str] = match facts.kind {
            Kind::File => &["fs::read", "fs::delete"],
            _ => &["fs::delete"],
        };
        let leaves = leaves.iter().map(|action| (*action).to_owned()).collect();
        let leaves = self.ask(leaves, &from.path, Some(facts))?;
        // Whatever is there is replaced, a link too; nothing is written through it.
        let there = to.facts.as_ref().filter(|there| there.kind == Kind::File);
        match self.ask(vec!["fs::write".into()], &to.path, there) {
            Some(comes) => Some([leaves, comes]),
            None => {
                leaves.done(failed(ErrorCode::PolicyDenied, "its new name is refused"));
                None
            }
        }
    }
}

/// The file that was decided on. No name in a mediated tree comes to lead to a file that may not be read but by
/// a rename, and that is refused; so nothing of the program can put one there after this look.
fn rename(from: &Entry, facts: &Facts, to: &Entry, only_new: bool) -> rustix::io::Result<()> {
    let now = fs::statat(&from.folder, &from.name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (now.st_dev, now.st_ino) != (facts.device, facts.inode) {
        return Err(Errno::AGAIN);
    }
    let flags = if only_new { RenameFlags::NOREPLACE } else { RenameFlags::empty() };
    fs::renameat_with(&from.folder, &from.name, &to.folder, &to.name, flags)
}

fn end<const N: usize>(call: Call, result: rustix::io::Result<()>, granted: [Granted; N]) {
    for granted in granted {
        granted.done(match result {
            Ok(()) => wire::AnswerAccessReply::default(),
            Err(errno) => failed(ErrorCode::PathUnreadable, errno),
        });
    }
    match result {
        Ok(()) => call.done(),
        Err(errno) => call.refuse(errno),
    }
}
