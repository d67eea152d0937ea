//! A crate may use crates in folders to its left, and siblings only as drawn.

use super::Finding;
use super::rules::{PLUGIN_EDGE_CRATES_MAX, ROOMS};
use crate::workspace::{Kind, Package};
use std::collections::BTreeSet;

/// A line `a -> b` of the drawing: folders of crates.
type Edge = (String, String);

/// Reads the fenced `siblings` blocks of ARCHITECTURE.md: lines of the form `core/a -> core/b, core/c`.
pub(super) fn parse_siblings(page: &str) -> BTreeSet<Edge> {
    let mut drawn = BTreeSet::new();
    let mut inside = false;
    for line in page.lines().map(str::trim) {
        match line.strip_prefix("```") {
            Some(info) => inside = !inside && info.trim() == "siblings",
            None if inside => drawn.extend(parse_line(line)),
            None => {}
        }
    }
    drawn
}

fn parse_line(line: &str) -> Vec<Edge> {
    let Some((from, all)) = line.split_once("->") else { return Vec::new() };
    all.split(',').map(|to| (from.trim().to_owned(), to.trim().to_owned())).collect()
}

/// Every dependency on a crate of ours, development ones included, goes left or along a drawn line.
pub(super) fn check(members: &[&Package], drawn: &BTreeSet<Edge>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in members {
        for to in ours(package, members) {
            used.insert((folder(package), folder(to)));
            findings.extend(check_edge(package, to, drawn));
        }
        findings.extend(check_plugin(package, members));
    }
    for (from, to) in drawn.difference(&used) {
        let message = format!("draws `{from} -> {to}`, and there is no such dependency");
        findings.push(Finding::new("ARCHITECTURE.md", message));
    }
    findings
}

fn check_edge(from: &Package, to: &Package, drawn: &BTreeSet<Edge>) -> Option<Finding> {
    let (here, there) = (folder(from), folder(to));
    let Some((_, left)) = ROOMS.iter().find(|(room, _)| *room == from.room()) else {
        return Some(Finding::new(here, "lies in no room that xtask/src/tidy/rules.rs knows"));
    };
    let message = if left.contains(&to.room()) || drawn.contains(&(here.clone(), there.clone())) {
        return None;
    } else if from.room() == to.room() {
        format!("uses its sibling {there}, and ARCHITECTURE.md does not draw `{here} -> {there}`")
    } else {
        format!("uses {there}, which does not lie to its left ({})", left.join(", "))
    };
    Some(Finding::new(here, message))
}

fn check_plugin(package: &Package, members: &[&Package]) -> Option<Finding> {
    let edge: Vec<_> = ours(package, members).filter(|to| to.room() == "edge").map(folder).collect();
    let too_many = package.room() == "plugins" && edge.len() > PLUGIN_EDGE_CRATES_MAX;
    let message = format!("a plugin uses one edge crate at most, this one {}", edge.join(", "));
    too_many.then(|| Finding::new(folder(package), message))
}

/// Crates of ours that a package names, but for a test's dependency on its own package.
fn ours<'a>(package: &'a Package, members: &'a [&'a Package]) -> impl Iterator<Item = &'a Package> {
    let mut seen = BTreeSet::new();
    let named = package.dependencies.iter();
    let named = named.filter(|d| !(d.kind == Kind::Development && d.name == package.name));
    let named = named.filter(move |dependency| seen.insert(&dependency.name));
    named.filter_map(|dependency| members.iter().find(|member| member.name == dependency.name).copied())
}

fn folder(package: &Package) -> String {
    package.folder.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn member(folder: &str, uses: &[&str]) -> Package {
        let name = |folder: &str| folder.replace('/', "-");
        let dependency = |to: &&str| Dependency { name: name(to), kind: Kind::Normal };
        Package {
            name: name(folder),
            folder: Some(folder.into()),
            dependencies: uses.iter().map(dependency).collect(),
            ..Package::default()
        }
    }

    fn found(members: &[Package], page: &str) -> Vec<String> {
        let members: Vec<_> = members.iter().collect();
        check(&members, &parse_siblings(page)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_dependency_to_the_left_is_free_and_one_to_the_right_is_not() {
        let rooms = ["base/a", "core/b", "edge/c", "node/d", "sdk/e", "plugins/f"];
        for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))) {
            if from == to {
                continue;
            }
            let members = [member(rooms[from], &[rooms[to]]), member(rooms[to], &[])];
            // The expected order, written a second time: left of a bar, and only plugins use the SDK.
            let expected = match (from, to) {
                (5, 3) | (4, 3) | (3, 4) => false,
                _ => to < from,
            };
            assert_eq!(found(&members, "").is_empty(), expected, "{} -> {}", rooms[from], rooms[to]);
        }
    }

    #[test]
    fn a_sibling_needs_a_line_and_a_line_needs_a_dependency() {
        let members = [member("core/a", &["core/b"]), member("core/b", &[])];
        assert_eq!(found(&members, "").len(), 1);
        assert!(found(&members, "").first().unwrap().contains("does not draw `core/a -> core/b`"));
        let drawn = "text\n```siblings\ncore/a -> core/b\n```\n";
        assert!(found(&members, drawn).is_empty());
        let stale = drawn.replace("core/b\n", "core/b, core/c\n");
        assert!(found(&members, &stale).first().unwrap().contains("no such dependency"));
        // The same line outside its block draws nothing.
        assert_eq!(found(&members, "```\ncore/a -> core/b\n```\n").len(), 1);
    }

    #[test]
    fn a_sibling_line_never_turns_an_arrow_to_the_right_around() {
        let members = [member("base/a", &["core/b"]), member("core/b", &["base/a"])];
        assert_eq!(found(&members, "").len(), 1);
    }

    #[test]
    fn a_plugin_with_two_edge_crates_is_found() {
        let members = [
            member("plugins/p", &["edge/a", "edge/b", "sdk/rust"]),
            member("edge/a", &[]),
            member("edge/b", &[]),
            member("sdk/rust", &[]),
        ];
        assert_eq!(found(&members, "").len(), 1);
    }

    #[test]
    fn a_crate_outside_the_known_rooms_is_found() {
        let members = [member("misc/a", &["base/b"]), member("base/b", &[])];
        assert!(found(&members, "").first().unwrap().contains("no room"));
    }
}
