//! The two that are measured beside each other.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Ours,
    Socket,
}

impl Transport {
    /// In turns, so that what the machine does besides falls on both.
    pub(super) const BOTH: [Self; 2] = [Self::Ours, Self::Socket];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Socket => "unix-socket",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|transport| transport.name() == name)
    }
}
