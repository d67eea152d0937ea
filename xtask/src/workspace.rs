//! What cargo knows about this workspace.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages, where they lie and what they depend on.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder that holds the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Members and everything from outside that they depend on, by package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One package of the dependency graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Folder beneath the root, such as `base/types`; none for packages from outside.
    pub(crate) folder: Option<String>,
    pub(crate) licence: Option<String>,
    /// As in Cargo.lock; none for packages that lie on disk.
    pub(crate) source: Option<String>,
    pub(crate) targets: Vec<Target>,
    /// As written in its Cargo.toml.
    pub(crate) dependencies: Vec<Dependency>,
    /// Ids of packages that end up in the same program: resolved normal dependencies, with the
    /// features of the whole workspace united as one build of all programs unites them.
    pub(crate) linked: Vec<String>,
}

/// A dependency as written in a Cargo.toml.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// When a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Development,
}

/// Something that cargo builds out of a package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// The root source file.
    pub(crate) source: PathBuf,
}

impl Workspace {
    /// Asks cargo, leaving out what only other platforms build unless `every_platform` is set.
    pub(crate) fn load(every_platform: bool) -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1"]);
        if let Some(manifest) = manifest_path() {
            command.arg("--manifest-path").arg(manifest);
        }
        if !every_platform {
            let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
            command.args(["--filter-platform", &platform]);
        }
        let output = command.output().context("cargo metadata did not start")?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Self::parse(&serde_json::from_slice(&output.stdout)?)
    }

    fn parse(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let target = PathBuf::from(text(metadata, "target_directory")?);
        let members: Vec<&str> = list(metadata, "workspace_members").filter_map(Value::as_str).collect();
        let mut packages = BTreeMap::new();
        for value in list(metadata, "packages") {
            let id = text(value, "id")?;
            let package = parse_package(value, &root, members.contains(&id.as_str()))?;
            packages.insert(id, package);
        }
        for node in list(&metadata["resolve"], "nodes") {
            if let Some(package) = packages.get_mut(&text(node, "id")?) {
                package.linked = linked_ids(node);
            }
        }
        Ok(Self { root, target, packages })
    }

    /// The packages of this workspace, by folder.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members: Vec<_> = self.packages.values().filter(|p| p.folder.is_some()).collect();
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        members
    }
}

impl Package {
    /// The first part of its folder: `base` of `base/types`.
    pub(crate) fn room(&self) -> &str {
        let folder = self.folder.as_deref().unwrap_or_default();
        folder.split('/').next().unwrap_or_default()
    }

    /// Runs in the compiler and is in no program.
    pub(crate) fn is_macro(&self) -> bool {
        self.targets.iter().any(|target| target.kind == "proc-macro")
    }

    /// Names of the programs it builds.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter(|target| target.kind == "bin").map(|target| target.name.as_str())
    }
}

/// The cargo that started this program, or the one on PATH.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The platform that the compiler runs on, by its name.
pub(crate) fn host_platform() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not name its platform")?.to_owned())
}

/// The workspace's Cargo.toml. `cargo run` names this package's folder; without it cargo searches
/// upwards from the current folder.
fn manifest_path() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    Some(folder.parent()?.join("Cargo.toml"))
}

fn parse_package(value: &Value, root: &Path, member: bool) -> Result<Package> {
    let manifest = PathBuf::from(text(value, "manifest_path")?);
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
    let folder = folder.filter(|_| member).map(|folder| folder.display().to_string());
    let targets = list(value, "targets").map(parse_target).collect::<Result<_>>()?;
    let dependencies = list(value, "dependencies").map(parse_dependency).collect::<Result<_>>()?;
    Ok(Package {
        name: text(value, "name")?,
        version: text(value, "version")?,
        folder,
        licence: value["license"].as_str().map(str::to_owned),
        source: value["source"].as_str().map(str::to_owned),
        targets,
        dependencies,
        linked: Vec::new(),
    })
}

fn parse_target(value: &Value) -> Result<Target> {
    let kind = list(value, "kind").next().and_then(Value::as_str).unwrap_or_default();
    Ok(Target { name: text(value, "name")?, kind: kind.into(), source: text(value, "src_path")?.into() })
}

fn parse_dependency(value: &Value) -> Result<Dependency> {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Development,
        Some(other) => bail!("cargo metadata names a dependency kind `{other}`, which is unknown"),
    };
    Ok(Dependency { name: text(value, "name")?, kind })
}

fn linked_ids(node: &Value) -> Vec<String> {
    let is_normal =
        |dependency: &&Value| list(dependency, "dep_kinds").any(|dep_kind| dep_kind["kind"].is_null());
    let normal = list(node, "deps").filter(is_normal);
    normal.filter_map(|dependency| dependency["pkg"].as_str().map(str::to_owned)).collect()
}

fn text(value: &Value, key: &str) -> Result<String> {
    let found = value[key].as_str().with_context(|| format!("cargo metadata holds no text `{key}`"))?;
    Ok(found.to_owned())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_package_from_outside_has_no_folder_and_only_normal_dependencies_are_linked() {
        let metadata = json!({
            "workspace_root": "/w", "target_directory": "/w/target", "workspace_members": ["a"],
            "packages": [
                {"id": "a", "name": "ioi-a", "version": "1.0.0", "manifest_path": "/w/base/a/Cargo.toml",
                 "targets": [{"name": "a", "kind": ["bin"], "src_path": "/w/base/a/src/main.rs"}],
                 "dependencies": [{"name": "b", "kind": null}, {"name": "c", "kind": "dev"}]},
                {"id": "b", "name": "b", "version": "1.0.0", "manifest_path": "/w/vendor/b/Cargo.toml",
                 "license": "MIT", "source": "registry+x"}],
            "resolve": {"nodes": [{"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "c", "dep_kinds": [{"kind": "dev"}]}]}]}
        });
        let workspace = Workspace::parse(&metadata).unwrap();
        let member = &workspace.packages["a"];
        assert_eq!(member.folder.as_deref(), Some("base/a"));
        assert_eq!(member.room(), "base");
        assert_eq!(member.linked, ["b"]);
        assert_eq!(member.programs().collect::<Vec<_>>(), ["a"]);
        assert_eq!(member.dependencies[1].kind, Kind::Development);
        assert_eq!(workspace.packages["b"].folder, None);
        assert_eq!(workspace.members().len(), 1);
    }

    #[test]
    fn this_workspace_loads_and_holds_this_package() {
        let workspace = Workspace::load(false).unwrap();
        let own = workspace.members().into_iter().find(|package| package.name == "xtask");
        assert_eq!(own.and_then(|package| package.folder.as_deref()), Some("xtask"));
    }
}
