//! What a sandbox promises (properties) and what the kernel offers to keep it (layers).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A promise about a sandboxed process and everything it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// No network of any family: it can neither connect nor listen nor send.
    NoNetwork,
    /// No socket but those it was given: no path-named or abstract Unix socket of another process.
    NoForeignSockets,
    /// No file content but in the granted trees, and no writing but where writing was granted.
    FilesConfined,
    /// It can't read, trace or signal a process outside the sandbox.
    NoPeeking,
    /// All its processes together can't use more memory than granted.
    MemoryLimited,
    /// All its processes together can't be more than granted.
    PidsLimited,
    /// When the program ends, or the supervisor does, no process of it is left.
    DiesAsAWhole,
}

impl Property {
    /// Every property, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::NoNetwork,
        Self::NoForeignSockets,
        Self::FilesConfined,
        Self::NoPeeking,
        Self::MemoryLimited,
        Self::PidsLimited,
        Self::DiesAsAWhole,
    ];

    /// The properties that no profile and no policy can waive (`network: true` lifts `no-network` alone).
    pub const NEVER_LOWERED: [Self; 4] =
        [Self::NoNetwork, Self::NoForeignSockets, Self::FilesConfined, Self::NoPeeking];

    /// The name used in `sandbox.require`, in receipts and by `ioi doctor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoNetwork => "no-network",
            Self::NoForeignSockets => "no-foreign-sockets",
            Self::FilesConfined => "files-confined",
            Self::NoPeeking => "no-peeking",
            Self::MemoryLimited => "memory-limited",
            Self::PidsLimited => "pids-limited",
            Self::DiesAsAWhole => "dies-as-a-whole",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no property.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no sandbox property {0:?}")]
pub struct UnknownProperty(pub String);

impl FromStr for Property {
    type Err = UnknownProperty;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| UnknownProperty(name.into()))
    }
}

/// A mechanism of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// `CLONE_NEWUSER`, one uid mapped to itself.
    UserNamespace,
    /// `CLONE_NEWNS` and a root directory of our own that holds the grants and nothing else.
    MountNamespace,
    /// `CLONE_NEWPID`: other processes have no number here, and all die with the first one.
    PidNamespace,
    /// `CLONE_NEWNET`: an empty network.
    NetNamespace,
    /// `CLONE_NEWIPC`.
    IpcNamespace,
    /// `CLONE_NEWUTS`.
    UtsNamespace,
    /// Landlock with every right and scope that the kernel's ABI knows.
    Landlock,
    /// A seccomp filter of allowed system calls.
    Seccomp,
    /// A cgroup of the unified hierarchy, delegated to us.
    CgroupV2,
    /// Groups of the version 1 controllers; needs root.
    CgroupV1,
    /// Resource limits. `RLIMIT_DATA` counts per process, so for memory it is advisory.
    Rlimits,
    /// `PR_SET_CHILD_SUBREAPER`: orphans become the init's children, and the init kills them.
    Subreaper,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Self; 12] = [
        Self::UserNamespace,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::NetNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::Landlock,
        Self::Seccomp,
        Self::CgroupV2,
        Self::CgroupV1,
        Self::Rlimits,
        Self::Subreaper,
    ];

    /// The layers that stand or fall together: without one of them none is used.
    pub const NAMESPACES: [Self; 6] = [
        Self::UserNamespace,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::NetNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
    ];

    /// The name shown by `ioi doctor` and kept in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserNamespace => "user-namespace",
            Self::MountNamespace => "mount-namespace",
            Self::PidNamespace => "pid-namespace",
            Self::NetNamespace => "net-namespace",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::CgroupV2 => "cgroup-v2",
            Self::CgroupV1 => "cgroup-v1",
            Self::Rlimits => "rlimits",
            Self::Subreaper => "subreaper",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_found_by_its_name_and_by_no_other() {
        for property in Property::ALL {
            assert_eq!(property.name().parse(), Ok(property));
            assert_eq!(serde_json::to_value(property).unwrap(), property.name());
        }
        assert_eq!("No-network".parse::<Property>(), Err(UnknownProperty("No-network".into())));
    }

    #[test]
    fn a_layer_has_one_name_in_text_and_in_json() {
        for layer in Layer::ALL {
            assert_eq!(serde_json::to_value(layer).unwrap(), layer.name());
        }
    }
}
