//! Benchmarks that are a workspace of their own, since what they compare with is compiled for nothing
//! else.

use crate::workspace::{Workspace, cargo};
use anyhow::{Result, bail};
use std::ffi::OsString;

/// What can be named, and the folder of its workspace.
const BENCHES: &[(&str, &str)] = &[("ipc", "benches/peers")];

/// What one command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    folder: &'static str,
    /// For the benchmark itself.
    arguments: Vec<OsString>,
}

impl Options {
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self> {
        let names = || BENCHES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some((first, rest)) = arguments.split_first() else { bail!("bench wants one of: {}", names()) };
        match BENCHES.iter().find(|(name, _)| first == name) {
            Some((_, folder)) => Ok(Self { folder, arguments: rest.to_vec() }),
            None => bail!("there is no benchmark {first:?}; there are: {}", names()),
        }
    }
}

/// Builds it in release, in a target folder of its own, and runs it; true when it came to its end.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let workspace = Workspace::load(false)?;
    let manifest = workspace.root.join(options.folder).join("Cargo.toml");
    let target = workspace.target.join(options.folder.replace('/', "-"));
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--manifest-path"]).arg(manifest);
    command.arg("--target-dir").arg(target).arg("--").args(&options.arguments);
    Ok(command.status()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Options> {
        Options::parse(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_known_benchmark_gets_the_other_arguments_unchanged() {
        let options = parsed(&["ipc", "--quick", "--json", "x"]).unwrap();
        assert_eq!(options.folder, "benches/peers");
        assert_eq!(options.arguments, ["--quick", "--json", "x"]);
        for bad in [&[][..], &["ipv"], &["--quick", "ipc"]] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn each_benchmark_is_a_workspace_that_the_root_does_not_hold() {
        let workspace = Workspace::load(false).unwrap();
        for (name, folder) in BENCHES {
            let manifest = std::fs::read_to_string(workspace.root.join(folder).join("Cargo.toml")).unwrap();
            assert!(manifest.lines().any(|line| line == "[workspace]"), "{name}");
            let is_member = workspace.members().iter().any(|member| member.folder.as_deref() == Some(folder));
            assert!(!is_member, "{name} would be built with the product");
        }
    }
}
