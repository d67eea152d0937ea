//! A test child that opens files in every way there is, and says what it got: contents, or `errno N`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["read", paths @ ..] => {
            paths.iter().for_each(|path| println!("{}", shown(open(path, libc::O_RDONLY))))
        }
        ["list", path] => println!("{}", list(path)),
        ["create", path, text] => println!("{}", create(path, text)),
        ["at", directory, name] => println!("{}", shown(open_at(directory, name))),
        ["again", path] => println!("{}", shown(through_link(path))),
        ["pointers"] => bad_pointers(),
        ["long", path, bytes] => println!("{}", shown(long(path, bytes.parse().expect("a number")))),
        ["change", path, free] => change(path, free),
        ["race", one, other, rounds] => race_text(one, other, rounds.parse().expect("a number")),
        ["race-link", folder, one, other, rounds] => {
            race_link(folder, one, other, rounds.parse().expect("a number"));
        }
        ["flood", path, processes] => flood(path, processes.parse().expect("a number")),
        other => panic!("unknown request {other:?}"),
    }
}

fn text(path: &str) -> CString {
    CString::new(path).expect("no NUL in it")
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn owned(fd: i32) -> Result<File, i32> {
    if fd < 0 {
        return Err(errno());
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { File::from_raw_fd(fd) })
}

fn open(path: &str, flags: i32) -> Result<File, i32> {
    // SAFETY: the path ends with NUL.
    owned(unsafe { libc::open(text(path).as_ptr(), flags, 0o666) })
}

fn open_raw(address: u64) -> Result<File, i32> {
    // SAFETY: the kernel checks the address, which is what is tried.
    owned(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, address, libc::O_RDONLY) } as i32)
}

fn shown(file: Result<File, i32>) -> String {
    let mut content = String::new();
    match file.map(|mut file| file.read_to_string(&mut content)) {
        Ok(Ok(_)) => content,
        Ok(Err(error)) => format!("unreadable: {error}"),
        Err(number) => format!("errno {number}"),
    }
}

fn list(path: &str) -> String {
    let Ok(entries) = std::fs::read_dir(path) else { return format!("errno {}", errno()) };
    let mut names: Vec<_> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.join(" ")
}

fn create(path: &str, content: &str) -> String {
    match std::fs::write(path, content) {
        Ok(()) => "written".into(),
        Err(error) => format!("errno {}", error.raw_os_error().unwrap_or(0)),
    }
}

fn open_at(directory: &str, name: &str) -> Result<File, i32> {
    use std::os::fd::AsRawFd;
    let directory = open(directory, libc::O_PATH | libc::O_DIRECTORY)?;
    // SAFETY: the name ends with NUL.
    owned(unsafe { libc::openat(directory.as_raw_fd(), text(name).as_ptr(), libc::O_RDONLY) })
}

/// A descriptor that can do nothing, opened again by its link.
fn through_link(path: &str) -> Result<File, i32> {
    use std::os::fd::AsRawFd;
    let nothing = open(path, libc::O_PATH)?;
    open(&format!("/proc/self/fd/{}", nothing.as_raw_fd()), libc::O_RDONLY)
}

/// Addresses where no path is, and a path that runs into the end of its page.
fn bad_pointers() {
    const PAGE: usize = 4096;
    // SAFETY: a mapping of two pages, the second of which is given back; what is written lies in the first.
    let end = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let pages = libc::mmap(std::ptr::null_mut(), 2 * PAGE, access, flags, -1, 0);
        libc::munmap(pages.byte_add(PAGE), PAGE);
        std::ptr::write_bytes(pages.cast::<u8>(), b'a', PAGE);
        pages.byte_add(PAGE) as u64
    };
    for address in [0, 1, end, end - 1, end - 4096, u64::MAX, u64::MAX - 4095, 1 << 63] {
        println!("{}", shown(open_raw(address)));
    }
    // The same page with a whole path at its very end.
    // SAFETY: five bytes within the page.
    unsafe { std::ptr::copy_nonoverlapping(c"/dev/null".as_ptr(), (end - 10) as *mut _, 10) };
    println!("{}", if open_raw(end - 10).is_ok() { "opened" } else { "refused" });
}

/// The same path with so many bytes, its NUL not counted.
fn long(path: &str, bytes: usize) -> Result<File, i32> {
    let (folder, name) = path.rsplit_once('/').expect("an absolute path");
    let missing = bytes - folder.len() - name.len();
    let mut filled = "/.".repeat(missing / 2);
    filled.push_str(if missing.is_multiple_of(2) { "" } else { "/" });
    filled.pop();
    open(&format!("{folder}{filled}/{name}"), libc::O_RDONLY)
}

/// Every way to change, link or run a file besides opening it. What works is printed.
fn change(path: &str, free: &str) {
    let (file, folder) = (text(path), text(path.rsplit_once('/').expect("an absolute path").0));
    let inside = |name: &str| text(&format!("{}/{name}", folder.to_str().expect("plain")));
    let outside = |name: &str| text(&format!("{free}/{name}"));
    let at = libc::AT_FDCWD;
    let here = outside("here");
    std::fs::write(here.to_str().expect("plain"), "mine").expect("a free folder");
    let (read, link) = (open(path, libc::O_RDONLY), text("/proc/self/fd/3"));
    // SAFETY: all paths end with NUL, and no call takes another pointer.
    let results = unsafe {
        [
            ("truncate", libc::truncate(file.as_ptr(), 0)),
            ("link-out", libc::link(file.as_ptr(), outside("linked").as_ptr())),
            ("link-descriptor", libc::linkat(at, link.as_ptr(), at, outside("linked2").as_ptr(), 0x400)),
            ("link-in", libc::link(here.as_ptr(), inside("linked").as_ptr())),
            ("rename-out", libc::rename(file.as_ptr(), outside("moved").as_ptr())),
            ("rename-in", libc::rename(here.as_ptr(), inside("moved").as_ptr())),
            ("rename-within", libc::rename(file.as_ptr(), inside("moved").as_ptr())),
            ("symlink", libc::symlink(file.as_ptr(), inside("link").as_ptr())),
            ("mkdir", libc::mkdir(inside("folder").as_ptr(), 0o777)),
            ("mkfifo", libc::mkfifo(inside("fifo").as_ptr(), 0o666)),
            ("chmod", libc::chmod(file.as_ptr(), 0o777)),
            ("chown", libc::chown(file.as_ptr(), libc::getuid(), libc::getgid())),
            ("touch", libc::utimensat(at, file.as_ptr(), std::ptr::null(), 0)),
            ("fchmod", read.as_ref().map_or(-1, change_mode)),
            ("unlink", libc::unlink(file.as_ptr())),
            ("rmdir", libc::rmdir(folder.as_ptr())),
        ]
    };
    let run = std::process::Command::new(path).status().is_ok();
    let worked = results.iter().filter(|(_, result)| *result >= 0).map(|(name, _)| *name);
    let worked: Vec<_> = worked.chain(run.then_some("exec")).collect();
    println!("worked: {}", worked.join(" "));
}

fn change_mode(file: &File) -> i32 {
    use std::os::fd::AsRawFd;
    // SAFETY: takes no pointer.
    unsafe { libc::fchmod(file.as_raw_fd(), 0o777) }
}

fn count(seen: &mut BTreeMap<String, u64>, file: Result<File, i32>) {
    *seen.entry(shown(file)).or_default() += 1;
}

fn say(seen: &BTreeMap<String, u64>) {
    seen.iter().for_each(|(what, times)| println!("{times} {what}"));
}

/// Another thread rewrites the path all the time; both have the same length.
fn race_text(one: &str, other: &str, rounds: u64) {
    assert_eq!(one.len(), other.len());
    let path: Arc<Vec<AtomicU8>> = Arc::new(one.bytes().chain([0]).map(AtomicU8::new).collect());
    let over = Arc::new(AtomicBool::new(false));
    let (theirs, ended) = (Arc::clone(&path), Arc::clone(&over));
    let (first, second) = (one.as_bytes().to_vec(), other.as_bytes().to_vec());
    let writer = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            for text in [&second, &first] {
                theirs.iter().zip(text).for_each(|(byte, new)| byte.store(*new, Ordering::Relaxed));
            }
        }
    });
    let mut seen = BTreeMap::new();
    for _ in 0..rounds {
        count(&mut seen, open_raw(path.as_ptr() as u64));
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("it doesn't panic");
    say(&seen);
}

/// Another thread leads a link now here, now there, in a folder of its own.
fn race_link(folder: &str, one: &str, other: &str, rounds: u64) {
    let name = |name: &str| format!("{folder}/{name}");
    let (link, next) = (name("link"), name("next"));
    std::os::unix::fs::symlink(one, &link).expect("a folder of its own");
    let over = Arc::new(AtomicBool::new(false));
    let (ended, targets, to) = (Arc::clone(&over), [other.to_owned(), one.to_owned()], link.clone());
    let writer = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            for target in &targets {
                std::os::unix::fs::symlink(target, &next).expect("a folder of its own");
                std::fs::rename(&next, &to).expect("a folder of its own");
            }
        }
    });
    let mut seen = BTreeMap::new();
    for _ in 0..rounds {
        count(&mut seen, open(&link, libc::O_RDONLY));
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("it doesn't panic");
    say(&seen);
}

/// Processes that open without end, until they are killed. The first one leaves them behind.
fn flood(path: &str, processes: u32) {
    for _ in 0..processes {
        // SAFETY: one thread, and the child only opens and closes.
        if unsafe { libc::fork() } == 0 {
            loop {
                drop(open(path, libc::O_RDONLY));
            }
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", shown(open(path, libc::O_RDONLY)));
}
