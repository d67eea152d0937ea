//! Files that transports leave in the file system: where they may lie, counting and removing them.

use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The environment's name for the number of the run, which is in the name of everything it makes.
pub const RUN: &str = "IOI_PEERS_RUN";
const SHARED_MEMORY: &str = "/dev/shm";

/// The places of one run.
#[derive(Clone, Debug)]
pub struct Places {
    run: String,
    scratch: PathBuf,
}

/// Files, and the memory or disk that they occupy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traces {
    pub files: usize,
    pub bytes: u64,
}

impl Places {
    /// Of a new run; makes the scratch folder, and removes what runs left that were cut short.
    pub fn create() -> Result<Self> {
        remove_abandoned();
        let places = Self::named(std::process::id().to_string());
        fs::create_dir_all(&places.scratch).with_context(|| places.scratch.display().to_string())?;
        Ok(places)
    }

    /// Of the run that started this process.
    pub fn inherited() -> Result<Self> {
        let run =
            std::env::var(RUN).context("a side of a measurement is started by the coordinator alone")?;
        Ok(Self::named(run))
    }

    fn named(run: String) -> Self {
        // Short, since socket paths are.
        let scratch = PathBuf::from(format!("/tmp/ioi-peers-{run}"));
        Self { run, scratch }
    }

    pub fn run(&self) -> &str {
        &self.run
    }

    /// Where libraries that use files or socket paths put them.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// What names in `/dev/shm` begin with.
    pub fn prefix(&self) -> String {
        format!("ioi_peers_{}_", self.run)
    }

    pub fn count(&self) -> Traces {
        let mut traces = Traces::default();
        for path in self.files() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            traces.files += 1;
            traces.bytes += metadata.blocks() * 512;
        }
        traces
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = below(&self.scratch);
        let named = |path: &PathBuf| path.to_string_lossy().contains(&self.prefix());
        files.extend(below(Path::new(SHARED_MEMORY)).into_iter().filter(named));
        files
    }

    /// Removes the files and keeps the scratch folder for the next measurement.
    pub fn sweep(&self) {
        for path in self.files() {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes everything.
    pub fn remove(&self) {
        self.sweep();
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// Those whose coordinator is gone.
fn remove_abandoned() {
    for entry in fs::read_dir("/tmp").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix("ioi-peers-"));
        let Some(run) = run.filter(|run| run.parse::<u32>().is_ok()) else { continue };
        if !Path::new("/proc").join(run).exists() {
            Places::named(run.to_owned()).remove();
        }
    }
}

/// All files beneath a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(below(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_this_run_alone_are_counted_and_removed() {
        let places = Places::create().unwrap();
        let own = PathBuf::from(SHARED_MEMORY).join(format!("{}a", places.prefix()));
        let other = PathBuf::from(SHARED_MEMORY).join(format!("other_peers_{}_a", places.run()));
        for path in [&own, &other, &places.scratch().join("b")] {
            fs::write(path, [7; 4096]).unwrap();
        }
        assert_eq!(places.count(), Traces { files: 2, bytes: 8192 });
        places.remove();
        assert!(!own.exists() && other.exists() && !places.scratch().exists());
        fs::remove_file(other).unwrap();
    }
}
