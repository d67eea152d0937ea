//! One mediated observation: plugin → orchestrator → firewall and log → supervisor and back.
//!
//! An installation is copied with this very program in the place of the files
//! plugin. `ioi ask` starts it as it starts every plugin: same sandbox, policy
//! and log. It times its own calls and tells them in a document that it skips.

use crate::Result;
use crate::bare;
use crate::place::Place;
use crate::report::{Reporter, Samples};
use ioi_sdk::{Call, Plugin, Reply, ToolError, Value};
use ioi_types::ErrorCode;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const CALLS: usize = 2000;
const WARM_UP: usize = 100;

/// The plugin's main.
pub(crate) fn plugin() -> ExitCode {
    let told = AtomicBool::new(false);
    Plugin::new("files", env!("CARGO_PKG_VERSION"))
        .tool("documents.next", move |call| {
            // Further calls come at once; they would disturb what is timed.
            let first = !told.swap(true, Ordering::Relaxed);
            Ok(Reply::new(batch(if first { time_calls(call)? } else { Vec::new() })))
        })
        .run()
}

fn time_calls(call: &Call) -> std::result::Result<Vec<Value>, ToolError> {
    let failed = |error: ioi_sdk::HostError| ToolError::new(error.code, error.message);
    let mut told = Vec::new();
    for name in ["list", "read"] {
        let mut micros = Vec::new();
        for index in 0..CALLS + WARM_UP {
            let start = Instant::now();
            let seen = match name {
                "list" => call.host().list(0, b"", None).map_err(failed)?.entries.len(),
                _ => call.host().open(0, b"a.txt").map(|_| 1).map_err(failed)?,
            };
            if seen != 1 {
                return Err(ToolError::failed(format!("the folder has {seen} entries and not one")));
            }
            if index >= WARM_UP {
                micros.push(format!("{:.1}", start.elapsed().as_secs_f64() * 1e6));
            }
        }
        told.push(Value::map([
            ("code", Value::from(ErrorCode::ExtractFailed.number())),
            ("path", name.into()),
            ("reason", micros.join(" ").as_str().into()),
        ]));
    }
    Ok(told)
}

fn batch(skipped: Vec<Value>) -> Value {
    let nothing = || Value::from(0u32);
    Value::map([
        ("bytes", nothing()),
        ("documents", Value::List(Vec::new())),
        ("done", true.into()),
        ("found", nothing()),
        ("skipped", Value::List(skipped)),
    ])
}

/// What the plugin told under `name`.
fn told(output: &str, name: &str) -> Result<Samples> {
    let events = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut skipped = events.filter(|event| event["event"] == "skipped" && event["path"] == name);
    let event = skipped.next().ok_or_else(|| format!("the plugin told nothing of {name}: {output}"))?;
    let micros = event["reason"].as_str().unwrap_or_default().split(' ').map(str::parse);
    let micros: Vec<f64> = micros.collect::<std::result::Result<_, _>>()?;
    if micros.len() == CALLS { Ok(Samples::new(micros)) } else { Err("some of its times were lost".into()) }
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    let folder = place.one_document()?;
    let programs = place.make_folder("programs")?;
    place.copy_programs(&programs)?;
    std::fs::copy(std::env::current_exe()?, programs.join("ioi-plugin-files"))?;
    let mut command = place.ioi();
    command.env("IOI_BIN_DIR", &programs).args(["--json", "ask"]).arg(&folder).arg("anything?");
    // It ends with an error: the plugin has no documents to give.
    let output = command.stdin(Stdio::null()).output()?;
    let output = String::from_utf8(output.stdout)?;
    let bare = bare::round_trips(CALLS)?;
    reporter.row(
        "fs::list of one entry, decided and logged",
        "µs",
        &told(&output, "list")?,
        Some(&bare),
        None,
    );
    reporter.row(
        "fs::read, decided, logged, descriptor received",
        "µs",
        &told(&output, "read")?,
        Some(&bare),
        None,
    );
    reporter.row("128 bytes there and back on a socket pair", "µs", &bare, None, None);
    Ok(())
}
