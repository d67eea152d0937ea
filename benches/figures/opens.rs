//! Opening and closing a file: bare, under Landlock alone, past a listener, and decided.
//!
//! This very program is what `ioi run` starts; it times its own calls and prints them.

use crate::Result;
use crate::place::Place;
use crate::report::{Reporter, Samples};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const CALLS: usize = 2000;
/// Each is decided on its own and costs two records and a sync.
const WRITES: usize = 300;
const WARM_UP: usize = 50;
const BYTES: usize = 1024;

/// What the folder that the program starts in may have, and no keys in the other one.
fn policy(ruled: &Path) -> String {
    format!(
        "version = 1\n\n[[rule]]\nid = \"read\"\neffect = \"allow\"\nprincipal = [\"session:run\", \"program\"]\n\
         action = [\"fs::list\", \"fs::read\"]\nwhen = {{ path = [\"./**\"] }}\n\n\
         [[rule]]\nid = \"no-keys\"\neffect = \"deny\"\naction = [\"fs::*\"]\nwhen = {{ path = [\"{}/*.key\"] }}\n",
        ruled.display()
    )
}

/// What `ioi run` starts: opens a path so many times and prints the microseconds of each.
pub(crate) fn role(arguments: &[String]) -> Result<()> {
    let [path, how, calls] = arguments else { return Err("role-open PATH read|write CALLS".into()) };
    let (calls, write): (usize, bool) = (calls.parse()?, how == "write");
    let mut samples = Vec::with_capacity(calls);
    for call in 0..WARM_UP + calls {
        let start = Instant::now();
        drop(File::options().read(!write).write(write).open(path)?);
        if call >= WARM_UP {
            samples.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    println!("{}", serde_json::to_string(&samples)?);
    Ok(())
}

fn samples(command: &mut Command) -> Result<Samples> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut said = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut said)?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(Samples::new(serde_json::from_str(&said)?))
}

struct Scene {
    plain: PathBuf,
    ruled: PathBuf,
    policy: PathBuf,
}

fn scene(place: &Place) -> Result<Scene> {
    let folder = |name: &str| -> Result<PathBuf> {
        let folder = place.make_folder(name)?;
        std::fs::write(folder.join("file"), [7; BYTES])?;
        Ok(folder.canonicalize()?)
    };
    let (plain, ruled) = (folder("opens/plain")?, folder("opens/ruled")?);
    let policy = place.make_folder("opens")?.join("policy.toml");
    std::fs::write(&policy, self::policy(&ruled))?;
    std::fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(Scene { plain, ruled, policy })
}

/// This program, opening a file of a folder, by itself or under `ioi run` in another folder.
fn opening(file: &Path, how: &str, calls: usize, mut command: Command) -> Result<Samples> {
    command.arg("role-open").arg(file).arg(how).arg(calls.to_string());
    samples(&mut command)
}

pub(crate) fn measure(place: &Place, reporter: &mut Reporter) -> Result<()> {
    let Scene { plain, ruled, policy } = scene(place)?;
    let this = std::env::current_exe()?;
    let run = |folder: &Path, more: &[&Path]| {
        let mut command = place.ioi();
        command.current_dir(folder).arg("run").arg("--policy").arg(&policy);
        for (flag, folder) in ["--read", "--write"].iter().zip(more) {
            command.arg(flag).arg(folder);
        }
        command.arg("--").arg(&this);
        command
    };
    let (file, decided) = (plain.join("file"), ruled.join("file"));
    let bare = opening(&file, "read", CALLS, Command::new(&this))?;
    let direct = opening(&file, "read", CALLS, run(&plain, &[]))?;
    let past = opening(&file, "read", CALLS, run(&ruled, &[&plain]))?;
    let read = opening(&decided, "read", CALLS, run(&ruled, &[]))?;
    let write = opening(&decided, "write", WRITES, run(&ruled, &[&ruled, &ruled]))?;
    reporter.row("open and close, no sandbox", "µs", &bare, None, None);
    reporter.row("direct tree, nothing mediated", "µs", &direct, Some(&bare), None);
    reporter.row("direct tree beside a mediated one", "µs", &past, Some(&bare), None);
    reporter.row("mediated tree, for reading (1 KiB, hashed)", "µs", &read, Some(&bare), None);
    reporter.row("mediated tree, for writing (synced)", "µs", &write, Some(&bare), None);
    Ok(())
}
