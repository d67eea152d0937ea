//! Which policy applies: `--policy`, else the user's file, else the command's built-in one.
//!
//! A policy file inside a folder that is asked about is never looked for. A
//! policy that was named must be there and must be nobody else's to change.

use crate::failure::Failure;
use ioi_firewall::{Context, Policy, Source};
use ioi_node_supervisor::{Home, wire::PolicySource};
use ioi_types::exit;
use ioi_types::limits::POLICY_BYTES_MAX;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

// A policy goes to the orchestrator in one message, with room left for what goes with it.
const _: () = assert!(POLICY_BYTES_MAX <= ioi_ipc::pair::MESSAGE_BYTES_MAX / 2);

/// What the policy's relative names stand for.
pub(crate) fn context(home: &Home, roots: &[PathBuf]) -> Context {
    let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
    Context {
        roots: roots.iter().map(bytes).collect(),
        home: home.user.as_ref().map(bytes),
        protected: home.protected().iter().map(bytes).collect(),
    }
}

/// Compiles the policy, so that a mistake in it stops the command before anything is started.
///
/// # Errors
/// Exit 2 with every finding: file, line, column, remedy.
pub(crate) fn compile(source: &PolicySource, context: &Context) -> Result<Policy, Failure> {
    let source = Source::new(source.name.clone(), source.text.clone());
    Policy::compile(&source, context).map_err(|findings| {
        let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
        Failure::new(exit::USAGE, "policy", all.join("\n"))
    })
}

/// Finds and reads the policy.
///
/// # Errors
/// Exit 2 for a file that is missing, too large, not UTF-8, a link, or writable by others.
pub(crate) fn find(
    named: Option<&Path>,
    home: &Home,
    builtin: impl FnOnce() -> String,
) -> Result<PolicySource, Failure> {
    match named {
        Some(path) => read(path),
        None => {
            Ok(of_user(home)?.unwrap_or_else(|| PolicySource { name: "built-in".into(), text: builtin() }))
        }
    }
}

/// The user's own policy, if there is one.
///
/// # Errors
/// As [`find`], and for a place that can't be looked into.
pub(crate) fn of_user(home: &Home) -> Result<Option<PolicySource>, Failure> {
    let user = home.policy();
    match user.symlink_metadata() {
        Ok(_) => read(&user).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // A policy that may be there and can't be reached is not the same as none.
        Err(error) => {
            let message =
                format!("the policy {} can't be reached ({error}), so nothing is allowed", user.display());
            Err(Failure::new(exit::USAGE, "policy", message))
        }
    }
}

/// True for a text without a word in it: nothing but blank lines and comments.
pub(crate) fn is_empty(policy: &PolicySource) -> bool {
    policy.text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// Reads one policy file.
///
/// # Errors
/// As [`find`].
pub(crate) fn read(path: &Path) -> Result<PolicySource, Failure> {
    let name = path.display().to_string();
    let failed = |what: String| Failure::new(exit::USAGE, "policy", format!("the policy {name} {what}"));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
        failed(format!(
            "can't be read ({errno}), so nothing is allowed; name a file that is there and is no link"
        ))
    })?;
    let file = File::from(opened);
    let meta = file.metadata().map_err(|error| failed(error.to_string()))?;
    if !meta.is_file() {
        return Err(failed("is not a regular file".into()));
    }
    let mode = meta.permissions().mode() & 0o777;
    let ours = meta.uid() == rustix::process::geteuid().as_raw() || meta.uid() == 0;
    if !ours || mode & 0o022 != 0 {
        let owner = meta.uid();
        return Err(failed(format!(
            "belongs to uid {owner} with mode {mode:03o}; others could change it (chmod go-w)"
        )));
    }
    let mut text = Vec::new();
    let most = POLICY_BYTES_MAX as u64;
    file.take(most + 1).read_to_end(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > most {
        return Err(failed(format!("is longer than {most} bytes, which is the most that is taken")));
    }
    let text = String::from_utf8(text)
        .map_err(|error| failed(format!("is not UTF-8 (at byte {})", error.utf8_error().valid_up_to())))?;
    Ok(PolicySource { name, text })
}
