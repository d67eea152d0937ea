//! Control groups: one group for each sandbox, beneath our own, in whichever hierarchies we may use.
//!
//! A group is called `ioi-<pid>-<start>-<number>` after the supervisor that made it, so that a later start
//! can tell a dead supervisor's groups from those of a live one, even when the pid was used again.

mod v1;
mod v2;

use crate::{Layer, Limits, process};
use rustix::process::{Pid, Signal};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a group with processes in it is tried to be removed: about 5 s.
const BUSY_ROUNDS: u32 = 500;
/// And how often after any other answer: about 10 ms.
const OTHER_ROUNDS: u32 = 10;

/// The directories beneath which we may make groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hierarchies {
    v1: Vec<v1::Controller>,
    v2: Option<PathBuf>,
}

impl Hierarchies {
    /// Finds them by making a group in each. Also says why a hierarchy can't be used.
    pub(crate) fn probe() -> (Self, Vec<(Layer, String)>) {
        let mounts = Mounts::read().unwrap_or_default();
        let mut absent = Vec::new();
        let v2 = v2::probe(&mounts).map_err(|why| absent.push((Layer::CgroupV2, why))).ok();
        let v1 = v1::probe(&mounts).map_err(|why| absent.push((Layer::CgroupV1, why))).unwrap_or_default();
        (Self { v1, v2 }, absent)
    }

    fn parents(&self) -> impl Iterator<Item = &Path> {
        self.v1.iter().map(|c| c.directory.as_path()).chain(self.v2.as_deref())
    }
}

/// The groups of one sandbox; removed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Group {
    directories: Vec<PathBuf>,
    entrances: Vec<PathBuf>,
    /// [`Group::remove`] was called.
    is_tried: bool,
}

impl Group {
    /// Makes the groups and sets the limits, in those of `layers` that are cgroups.
    pub(crate) fn create(from: &Hierarchies, layers: &[Layer], limits: &Limits) -> io::Result<Self> {
        let name = next_name();
        let mut group = Self::default();
        if layers.contains(&Layer::CgroupV2)
            && let Some(parent) = &from.v2
        {
            let directory = group.make(parent, &name, "cgroup.procs")?;
            v2::set(&directory, limits)?;
        } else if layers.contains(&Layer::CgroupV1) {
            for controller in &from.v1 {
                // A process with one thread may move itself by `tasks` without the lock over all processes that
                // `cgroup.procs` takes, which costs an RCU grace period: tens of milliseconds.
                let directory = group.make(&controller.directory, &name, "tasks")?;
                controller.set(&directory, limits)?;
            }
        }
        Ok(group)
    }

    fn make(&mut self, parent: &Path, name: &str, entrance: &str) -> io::Result<PathBuf> {
        let directory = parent.join(name);
        fs::create_dir(&directory).map_err(|e| naming(&directory, &e))?;
        self.directories.push(directory.clone());
        self.entrances.push(directory.join(entrance));
        Ok(directory)
    }

    /// The files to which a process writes `0` to move itself in.
    pub(crate) fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |path: &PathBuf| OpenOptions::new().write(true).open(path).map_err(|e| naming(path, &e));
        self.entrances.iter().map(|path| open(path).map(OwnedFd::from)).collect()
    }

    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Kills whatever is left in the groups and removes them. One that stays is tried once more when this is dropped.
    pub(crate) fn remove(&mut self) {
        self.directories.retain(|directory| remove(directory).is_err());
        self.is_tried = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_tried {
            self.directories.iter().for_each(|directory| drop(fs::remove_dir(directory)));
        } else {
            self.remove();
        }
    }
}

/// Removes a group, or finds it removed. Its last processes may still be on their way out, for which the kernel
/// answers EBUSY; they are killed, again and again, since one may be forking. No other answer is final either.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    for round in 0.. {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let is_busy = error.raw_os_error() == Some(libc::EBUSY);
                if round >= if is_busy { BUSY_ROUNDS } else { OTHER_ROUNDS } {
                    return Err(naming(directory, &error));
                }
                stop_forks(directory);
                kill_members(directory);
                std::thread::sleep(Duration::from_millis(if round < 10 { 1 } else { 10 }));
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// No process of the group can fork any more. Best effort: where there is no such controller, others act.
pub(crate) fn stop_forks(directory: &Path) {
    let _ = write(&directory.join("pids.max"), "0");
}

fn kill_members(directory: &Path) {
    if write(&directory.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    // The name of the group is in a member's list of groups, and in no other's.
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let is_member = |pid: Pid| {
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_nonzero())).unwrap_or_default();
        groups.lines().any(|group| group.rsplit('/').next() == Some(&*name))
    };
    let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        process::signal_if(pid, Signal::KILL, is_member);
    }
}

/// Kills and removes the groups of supervisors that are no more. Call it once, at start.
pub fn clean_stale_groups(kernel: &crate::Kernel) -> usize {
    let mut removed = 0;
    for parent in kernel.groups.parents() {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        for entry in entries.filter(|e| is_stale(&e.file_name().to_string_lossy())) {
            removed += usize::from(remove(&entry.path()).is_ok());
        }
    }
    removed
}

/// True for the name of something of ours whose supervisor is gone.
pub(crate) fn is_stale(name: &str) -> bool {
    let mut parts = name.strip_prefix("ioi-").unwrap_or_default().split('-');
    match (parts.next().map(str::parse::<u32>), parts.next().map(str::parse::<u64>)) {
        (Some(Ok(pid)), Some(Ok(start))) => start_time(pid) != Some(start),
        _ => false,
    }
}

/// A name that no other sandbox of this boot has.
pub(crate) fn next_name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let pid = std::process::id();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("ioi-{pid}-{}-{number}", start_time(pid).unwrap_or(0))
}

/// When a process started, in clock ticks since boot: field 22 of its `stat` (proc(5)).
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may itself hold spaces and parentheses.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Where cgroup hierarchies are mounted and which groups we are in.
#[derive(Debug, Default)]
struct Mounts {
    mountinfo: String,
    membership: String,
}

impl Mounts {
    fn read() -> io::Result<Self> {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Self { mountinfo, membership: fs::read_to_string("/proc/self/cgroup")? })
    }

    /// The directory of our own group: for a version 1 controller by name, for version 2 without.
    fn own(&self, controller: Option<&str>) -> Option<PathBuf> {
        let (root, point) = self.mountinfo.lines().find_map(|line| mount_of(line, controller))?;
        let group = self.membership.lines().find_map(|line| group_of(line, controller))?;
        let below = Path::new(group).strip_prefix(root).ok()?;
        Some(Path::new(point).join(below))
    }
}

/// The root and mount point in a line of mountinfo, if it is the hierarchy asked for.
fn mount_of<'a>(line: &'a str, controller: Option<&str>) -> Option<(&'a str, &'a str)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut fields = filesystem.split(' ');
    let matches = match (fields.next()?, controller) {
        ("cgroup2", None) => true,
        ("cgroup", Some(name)) => fields.nth(1)?.split(',').any(|option| option == name),
        _ => false,
    };
    let mut fields = mount.split(' ').skip(3);
    matches.then_some((fields.next()?, fields.next()?))
}

/// Our group in a line of `/proc/self/cgroup`, if it is of the hierarchy asked for.
fn group_of<'a>(line: &'a str, controller: Option<&str>) -> Option<&'a str> {
    let mut fields = line.splitn(3, ':');
    let (number, names, group) = (fields.next()?, fields.next()?, fields.next()?);
    match controller {
        None => (number == "0" && names.is_empty()).then_some(group),
        Some(name) => names.split(',').any(|n| n == name).then_some(group),
    }
}

/// Writes a value to a control file that exists.
fn write(path: &Path, value: &str) -> io::Result<()> {
    use std::io::Write;
    let mut file: File = OpenOptions::new().write(true).open(path).map_err(|e| naming(path, &e))?;
    file.write_all(value.as_bytes()).map_err(|e| naming(path, &e))
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Makes and removes a group beneath `parent`, trying `body` on it.
fn try_group(parent: &Path, body: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let directory = parent.join(next_name());
    fs::create_dir(&directory).map_err(|e| naming(&directory, &e))?;
    let result = body(&directory);
    fs::remove_dir(&directory).map_err(|e| naming(&directory, &e))?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_group_is_found_beneath_the_root_that_is_mounted() {
        let mounts = Mounts {
            mountinfo: "30 29 0:26 /docker/a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                        31 29 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                .into(),
            membership: "4:memory:/docker/a/b\n0::/user.slice\n".into(),
        };
        assert_eq!(mounts.own(Some("memory")).unwrap(), Path::new("/sys/fs/cgroup/memory/b"));
        assert_eq!(mounts.own(None).unwrap(), Path::new("/sys/fs/cgroup/unified/user.slice"));
        assert_eq!(mounts.own(Some("pids")), None);
    }

    #[test]
    fn only_a_group_whose_supervisor_is_gone_is_stale() {
        assert!(!is_stale(&next_name()));
        let pid = std::process::id();
        assert!(is_stale(&format!("ioi-{pid}-1-0")));
        assert!(is_stale("ioi-4194305-5-0"));
        assert!(!is_stale("ioi-guardian"));
        assert!(!is_stale("user.slice"));
    }
}
