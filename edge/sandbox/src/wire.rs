//! What the supervisor's side and `ioi-init` say to each other.
//!
//! | channel | direction | carries |
//! |---|---|---|
//! | stdin of the init, a stream socket pair | down | the job and its descriptors, then one byte a signal to forward; its end means: kill everything |
//! | the same | up | one line of JSON at the end: [`Ended`] |
//! | a pipe, closed by exec | up | [`Report`] lines: `Ready` just before exec, `Failed` at any step, `NotExecuted` at the last; its end without either means that the program runs |
//!
//! The job is a length of four bytes (little-endian) and as many bytes of JSON. All descriptors come with
//! the length. In every string a byte stands as the character of the same number, so any path survives.

use crate::{Access, Enforced, Measured, Plan, SyscallSet};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer};
use rustix::net::{SendAncillaryMessage, SendFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;

/// The longest job: room for the largest argument vector and environment that exec takes.
pub(crate) const JOB_BYTES_MAX: usize = 8 << 20;
/// The most descriptors that one message carries is 253 (SCM_MAX_FD); some are ours.
pub(crate) const DESCRIPTORS_MAX: usize = 240;

/// Any bytes as text: each byte is the character of the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) OsString);

impl<T: AsRef<OsStr>> From<T> for Bytes {
    fn from(text: T) -> Self {
        Self(text.as_ref().to_owned())
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.as_bytes().iter().map(|b| char::from(*b)).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        let bytes = bytes.map_err(|_| serde::de::Error::custom("a character above U+00FF"))?;
        Ok(Self(OsString::from_vec(bytes)))
    }
}

/// Everything that the init needs to know. Descriptors follow in this order: the report pipe, standard
/// input, output and error, one for each of `descriptors`, one `cgroup.procs` for each of `groups`, and, where
/// anything is mediated, the socket over which the listener goes back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) executable: Bytes,
    pub(crate) measured: Option<Measured>,
    pub(crate) argv: Vec<Bytes>,
    pub(crate) environment: Vec<(Bytes, Bytes)>,
    pub(crate) working_directory: Bytes,
    pub(crate) grants: Vec<(Bytes, Access)>,
    pub(crate) mediated: Vec<(Bytes, Access)>,
    pub(crate) syscalls: SyscallSet,
    pub(crate) network: bool,
    pub(crate) identity: Option<(u32, u32)>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) pids: Option<u32>,
    pub(crate) files: Option<u64>,
    /// The private `/tmp`: its size in a mount namespace, its directory outside one.
    pub(crate) private_tmp_bytes: Option<u64>,
    pub(crate) private_tmp: Option<Bytes>,
    /// The numbers at which the program finds the descriptors it was given.
    pub(crate) descriptors: Vec<i32>,
    /// The directories of its control groups.
    pub(crate) groups: Vec<Bytes>,
}

/// What happened on the way to exec.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The init's own child has this pid, as seen from the supervisor.
    Started {
        pid: i32,
    },
    Ready(Enforced),
    Failed {
        step: String,
        error: String,
    },
    /// Everything was in force and the kernel would not execute the program.
    NotExecuted {
        error: String,
    },
}

/// How the program ended. Written after every process of the sandbox is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// Sends the job with its descriptors.
pub(crate) fn send_job(mut to: &UnixStream, job: &Job, descriptors: &[OwnedFd]) -> io::Result<()> {
    let body = serde_json::to_vec(job)?;
    if body.len() > JOB_BYTES_MAX {
        return Err(io::Error::other(format!(
            "the profile is {} bytes long, of at most {JOB_BYTES_MAX}",
            body.len()
        )));
    }
    let fds: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(&fds).size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other(format!("{} descriptors are too many", fds.len())));
    }
    let length = (body.len() as u32).to_le_bytes();
    let sent = sendmsg(to, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
    if sent != length.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    to.write_all(&body)
}

/// Sends one descriptor.
pub(crate) fn send_descriptor(to: impl AsFd, descriptor: impl AsFd) -> io::Result<()> {
    let fds = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)), "there is room for one");
    match sendmsg(to, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Receives one descriptor that was sent already; doesn't wait.
pub(crate) fn receive_descriptor(from: impl AsFd) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(from, &mut [IoSliceMut::new(&mut [0])], &mut control, flags)?;
    let sent = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    sent.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Receives the job with its descriptors.
pub(crate) fn receive_job(mut from: &UnixStream) -> io::Result<(Job, Vec<OwnedFd>)> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; 4];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let got = recvmsg(from, &mut [IoSliceMut::new(&mut length)], &mut control, flags)?;
    if got.bytes != length.len() || got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let descriptors = descriptors.flatten().collect();
    let length = u32::from_le_bytes(length) as usize;
    if length > JOB_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok((serde_json::from_slice(&body)?, descriptors))
}

/// Writes one line of JSON.
pub(crate) fn send_line(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads lines of JSON until the end.
pub(crate) fn lines<T: DeserializeOwned>(text: &[u8]) -> io::Result<Vec<T>> {
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(Into::into)).collect()
}

/// See [`crate::fuzz_reports`]. What is read is written back to lines that are read the same.
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(ended) = lines::<Ended>(bytes) {
        let mut text = Vec::new();
        ended.iter().for_each(|one| send_line(&mut text, one).expect("memory is written"));
        assert_eq!(lines::<Ended>(&text).expect("what was written is read"), ended);
    }
    for report in lines::<Report>(bytes).into_iter().flatten() {
        let mut text = Vec::new();
        send_line(&mut text, &report).expect("memory is written");
        assert!(lines::<Report>(&text).is_ok_and(|again| again.len() == 1));
    }
    if let Ok(job) = serde_json::from_slice::<Job>(bytes) {
        let text = serde_json::to_vec(&job).expect("a job is written");
        assert!(serde_json::from_slice::<Job>(&text).is_ok(), "what was written is read");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_way_as_text() {
        let all: Vec<u8> = (1..=255).collect();
        let name = Bytes(OsString::from_vec(all));
        let text = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), name);
        assert!(serde_json::from_str::<Bytes>("\"\u{100}\"").is_err());
    }

    #[test]
    fn a_length_above_the_bound_is_refused_before_anything_is_allocated() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert_eq!(receive_job(&theirs).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
