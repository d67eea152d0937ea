//! The directory that stands for a private `/tmp` where there is no mount namespace.

use crate::plan::{Plan, Tier};
use crate::{Identity, Profile, cgroup};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A directory of its own, removed when dropped.
#[derive(Debug)]
pub(crate) struct PrivateTmp(PathBuf);

impl PrivateTmp {
    /// Makes one if the profile asks for it and the plan has no mount namespace to hold it.
    pub(crate) fn create(profile: &Profile, plan: &Plan) -> io::Result<Option<Self>> {
        if profile.private_tmp_bytes.is_none() || plan.tier == Tier::Namespaces {
            return Ok(None);
        }
        let path = std::env::temp_dir().join(cgroup::next_name());
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let tmp = Self(path);
        if let Identity::Uid(uid, gid) = profile.identity {
            std::os::unix::fs::chown(tmp.path(), Some(uid), Some(gid))?;
        }
        Ok(Some(tmp))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateTmp {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes the directory and all in it, whoever gets to it first. No link is followed.
pub(crate) fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
}

/// Removes the directories of supervisors that are no more. Call it once, at start.
pub fn clean_stale_directories() -> usize {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let stale = entries.filter(|e| cgroup::is_stale(&e.file_name().to_string_lossy()));
    stale.map(|entry| remove(&entry.path())).count()
}
