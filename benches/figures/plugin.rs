//! The files plugin in its sandbox, from spawn to its first answered request.

use crate::Result;
use crate::node::milliseconds;
use crate::place::Place;
use crate::report::{Goal, Reporter, Samples};
use ioi_node_supervisor::{self as supervisor, plugin, plugin_limits};
use ioi_plugin::message::{Request, Response};
use ioi_plugin::services::{LIST, Page, Shape};
use ioi_plugin::{Effect, Effects, HostConfig, Now, Session};
use ioi_sandbox::{Profile, Streams, spawn};
use ioi_shm::DescriptorChannel;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;
const MEMORY_MIB: u64 = 2048;

/// Milliseconds: to the spawn's return, and to the answer.
fn start_once(place: &Place, profile: &Profile) -> Result<(f64, f64)> {
    let start = Instant::now();
    // The supervisor does so too, for the receipt.
    let (_, measured) = supervisor::measure(&profile.executable)?;
    let profile = &Profile { measured: Some(measured), ..profile.clone() };
    let (frames, plugin_frames) = UnixStream::pair()?;
    let (_descriptors, plugin_descriptors) = DescriptorChannel::pair()?;
    let given = vec![
        (plugin_frames.into(), ioi_ipc::SUPERVISOR_FD),
        (plugin_descriptors.into(), ioi_ipc::DESCRIPTORS_FD),
    ];
    let init = place.program("ioi-init");
    let mut sandboxed = spawn(&place.settings.kernel, profile, &init, given, Streams::default())?;
    let spawned = milliseconds(start);
    first_answer(frames, start)?;
    let answered = milliseconds(start);
    sandboxed.kill();
    Ok((spawned, answered))
}

/// A host that has one empty folder and asks for its documents.
fn first_answer(mut frames: UnixStream, started: Instant) -> Result<()> {
    frames.set_read_timeout(Some(Duration::from_secs(10)))?;
    let now = || Now { monotonic_ms: started.elapsed().as_millis() as u64, unix_ns: 0 };
    let mut session = Session::host(HostConfig::new(7, [1; 32]), now());
    let mut effects = Effects::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = frames.read(&mut buffer)?;
        if count == 0 {
            return Err("the plugin ended before it answered".into());
        }
        session.receive(now(), &buffer[..count], &mut effects);
        for effect in std::mem::take(&mut effects.list) {
            match effect {
                Effect::Ready(_) => {
                    let request = Request::new("documents.next", b"{}".to_vec(), 10_000);
                    session.call(now(), &request, &mut effects)?;
                }
                Effect::Request(call) if call.request.name == LIST => {
                    let empty = Response::new(Page { entries: Vec::new(), next: None }.to_bytes());
                    session.respond(now(), call.id, &empty, &mut effects)?;
                }
                Effect::Response { .. } => return Ok(()),
                Effect::Failed { error, .. } => return Err(format!("the plugin failed: {error:?}").into()),
                _ => {}
            }
        }
        frames.write_all(&effects.take_bytes())?;
    }
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    let profile = plugin(&place.settings, "files", plugin_limits(MEMORY_MIB));
    let (mut spawned, mut answered, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (spawn, answer) = start_once(place, &profile)?;
        let start = Instant::now();
        // Without its descriptors it ends at once, by itself.
        let mut command = Command::new(&profile.executable);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if round > 0 {
            spawned.push(spawn);
            answered.push(answer);
            plain.push(milliseconds(start));
        }
    }
    let (spawned, answered, plain) = (Samples::new(spawned), Samples::new(answered), Samples::new(plain));
    reporter.row(
        "files plugin, sandboxed: spawn to answer",
        "ms",
        &answered,
        Some(&plain),
        Some(Goal::AtMost(20.0)),
    );
    reporter.row("  of it until the program runs in its sandbox", "ms", &spawned, Some(&plain), None);
    reporter.row("the same program, fork, exec and exit alone", "ms", &plain, None, None);
    Ok(())
}
