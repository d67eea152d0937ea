//! `ioi ipc ls`: the live runs of this user, each with its processes, cells and regions.

use super::table::{Side, Table};
use super::{ANSWER_WITHIN, now_ms, refused, short};
use crate::failure::Failure;
use crate::render::Screen;
use crate::text::{counted, name, size};
use ioi_ipc::proto::public::{
    Cell, GetDataPlaneReply, GetDataPlaneRequest, GetStatusReply, GetStatusRequest, Process, Quota, Region,
    Ring, cell, process::State,
};
use ioi_ipc::tonic::{Response, Status};
use ioi_node_supervisor::Home;
use ioi_node_supervisor::live::{self, LiveRun};
use ioi_types::{LogId, hex};
use serde_json::{Value, json};

/// Regions that are shown to people; JSON has all.
const REGIONS_SHOWN_MAX: usize = 20;

/// One run, as it was a moment ago.
struct Seen {
    log: LogId,
    pid: Option<i32>,
    status: GetStatusReply,
    plane: GetDataPlaneReply,
}

pub(super) async fn run(home: &Home, screen: &Screen) -> Result<(), Failure> {
    let found = live::find(home).await?;
    let (mut silent, mut seen) = (found.silent, Vec::new());
    for run in found.runs {
        let log = run.log;
        match look(run).await {
            Ok(run) => seen.push(run),
            Err(failure) => silent.push((log, failure.message)),
        }
    }
    if screen.is_json() {
        seen.iter().for_each(|run| screen.line(&run.to_json().to_string()));
        let silent: Vec<_> =
            silent.iter().map(|(log, why)| json!({"log": log.to_string(), "reason": why})).collect();
        let event = json!({"event": "runs", "live": seen.len(), "silent": silent, "removed": found.removed});
        screen.line(&event.to_string());
        return Ok(());
    }
    if seen.is_empty() && silent.is_empty() {
        screen.prose("No run is live. One is while `ioi ask`, `ioi run` or `ioi demo` runs:", 0);
        screen.line("  ioi run -- sleep 60 &\n  ioi ipc ls");
    }
    seen.iter().for_each(|run| run.print(screen));
    for (log, why) in silent {
        screen.prose(&format!("Session {} can't be asked: {}", short(log), name(&why)), 2);
    }
    if found.removed > 0 {
        screen.note(&format!("Removed what {} had left.", counted(found.removed as u64, "killed run")));
    }
    Ok(())
}

async fn look(mut run: LiveRun) -> Result<Seen, Failure> {
    let status = answer(run.client.get_status(GetStatusRequest {})).await?;
    let plane = answer(run.client.get_data_plane(GetDataPlaneRequest {})).await?;
    Ok(Seen { log: run.log, pid: run.pid, status, plane })
}

pub(super) async fn answer<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Failure> {
    let late = |_| {
        let within = ANSWER_WITHIN.as_secs();
        Failure::unavailable(format!("no answer within {within} s; is it stopped?"))
    };
    let answered = tokio::time::timeout(ANSWER_WITHIN, call).await.map_err(late)?;
    answered.map(Response::into_inner).map_err(|status| refused(&status))
}

impl Seen {
    fn command(&self) -> String {
        let commands: Vec<_> = self.status.sessions.iter().map(|session| name(&session.command)).collect();
        commands.join(", ")
    }

    fn to_json(&self) -> Value {
        let processes = self.status.processes.iter().map(|process| {
            let quota = self.plane.quotas.iter().find(|quota| is_of(quota, process));
            process_json(process, quota)
        });
        json!({
            "event": "run", "log": self.log.to_string(), "pid": self.pid, "version": self.status.version,
            "started_ms": self.status.started_ms,
            "sessions": self.status.sessions.iter().map(|session| json!({
                "session": hex::encode(&session.session_id), "command": session.command,
                "ended": session.ended,
            })).collect::<Vec<_>>(),
            "processes": processes.collect::<Vec<_>>(),
            "regions": self.plane.regions.iter().map(region_json).collect::<Vec<_>>(),
            "regions_left_off": self.plane.regions_left_off,
            "rings": self.plane.rings.iter().map(ring_json).collect::<Vec<_>>(),
            "cells": self.plane.cells.iter().map(cell_json).collect::<Vec<_>>(),
        })
    }

    fn print(&self, screen: &Screen) {
        let age = age(now_ms().saturating_sub(self.status.started_ms));
        let pid = self.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
        screen.heading(&format!("Session {}: ioi {}{pid}, for {age}", short(self.log), self.command()));
        print_table(screen, &self.processes());
        if !self.plane.cells.is_empty() {
            screen.line("");
            print_table(screen, &self.cells());
        }
        if self.plane.regions.is_empty() {
            screen.line("\n  No arena, and no region that waits to be sealed or fetched.");
        } else {
            screen.line("");
            print_table(screen, &self.regions());
        }
        let more = self.plane.regions.len().saturating_sub(REGIONS_SHOWN_MAX) as u64;
        match more + self.plane.regions_left_off {
            0 => {}
            more => screen.line(&format!("  … and {more} more; --json lists them")),
        }
        if !self.plane.rings.is_empty() {
            screen.line("");
            print_table(screen, &self.rings());
        }
        screen.line("");
    }

    fn processes(&self) -> Table {
        let left = Side::Left;
        let columns = [
            ("process", left),
            ("state", left),
            ("bytes held", Side::Right),
            ("of", Side::Right),
            ("regions", Side::Right),
            ("of", Side::Right),
        ];
        let mut table = Table::new(&columns);
        for process in &self.status.processes {
            let quota = self.plane.quotas.iter().find(|quota| is_of(quota, process));
            let mut cells = vec![owner(&process.name, process.instance), state(process)];
            cells.extend(match quota.filter(|quota| quota.bytes_max > 0 && quota.alive) {
                Some(quota) => [
                    size(quota.bytes),
                    size(quota.bytes_max),
                    quota.regions.to_string(),
                    quota.regions_max.to_string(),
                ],
                None => ["–"; 4].map(str::to_owned),
            });
            table.row(cells);
        }
        table
    }

    fn cells(&self) -> Table {
        let (left, right) = (Side::Left, Side::Right);
        let columns = [
            ("cell with", left),
            ("says", left),
            ("beats", right),
            ("last beat", right),
            ("bytes there", right),
            ("of", right),
        ];
        let mut table = Table::new(&columns);
        for cell in &self.plane.cells {
            let mut cells = vec![name(&cell.process)];
            cells.extend(match (cell.alive, cell.taken) {
                (false, _) => ["nothing: ended", "–", "–", "–", "–"].map(str::to_owned),
                (true, false) => ["nothing yet", "–", "–", "–", "–"].map(str::to_owned),
                (true, true) => [
                    cell_state(cell.state()).to_owned(),
                    cell.heartbeat.to_string(),
                    format!("{:.1} s ago", cell.silent_ms as f64 / 1000.0),
                    size(cell.bytes),
                    size(cell.bytes_max),
                ],
            });
            table.row(cells);
        }
        table
    }

    fn rings(&self) -> Table {
        let left = Side::Left;
        let columns = [
            ("ring from", left),
            ("to", left),
            ("sent", Side::Right),
            ("taken", Side::Right),
            ("state", left),
        ];
        let mut table = Table::new(&columns);
        for ring in &self.plane.rings {
            let state = if ring.poisoned.is_empty() { "open".to_owned() } else { name(&ring.poisoned) };
            let counts = [ring.sent.to_string(), ring.returned.to_string()];
            table.row(
                [name(&ring.sender), name(&ring.receiver)].into_iter().chain(counts).chain([state]).collect(),
            );
        }
        table
    }

    fn regions(&self) -> Table {
        let columns = [
            ("region", Side::Right),
            ("filled by", Side::Left),
            ("bytes", Side::Right),
            ("state", Side::Left),
            ("may be fetched by", Side::Left),
        ];
        let mut table = Table::new(&columns);
        for region in self.plane.regions.iter().take(REGIONS_SHOWN_MAX) {
            let readers: Vec<_> = region.readers.iter().map(|reader| name(reader)).collect();
            table.row(vec![
                region.region.to_string(),
                owner(&region.owner, region.owner_instance),
                size(region.bytes),
                region_state(region).into(),
                if readers.is_empty() { "nobody yet".into() } else { readers.join(", ") },
            ]);
        }
        table
    }
}

fn print_table(screen: &Screen, table: &Table) {
    screen.dim_line(&table.heading());
    table.lines().for_each(|line| screen.line(&line));
}

fn is_of(quota: &Quota, process: &Process) -> bool {
    quota.process == process.name && quota.instance == process.instance
}

/// Instances are told apart from the second one on.
pub(super) fn owner(process: &str, instance: u32) -> String {
    match instance {
        0 | 1 => name(process),
        _ => format!("{} #{instance}", name(process)),
    }
}

fn state(process: &Process) -> String {
    match (process.state(), process.signal) {
        (State::Ended, 0) => format!("ended ({})", process.exit_code),
        (State::Ended, signal) => format!("ended (signal {signal})"),
        _ => "alive".into(),
    }
}

/// How long ago, in one unit.
fn age(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn process_json(process: &Process, quota: Option<&Quota>) -> Value {
    let mut value = json!({
        "name": process.name, "instance": process.instance, "alive": process.state() != State::Ended,
        "executable_digest": process.executable_digest, "memory_bytes_max": process.memory_bytes_max,
    });
    if process.state() == State::Ended {
        value["exit_code"] = process.exit_code.into();
        value["signal"] = process.signal.into();
    }
    if let Some(quota) = quota {
        value["quota"] = json!({"bytes": quota.bytes, "bytes_max": quota.bytes_max, "regions": quota.regions,
            "regions_max": quota.regions_max});
    }
    value
}

pub(super) fn region_json(region: &Region) -> Value {
    json!({"region": region.region, "bytes": region.bytes, "owner": region.owner,
        "owner_instance": region.owner_instance, "sealed": region.sealed, "arena": region.arena,
        "readers": region.readers, "leases": (!region.arena).then_some(region.leases)})
}

fn region_state(region: &Region) -> &'static str {
    match (region.arena, region.sealed) {
        (true, _) => "an arena",
        (false, true) => "sealed",
        (false, false) => "being filled",
    }
}

fn cell_state(state: cell::State) -> &'static str {
    match state {
        cell::State::Starting => "starting",
        cell::State::Serving => "serving",
        cell::State::Degraded => "degraded",
        cell::State::Stopping => "stopping",
        cell::State::Unspecified => "unknown",
    }
}

fn cell_json(cell: &Cell) -> Value {
    let epochs = cell.epochs.iter().map(|epoch| (epoch.name.clone(), epoch.raised.into()));
    json!({"process": cell.process, "alive": cell.alive, "taken": cell.taken,
        "state": cell_state(cell.state()), "heartbeat": cell.heartbeat, "silent_ms": cell.silent_ms,
        "silent_ms_max": cell.silent_ms_max, "bytes": cell.bytes, "bytes_max": cell.bytes_max,
        "epochs": epochs.collect::<serde_json::Map<_, _>>()})
}

fn ring_json(ring: &Ring) -> Value {
    json!({"sender": ring.sender, "receiver": ring.receiver, "sent": ring.sent, "returned": ring.returned,
        "poisoned": ring.poisoned})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_owners_are_short() {
        assert_eq!([0, 119_999, 120_000, 7_200_000].map(age), ["0 s", "119 s", "2 min", "2 h"]);
        assert_eq!(
            [0, 1, 2].map(|instance| owner("plugin:files", instance)).join(" "),
            "plugin:files plugin:files plugin:files #2"
        );
        assert_eq!(owner("x\n\u{202e}y", 0), "x\\u{a}\\u{202e}y");
    }
}
