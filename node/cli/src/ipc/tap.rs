//! `ioi ipc tap`: the events of one run as they come, after those of it that are still kept.

use super::ls::{answer, owner, region_json};
use super::{refused, short};
use crate::failure::Failure;
use crate::render::Screen;
use crate::text::{counted, name, size};
use ioi_ipc::proto::public::{
    Event, GetStatusRequest, Process, RegionChanged, Session, SubscribeEventsRequest, event::Event as Told,
    process::State, region_changed::Change,
};
use ioi_node_supervisor::Home;
use ioi_node_supervisor::live::{self, LiveRun};
use ioi_types::hex;
use serde_json::{Value, json};
use std::time::Duration;

/// How often somebody who waits for a run looks for one.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn run(
    home: &Home,
    session: Option<&str>,
    seconds: Option<u64>,
    screen: &Screen,
) -> Result<(), Failure> {
    let time_is_up = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        ended = watch(home, session, screen) => ended,
        () = time_is_up => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn watch(home: &Home, session: Option<&str>, screen: &Screen) -> Result<(), Failure> {
    let mut run = choose(home, session, screen).await?;
    let began_ms = answer(run.client.get_status(GetStatusRequest {})).await?.started_ms;
    let request = SubscribeEventsRequest { kept: true, ..SubscribeEventsRequest::default() };
    let mut events = answer(run.client.subscribe_events(request)).await?;
    let log = run.log.to_string();
    screen.note(&format!("Session {}; seconds since it began. Ctrl-C ends.", short(run.log)));
    while let Some(event) = events.message().await.map_err(|status| refused(&status))? {
        if screen.is_json() {
            screen.line(&to_json(&log, &event).to_string());
        } else {
            let seconds = event.time_ms.saturating_sub(began_ms) as f64 / 1000.0;
            screen.line(&format!("{seconds:>9.3}  {}", in_words(&event)));
        }
    }
    Ok(())
}

/// The run that is meant; where none lives and none was named, the next one.
async fn choose(home: &Home, session: Option<&str>, screen: &Screen) -> Result<LiveRun, Failure> {
    let mut said = false;
    loop {
        let mut runs = live::find(home).await?.runs;
        runs.retain(|run| session.is_none_or(|prefix| run.log.to_string().starts_with(prefix)));
        match (runs.len(), session) {
            (1, _) => return Ok(runs.remove(0)),
            (0, Some(session)) => {
                let message = format!("no live run is called `{session}`; `ioi ipc ls` lists them");
                return Err(Failure::usage(message));
            }
            (0, None) => {
                if !std::mem::replace(&mut said, true) {
                    screen.note("No run is live; waiting for one. Ctrl-C ends.");
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            (count, _) => {
                let names: Vec<_> = runs.iter().map(|run| short(run.log)).collect();
                let message = format!("{count} live runs could be meant; name one: {}", names.join(", "));
                return Err(Failure::usage(message));
            }
        }
    }
}

fn in_words(event: &Event) -> String {
    let (kind, words) = match &event.event {
        Some(Told::Session(session)) => ("session", session_words(session)),
        Some(Told::Process(process)) => ("process", process_words(process)),
        Some(Told::Region(changed)) => ("region", region_words(changed)),
        Some(Told::Missed(count)) => {
            ("missed", format!("{}, not kept for this reader", counted(*count, "event")))
        }
        _ => ("other", "an event that this version does not know".into()),
    };
    format!("{kind:<8} {words}")
}

fn session_words(session: &Session) -> String {
    let state = if session.ended { "ended" } else { "began" };
    format!("ioi {} {state}", name(&session.command))
}

fn process_words(process: &Process) -> String {
    let who = owner(&process.name, process.instance);
    match (process.state(), process.signal) {
        (State::Ended, 0) => format!("{who} ended, exit code {}", process.exit_code),
        (State::Ended, signal) => format!("{who} ended by signal {signal}"),
        _ => format!("{who} started"),
    }
}

fn region_words(changed: &RegionChanged) -> String {
    let region = changed.region.clone().unwrap_or_default();
    let who = owner(&region.owner, region.owner_instance);
    let (id, bytes) = (region.region, size(region.bytes));
    match changed.change() {
        Change::Made if region.arena => format!("{id} made as an arena of {who}, {bytes}"),
        Change::Released if region.arena => format!("{id} released, {bytes} of {who}"),
        Change::Made => format!("{id} made for {who}, {bytes}"),
        Change::Sealed => format!("{id} sealed, {bytes} of {who}"),
        Change::Granted => format!("{id} granted to {}", name(&region.readers.join(", "))),
        Change::Fetched => format!("{id} fetched, {bytes} of {who}"),
        Change::Released => format!("{id} released unread, {bytes} of {who}"),
        Change::Unspecified => format!("{id} changed"),
    }
}

fn change_name(change: Change) -> &'static str {
    match change {
        Change::Made => "made",
        Change::Sealed => "sealed",
        Change::Granted => "granted",
        Change::Fetched => "fetched",
        Change::Released => "released",
        Change::Unspecified => "unknown",
    }
}

fn to_json(log: &str, event: &Event) -> Value {
    let mut value = match &event.event {
        Some(Told::Session(session)) => json!({"event": "session", "command": session.command,
            "session": hex::encode(&session.session_id), "ended": session.ended}),
        Some(Told::Process(process)) => json!({"event": "process", "name": process.name,
            "instance": process.instance, "alive": process.state() != State::Ended}),
        Some(Told::Region(changed)) => {
            let mut value = region_json(&changed.region.clone().unwrap_or_default());
            value["event"] = "region".into();
            value["change"] = change_name(changed.change()).into();
            value
        }
        Some(Told::Missed(count)) => json!({"event": "missed", "count": count}),
        _ => json!({"event": "unknown"}),
    };
    if let Some(Told::Process(process)) = &event.event
        && process.state() == State::Ended
    {
        value["exit_code"] = process.exit_code.into();
        value["signal"] = process.signal.into();
    }
    value["log"] = log.into();
    value["sequence"] = event.sequence.into();
    value["time_ms"] = event.time_ms.into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_ipc::proto::public::Region;

    fn arena(change: Change) -> RegionChanged {
        let owner = "plugin:files".into();
        let region = Region { region: 8, bytes: 1 << 16, owner, arena: true, ..Region::default() };
        RegionChanged { change: change.into(), region: Some(region) }
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let process = Process {
            name: "plugin:\nfiles".into(),
            instance: 2,
            state: State::Ended.into(),
            signal: 9,
            ..Process::default()
        };
        let region = Region { region: 7, bytes: 1536, owner: "workload".into(), ..Region::default() };
        let changed = RegionChanged { change: Change::Sealed.into(), region: Some(region) };
        let rows = [
            (Told::Process(process), "process  plugin:\\u{a}files #2 ended by signal 9"),
            (Told::Region(changed), "region   7 sealed, 1.5 KiB of workload"),
            (Told::Region(arena(Change::Made)), "region   8 made as an arena of plugin:files, 64.0 KiB"),
            (Told::Region(arena(Change::Released)), "region   8 released, 64.0 KiB of plugin:files"),
            (Told::Missed(1), "missed   1 event, not kept for this reader"),
        ];
        for (event, words) in rows {
            let event = Event { sequence: 1, time_ms: 2, event: Some(event) };
            assert_eq!(in_words(&event), words);
            let json = to_json("ab", &event);
            assert_eq!(
                (&json["sequence"], &json["time_ms"], &json["log"]),
                (&1.into(), &2.into(), &"ab".into())
            );
        }
        assert!(!in_words(&Event::default()).is_empty());
    }
}
