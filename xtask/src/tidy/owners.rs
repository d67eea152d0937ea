//! Heavy and dangerous dependencies live in one crate each.

use super::Finding;
use super::rules::{BARRED, OWNED, matches};
use crate::workspace::{Kind, Package};

/// No crate names a dependency that belongs to another one or that its room bars.
pub(super) fn check(members: &[&Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in members {
        let place = package.folder.as_deref().unwrap_or_default();
        let mut named: Vec<_> = package.dependencies.iter().filter(|d| d.kind != Kind::Development).collect();
        named.dedup_by(|a, b| a.name == b.name);
        for dependency in named {
            let message = not_its_own(place, &dependency.name).or(barred(place, &dependency.name));
            findings.extend(message.map(|message| Finding::new(place, message)));
        }
    }
    findings
}

fn not_its_own(place: &str, dependency: &str) -> Option<String> {
    let owned = OWNED.iter().find(|owned| matches(owned.dependency, dependency))?;
    if owned.owners.iter().any(|owner| matches(owner, place)) {
        return None;
    }
    let owners = if owned.owners.is_empty() { "no crate".into() } else { owned.owners.join(", ") };
    Some(format!("depends on {dependency}, which belongs to {owners}: {}", owned.reason))
}

fn barred(place: &str, dependency: &str) -> Option<String> {
    let room = place.split('/').next().unwrap_or_default();
    let bars = |(barred_room, patterns, _): &&(&str, &[&str], &str)| {
        *barred_room == room && patterns.iter().any(|pattern| matches(pattern, dependency))
    };
    let (_, _, reason) = BARRED.iter().find(bars)?;
    Some(format!("depends on {dependency}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn found(folder: &str, dependency: &str, kind: Kind) -> Vec<Finding> {
        let package = Package {
            folder: Some(folder.into()),
            dependencies: vec![Dependency { name: dependency.into(), kind }],
            ..Package::default()
        };
        check(&[&package])
    }

    #[test]
    fn an_owned_dependency_is_its_owners_alone() {
        for (owner, other, dependency) in [
            ("edge/ipc", "node/cli", "tonic"),
            ("edge/ipc", "node/guardian", "tonic-prost"),
            ("edge/data", "node/workload", "rkyv"),
            ("edge/sandbox", "node/supervisor", "landlock"),
            ("edge/extract", "plugins/files", "html5gum"),
            ("base/crypto", "node/guardian", "ed25519-dalek"),
            ("node/guardian", "core/guardian", "anyhow"),
        ] {
            assert_eq!(found(owner, dependency, Kind::Normal), [], "{owner} owns {dependency}");
            assert_eq!(found(other, dependency, Kind::Normal).len(), 1, "{other} took {dependency}");
            assert_eq!(found(other, dependency, Kind::Build).len(), 1, "{other} builds with {dependency}");
            assert_eq!(found(other, dependency, Kind::Development), [], "tests of {other}");
        }
    }

    #[test]
    fn a_room_bars_what_would_break_its_promise() {
        assert_eq!(found("core/audit", "getrandom", Kind::Normal).len(), 1);
        assert_eq!(found("core/audit", "tokio", Kind::Normal).len(), 1);
        assert_eq!(found("base/shm", "tokio", Kind::Normal).len(), 1);
        assert_eq!(found("base/crypto", "getrandom", Kind::Normal), []);
        assert_eq!(found("node/cli", "tokio", Kind::Normal), []);
    }

    #[test]
    fn a_dependency_that_no_crate_owns_is_refused_everywhere() {
        let message = &found("edge/egress", "reqwest", Kind::Normal)[0].message;
        assert!(message.contains("belongs to no crate"), "{message}");
    }
}
