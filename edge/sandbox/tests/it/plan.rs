//! From a kernel and a profile to layers, or to the name of what is missing.

use crate::support::*;
use ioi_sandbox::*;

#[test]
fn a_kernel_with_nothing_is_refused_by_the_name_of_the_property() {
    let nothing = kernel().without(&Layer::ALL);
    for (network, property) in [(false, Property::NoNetwork), (true, Property::NoForeignSockets)] {
        let mut profile = profile("harmless", &["print", "x"]);
        profile.network = network;
        let missing = plan(&nothing, &profile).unwrap_err();
        assert_eq!(missing.property, property);
        assert!(missing.to_string().contains(property.name()) && !missing.remedy.is_empty());
    }
}

#[test]
fn a_property_that_is_never_lowered_is_required_even_if_the_profile_leaves_it_out() {
    let mut profile = profile("harmless", &["print", "x"]);
    profile.require.clear();
    let weak = kernel().without(&[Layer::MountNamespace, Layer::Landlock]);
    assert_eq!(plan(&weak, &profile).unwrap_err().property, Property::FilesConfined);
}

#[test]
fn without_namespaces_landlock_and_seccomp_give_the_same_properties() {
    let names = |p: Plan| p.given.into_iter().map(|g| g.property).collect::<Vec<_>>();
    let profile = profile("harmless", &["print", "x"]);
    let [with, without] =
        [&[][..], &Layer::NAMESPACES].map(|l| names(plan(&kernel().without(l), &profile).unwrap()));
    assert_eq!(with, without);
    assert_eq!(with[..4], Property::NEVER_LOWERED);
}

#[test]
fn the_doctor_says_what_is_missing_and_what_helps() {
    let rows = doctor(&kernel().without(&[Layer::CgroupV1, Layer::CgroupV2, Layer::Rlimits]));
    assert_eq!(rows.iter().map(|r| r.property).collect::<Vec<_>>(), Property::ALL);
    for row in rows {
        let limit = [Property::MemoryLimited, Property::PidsLimited].contains(&row.property);
        assert_eq!(row.met, !limit, "{row:?}");
        assert_eq!(row.layers.is_empty(), limit, "{row:?}");
        assert_eq!(row.missing.is_empty() || row.remedy.is_empty(), !limit, "{row:?}");
    }
}
