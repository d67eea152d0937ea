//! What this kernel, with the rights that we have, really does. Each answer comes from trying.

use crate::{Layer, cgroup, sys};
use std::collections::BTreeMap;

/// What works here. Probing costs a few milliseconds; do it once and keep it.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(crate) uid: u32,
    pub(crate) landlock_abi: u32,
    pub(crate) namespaces: Namespaces,
    pub(crate) groups: cgroup::Hierarchies,
    /// For each layer that can't be used, why.
    absent: BTreeMap<Layer, String>,
}

/// How namespaces can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// Through a user namespace of our own.
    pub(crate) by_user_namespace: bool,
    /// Directly, because we may administer the system.
    pub(crate) by_privilege: bool,
    /// A fresh `/proc` can be mounted inside.
    pub(crate) proc: bool,
}

impl Kernel {
    /// Tries every layer in short-lived children and throw-away control groups.
    pub fn probe() -> Self {
        let (namespaces, why) = try_namespaces();
        let (groups, groups_absent) = cgroup::Hierarchies::probe();
        let landlock_abi = sys::landlock_abi();
        let mut absent: BTreeMap<Layer, String> = groups_absent.into_iter().collect();
        if !namespaces.any() {
            absent.extend(Layer::NAMESPACES.map(|l| (l, why.clone())));
        } else if !namespaces.by_user_namespace {
            absent.insert(Layer::UserNamespace, why);
        }
        if landlock_abi == 0 {
            absent.insert(Layer::Landlock, "the kernel was built or started without Landlock".into());
        }
        if !sys::seccomp_works() {
            absent.insert(Layer::Seccomp, "the kernel refused a seccomp filter".into());
        }
        Self { uid: rustix::process::geteuid().as_raw(), landlock_abi, namespaces, groups, absent }
    }

    /// The same kernel, treated as if it lacked `layers`. A plan then finds other layers or names what is
    /// missing, so this can only make a sandbox refuse to start, never weaken one.
    pub fn without(&self, layers: &[Layer]) -> Self {
        let mut kernel = self.clone();
        for layer in layers {
            kernel.absent.entry(*layer).or_insert_with(|| "switched off".into());
        }
        if layers.contains(&Layer::UserNamespace) {
            kernel.namespaces.by_user_namespace = false;
        }
        if kernel.has(Layer::Landlock).is_err() {
            kernel.landlock_abi = 0;
        }
        kernel
    }

    /// `Ok` if the layer works here, or one sentence saying why it doesn't.
    pub fn has(&self, layer: Layer) -> Result<(), &str> {
        self.absent.get(&layer).map_or(Ok(()), |why| Err(why))
    }

    /// The Landlock ABI, or 0.
    pub fn landlock_abi(&self) -> u32 {
        self.landlock_abi
    }
}

impl Namespaces {
    pub(crate) fn any(self) -> bool {
        self.by_user_namespace || self.by_privilege
    }
}

/// Tries both ways. The sentence says why the first one failed, if it did.
fn try_namespaces() -> (Namespaces, String) {
    let user = sys::try_namespaces(true);
    let privileged = sys::try_namespaces(false);
    let why = user.err().map(|step| format!("a user namespace can't be used: {step}")).unwrap_or_default();
    let proc = user.or(privileged).unwrap_or(false);
    (Namespaces { by_user_namespace: user.is_ok(), by_privilege: privileged.is_ok(), proc }, why)
}
