//! The private root: a small read-only tree in memory that holds the grants and nothing else.

use super::{During, Failure, devices};
use crate::wire::Job;
use crate::{Access, SyscallSet, sys};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2, symlinkat};
use rustix::mount::{self, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Attributes of mounts (linux/mount.h).
const READ_ONLY: u64 = 1;
const NO_SUID: u64 = 2;
const NO_DEVICES: u64 = 4;
const NO_EXEC: u64 = 8;

/// More links than this on one path are a loop, as for the kernel.
const LINKS_MAX: usize = 40;

/// Where the new root is put together: almost any directory will do, since all that is needed from beneath
/// it has been opened before.
const SCAFFOLDS: [&str; 3] = ["/tmp", "/mnt", "/usr"];

/// Becomes the root of a process whose mount namespace is its own.
pub(super) fn build(job: &Job) -> Result<(), Failure> {
    let quiet = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount::mount_change("/", quiet).during("keeping mounts to ourselves")?;
    let places = Places::collect(job)?;
    let copies = places.copies(job.plan.terminal)?;
    let scaffold = SCAFFOLDS.into_iter().find(|p| Path::new(p).is_dir()).unwrap_or("/");
    mount_memory(Path::new(scaffold), 4 << 20, 0o755, MountFlags::empty()).during("mounting the root")?;
    let root = open_directory(scaffold).during("opening the root")?;
    Tree { root: &root }.fill(&copies, &places.links, job)?;
    sys::set_mount_attributes(root.as_fd(), READ_ONLY | NO_SUID | NO_DEVICES, false)
        .during("making the root read-only")?;
    rustix::process::fchdir(&root).during("entering the root")?;
    rustix::process::pivot_root(".", ".").during("changing the root")?;
    mount::unmount(".", UnmountFlags::DETACH).during("leaving the old root")?;
    rustix::process::chdir("/").during("entering the root")
}

fn open_directory(path: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

fn mount_memory(at: &Path, bytes: u64, mode: u32, flags: MountFlags) -> rustix::io::Result<()> {
    let options = CString::new(format!("size={bytes},mode={mode:o}")).expect("no NUL in it");
    let flags = flags | MountFlags::NOSUID | MountFlags::NODEV;
    mount::mount("tmpfs", at, "tmpfs", flags, options.as_c_str())
}

/// What goes where: the places of the grants, and the links on the way to them.
#[derive(Default)]
struct Places {
    accesses: BTreeMap<PathBuf, Access>,
    links: BTreeMap<PathBuf, PathBuf>,
}

/// A detached copy of a tree and the place where it goes.
struct Copy {
    place: PathBuf,
    tree: OwnedFd,
    directory: bool,
}

impl Places {
    fn collect(job: &Job) -> Result<Self, Failure> {
        let mut places = Self::default();
        places.add(Path::new(&job.executable.0), Access::ReadExecute)?;
        for (path, access) in &job.grants {
            places.add(Path::new(&path.0), *access)?;
        }
        // Seen, so that names can be looked up; opened is nothing of it (see `landlock`).
        for (path, access) in &job.mediated {
            places.add(Path::new(&path.0), *access)?;
        }
        Ok(places)
    }

    /// Two grants of one place are one grant of what either allows, as they are for Landlock.
    fn add(&mut self, path: &Path, access: Access) -> Result<(), Failure> {
        let place = self.resolve(path).during(format_args!("granting {}", path.display()))?;
        self.accesses.entry(place).and_modify(|other| *other = other.with(access)).or_insert(access);
        Ok(())
    }

    /// Copies of the trees, in order of their places, so that one comes before what is granted within it.
    /// A place that needs nothing but the grant around it gets none: each mount costs time.
    fn copies(&self, terminal: bool) -> Result<Vec<Copy>, Failure> {
        let mut copies = Vec::new();
        for (place, access) in &self.accesses {
            let around = place.ancestors().skip(1).find_map(|above| self.accesses.get(above));
            if around != Some(access) {
                copies.push(copy_grant(place, *access).during(format_args!("granting {}", place.display()))?);
            }
        }
        for device in devices::devices(terminal) {
            let tree = copy(Path::new(device), NO_SUID | NO_EXEC).during(device)?;
            copies.push(Copy { place: device.into(), tree, directory: false });
        }
        Ok(copies)
    }

    /// The path without links. The links that were met are remembered, to be made inside too.
    fn resolve(&mut self, path: &Path) -> io::Result<PathBuf> {
        let mut rest: Vec<PathBuf> = path.components().rev().map(|c| c.as_os_str().into()).collect();
        let (mut place, mut links) = (PathBuf::from("/"), 0);
        while let Some(part) = rest.pop() {
            match part.components().next() {
                Some(Component::ParentDir) => drop(place.pop()),
                Some(Component::Normal(name)) => {
                    let next = place.join(name);
                    if !fs::symlink_metadata(&next)?.is_symlink() {
                        place = next;
                        continue;
                    }
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(io::Error::from_raw_os_error(libc::ELOOP));
                    }
                    let target = fs::read_link(&next)?;
                    if target.is_absolute() {
                        place = "/".into();
                    }
                    rest.extend(target.components().rev().map(|c| PathBuf::from(c.as_os_str())));
                    self.links.insert(next, target);
                }
                _ => {}
            }
        }
        Ok(place)
    }
}

fn copy_grant(place: &Path, access: Access) -> io::Result<Copy> {
    let mut attributes = NO_SUID | NO_DEVICES;
    attributes |= if access.writes() { 0 } else { READ_ONLY };
    attributes |= if access.executes() { 0 } else { NO_EXEC };
    let directory = fs::metadata(place)?.is_dir();
    Ok(Copy { place: place.into(), tree: copy(place, attributes)?, directory })
}

/// A detached copy of a tree and all that is mounted in it, with these attributes throughout.
fn copy(path: &Path, attributes: u64) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    let tree = mount::open_tree(CWD, path, flags)?;
    sys::set_mount_attributes(tree.as_fd(), attributes, true)?;
    Ok(tree)
}

/// The new root while it is filled. Paths are resolved in it as if it were the root already, so that a link
/// in a granted tree can't lead a mount elsewhere.
struct Tree<'a> {
    root: &'a OwnedFd,
}

impl Tree<'_> {
    fn fill(&self, copies: &[Copy], links: &BTreeMap<PathBuf, PathBuf>, job: &Job) -> Result<(), Failure> {
        // What is in memory comes first, since a grant may lie within `/tmp`.
        if let Some(bytes) = job.private_tmp_bytes {
            let flags =
                if job.syscalls == SyscallSet::Program { MountFlags::empty() } else { MountFlags::NOEXEC };
            self.memory(Path::new("/tmp"), bytes, 0o1777, flags)?;
        }
        if job.syscalls == SyscallSet::Program {
            let bytes = job.private_tmp_bytes.unwrap_or(1 << 20);
            self.memory(Path::new("/dev/shm"), bytes, 0o1777, MountFlags::NOEXEC)?;
            if job.plan.proc {
                self.proc()?;
            }
        }
        for Copy { place, tree, directory } in copies {
            self.place(place, tree, *directory).during(format_args!("placing {}", place.display()))?;
        }
        for (link, target) in links {
            self.link(link, target).during(format_args!("placing {}", link.display()))?;
        }
        Ok(())
    }

    fn place(&self, path: &Path, tree: &OwnedFd, directory: bool) -> io::Result<()> {
        if path == Path::new("/") {
            return Err(io::Error::other("the whole root can't be granted"));
        }
        let point = match self.open(path) {
            Err(rustix::io::Errno::NOENT) => {
                self.make(path, directory)?;
                self.open(path)?
            }
            other => other?,
        };
        move_onto(tree, &point)?;
        Ok(())
    }

    fn memory(&self, path: &Path, bytes: u64, mode: u32, flags: MountFlags) -> Result<(), Failure> {
        let step = || format!("mounting {}", path.display());
        let point = self.directory(path).during(step())?;
        // A path through the descriptor, since the classic call takes paths only.
        mount_memory(&through(&point), bytes, mode, flags).during(step())
    }

    /// `/proc` of the pid namespace, all of it read-only: with the caller's uid some of it could be written.
    fn proc(&self) -> Result<(), Failure> {
        for (link, target) in devices::LINKS {
            self.link(Path::new(link), Path::new(target)).during(link)?;
        }
        let point = self.directory(Path::new("/proc")).during("making /proc")?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
        mount::mount("proc", through(&point), "proc", flags, None::<&CStr>).during("mounting /proc")
    }

    fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        if self.open(path).is_err() {
            self.make(path, true)?;
        }
        Ok(self.open(path)?)
    }

    /// Makes a mount point and the directories above it.
    fn make(&self, path: &Path, directory: bool) -> io::Result<()> {
        let above = self.above(path)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match directory {
            true => mkdirat(&above, name, Mode::from_raw_mode(0o755))?,
            false => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(&above, name, flags, Mode::from_raw_mode(0o444))?;
            }
        }
        Ok(())
    }

    /// Makes a link, unless something is there: then the tree that holds it has its own.
    fn link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let above = self.above(path)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match symlinkat(target, &above, name) {
            Err(rustix::io::Errno::EXIST | rustix::io::Errno::ROFS | rustix::io::Errno::ACCESS) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The directory above a path, made if needed.
    fn above(&self, path: &Path) -> io::Result<OwnedFd> {
        self.directory(path.parent().unwrap_or(Path::new("/")))
    }

    fn open(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(
            self.root,
            CString::new(path.as_os_str().as_bytes()).unwrap_or_default(),
            flags,
            Mode::empty(),
            inside,
        )
    }
}

fn through(point: &OwnedFd) -> PathBuf {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", point.as_raw_fd()).into()
}

fn move_onto(tree: &OwnedFd, point: &OwnedFd) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    mount::move_mount(tree, c"", point, c"", flags)
}
