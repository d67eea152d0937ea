//! From properties to layers: the table that says which layers give which property.

use crate::kernel::Kernel;
use crate::{Identity, Layer, Profile, Property};
use serde::{Deserialize, Serialize};

/// The first Landlock ABI that can refuse truncation; below it a file outside the grants could be emptied.
const LANDLOCK_FILES_ABI_MIN: u32 = 3;
/// The first Landlock ABI that keeps signals inside.
const LANDLOCK_SIGNALS_ABI_MIN: u32 = 6;

/// One way to a property: these layers, if the condition holds.
struct Way {
    property: Property,
    layers: &'static [Layer],
    holds: fn(&Kernel, &Profile) -> bool,
}

/// The table. All ways that work here are taken together; one is enough for the property.
const WAYS: [Way; 16] = {
    use Layer::*;
    use Property::*;
    const fn way(property: Property, layers: &'static [Layer], holds: fn(&Kernel, &Profile) -> bool) -> Way {
        Way { property, layers, holds }
    }
    [
        way(NoNetwork, &[NetNamespace], always),
        way(NoNetwork, &[Seccomp], always),
        way(NoForeignSockets, &[Seccomp], always),
        way(NoForeignSockets, &[NetNamespace, MountNamespace], always),
        way(FilesConfined, &[MountNamespace], always),
        way(FilesConfined, &[Landlock, Seccomp], |kernel, _| kernel.landlock_abi >= LANDLOCK_FILES_ABI_MIN),
        way(NoPeeking, &[PidNamespace, MountNamespace], always),
        way(NoPeeking, &[Landlock, Seccomp], always),
        way(MemoryLimited, &[CgroupV2], |_, profile| profile.limits.memory_bytes.is_some()),
        way(MemoryLimited, &[CgroupV1], |_, profile| profile.limits.memory_bytes.is_some()),
        way(PidsLimited, &[CgroupV2], |_, profile| profile.limits.pids.is_some()),
        way(PidsLimited, &[CgroupV1], |_, profile| profile.limits.pids.is_some()),
        // In a user namespace the kernel counts a uid's processes apart from those outside; root's never.
        way(PidsLimited, &[Rlimits, UserNamespace], |kernel, profile| {
            profile.limits.pids.is_some() && kernel.uid != 0
        }),
        // Without a pid namespace the init must be out of reach of signals: by Landlock's scope, or because
        // seccomp refuses the calls that signal others.
        way(DiesAsAWhole, &[PidNamespace], always),
        way(DiesAsAWhole, &[Subreaper, Landlock], |kernel, _| {
            kernel.landlock_abi >= LANDLOCK_SIGNALS_ABI_MIN
        }),
        way(DiesAsAWhole, &[Subreaper, Seccomp], always),
    ]
};

fn always(_: &Kernel, _: &Profile) -> bool {
    true
}

/// Whether the sandbox has namespaces of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// A private root, a pid namespace whose first process is ours, an empty network.
    Namespaces,
    /// Landlock, seccomp and a child subreaper.
    NoNamespaces,
}

/// A property and the layers that give it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The property.
    pub property: Property,
    /// All layers that contribute; never empty.
    pub layers: Vec<Layer>,
}

/// The layers that will be set up, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// With or without namespaces.
    pub tier: Tier,
    /// Every layer that is set up. If one fails, nothing is started.
    pub layers: Vec<Layer>,
    /// The properties that hold.
    pub given: Vec<Given>,
    /// Properties that don't hold although a limit was asked for: a resource limit slows misuse, no more.
    pub advisory: Vec<Property>,
    /// Layers that a test switched off.
    pub weakened: Vec<Layer>,
    /// The Landlock ABI that is used, or 0.
    pub landlock_abi: u32,
    /// Signals can't leave the sandbox, although calls that send them are allowed.
    pub signals_scoped: bool,
    /// The program shares the caller's terminal and process group.
    pub terminal: bool,
    /// A fresh `/proc` is mounted.
    pub proc: bool,
}

impl Plan {
    /// True if the layer will be set up.
    pub fn uses(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }
}

/// A required property that nothing here can give. Nothing is started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox property {property} can't be met: {why}; remedy: {remedy}")]
pub struct Missing {
    /// The property.
    pub property: Property,
    /// What is absent.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
}

/// Chooses the layers that give each property of the profile on this kernel.
///
/// # Errors
/// [`Missing`] names the first required property without a layer.
pub fn plan(kernel: &Kernel, profile: &Profile) -> Result<Plan, Missing> {
    let plan = draft(kernel, profile, &[]);
    if !profile.mediated.is_empty() && !plan.mediates() {
        return Err(cannot_mediate(kernel));
    }
    match required(profile).find(|property| !plan.gives(*property)) {
        Some(property) => Err(missing(kernel, profile, property)),
        None => Ok(plan),
    }
}

/// The plan without the check that everything required is there.
pub(crate) fn draft(kernel: &Kernel, profile: &Profile, weakened: &[Layer]) -> Plan {
    let layers = usable(kernel, profile);
    let tier = if layers.contains(&Layer::MountNamespace) { Tier::Namespaces } else { Tier::NoNamespaces };
    let given: Vec<Given> = wanted(profile).filter_map(|p| give(kernel, profile, &layers, p)).collect();
    let limited = [
        (Property::MemoryLimited, profile.limits.memory_bytes.is_some()),
        (Property::PidsLimited, profile.limits.pids.is_some()),
    ];
    let advisory = limited
        .into_iter()
        .filter_map(|(p, asked)| (asked && !given.iter().any(|g| g.property == p)).then_some(p));
    let signals_scoped = kernel.landlock_abi >= LANDLOCK_SIGNALS_ABI_MIN;
    Plan {
        tier,
        advisory: advisory.collect(),
        weakened: weakened.to_vec(),
        landlock_abi: kernel.landlock_abi,
        signals_scoped: signals_scoped || layers.contains(&Layer::PidNamespace),
        // `kill(0, …)` reaches the whole process group, across pid namespaces too. So the group is shared
        // only where Landlock keeps signals inside.
        terminal: profile.terminal && signals_scoped,
        proc: kernel.namespaces.proc,
        layers,
        given,
    }
}

impl Plan {
    /// Files are opened one at a time by a listener of seccomp, and what it lets go on is still refused by
    /// Landlock: neither is enough alone.
    fn mediates(&self) -> bool {
        let both = self.uses(Layer::Landlock) && self.uses(Layer::Seccomp);
        both && self.landlock_abi >= LANDLOCK_FILES_ABI_MIN
    }

    fn gives(&self, property: Property) -> bool {
        self.given.iter().any(|given| given.property == property)
    }
}

/// What this profile may promise: everything, but for the network of the process that is the way out.
fn wanted(profile: &Profile) -> impl Iterator<Item = Property> {
    let network = profile.network;
    Property::ALL.into_iter().filter(move |p| !(network && *p == Property::NoNetwork))
}

fn required(profile: &Profile) -> impl Iterator<Item = Property> {
    wanted(profile).filter(|p| Property::NEVER_LOWERED.contains(p) || profile.require.contains(p))
}

/// Every layer that works here and fits the profile.
fn usable(kernel: &Kernel, profile: &Profile) -> Vec<Layer> {
    let as_other = matches!(profile.identity, Identity::Uid(..));
    let namespaces = namespaces_work(kernel, as_other);
    let fits = |layer: &Layer| match layer {
        // Only root can take another uid, and root needs no user namespace to build the others.
        Layer::UserNamespace => namespaces && !as_other && kernel.namespaces.by_user_namespace,
        Layer::NetNamespace => namespaces && !profile.network,
        Layer::MountNamespace | Layer::PidNamespace | Layer::IpcNamespace | Layer::UtsNamespace => namespaces,
        Layer::Subreaper => !namespaces,
        _ => true,
    };
    Layer::ALL.into_iter().filter(|l| kernel.has(*l).is_ok()).filter(fits).collect()
}

/// A private root, a pid namespace and their companions are taken together or not at all.
fn namespaces_work(kernel: &Kernel, as_other: bool) -> bool {
    let together = [Layer::MountNamespace, Layer::PidNamespace, Layer::IpcNamespace, Layer::UtsNamespace];
    let allowed = match as_other {
        true => kernel.namespaces.by_privilege,
        false => kernel.namespaces.any(),
    };
    allowed && together.into_iter().all(|l| kernel.has(l).is_ok())
}

fn ways(property: Property) -> impl Iterator<Item = &'static Way> {
    WAYS.iter().filter(move |way| way.property == property)
}

fn give(kernel: &Kernel, profile: &Profile, layers: &[Layer], property: Property) -> Option<Given> {
    let working = ways(property)
        .filter(|way| way.layers.iter().all(|l| layers.contains(l)) && (way.holds)(kernel, profile));
    let mut given: Vec<Layer> = working.flat_map(|way| way.layers).copied().collect();
    given.sort();
    given.dedup();
    (!given.is_empty()).then_some(Given { property, layers: given })
}

/// Why nothing gives the property, and what would.
pub(crate) fn missing(kernel: &Kernel, profile: &Profile, property: Property) -> Missing {
    let limit_absent = match property {
        Property::MemoryLimited => profile.limits.memory_bytes.is_none(),
        Property::PidsLimited => profile.limits.pids.is_none(),
        _ => false,
    };
    if limit_absent {
        let (why, remedy) = ("the profile names no limit".into(), "name one".into());
        return Missing { property, why, remedy };
    }
    let mut absent: Vec<Layer> = ways(property).flat_map(|way| way.layers).copied().collect();
    absent.sort();
    absent.dedup();
    let reasons = absent.iter().filter_map(|l| Some(format!("{l} ({})", kernel.has(*l).err()?)));
    let mut why = reasons.collect::<Vec<_>>().join(", ");
    if why.is_empty() {
        why = format!("Landlock ABI {} is too old and there are no namespaces", kernel.landlock_abi);
    }
    Missing { property, why, remedy: remedy(property).into() }
}

fn cannot_mediate(kernel: &Kernel) -> Missing {
    let why = format!(
        "single files are decided only with seccomp and Landlock ABI {LANDLOCK_FILES_ABI_MIN} or newer, and here is ABI {}",
        kernel.landlock_abi
    );
    let remedy =
        "use Linux 6.2 or newer with Landlock (lsm=landlock,…), or a policy without rules inside the tree";
    Missing { property: Property::FilesConfined, why, remedy: remedy.into() }
}

/// The paths of a program's calls lie in its memory.
pub(crate) fn cannot_read_paths() -> Missing {
    let why = "single files are decided only where the memory of one's own children can be read, which is refused here";
    let remedy =
        "allow it (sysctl kernel.yama.ptrace_scope=1), or use a policy without rules inside the tree";
    Missing { property: Property::FilesConfined, why: why.into(), remedy: remedy.into() }
}

/// What the machine's owner can do.
fn remedy(property: Property) -> &'static str {
    match property {
        Property::MemoryLimited | Property::PidsLimited => {
            "start it in a delegated cgroup (systemd-run --user --scope -p Delegate=yes …), or as root"
        }
        Property::NoNetwork | Property::NoForeignSockets => {
            "use a kernel with seccomp filters, outside a container that refuses them"
        }
        Property::FilesConfined | Property::NoPeeking | Property::DiesAsAWhole => {
            "use Linux 6.2 or newer with Landlock (lsm=landlock,…), or allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        }
    }
}
