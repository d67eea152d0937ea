//! `ioi run -- <command>`: the program's sandbox, built from the command line.

use crate::args::RunArgs;
use crate::failure::Failure;
use crate::node::{self, Interrupt, ReceiptCopy};
use crate::policies;
use crate::render::Screen;
use crate::trees::{PRINCIPALS, Trees};
use ioi_firewall::{Access as PolicyAccess, Context, Policy, ProtectedPath, protected_paths};
use ioi_node_supervisor::wire::{PolicySource, RunTask, task::Task};
use ioi_node_supervisor::{Job, Settings, measure};
use ioi_sandbox::{Access, Grant, Limits, Profile, SyscallSet, program_grants};
use ioi_types::exit;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Environment variables that a program gets without being asked for: how to
/// speak to the user and where programs lie. None holds a secret by custom.
const ENVIRONMENT: [&str; 14] = [
    "COLORTERM",
    "COLUMNS",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LINES",
    "LOGNAME",
    "NO_COLOR",
    "PATH",
    "SHELL",
    "TERM",
    "TZ",
    "USER",
];
const SIGSYS: i32 = 31;
/// Bytes of the program's own `/tmp`.
const TMP_BYTES: u64 = 1 << 30;

/// What a policy of the user's must say at least, for a program that reads the current folder.
const MINIMAL_POLICY: &str = r#"
version = 1

[[rule]]
id = "read-folder"
effect = "allow"
principal = ["session:run", "program"]
action = ["fs::list", "fs::read"]
when = { path = ["./**"] }
"#;

/// Returns the program's own exit code.
pub(crate) async fn run(args: RunArgs, screen: &mut Screen) -> Result<u8, Failure> {
    prepare_and_run(args, screen).await.map_err(|failure| {
        // All failures of ours are 125-127 here, so that a program's own codes stay apart.
        let own = matches!(failure.exit, exit::RUN_NOT_EXECUTABLE | exit::RUN_NOT_FOUND);
        if own { failure } else { Failure { exit: exit::RUN_FAILED, ..failure } }
    })
}

async fn prepare_and_run(args: RunArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let settings = node::settings()?;
    let folder = std::env::current_dir()
        .and_then(|folder| folder.canonicalize())
        .map_err(|error| Failure::usage(format!("the current folder can't be used: {error}")))?;
    let executable = find_program(&args.command[0], std::env::var_os("PATH").as_deref())?;
    let mut roots = vec![folder.clone()];
    for more in &args.read {
        roots.push(node::folder(more)?);
    }
    let writes = args.write.iter().map(|folder| node::folder(folder)).collect::<Result<Vec<_>, _>>()?;
    let copy = ReceiptCopy::prepare(args.receipt.as_deref(), &writes)?;
    let policy = policy(&args, &settings, &executable, &writes)?;
    let context = policies::context(&settings.home, &roots);
    let compiled = policies::compile(&policy, &context)?;
    let trees = Trees::of(&roots, &writes, &compiled);
    let prefixes = trees.beside(prefixes(&executable, &compiled), &compiled);
    let (digest, _) =
        measure(&executable).map_err(|error| not_executable(&executable, &error.to_string()))?;
    let mut profile = profile(&args, &executable, &folder);
    profile.grants.extend(trees.direct());
    profile.grants.extend(prefixes.iter().map(|prefix| Grant::new(prefix, Access::ReadExecute)));
    profile.mediated = trees.mediated();
    check_writes(&trees.directly_written(), &context)?;
    node::require(&mut profile, &compiled)?;
    let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    let task = RunTask {
        argv: args.command.iter().map(|argument| argument.as_encoded_bytes().to_vec()).collect(),
        executable: bytes(&executable),
        executable_digest: digest.to_string(),
        write_roots: writes.iter().map(|path| bytes(path)).collect(),
        program_roots: prefixes.iter().map(|path| bytes(path)).collect(),
        mediated_roots: profile.mediated.iter().map(|grant| bytes(&grant.path)).collect(),
    };
    let job = Job {
        command: "run",
        roots,
        policy,
        task: Task::Run(task),
        workload: false,
        egress: false,
        plugins: BTreeMap::new(),
        program_notes: notes(&profile),
        rogue_without: Vec::new(),
        program: Some(profile),
    };
    let (_, questions) = mpsc::channel(1);
    let outcome = node::perform(settings, job, questions, screen, Interrupt::IsPassedOn).await?;
    let copy = copy.map(|copy| copy.finish(&outcome.finished)).transpose()?;
    screen.trees(&trees.said());
    screen.finished(&outcome.finished, copy.as_deref());
    if outcome.finished.exit_code == 128 + SIGSYS && !screen.is_json() {
        eprintln!(
            "The sandbox ended it for a system call that none of its programs may make (docs/sandbox.md)."
        );
    }
    Ok(u8::try_from(outcome.finished.exit_code).unwrap_or(exit::RUN_FAILED))
}

/// What direct access does not cover, for the receipt.
fn notes(profile: &Profile) -> Vec<String> {
    let mut notes =
        vec!["direct: reads and writes in granted folders were not individually mediated".to_owned()];
    let said = |how: &str, grant: &Grant| {
        let access = match grant.access {
            Access::Read => "read",
            Access::ReadExecute => "read and execute",
            _ => "write",
        };
        format!("{how} {access}: {}", grant.path.display())
    };
    notes.extend(profile.grants.iter().map(|grant| said("direct", grant)));
    notes.extend(profile.mediated.iter().map(|grant| said("mediated", grant)));
    notes
}

/// The policy, with what the command line names added as rules of their own.
fn policy(
    args: &RunArgs,
    settings: &Settings,
    executable: &Path,
    writes: &[PathBuf],
) -> Result<PolicySource, Failure> {
    let builtin = || ioi_firewall::builtin("run").unwrap_or_default().to_owned();
    let mut policy = policies::find(args.policy.as_deref(), &settings.home, builtin)?;
    if policies::is_empty(&policy) {
        let message = format!(
            "the policy {} is empty, so it allows nothing. The least is:\n{MINIMAL_POLICY}",
            policy.name
        );
        return Err(Failure::new(exit::USAGE, "policy", message));
    }
    let refused = |error: ioi_firewall::PathError| Failure::usage(error.to_string());
    policy.text += &ioi_firewall::with_command(executable.as_os_str().as_encoded_bytes()).map_err(refused)?;
    let folders: Vec<_> = writes.iter().map(|folder| folder.as_os_str().as_encoded_bytes()).collect();
    policy.text += &ioi_firewall::with_write(&folders).map_err(refused)?;
    Ok(policy)
}

fn profile(args: &RunArgs, executable: &Path, folder: &Path) -> Profile {
    let mut profile = Profile::new("program", executable);
    profile.argv = args.command.clone();
    let named = args.env.iter().map(OsString::as_os_str).chain(ENVIRONMENT.iter().map(OsStr::new));
    profile.environment = named.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
    // The system's git settings may hold tokens and are not granted; git would stop at them.
    profile.environment.push(("GIT_CONFIG_NOSYSTEM".into(), "1".into()));
    profile.environment.sort();
    profile.environment.dedup();
    profile.working_directory = folder.to_owned();
    profile.grants = program_grants();
    profile.syscalls = SyscallSet::Program;
    profile.limits = Limits {
        memory_bytes: Some(args.memory),
        pids: Some(args.pids),
        cpu_percent: None,
        files: Some(65_536),
    };
    profile.terminal = true;
    profile.private_tmp_bytes = Some(TMP_BYTES);
    profile
}

fn not_executable(path: &Path, why: &str) -> Failure {
    Failure::new(
        exit::RUN_NOT_EXECUTABLE,
        "not executable",
        format!("{} can't be executed: {why}", path.display()),
    )
}

/// As a shell finds it: a name with a slash is a path, any other is looked for in PATH.
fn find_program(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Failure> {
    let not_found = || {
        let message = format!("there is no command `{}`", name.to_string_lossy());
        Failure::new(exit::RUN_NOT_FOUND, "not found", message)
    };
    if name.is_empty() {
        return Err(not_found());
    }
    let candidates: Vec<PathBuf> = if name.as_encoded_bytes().contains(&b'/') {
        vec![PathBuf::from(name)]
    } else {
        std::env::split_paths(path.unwrap_or_default())
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .collect()
    };
    let found = candidates.iter().find(|candidate| is_executable(candidate));
    match found.or_else(|| candidates.iter().find(|candidate| candidate.exists())) {
        Some(path) if is_executable(path) => {
            path.canonicalize().map_err(|error| not_executable(path, &error.to_string()))
        }
        Some(path) => Err(not_executable(path, "it is no executable file")),
        None => Err(not_found()),
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The tree that a command outside the system's folders was installed into: the
/// parent of a `bin` (or `shims`) folder that has its libraries beside it. Any
/// other folder stays closed; `--read` opens it, under the policy.
fn prefixes(executable: &Path, policy: &Policy) -> Vec<PathBuf> {
    if program_grants().iter().any(|grant| executable.starts_with(&grant.path)) {
        return Vec::new();
    }
    let bin = executable.parent().filter(|bin| {
        bin.file_name()
            .is_some_and(|name| ["bin", "sbin", "shims", "libexec"].iter().any(|known| name == *known))
    });
    let prefix = bin.and_then(Path::parent).filter(|prefix| {
        ["lib", "lib64", "libexec", "versions"].iter().any(|libraries| prefix.join(libraries).is_dir())
    });
    let is_free = |prefix: &&Path| {
        may_be_granted(prefix, policy)
            && !policy.limits_in(&PRINCIPALS, prefix.as_os_str().as_encoded_bytes())
    };
    prefix.filter(is_free).map(Path::to_owned).into_iter().collect()
}

/// No home folder, nothing above one, and nothing that holds keys by custom.
fn may_be_granted(tree: &Path, policy: &Policy) -> bool {
    const SECRETS: [&str; 8] =
        [".ssh", ".gnupg", ".aws", ".config", ".kube", ".netrc", ".git-credentials", "credentials.toml"];
    let context: &Context = policy.context();
    let home = context.home.as_deref().map(|home| Path::new(OsStr::from_bytes(home)));
    let is_home =
        home.is_some_and(|home| home.starts_with(tree)) || tree.parent() == Some(Path::new("/home"));
    let protected = |protected: &ProtectedPath| {
        protected.path.as_deref().is_some_and(|path| Path::new(OsStr::from_bytes(path)).starts_with(tree))
    };
    tree.components().count() > 2
        && !is_home
        && !SECRETS.iter().any(|name| tree.join(name).exists())
        && !protected_paths(context).iter().any(protected)
}

/// Entries of a folder for writing that are looked through before the start.
const WRITE_ENTRIES_MAX: usize = 1_000_000;

/// A folder for writing must not hold, at the start, anything that no policy
/// opens for writing: git hooks and settings, keys, start-up files.
fn check_writes(folders: &[PathBuf], context: &Context) -> Result<(), Failure> {
    let refused = |message: String| Failure::new(exit::REFUSED, "policy.denied", message);
    let (mut waiting, mut seen) = (folders.to_vec(), 0);
    while let Some(folder) = waiting.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| refused(format!("{} can't be looked through: {error}", folder.display())))?;
        for entry in entries.filter_map(Result::ok) {
            seen += 1;
            let path = entry.path();
            if let Some(found) =
                context.touches_protected(path.as_os_str().as_encoded_bytes(), PolicyAccess::Write)
            {
                let message = format!(
                    "--write can't be given: {} is protected ({}), which no policy opens; name a folder beside it",
                    path.display(),
                    found.why
                );
                return Err(refused(message));
            }
            if seen > WRITE_ENTRIES_MAX {
                return Err(refused(format!(
                    "the folders for writing hold more than {WRITE_ENTRIES_MAX} entries"
                )));
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_as_a_shell_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tool");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        let path = folder.path().as_os_str();
        let code = |name: &str| find_program(OsStr::new(name), Some(path)).map_err(|failure| failure.exit);
        assert_eq!(code("tool"), Err(exit::RUN_NOT_EXECUTABLE));
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(code("tool"), Ok(program.canonicalize().unwrap()));
        assert_eq!(code("nothing"), Err(exit::RUN_NOT_FOUND));
        assert_eq!(code(""), Err(exit::RUN_NOT_FOUND));
        assert_eq!(code("./nothing"), Err(exit::RUN_NOT_FOUND));
    }
}
