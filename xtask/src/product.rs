//! The programs of the product: found, built in release, started and installed.

use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, IsTerminal};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The command that users type; the others are started by it.
const ENTRY: &str = "ioi";

/// Programs that stand beside the product's own and serve its tests alone.
const TEST_ONLY: &[&str] = &["ioi-without-namespaces"];

/// Tells `ioi` that the commands which it shows are to be typed as `cargo ioi …`.
const CALLED_AS: &str = "IOI_CALLED_AS";

/// Builds everything and becomes `ioi`: same arguments, folder and terminal, its exit code is ours.
pub(crate) fn start(arguments: &[OsString]) -> Result<bool> {
    let workspace = Workspace::load(false)?;
    build(&workspace)?;
    let program = workspace.target.join("release").join(ENTRY);
    let mut command = Command::new(&program);
    command.args(arguments);
    for name in std::env::vars_os().map(|(name, _)| name).filter(|name| is_cargos(name)) {
        command.env_remove(name);
    }
    if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
        let kept = without_build_folders(&value, &workspace.target);
        if kept.is_empty() {
            command.env_remove("LD_LIBRARY_PATH");
        } else {
            command.env("LD_LIBRARY_PATH", kept);
        }
    }
    command.env_remove(CALLED_AS);
    if !is_found(ENTRY, std::env::var_os("PATH").as_deref()) {
        command.env(CALLED_AS, "cargo ioi");
    }
    Err(command.exec()).with_context(|| format!("{} cannot be started", program.display()))
}

/// Whether a shell with this PATH finds a program of that name.
fn is_found(name: &str, path: Option<&OsStr>) -> bool {
    let may_run =
        |file: PathBuf| fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0);
    path.is_some_and(|path| std::env::split_paths(path).any(|folder| may_run(folder.join(name))))
}

/// Copies the programs to where an installation has them.
pub(crate) fn install(prefix: Option<PathBuf>) -> Result<bool> {
    let prefix = match (prefix, std::env::var_os("HOME")) {
        (Some(prefix), _) => prefix,
        (None, Some(home)) => PathBuf::from(home).join(".local"),
        (None, None) => bail!("HOME is not set: name a folder with --prefix"),
    };
    let workspace = Workspace::load(false)?;
    build(&workspace)?;
    for (_, name) in programs(&workspace).iter().filter(|(_, name)| !TEST_ONLY.contains(&name.as_str())) {
        let place = prefix.join(place_of(name));
        put(&workspace.target.join("release").join(name), &place)?;
        println!("{}", place.display());
    }
    Ok(true)
}

/// Packages of the product with the programs that they build.
pub(crate) fn programs(workspace: &Workspace) -> Vec<(String, String)> {
    let of_product = |folder: &str| {
        folder.starts_with("node/") || folder.starts_with("plugins/") || folder == "edge/sandbox"
    };
    let packages = workspace.members().into_iter();
    let packages = packages.filter(|package| package.folder.as_deref().is_some_and(of_product));
    packages
        .flat_map(|package| package.programs().map(|name| (package.name.clone(), name.to_owned())))
        .collect()
}

/// Builds the programs in release. Silent when all are up to date; otherwise cargo's progress goes
/// to standard error, since standard output belongs to `ioi`.
fn build(workspace: &Workspace) -> Result<()> {
    let programs = programs(workspace);
    if !programs.iter().any(|(_, name)| name == ENTRY) {
        bail!("no package under node/ builds a program named `{ENTRY}`");
    }
    let mut command = cargo();
    command.args(["build", "--release", "--bins"]).arg("--manifest-path");
    command.arg(workspace.root.join("Cargo.toml"));
    for (package, _) in &programs {
        command.args(["--package", package]);
    }
    if std::io::stderr().is_terminal() {
        command.args(["--color", "always"]);
    }
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take().context("cargo's standard error is not piped")?;
    forward_progress(BufReader::new(stderr), |line| eprintln!("{line}"));
    if !child.wait()?.success() {
        bail!("the programs could not be built");
    }
    Ok(())
}

/// Hands on cargo's lines but for the closing one of a build that had nothing to do.
fn forward_progress(lines: impl BufRead, mut print: impl FnMut(&str)) {
    let mut said_something = false;
    for line in lines.split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if said_something || !line.contains("Finished") {
            said_something = true;
            print(&line);
        }
    }
}

/// Variables that `cargo run` adds for this program and that a user's program must not inherit:
/// with them, `ioi run -- cargo build` in another project would build with our toolchain.
fn is_cargos(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let exact = ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    let rustup = ["RUSTUP_TOOLCHAIN", "RUSTUP_TOOLCHAIN_SOURCE", "RUST_RECURSION_COUNT"];
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    exact.contains(&name) || rustup.contains(&name) || prefixes.iter().any(|p| name.starts_with(p))
}

/// Takes out what `cargo run` put in front: folders of this build and of the toolchain.
fn without_build_folders(value: &OsStr, target: &Path) -> OsString {
    let is_ours = |path: &PathBuf| {
        path.starts_with(target) || path.components().any(|part| part.as_os_str() == "toolchains")
    };
    let kept = std::env::split_paths(value).filter(|path| !is_ours(path));
    std::env::join_paths(kept).unwrap_or_default()
}

fn place_of(name: &str) -> PathBuf {
    let folder = if name == ENTRY { "bin" } else { "libexec/ioi" };
    Path::new(folder).join(name)
}

/// Writes beside the place and renames, so that a running program is not written into.
fn put(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a place to install to has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let fresh = to.with_extension("new");
    let copied = fs::copy(from, &fresh)
        .and_then(|_| fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&fresh, to));
    copied.with_context(|| format!("cannot install {} as {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cargo_said: &str) -> String {
        let mut shown = String::new();
        forward_progress(cargo_said.as_bytes(), |line| shown.extend([line, "\n"]));
        shown
    }

    #[test]
    fn a_build_with_nothing_to_do_is_silent_and_any_other_is_shown_whole() {
        assert_eq!(shown("    Finished `release` profile in 0.1s\n"), "");
        let built = "   Compiling ioi-types\n    Finished `release` profile in 9s\n";
        assert_eq!(shown(built), built);
        let failed = "error: no such package\n";
        assert_eq!(shown(failed), failed);
    }

    #[test]
    fn only_the_entry_goes_into_bin() {
        assert_eq!(place_of("ioi"), Path::new("bin/ioi"));
        assert_eq!(place_of("ioi-init"), Path::new("libexec/ioi/ioi-init"));
    }

    #[test]
    fn a_users_own_variables_survive_and_those_of_cargo_run_do_not() {
        for own in ["PATH", "HOME", "CARGO_HOME", "CARGO_TARGET_DIR", "IOI_HOME", "RUST_LOG"] {
            assert!(!is_cargos(OsStr::new(own)), "{own}");
        }
        for cargos in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "RUSTUP_TOOLCHAIN"] {
            assert!(is_cargos(OsStr::new(cargos)), "{cargos}");
        }
        let value = OsStr::new("/w/target/debug:/r/toolchains/stable/lib:/opt/lib");
        assert_eq!(without_build_folders(value, Path::new("/w/target")), "/opt/lib");
    }

    #[test]
    fn a_program_is_found_where_path_has_a_file_that_may_be_run() {
        let scratch = crate::test::Scratch::create("xtask-path").unwrap();
        let [none, plain, there] = ["none", "plain", "there"].map(|name| scratch.path().join(name));
        fs::create_dir_all(none.join("ioi")).unwrap();
        for (folder, mode) in [(&plain, 0o644), (&there, 0o755)] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("ioi"), "").unwrap();
            fs::set_permissions(folder.join("ioi"), fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = |folders: &[&PathBuf]| is_found("ioi", Some(&std::env::join_paths(folders).unwrap()));
        assert!(found(&[&none, &plain, &there]));
        assert!(!found(&[&none, &plain]) && !is_found("ioi", None));
    }

    #[test]
    fn programs_come_from_the_product_and_not_from_this_tool() {
        let found = programs(&Workspace::load(false).unwrap());
        assert!(found.contains(&("ioi-node-cli".into(), "ioi".into())));
        assert!(found.iter().all(|(package, _)| package != "xtask"));
    }

    #[test]
    fn installing_twice_replaces_the_program_and_leaves_no_other_file() {
        let scratch = crate::test::Scratch::create("xtask-put").unwrap();
        let folder = scratch.path();
        let to = folder.join("bin/ioi");
        for content in ["one", "two"] {
            let from = folder.join("built");
            fs::write(&from, content).unwrap();
            put(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
            assert_eq!(fs::read_dir(folder.join("bin")).unwrap().count(), 1);
        }
    }
}
