//! Three processes exchange messages by the policy in `three_processes.toml`.
//!
//! Started without arguments it is the host: it starts itself three times and gives each
//! process one end of a socket, as a supervisor gives it to three programs.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail};
use ioi_node_host::{Effect, Host, Policy, Router};
use ioi_port::routed::{CapabilityId, Command as Ask, Endpoint, Notice, Object, Party, Request, Rights};
use ioi_shm::DescriptorChannel;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);
// The places of the parties in the policy.
const PLANNER: Party = Party(0);
const WORKER: Party = Party(1);
const STRANGER: Party = Party(2);
/// What the worker asks the host on behalf of whoever wants to know.
const HOW_MANY: &str = "how many are connected?";

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("planner") => planner(&mut connect()?),
        Some("worker") => worker(&mut connect()?),
        Some("stranger") => stranger(&mut connect()?),
        _ => host(),
    }
}

fn host() -> Result<()> {
    let policy = Policy::new(&toml::from_str(include_str!("three_processes.toml"))?)?;
    let mut host = Host::new(Router::new(policy.clone(), LONG));
    let mut processes = Vec::new();
    for party in policy.parties() {
        let (ours, theirs) = DescriptorChannel::pair()?;
        let stdin = Stdio::from(OwnedFd::from(theirs));
        let mut command = Command::new(std::env::current_exe()?);
        processes.push(command.arg(policy.name(party)).stdin(stdin).spawn()?);
        host.attach(party, &ours, LONG)?;
    }
    // A process that fails is noticed when all are gone.
    while host.attached() > 0
        && !host.turn(LONG)?.iter().any(|effect| matches!(effect, Effect::StopHost { .. }))
    {}
    for party in policy.parties() {
        let ioi_node_host::State { name, counts, .. } = host.router().state(party);
        println!("host: {name} sent {} and received {}", counts.delivered, counts.received);
    }
    drop(host);
    for mut process in processes {
        if !process.wait()?.success() {
            bail!("a process failed");
        }
    }
    Ok(())
}

fn planner(host: &mut Endpoint) -> Result<()> {
    let worker = granted(host, Object::Party(WORKER))?;
    let over_host = granted(host, Object::Host)?;
    println!("planner: the stranger says {}", text(host)?.1);
    say(host, WORKER, 0, "2 + 3")?;
    println!("planner: the worker says {}", text(host)?.1);
    say(host, WORKER, 0, HOW_MANY)?;
    println!("planner: the worker says {}", text(host)?.1);

    host.ask(&Request::Delegate { capability: worker, to: STRANGER, rights: Rights::SEND, cause: 0 }, LONG)?;
    let lent = wait(host, |_, notice| match notice {
        Notice::Done { capability, .. } => capability,
        _ => None,
    })?;
    for _ in 0..2 {
        println!("planner: the worker says {}", text(host)?.1);
    }
    host.ask(&Request::Revoke { capability: lent }, LONG)?;
    println!("planner: the stranger says {}", text(host)?.1);
    host.ask(&Request::Command { capability: over_host, command: Ask::Shutdown, cause: 0, body: b"" }, LONG)?;
    Ok(())
}

fn worker(host: &mut Endpoint) -> Result<()> {
    let over_host = granted(host, Object::Host)?;
    // Until the host is gone.
    while let Ok((delivery, body)) = text(host) {
        if body == HOW_MANY {
            let answer = how_many(host, over_host, delivery)?;
            say(host, PLANNER, 0, &answer)?;
            continue;
        }
        let sum = body.split(" + ").map(str::parse::<i32>).sum::<Result<i32, _>>();
        let Ok(sum) = sum else {
            say(host, PLANNER, 0, &format!("that it heard `{body}`"))?;
            continue;
        };
        // Before the answer: after it others may send, and who waits for a refusal hears nothing else.
        say(host, STRANGER, 0, "a secret")?;
        println!("worker: not sent: {}", refused(host)?);
        // In the name of whoever asked.
        say(host, PLANNER, delivery, &sum.to_string())?;
    }
    Ok(())
}

/// Asks in the name of whoever made it ask, so that it tells nobody what he may not know.
fn how_many(host: &mut Endpoint, over_host: CapabilityId, cause: u32) -> Result<String> {
    let request = Request::Command { capability: over_host, command: Ask::GetState, cause, body: b"" };
    host.ask(&request, LONG)?;
    let answer = wait(host, |_, notice| match notice {
        Notice::Done { body, .. } => Some(Ok(body.get(8).copied())),
        Notice::Refused { text, .. } => Some(Err(text.to_owned())),
        _ => None,
    })?;
    match answer {
        Ok(connected) => Ok(connected.context("the host says too little")?.to_string()),
        Err(refused) => {
            println!("worker: not asked: {refused}");
            Ok("that somebody asked who may not know".to_owned())
        }
    }
}

fn stranger(host: &mut Endpoint) -> Result<()> {
    say(host, WORKER, 0, "hello")?;
    println!("stranger: not sent: {}", refused(host)?);
    say(host, PLANNER, 0, "nobody hears me")?;
    let worker = granted(host, Object::Party(WORKER))?;
    println!("stranger: I was given a capability");
    say(host, WORKER, 0, "hello")?;
    say(host, WORKER, 0, HOW_MANY)?;
    wait(host, |_, notice| {
        matches!(notice, Notice::Revoked { capability } if capability == worker).then_some(())
    })?;
    let request =
        Request::Send { capability: Some(worker), to: None, cause: 0, handle: None, body: b"hello?" };
    host.ask(&request, LONG)?;
    println!("stranger: not sent: {}", refused(host)?);
    say(host, PLANNER, 0, "goodbye")
}

fn connect() -> Result<Endpoint> {
    let channel = DescriptorChannel::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?;
    Ok(Endpoint::connect(&channel, LONG)?)
}

fn say(host: &mut Endpoint, to: Party, cause: u32, text: &str) -> Result<()> {
    let body = text.as_bytes();
    host.ask(&Request::Send { capability: None, to: Some(to), cause, handle: None, body }, LONG)?;
    Ok(())
}

/// Hears what the host says until something is wanted.
fn wait<T>(host: &mut Endpoint, mut want: impl FnMut(u32, Notice<'_>) -> Option<T>) -> Result<T> {
    loop {
        let (number, notice) = host.notice(LONG).context("nothing more comes")?;
        if let Some(wanted) = want(number, notice) {
            return Ok(wanted);
        }
    }
}

fn granted(host: &mut Endpoint, wanted: Object) -> Result<CapabilityId> {
    wait(host, |_, notice| match notice {
        Notice::Granted { capability, object, .. } if object == wanted => Some(capability),
        _ => None,
    })
}

fn refused(host: &mut Endpoint) -> Result<String> {
    wait(host, |_, notice| match notice {
        Notice::Refused { text, .. } => Some(text.to_owned()),
        _ => None,
    })
}

fn text(host: &mut Endpoint) -> Result<(u32, String)> {
    wait(host, |_, notice| match notice {
        Notice::Delivered { delivery, body, .. } => {
            Some((delivery, String::from_utf8_lossy(body).into_owned()))
        }
        _ => None,
    })
}
