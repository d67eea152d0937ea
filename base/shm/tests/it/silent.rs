//! A file on a file system of this process's own (FUSE), which falls silent once it is open.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

/// From `linux/fuse.h`, protocol 7.31.
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const INIT: u32 = 26;
const FORGET: u32 = 2;
/// Closing the file sends no request either: what is tested is what comes before.
const NO_FLUSH: u32 = 1 << 5;
const FILE: u64 = 2;

/// The file, and whoever should answer for it. Everything that waits for an answer gets an
/// error when the latter is dropped.
pub(crate) struct Silent {
    device: Option<OwnedFd>,
    pub(crate) file: OwnedFd,
}

impl Drop for Silent {
    fn drop(&mut self) {
        drop(self.device.take());
    }
}

/// Opens the file.
///
/// # Errors
/// Where this process may not mount a file system of its own.
pub(crate) fn file() -> Result<Silent, Errno> {
    let device = open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let number = device.as_raw_fd();
    let opening = std::thread::spawn(move || {
        mounted(number)?;
        open("/tmp/file", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    });
    // Where it can't be mounted nobody asks, and the kernel says so (EPERM, no request).
    while !opening.is_finished() && !is_opened(&device) {}
    Ok(Silent { file: opening.join().unwrap()?, device: Some(device) })
}

/// Only the calling thread sees the mount; the file that it opens is good for all.
fn mounted(device: i32) -> Result<(), Errno> {
    // SAFETY: a mount namespace of its own, and with it a working directory of its
    // own, changes nothing that other threads or open descriptors rely on.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let options = CString::new(format!("fd={device},rootmode=40000,user_id=0,group_id=0")).unwrap();
    mount("silent", "/tmp", "fuse", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
}

/// Answers one request, if there is one; true when it was the one to open the file.
fn is_opened(device: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let soon = rustix::time::Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    let mut ready = [PollFd::new(device, PollFlags::IN)];
    if poll(&mut ready, Some(&soon)) != Ok(1) {
        return false;
    }
    let mut request = vec![0; 1 << 17];
    let Ok(length) = rustix::io::read(device, &mut request) else {
        // Not mounted, or not yet.
        std::thread::sleep(std::time::Duration::from_millis(1));
        return false;
    };
    assert!(length >= 40, "a request has a head");
    let opcode = u32::from_ne_bytes(request[4..8].try_into().unwrap());
    let node = u64::from_ne_bytes(request[16..24].try_into().unwrap());
    if opcode == FORGET {
        return false;
    }
    let (errno, body) = answer(opcode, node);
    let length = 16 + body.len() as u32;
    let answer = [&length.to_ne_bytes()[..], &errno.to_ne_bytes(), &request[8..16], &body].concat();
    rustix::io::write(device, &answer).unwrap();
    opcode == OPEN
}

fn answer(opcode: u32, node: u64) -> (i32, Vec<u8>) {
    match opcode {
        // Version, read-ahead, flags, background, longest write, granularity, and zeros.
        INIT => (0, words(&[7, 31, 0, 0, 0, 4096, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        // The node, its generation, and for how long that and its attributes hold: not at all.
        LOOKUP => (0, [words(&[FILE as u32, 0, 0, 0, 0, 0, 0, 0, 0, 0]), attributes(FILE)].concat()),
        GETATTR => (0, [words(&[0; 4]), attributes(node)].concat()),
        OPEN => (0, words(&[0, 0, NO_FLUSH, 0])),
        _ => (-Errno::NOSYS.raw_os_error(), Vec::new()),
    }
}

/// Number, size, blocks, times, mode, links, owner, device, block size, flags.
fn attributes(node: u64) -> Vec<u8> {
    let mode = if node == FILE { 0o100_444 } else { 0o040_555 };
    let mut fields = [0; 22];
    (fields[0], fields[2], fields[15], fields[16], fields[20]) = (node as u32, 4096, mode, 1, 4096);
    words(&fields)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
