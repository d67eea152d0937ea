//! What the firewall answers, and which way an action moves data.

use std::fmt;

/// The firewall's answer. The order is the order of precedence: deny beats ask beats allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The action goes ahead.
    Allow,
    /// A human decides; unattended it is a deny.
    Ask,
    /// The action is refused.
    Deny,
}

impl Verdict {
    /// The word used in policies, records and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Allow, Self::Ask, Self::Deny].into_iter().find(|verdict| verdict.name() == name)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which way an action moves data; fixed for each action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowClass {
    /// Leaves the machine, or reaches anyone without a label.
    Out,
    /// Is kept where a later session may read it.
    Store,
    /// Comes into the session.
    In,
    /// Moves nothing.
    Local,
}

impl FlowClass {
    /// The word used in policies and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Store => "store",
            Self::In => "in",
            Self::Local => "local",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Out, Self::Store, Self::In, Self::Local].into_iter().find(|class| class.name() == name)
    }
}
