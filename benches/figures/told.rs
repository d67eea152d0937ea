//! A token that the orchestrator tells: over the cell, and by a call.
//!
//! One every millisecond, so that both sides sleep in between, as while a model writes. The cell
//! and the channel are those of a run, in two processes; the call is `grpc.health.v1.Health/Check`
//! with the token as its text, which both ends answer without any work.

use crate::Result;
use crate::bare::{role, stdin};
use crate::place::Place;
use crate::report::{Reporter, Samples};
use ioi_cell::native::Host;
use ioi_ipc::proto::supervisor::{ReportRequest, Token, report_request::Report};
use ioi_ipc::{Services, pair};
use ioi_port::{HEART_QUOTA, HEART_TIER, Heart, REPORT, REPORT_BYTES_MAX};
use ioi_shm::DescriptorChannel;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::Child;
use std::time::{Duration, Instant};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const COUNT: usize = 2000;
const WARM_UP: usize = 100;
const EVERY: Duration = Duration::from_millis(1);
const TAKEN_WITHIN: Duration = Duration::from_secs(20);

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Nanoseconds of a clock that all processes share.
fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The text is when it was told.
fn token() -> String {
    format!("{:020}", monotonic_ns())
}

/// Microseconds until the teller could go on, one line each.
fn print(micros: &[f64]) {
    micros.iter().for_each(|micros| println!("{micros:.3}"));
}

/// The teller of the first way.
pub(crate) fn tell_by_cell() -> Result<()> {
    runtime()?.block_on(async {
        let (heart, _channel) = Heart::start(stdin()?)?;
        let mut micros = Vec::with_capacity(COUNT);
        for _ in 0..COUNT + WARM_UP {
            tokio::time::sleep(EVERY).await;
            let start = Instant::now();
            let report = ReportRequest { report: Some(Report::Token(Token { text: token() })) };
            heart.leave(REPORT, &ioi_ipc::encode(&report))?;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        print(&micros[WARM_UP..]);
        Ok(())
    })
}

/// The teller of the second way.
pub(crate) fn tell_by_call() -> Result<()> {
    runtime()?.block_on(async {
        let mut client = HealthClient::new(pair::client(stdin()?).await?);
        let mut micros = Vec::with_capacity(COUNT);
        for _ in 0..COUNT + WARM_UP {
            tokio::time::sleep(EVERY).await;
            let start = Instant::now();
            // It is no service, so the answer is that there is none.
            if client.check(HealthCheckRequest { service: token() }).await.is_ok() {
                return Err("a token was taken for a service".into());
            }
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        print(&micros[WARM_UP..]);
        Ok(())
    })
}

fn printed(mut teller: Child) -> Result<Samples> {
    let mut text = String::new();
    teller.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
    teller.wait()?;
    let micros: Vec<f64> = text.lines().map(str::parse).collect::<std::result::Result<_, _>>()?;
    if micros.len() != COUNT {
        return Err(format!("{} of {COUNT} were told", micros.len()).into());
    }
    Ok(Samples::new(micros))
}

/// Microseconds until the teller went on, and until this side had the token.
async fn by_cell() -> Result<(Samples, Samples)> {
    let (channel, theirs) = DescriptorChannel::pair()?;
    let offer = Host::offer(&channel, HEART_TIER, 0, HEART_QUOTA, TAKEN_WITHIN)?;
    let teller = role("role-tell-by-cell", theirs.into())?;
    let channel = ioi_port::watch(channel)?;
    let _readable = channel.readable().await?;
    let (id, bell) = channel.get_ref().recv()?;
    let mut host = offer.answered(id, bell)?;
    let bell = ioi_port::watch(host.bell.as_fd().try_clone_to_owned()?)?;
    let (mut heard, mut record) = (Vec::with_capacity(COUNT), [0; REPORT_BYTES_MAX]);
    while heard.len() < COUNT + WARM_UP {
        let mut rung = bell.readable().await?;
        if host.bell.silence() {
            rung.clear_ready();
        }
        while let Some(left) = host.outbox.try_recv(&mut record)? {
            let told = match ioi_ipc::decode::<ReportRequest>(left.payload)?.report {
                Some(Report::Token(Token { text })) => text.parse::<u64>()?,
                _ => return Err("something else was told".into()),
            };
            heard.push(monotonic_ns().saturating_sub(told) as f64 / 1e3);
        }
    }
    heard.drain(..WARM_UP);
    Ok((printed(teller)?, Samples::new(heard)))
}

async fn by_call() -> Result<Samples> {
    let (ours, theirs) = pair::pair()?;
    let teller = role("role-tell-by-call", theirs)?;
    tokio::spawn(pair::serve(ours, Services::new()));
    tokio::task::spawn_blocking(|| printed(teller).map_err(|error| error.to_string()))
        .await?
        .map_err(Into::into)
}

pub(crate) fn measure(_: &Place, reporter: &mut Reporter) -> Result<()> {
    let ((told, heard), call) = runtime()?
        .block_on(async { Ok::<_, Box<dyn std::error::Error>>((by_cell().await?, by_call().await?)) })?;
    reporter.row("a token over the cell: until the teller goes on", "µs", &told, Some(&call), None);
    reporter.row("the same: until the other process has it", "µs", &heard, Some(&call), None);
    reporter.row("a call with it over a socket pair: until it is answered", "µs", &call, None, None);
    Ok(())
}
