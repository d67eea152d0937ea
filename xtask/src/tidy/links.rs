//! Which program links what is the trust boundary.
//!
//! The graph is the resolved one of the whole workspace: features unite over all programs that are
//! built together, so an optional dependency that one program switches on counts for every other.

use super::Finding;
use super::rules::{Program, matches};
use crate::workspace::{Package, Workspace};
use std::collections::{BTreeMap, VecDeque};

/// Every program of the product has a line in the table and keeps to it.
pub(super) fn check(workspace: &Workspace, table: &[Program]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, package) in workspace.packages.iter().filter(|(_, package)| builds_programs(package)) {
        match table.iter().find(|program| program.package == package.name) {
            Some(program) => findings.extend(check_program(workspace, id, program)),
            None => {
                findings.push(Finding::new(&package.name, "has no line in the link table of tidy/rules.rs"))
            }
        }
    }
    findings
}

fn builds_programs(package: &Package) -> bool {
    package.folder.is_some() && package.room() != "xtask" && package.programs().next().is_some()
}

fn check_program(workspace: &Workspace, root: &str, program: &Program) -> Vec<Finding> {
    let parents = reach(workspace, root);
    let mut findings = Vec::new();
    for id in parents.keys().filter(|id| **id != root) {
        let name = &workspace.packages[*id].name;
        if let Some(reason) = objection(&workspace.packages[*id], program) {
            let way = way_to(workspace, &parents, id);
            findings.push(Finding::new(program.package, format!("links {name} ({way}): {reason}")));
        }
    }
    findings
}

fn objection(package: &Package, program: &Program) -> Option<String> {
    let never = program.never.iter();
    let forbidden = never.clone().find(|(patterns, _)| patterns.iter().any(|p| matches(p, &package.name)));
    if let Some((_, reason)) = forbidden {
        return Some((*reason).to_owned());
    }
    let short = package.name.strip_prefix("ioi-").unwrap_or(&package.name);
    let is_foreign = package.folder.is_none() || program.ours.contains(&short);
    (!is_foreign).then(|| format!("its line in the link table allows {}", program.ours.join(", ")))
}

/// Everything that ends up in the program, each with the package through which it was reached.
fn reach<'a>(workspace: &'a Workspace, root: &'a str) -> BTreeMap<&'a str, &'a str> {
    let mut parents = BTreeMap::from([(root, root)]);
    let mut queue = VecDeque::from([root]);
    while let Some(id) = queue.pop_front() {
        for next in workspace.packages.get(id).into_iter().flat_map(|package| &package.linked) {
            let linked = workspace.packages.get(next).is_some_and(|package| !package.is_macro());
            if linked && !parents.contains_key(next.as_str()) {
                parents.insert(next, id);
                queue.push_back(next);
            }
        }
    }
    parents
}

fn way_to(workspace: &Workspace, parents: &BTreeMap<&str, &str>, id: &str) -> String {
    let mut names = Vec::new();
    let mut at = id;
    while parents[at] != at {
        names.push(workspace.packages[at].name.as_str());
        at = parents[at];
    }
    names.reverse();
    names.join(" > ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Target;

    const TABLE: &[Program] = &[Program {
        package: "ioi-node-x",
        ours: &["types", "ipc"],
        never: &[(&["rustls*"], "no TLS here")],
    }];

    fn package(name: &str, folder: Option<&str>, kind: &str, linked: &[&str]) -> (String, Package) {
        let target = Target { name: name.into(), kind: kind.into(), ..Target::default() };
        let package = Package {
            name: name.into(),
            folder: folder.map(str::to_owned),
            targets: vec![target],
            linked: linked.iter().map(|&id| id.to_owned()).collect(),
            ..Package::default()
        };
        (name.to_owned(), package)
    }

    fn found(packages: Vec<(String, Package)>) -> Vec<String> {
        let packages = packages.into_iter().collect();
        let workspace = Workspace { root: "/w".into(), target: "/w/target".into(), packages };
        check(&workspace, TABLE).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_forbidden_crate_is_found_through_others_and_the_way_is_named() {
        let packages = vec![
            package("ioi-node-x", Some("node/x"), "bin", &["ioi-ipc"]),
            package("ioi-ipc", Some("edge/ipc"), "lib", &["tonic"]),
            package("tonic", None, "lib", &["rustls-pki-types"]),
            package("rustls-pki-types", None, "lib", &["tonic"]),
        ];
        let way = "ioi-node-x: links rustls-pki-types (ioi-ipc > tonic > rustls-pki-types): no TLS here";
        assert_eq!(found(packages), [way]);
    }

    #[test]
    fn a_crate_of_ours_that_the_line_does_not_name_is_found() {
        let packages = vec![
            package("ioi-node-x", Some("node/x"), "bin", &["ioi-types", "ioi-guardian"]),
            package("ioi-types", Some("base/types"), "lib", &[]),
            package("ioi-guardian", Some("core/guardian"), "lib", &[]),
        ];
        assert!(found(packages).concat().contains("links ioi-guardian"));
    }

    #[test]
    fn a_program_without_a_line_is_found() {
        let packages = vec![package("ioi-node-new", Some("node/new"), "bin", &[])];
        assert!(found(packages).concat().contains("no line in the link table"));
    }

    #[test]
    fn what_only_the_compiler_runs_is_not_linked() {
        let packages = vec![
            package("ioi-node-x", Some("node/x"), "bin", &["derive"]),
            package("derive", None, "proc-macro", &["rustls"]),
            package("rustls", None, "lib", &[]),
        ];
        assert!(found(packages).is_empty());
    }
}
