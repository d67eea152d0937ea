//! Limits hold over all processes together where the kernel can count them together.

use crate::support::*;
use ioi_sandbox::*;

#[test]
fn a_fork_bomb_stops_at_the_limit_and_leaves_nothing() {
    for (tier, kernel) in tiers() {
        let mut profile = profile("hostile", &["fork", "500"]);
        profile.limits.pids = Some(30);
        let outcome = run(&kernel, &profile);
        let started: u32 = outcome.stdout.trim().strip_prefix("GOT ").unwrap().parse().unwrap();
        let enforced = !outcome.enforced.layers_of(Property::PidsLimited).is_empty();
        // An advisory limit counts what the user runs at the start, which others change meanwhile.
        let bound = if enforced { 30 } else { 200 };
        assert!((1..=bound).contains(&started), "{tier:?}: {started}");
        assert_eq!(enforced, has_groups() || tier == Tier::Namespaces);
    }
}

#[test]
fn memory_over_the_limit_is_not_had() {
    for (tier, kernel) in tiers() {
        for kind in ["allocate", "allocate-shared"] {
            let mut profile = profile("hostile", &[kind, &(96 << 20).to_string()]);
            profile.limits.memory_bytes = Some(32 << 20);
            let outcome = run(&kernel, &profile);
            let enforced = !outcome.enforced.layers_of(Property::MemoryLimited).is_empty();
            assert_eq!(enforced, has_groups());
            assert_eq!(outcome.enforced.advisory.contains(&Property::MemoryLimited), !enforced);
            // RLIMIT_DATA doesn't count shared memory: that is why it is called advisory.
            if enforced || kind == "allocate" {
                assert_eq!(outcome.stdout, "", "{tier:?} {outcome:?}");
            }
        }
    }
}

#[test]
fn memory_under_the_limit_is_had() {
    for (tier, kernel) in tiers() {
        let mut profile = profile("hostile", &["allocate", &(16 << 20).to_string()]);
        profile.limits.memory_bytes = Some(64 << 20);
        let outcome = run(&kernel, &profile);
        assert_eq!(outcome.stdout, "GOT memory\n", "{tier:?} {outcome:?}");
    }
}

#[test]
fn descriptors_are_limited_in_each_process() {
    for (_, kernel) in tiers() {
        let mut profile = profile("harmless", &["print", "x"]);
        profile.limits.files = Some(0);
        // The loader can't open a library.
        assert_ne!(run(&kernel, &profile).exit.code, Some(0));
    }
}

#[test]
fn a_required_limit_that_cannot_be_held_is_refused() {
    let bare = kernel().without(&[Layer::CgroupV1, Layer::CgroupV2, Layer::Rlimits]);
    for property in [Property::MemoryLimited, Property::PidsLimited] {
        let mut profile = profile("harmless", &["print", "x"]);
        profile.limits = Limits { memory_bytes: Some(1 << 30), pids: Some(9), ..Limits::default() };
        profile.require.push(property);
        let refused = spawn(&bare, &profile, &program("ioi-init"), Vec::new(), Streams::default());
        match refused {
            Err(SpawnError::Missing(missing)) => assert_eq!(missing.property, property),
            other => panic!("{other:?}"),
        }
    }
}
