//! `ioi ipc`: live runs are listed and watched by their user, and by nobody else.

use crate::place::{Place, is_root, skip};
use crate::processes::beneath;
use crate::started::{Outcome, Started};
use ioi_ipc::pair;
use ioi_ipc::proto::public::public_client::PublicClient;
use ioi_ipc::proto::public::{
    GetReceiptRequest, GetStatusRequest, QueryStateRequest, SubscribeEventsRequest,
};
use ioi_ipc::status::code;
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::tonic::{Code, Request, Response, Status};
use ioi_types::ErrorCode;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

fn ls(place: &Place) -> Outcome {
    let outcome = place.ioi(["--json", "ipc", "ls"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome
}

/// A program that sleeps, once `ls` shows it.
fn sleeping(place: &Place) -> Started {
    let mut node = place.run(["sleep", "60"]).start_with_pipe();
    let pid = node.pid();
    node.wait_until("program in the list", |_| {
        let mut runs = ls(place).events_of("run").into_iter();
        runs.any(|run| run["pid"] == pid && names(&run).contains(&"program".to_owned()))
    });
    node
}

fn names(run: &Value) -> Vec<String> {
    let processes = run["processes"].as_array().unwrap().iter();
    processes.map(|process| process["name"].as_str().unwrap().to_owned()).collect()
}

/// What lies in the folder of live runs.
fn live(place: &Place, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path("home/live")).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == kind)).collect()
}

#[test]
fn a_live_run_is_listed_with_its_processes_and_is_gone_after_its_end() {
    let place = Place::new();
    let none = place.ioi(["ipc", "ls"]).outcome();
    assert_eq!(none.code, Some(0), "{none:?}");
    assert!(none.stdout.starts_with("No run is live."), "{none:?}");
    assert!(!place.path("home/live").exists(), "looking has made a folder");
    let node = sleeping(&place);
    let listed = ls(&place);
    let run = listed.event("run");
    assert_eq!(names(&run), ["guardian", "orchestrator", "program"], "{run}");
    assert!(run["processes"].as_array().unwrap().iter().all(|process| process["alive"] == true), "{run}");
    assert_eq!(run["processes"][0]["quota"]["bytes_max"], 0, "the guardian may hold shared memory: {run}");
    assert_eq!(run["sessions"][0]["command"], "run");
    let log = run["log"].as_str().unwrap();
    assert!(place.path("home/runs").join(log).is_dir(), "{log} names no run");
    assert_eq!(listed.event("runs")["live"], 1);
    let shown = place.ioi(["ipc", "ls"]).outcome();
    for words in
        ["ioi run", "guardian", "program", "alive", "ring from", "orchestrator  supervisor", &log[..8]]
    {
        assert!(shown.stdout.contains(words), "{words:?}: {shown:?}");
    }
    node.signal(Signal::TERM);
    node.outcome();
    assert_eq!((live(&place, "sock").len(), live(&place, "key").len()), (0, 0));
    assert_eq!(ls(&place).event("runs")["removed"], 0);
}

#[test]
fn the_cells_of_a_run_show_who_is_heard_of_and_what_they_take() {
    let place = Place::new();
    let node = sleeping(&place);
    let cells = || ls(&place).event("run")["cells"].as_array().unwrap().clone();
    let of = |cell: &Value, key: &str| cell[key].as_u64().unwrap_or_else(|| panic!("{key} in {cell}"));
    let first = cells();
    assert_eq!(first.iter().map(|cell| &cell["process"]).collect::<Vec<_>>(), ["guardian", "orchestrator"]);
    for cell in &first {
        assert_eq!(
            (&cell["alive"], &cell["taken"], &cell["state"]),
            (&true.into(), &true.into(), &"serving".into())
        );
        assert!((1..=128 << 10).contains(&of(cell, "bytes")), "an idle peer: {cell}");
        assert_eq!((of(cell, "bytes_max"), of(cell, "silent_ms_max")), (64 << 20, 5000));
        assert_eq!(cell["epochs"]["health_peer"], cell["heartbeat"]);
    }
    let (guardian, _) = beneath(node.pid()).into_iter().find(|(_, name)| name == "ioi-guardian").unwrap();
    guardian.stop();
    // The other one goes on; a beat comes before the limit of the one that was stopped.
    let mut later = cells();
    while of(&later[0], "silent_ms") < 1000 {
        std::thread::sleep(Duration::from_millis(50));
        later = cells();
    }
    guardian.go_on();
    assert!(of(&later[1], "heartbeat") > of(&first[1], "heartbeat"), "{first:?} {later:?}");
    let shown = place.ioi(["ipc", "ls"]).outcome();
    for words in ["cell with", "serving", "s ago", "64.0 MiB"] {
        assert!(shown.stdout.contains(words), "{words:?}: {shown:?}");
    }
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{shown:?}");
}

#[test]
fn what_the_user_sees_went_over_the_ring_of_the_orchestrators_cell() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    // What is on its way is there soon.
    let rings = || loop {
        let rings = ls(&place).event("run")["rings"].clone();
        if rings[0]["sent"] == rings[0]["returned"] {
            return rings;
        }
    };
    let mut node = place.converse().start_with_pipe();
    node.wait_for("\"read\"");
    let before = rings();
    let sent = before[0]["sent"].as_u64().unwrap();
    assert!(sent > 0, "{before}");
    node.send(b"Where does the heron nest?\n");
    node.wait_for("\"answer\"");
    let after = rings();
    let more = after[0]["sent"].as_u64().unwrap();
    assert!(more > sent, "no part of the answer went over it: {before} {after}");
    let expected = serde_json::json!([{"sender": "orchestrator", "receiver": "supervisor",
        "sent": more, "returned": more, "poisoned": ""}]);
    assert_eq!(after, expected);
    node.outcome();
}

#[test]
fn what_a_killed_run_left_is_removed_and_a_living_one_is_not_touched() {
    let place = Place::new();
    let (killed, lives) = (sleeping(&place), sleeping(&place));
    assert_eq!(ls(&place).event("runs")["live"], 2);
    killed.signal(Signal::KILL);
    killed.outcome();
    assert_eq!(live(&place, "sock").len(), 2, "nobody has cleaned up yet");
    let listed = ls(&place);
    assert_eq!(listed.event("run")["pid"], lives.pid(), "{listed:?}");
    assert_eq!(listed.event("runs")["removed"], 1, "{listed:?}");
    assert_eq!((live(&place, "sock").len(), live(&place, "key").len()), (1, 1));
    let again = ls(&place);
    assert_eq!((&again.event("runs")["removed"], &again.event("runs")["live"]), (&0.into(), &1.into()));
    place.ioi(["ipc", "tap", "ffffffffffffffffffffffffffffffff"]).outcome().assert_fails(2, &["no live run"]);
}

/// Asks over a connection of its own.
async fn asked<T, F>(
    place: &Place,
    call: impl FnOnce(PublicClient<Channel>) -> F,
) -> Result<Response<T>, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let stream = UnixStream::connect(&live(place, "sock")[0]).unwrap();
    call(PublicClient::new(pair::client(stream.into()).await.unwrap())).await
}

fn with<T>(message: T, bearer: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(bearer) = bearer {
        request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    }
    request
}

#[test]
fn every_call_without_the_key_is_refused_by_name_and_with_it_answered() {
    let place = Place::new();
    let _node = sleeping(&place);
    let key = fs::read_to_string(&live(&place, "key")[0]).unwrap();
    assert_eq!(key.len(), 64);
    let (right, bare) = (format!("Bearer {key}"), key.clone());
    let wrong = [None, Some("Bearer "), Some("Bearer 00"), Some(&*bare), Some(&right[..70])];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for bearer in wrong {
            let refused = [
                asked(&place, |mut client| async move {
                    client.get_status(with(GetStatusRequest {}, bearer)).await.map(|_| Response::new(()))
                })
                .await,
                asked(&place, |mut client| async move {
                    let request = SubscribeEventsRequest::default();
                    client.subscribe_events(with(request, bearer)).await.map(|_| Response::new(()))
                })
                .await,
                asked(&place, |mut client| async move {
                    let request = QueryStateRequest::default();
                    client.query_state(with(request, bearer)).await.map(|_| Response::new(()))
                })
                .await,
            ];
            for answer in refused {
                let status = answer.expect_err("it was answered");
                let found = (status.code(), code(&status));
                assert_eq!(found, (Code::Unauthenticated, ErrorCode::AuthenticationFailed), "{bearer:?}");
            }
        }
        let right = Some(&*right);
        let status =
            asked(
                &place,
                |mut client| async move { client.get_status(with(GetStatusRequest {}, right)).await },
            );
        let status = status.await.unwrap().into_inner();
        assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
        let log_id = status.sessions[0].log_id.clone();
        let rows = [(vec![1; 3], "16 bytes"), (log_id, "still runs"), (vec![1; 16], "no receipt")];
        for (log_id, words) in rows {
            let answer = asked(&place, |mut client| async move {
                client.get_receipt(with(GetReceiptRequest { log_id }, right)).await
            });
            let status = answer.await.unwrap_err();
            assert_eq!(code(&status), ErrorCode::ArgumentInvalid, "{status}");
            assert!(status.message().contains(words), "{status}");
        }
        let missing = asked(&place, |mut client| async move {
            client.query_state(with(QueryStateRequest::default(), right)).await
        });
        assert_eq!(code(&missing.await.unwrap_err()), ErrorCode::PartMissing);
        for (request, words) in [
            (SubscribeEventsRequest { kinds: vec![99], ..Default::default() }, "no event kind 99"),
            (SubscribeEventsRequest { kinds: vec![1; 17], ..Default::default() }, "more than 16"),
            (SubscribeEventsRequest { after: u64::MAX, ..Default::default() }, "still to come"),
            (SubscribeEventsRequest { after: 1, kept: true, ..Default::default() }, "exclude"),
            (SubscribeEventsRequest { session_id: vec![0; 8], ..Default::default() }, "no such session"),
        ] {
            let answer =
                asked(
                    &place,
                    |mut client| async move { client.subscribe_events(with(request, right)).await },
                );
            let status = answer.await.map(|_| ()).unwrap_err();
            assert_eq!(code(&status), ErrorCode::ArgumentInvalid, "{status}");
            assert!(status.message().contains(words), "{status}");
        }
    });
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let place = Place::new();
    let _node = sleeping(&place);
    let mut silent: Vec<_> =
        (0..100).map(|_| UnixStream::connect(&live(&place, "sock")[0]).unwrap()).collect();
    assert_eq!(ls(&place).event("runs")["live"], 1);
    // The oldest was sent the settings of HTTP/2, and then nothing but its end.
    let oldest = &mut silent[0];
    oldest.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    oldest.read_to_end(&mut Vec::new()).expect("it is still open");
}

#[test]
fn a_program_in_its_sandbox_reads_no_key_and_sees_no_socket() {
    let place = Place::new();
    let _node = sleeping(&place);
    let folder = place.path("home/live");
    let script =
        format!("cat {0}/*.key; ls {0}; cat ../home/live/*.key; test -e {0} && echo seen", folder.display());
    let key = fs::read_to_string(&live(&place, "key")[0]).unwrap();
    let outside = place.other("/bin/sh".as_ref()).arguments(["-c", &script]).outcome();
    assert_eq!(outside.stdout.matches(&key).count(), 2, "{outside:?}");
    let inside = place.run(["sh", "-c", &script]).outcome();
    assert!(!inside.stdout.contains(&key), "{inside:?}");
    assert!(!inside.stdout.contains(".sock") && !inside.stdout.contains(".key"), "{inside:?}");
    for flag in ["--read", "--write"] {
        let outcome = place.ioi(["run", flag, "../home/live", "--", "true"]).outcome();
        outcome.assert_fails(125, &["no policy opens"]);
    }
}

#[test]
fn tap_waits_for_a_run_and_shows_every_start_end_and_region_of_it() {
    let place = Place::new();
    for number in 0..4 {
        let sentence = format!("Heron number {number} nests in the reeds. ");
        place.write(format!("docs/{number}.txt"), sentence.repeat(3000));
    }
    let tap = place.ioi(["--json", "ipc", "tap"]).start();
    let answered = place.ask("Where does heron number 2 nest?").outcome();
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let tapped = tap.outcome();
    assert_eq!(tapped.code, Some(0), "{tapped:?}");
    let events = tapped.events();
    let numbers: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{tapped:?}");
    let sessions: Vec<_> = tapped.events_of("session").iter().map(|event| event["ended"] == true).collect();
    assert_eq!(sessions, [false, true]);
    assert_eq!(events.last().unwrap()["event"], "session", "the end is not the last that is told");
    let mut lives: BTreeMap<(String, u64), Vec<bool>> = BTreeMap::new();
    for event in tapped.events_of("process") {
        let who = (event["name"].as_str().unwrap().to_owned(), event["instance"].as_u64().unwrap());
        lives.entry(who).or_default().push(event["alive"].as_bool().unwrap());
    }
    assert!(lives.values().all(|life| *life == [true, false]), "{lives:?}");
    for name in ["guardian", "orchestrator", "workload", "plugin:files"] {
        assert!(lives.keys().any(|(found, _)| found == name), "{name}: {lives:?}");
    }
    let mut regions: BTreeMap<(bool, u64), Vec<String>> = BTreeMap::new();
    for event in tapped.events_of("region") {
        let change = event["change"].as_str().unwrap().to_owned();
        let arena = event["arena"].as_bool().unwrap();
        assert!(!(arena && event["sealed"] == true), "{event}");
        regions.entry((arena, event["region"].as_u64().unwrap())).or_default().push(change);
    }
    // The texts were lent by the plugin, the passages of the answer sealed by the workload.
    let ways = [(true, "made granted fetched released"), (false, "made sealed fetched")];
    for (arena, changes) in ways {
        let is_it = |((is_arena, _), told): (&(bool, u64), &Vec<String>)| {
            *is_arena == arena && told.join(" ") == changes
        };
        assert!(regions.iter().any(is_it), "{changes}: {regions:?}");
    }
    for changes in regions.values() {
        assert_eq!(changes[0], "made", "{regions:?}");
    }
}

#[test]
fn tap_ends_after_its_time_and_says_so_when_the_run_is_killed() {
    let place = Place::new();
    let waited = place.ioi(["ipc", "tap", "--for", "0"]).outcome();
    assert_eq!((waited.code, waited.stdout.as_str()), (Some(0), ""), "{waited:?}");
    let node = sleeping(&place);
    let timed = place.ioi(["ipc", "tap", "--for", "1"]).outcome();
    assert_eq!(timed.code, Some(0), "{timed:?}");
    for words in ["session  ioi run began", "process  guardian started", "process  program started"] {
        assert!(timed.stdout.contains(words), "{words:?}: {timed:?}");
    }
    node.signal(Signal::STOP);
    place.ioi(["ipc", "tap"]).outcome().assert_fails(5, &["no answer within 3 s", "stopped"]);
    node.signal(Signal::CONT);
    let mut tap = place.ioi(["ipc", "tap"]).start();
    tap.wait_for("program started");
    node.signal(Signal::KILL);
    node.outcome();
    tap.outcome().assert_fails(5, &["has gone"]);
}

#[test]
fn bench_measures_every_row_over_both_and_draws_what_it_measured() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return skip("two processes are measured on a core each, and there is one");
    }
    let place = Place::new();
    let call = place.ioi(["--json", "ipc", "bench", "--quick", "--plot", "plot.svg"]);
    let outcome = call.within(Duration::from_secs(240)).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let event = outcome.event("bench");
    assert_eq!((&event["rounds"], event["rows"].as_array().unwrap().len()), (&3.into(), 10), "{event}");
    assert_eq!(event["sweep"].as_array().unwrap().len(), 18);
    for row in event["rows"].as_array().unwrap().iter().chain(event["sweep"].as_array().unwrap()) {
        for transport in ["ours", "unix_socket"] {
            let figure = |name: &str| row[transport][name].as_u64().unwrap_or_else(|| panic!("{row}"));
            assert!(figure("min") <= figure("median") && figure("median") <= figure("max"), "{row}");
            assert!(figure("median") > 0, "{row}");
        }
        assert!(row["ratio"].as_f64().unwrap() > 0.0, "{row}");
    }
    let plot = fs::read_to_string(place.path("work/plot.svg")).unwrap();
    assert_eq!((plot.matches("<polyline").count(), plot.ends_with("</svg>\n")), (4, true), "{plot}");
    assert!(!plot.contains("NaN") && !plot.contains("inf"), "{plot}");
    place.ioi(["ipc", "bench", "--cores", "1,1"]).outcome().assert_fails(2, &["two different cores"]);
}

#[test]
fn a_core_that_is_not_there_is_named_with_those_that_are() {
    let place = Place::new();
    // The kernel's own list of the cores that this test, and so the program, may use.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let (_, usable) = status.split_once("Cpus_allowed_list:").unwrap();
    let usable = usable.lines().next().unwrap().trim().replace(',', ", ");
    for (named, missing) in [("0,4095", "4095"), ("4095,0", "4095"), ("0,123456789", "123456789")] {
        let outcome = place.ioi(["ipc", "bench", "--quick", "--cores", named]).outcome();
        outcome.assert_fails(2, &[&format!("no core {missing} "), &format!("these may: {usable}\n")]);
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_plot_that_has_no_place_is_refused_before_anything_is_measured() {
    let place = Place::new();
    place.write("work/file", "");
    fs::create_dir(place.path("work/closed")).unwrap();
    fs::set_permissions(place.path("work/closed"), PermissionsExt::from_mode(0o500)).unwrap();
    let rows = [
        ("missing/plot.svg", "there is no folder missing"),
        ("file/plot.svg", "there is no folder file"),
        ("../docs", "no file's name"),
        ("closed/plot.svg", "Permission denied"),
    ];
    for (file, word) in rows {
        if file.starts_with("closed") && is_root() {
            skip("root may write anywhere");
            continue;
        }
        // What a measurement finds comes on standard output.
        let outcome = place.ioi(["ipc", "bench", "--plot", file]).within(Duration::from_secs(10)).outcome();
        outcome.assert_fails(2, &[word, "name a file in a folder that is there"]);
        assert_eq!(outcome.stdout, "", "{outcome:?}");
    }
    assert_eq!(fs::read_dir(place.path("work")).unwrap().count(), 2, "something was written");
}
