//! Opens that somebody answers: what the program gets is what was decided on, whatever it does meanwhile.

use crate::support::*;
use ioi_sandbox::*;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, readlinkat};
use rustix::io::Errno;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const OPEN: &str = "what anybody may read";
const SECRET: &str = "SECRET-0815, never read";

/// Gives what lies in the tree, but for names that hold `deny`; the rest goes on.
struct ByName {
    tree: PathBuf,
    asked: AtomicU64,
    slow: Duration,
}

impl Broker for ByName {
    fn answer(&self, call: Call) {
        std::thread::sleep(self.slow);
        let Asked::Open { name, .. } = call.asked() else { return call.go_on() };
        let Some((path, descriptor)) = look(&call, name) else { return call.go_on() };
        if !path.starts_with(&self.tree) {
            return call.go_on();
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        if path.to_str().unwrap().contains("deny") {
            return call.refuse(Errno::ACCESS);
        }
        let again = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        match rustix::fs::open(again, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => drop(call.give(file.as_fd())),
            Err(errno) => call.refuse(errno),
        }
    }
}

/// What the call is about, and the path that it really has.
fn look(call: &Call, name: Name) -> Option<(PathBuf, std::os::fd::OwnedFd)> {
    let path = call.path(name)?;
    let path = call.base(name).ok()?.join(Path::new(std::ffi::OsStr::from_bytes(&path)));
    let flags = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let (root, how) = (call.root().ok()?, OFlags::PATH | OFlags::CLOEXEC);
    let descriptor = openat2(root, &path, how, Mode::empty(), flags).ok()?;
    let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let real = readlinkat(CWD, link, Vec::new()).ok()?;
    let real = PathBuf::from(std::ffi::OsStr::from_bytes(real.as_bytes()));
    call.still_waits().then_some((real, descriptor))
}

/// A tree with one file that may be read and one that may not, and a folder of the program's own.
struct Scene {
    _folder: tempfile::TempDir,
    tree: PathBuf,
    own: PathBuf,
    opener: Arc<ByName>,
}

impl Scene {
    fn set(slow: Duration) -> Self {
        // Not in `/tmp`: the private one would be above it (see the last test).
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = folder.path().canonicalize().unwrap();
        let (tree, own) = (path.join("tree"), path.join("own"));
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::create_dir(&own).unwrap();
        fs::write(tree.join("sub/good"), OPEN).unwrap();
        fs::write(tree.join("sub/deny"), SECRET).unwrap();
        symlink("sub/deny", tree.join("alias")).unwrap();
        let opener = Arc::new(ByName { tree: tree.clone(), asked: AtomicU64::new(0), slow });
        Self { _folder: folder, tree, own, opener }
    }

    fn text(&self, name: &str) -> String {
        self.tree.join(name).to_str().unwrap().into()
    }

    fn profile(&self, words: &[&str]) -> Profile {
        let mut profile = profile("opens", words);
        profile.syscalls = SyscallSet::Program;
        profile.mediated = vec![Grant::new(&self.tree, Access::Read)];
        profile.grants.push(Grant::new(&self.own, Access::ReadWrite));
        profile.working_directory = self.tree.clone();
        profile
    }

    fn start(&self, kernel: &Kernel, profile: &Profile, stdout: Stream) -> Sandboxed {
        let streams = Streams { stdout, stderr: Stream::Inherit, ..Streams::default() };
        let mut sandboxed = spawn(kernel, profile, &program("ioi-init"), Vec::new(), streams).unwrap();
        let opener = Arc::clone(&self.opener);
        sandboxed.take_listener().unwrap().serve(3, opener).unwrap();
        sandboxed
    }

    fn says(&self, kernel: &Kernel, words: &[&str]) -> String {
        self.run(kernel, &self.profile(words))
    }

    fn run(&self, kernel: &Kernel, profile: &Profile) -> String {
        let (reader, writer) = pipe();
        let mut sandboxed = self.start(kernel, profile, Stream::Descriptor(writer));
        let exit = wait(&mut sandboxed);
        let (stdout, ended) = read_for(reader, Duration::from_secs(10));
        assert!(ended && exit.code == Some(0), "{exit:?} {stdout}");
        assert!(!stdout.contains(SECRET), "the denied file was read: {stdout}");
        stdout
    }
}

fn scene() -> Scene {
    Scene::set(Duration::ZERO)
}

fn refused(number: i32) -> String {
    format!("errno {number}\n")
}

#[test]
fn every_way_to_name_a_file_is_decided_on_what_it_leads_to() {
    for (tier, kernel) in tiers() {
        let scene = scene();
        let denied = refused(libc::EACCES);
        for (words, wanted) in [
            (vec!["read", "sub/good"], format!("{OPEN}\n")),
            (vec!["read", "sub/../sub/./good"], format!("{OPEN}\n")),
            (vec!["read", &scene.text("sub/good")], format!("{OPEN}\n")),
            (vec!["at", "sub", "good"], format!("{OPEN}\n")),
            (vec!["at", "/", &scene.text("sub/good")], format!("{OPEN}\n")),
            (vec!["read", "sub/deny", "alias", &scene.text("sub/deny")], denied.repeat(3)),
            (vec!["at", "sub", "deny"], denied.clone()),
            (vec!["at", "sub", "../sub/../alias"], denied.clone()),
            (vec!["read", "missing"], refused(libc::ENOENT)),
            (vec!["read", "sub/good/x"], refused(libc::ENOTDIR)),
            // A file that the program was granted directly, and one that nobody granted.
            (vec!["read", "/dev/null"], "\n".into()),
            (vec!["long", &scene.text("sub/good"), "4095"], format!("{OPEN}\n")),
            (vec!["long", &scene.text("sub/good"), "4096"], refused(libc::ENAMETOOLONG)),
            (vec!["long", &scene.text("sub/good"), "4097"], refused(libc::ENAMETOOLONG)),
        ] {
            assert_eq!(scene.says(&kernel, &words), wanted, "{tier:?} {words:?}");
        }
        assert!(scene.opener.asked.load(Ordering::Relaxed) > 0);
        // Through the link of a descriptor that can do nothing: where there is a `/proc`, and where there is none.
        for name in ["sub/deny", "sub/good"] {
            let said = scene.says(&kernel, &["again", name]);
            assert!(said.starts_with("errno"), "{tier:?} {said}");
        }
        assert_eq!(scene.says(&kernel, &["read", "/etc/shadow"]).find("root"), None);
    }
}

#[test]
fn a_path_that_another_thread_rewrites_never_opens_what_is_denied() {
    for (tier, kernel) in tiers() {
        let scene = scene();
        let (good, deny) = (scene.text("sub/good"), scene.text("sub/deny"));
        let said = scene.says(&kernel, &["race", &good, &deny, "3000"]);
        let lines: Vec<_> = said.lines().map(|line| line.split_once(' ').unwrap()).collect();
        let times =
            |what: &str| lines.iter().find(|(_, w)| *w == what).map_or(0, |(n, _)| n.parse().unwrap());
        let (read, denied): (u64, u64) = (times(OPEN), times("errno 13"));
        // Both really were met, so the race was run.
        assert!(read > 0 && denied > 0, "{tier:?} {said}");
        let others = lines.iter().filter(|(_, what)| ![OPEN, "errno 13", "errno 2"].contains(what));
        assert_eq!(others.count(), 0, "{tier:?} {said}");
    }
}

#[test]
fn a_link_that_is_swapped_never_opens_what_is_denied() {
    for (tier, kernel) in tiers() {
        let scene = scene();
        let (good, deny) = (scene.text("sub/good"), scene.text("sub/deny"));
        let own = scene.own.to_str().unwrap();
        let said = scene.says(&kernel, &["race-link", own, &good, &deny, "3000"]);
        assert!(said.contains(OPEN) && said.contains("errno 13"), "{tier:?} {said}");
    }
}

#[test]
fn a_bad_pointer_gives_the_kernels_own_error() {
    for (tier, kernel) in tiers() {
        let fault = refused(libc::EFAULT);
        // The fifth address has a whole page of one name, and no end.
        let wanted = [&fault.repeat(4), &refused(libc::ENAMETOOLONG), &fault.repeat(3), "opened\n"].concat();
        assert_eq!(scene().says(&kernel, &["pointers"]), wanted, "{tier:?}");
    }
}

#[test]
fn what_is_mediated_can_only_be_opened() {
    for (tier, kernel) in tiers() {
        for access in [Access::Read, Access::ReadWrite] {
            let scene = scene();
            fs::copy("/bin/true", scene.tree.join("sub/good")).unwrap();
            let before = fs::read(scene.tree.join("sub/good")).unwrap();
            let own = scene.own.to_str().unwrap();
            let mut profile = scene.profile(&["change", &scene.text("sub/good"), own]);
            profile.mediated[0].access = access;
            assert_eq!(scene.run(&kernel, &profile), "worked: \n", "{tier:?} {access:?}");
            assert_eq!(fs::read(scene.tree.join("sub/good")).unwrap(), before);
            let names: Vec<_> =
                fs::read_dir(scene.tree.join("sub")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names.len(), 2, "{names:?}");
            let mode = fs::metadata(scene.tree.join("sub/good")).unwrap().permissions().mode();
            assert_eq!(mode & 0o022, 0);
        }
    }
}

#[test]
fn a_root_that_started_it_opens_nothing_for_it_that_its_own_uid_may_not() {
    if !is_root() {
        println!("skipped: no root");
        return;
    }
    for (tier, kernel) in tiers() {
        let scene = scene();
        let path = scene.tree.join("sub/good");
        std::os::unix::fs::chown(&path, Some(12_345), Some(12_345)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(scene.says(&kernel, &["read", "sub/good"]), refused(libc::EACCES), "{tier:?}");
        // The same as in a tree that it was granted as a whole.
        fs::copy(&path, scene.own.join("good")).unwrap();
        std::os::unix::fs::chown(scene.own.join("good"), Some(12_345), Some(12_345)).unwrap();
        fs::set_permissions(scene.own.join("good"), fs::Permissions::from_mode(0o600)).unwrap();
        let own = scene.own.join("good");
        assert_eq!(scene.says(&kernel, &["read", own.to_str().unwrap()]), refused(libc::EACCES), "{tier:?}");
    }
}

#[test]
fn without_a_listener_nothing_opens() {
    for (_, kernel) in tiers() {
        let scene = scene();
        let (reader, writer) = pipe();
        let streams = Streams { stdout: Stream::Descriptor(writer), ..Streams::default() };
        let profile = scene.profile(&["read", "sub/good"]);
        let mut sandboxed = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), streams).unwrap();
        drop(sandboxed.take_listener());
        // The loader itself can't open a library.
        assert_ne!(wait(&mut sandboxed).code, Some(0));
        assert_eq!(read_for(reader, Duration::from_secs(5)), (String::new(), true));
    }
}

#[test]
fn the_program_has_no_descriptor_of_the_listener() {
    for (_, kernel) in tiers() {
        let scene = scene();
        let mut profile = scene.profile(&[]);
        profile.executable = program("harmless");
        profile.argv = ["harmless", "descriptors"].map(Into::into).to_vec();
        assert_eq!(scene.run(&kernel, &profile), "0\n1\n2\n");
    }
}

#[test]
fn a_flood_that_is_killed_in_the_middle_leaves_nothing_and_its_threads_end() {
    for (tier, kernel) in tiers() {
        let scene = Scene::set(Duration::from_millis(1));
        let said = scene.says(&kernel, &["flood", "sub/good", "12"]);
        assert_eq!(said, format!("{OPEN}\n"), "{tier:?}");
        let (reader, writer) = pipe();
        let profile = scene.profile(&["flood", "sub/deny", "12"]);
        let mut sandboxed = scene.start(&kernel, &profile, Stream::Descriptor(writer));
        std::thread::sleep(Duration::from_millis(100));
        sandboxed.kill();
        assert!(read_for(reader, Duration::from_secs(10)).1, "{tier:?}");
        // The threads hold the opener; they end with the last process.
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while Arc::strong_count(&scene.opener) > 1 {
            assert!(std::time::Instant::now() < deadline, "a thread goes on");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_tree_beneath_what_is_granted_whole_is_not_mediated() {
    for (tier, kernel) in tiers() {
        let scene = scene();
        let mut profile = scene.profile(&["read", "sub/good"]);
        profile.grants.push(Grant::new(scene.tree.parent().unwrap(), Access::Read));
        let refused = spawn(&kernel, &profile, &program("ioi-init"), Vec::new(), Streams::default());
        assert!(refused.unwrap_err().to_string().contains("as a whole"), "{tier:?}");
    }
}

#[test]
fn what_cannot_be_mediated_here_is_not_started() {
    let scene = scene();
    let mut profile = scene.profile(&["read", "sub/good"]);
    for layer in [Layer::Landlock, Layer::Seccomp] {
        let refused = plan(&kernel().without(&[layer]), &profile);
        assert!(refused.is_err(), "{layer}");
    }
    for set in [SyscallSet::Native, SyscallSet::Tokio] {
        profile.syscalls = set;
        let refused = spawn(kernel(), &profile, &program("ioi-init"), Vec::new(), Streams::default());
        assert!(matches!(refused, Err(SpawnError::Profile { .. })), "{set:?}");
    }
    // Its files would be opened with another uid than its own.
    profile.syscalls = SyscallSet::Program;
    profile.identity = Identity::Uid(65_533, 65_533);
    let refused = spawn(kernel(), &profile, &program("ioi-init"), Vec::new(), Streams::default());
    assert!(matches!(refused, Err(SpawnError::Profile { .. })), "{refused:?}");
}

#[test]
fn a_tree_in_tmp_is_mediated_too_and_the_private_tmp_lies_elsewhere() {
    for (tier, kernel) in tiers() {
        let mut scene = scene();
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let tree = folder.path().canonicalize().unwrap();
        fs::create_dir(tree.join("sub")).unwrap();
        fs::write(tree.join("sub/good"), OPEN).unwrap();
        fs::write(tree.join("sub/deny"), SECRET).unwrap();
        scene.opener =
            Arc::new(ByName { tree: tree.clone(), asked: AtomicU64::new(0), slow: Duration::ZERO });
        scene.tree = tree;
        let mut profile = scene.profile(&["read", "sub/good", "sub/deny", "sub/../sub/deny"]);
        profile.private_tmp_bytes = Some(1 << 20);
        let wanted = format!("{OPEN}\nerrno 13\nerrno 13\n");
        assert_eq!(scene.run(&kernel, &profile), wanted, "{tier:?}");
        let own = scene.own.to_str().unwrap().to_owned();
        let mut profile = scene.profile(&["change", &scene.text("sub/good"), &own]);
        profile.private_tmp_bytes = Some(1 << 20);
        assert_eq!(scene.run(&kernel, &profile), "worked: \n", "{tier:?}");
    }
}
