//! Errors that cross a process: a stable name and a stable number each.

use std::fmt;

/// Six categories; a caller decides from the category alone whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCategory {
    /// Bytes that break the protocol; the connection closes.
    Protocol,
    /// Who the peer is could not be shown.
    Authentication,
    /// The peer is known and may not.
    Authorization,
    /// A limit, quota or missing resource.
    Resource,
    /// The plugin failed.
    Plugin,
    /// The node failed.
    System,
}

impl ErrorCategory {
    /// The word used on the wire and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Resource => "resource",
            Self::Plugin => "plugin",
            Self::System => "system",
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident = $number:literal, $name:literal, $category:ident, $doc:literal;)*) => {
        /// The table of errors that cross a process. Numbers and names are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $(#[doc = $doc] $variant = $number,)* }

        impl ErrorCode {
            /// Every code, in order of number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The category.
            #[must_use]
            pub const fn category(self) -> ErrorCategory {
                match self { $(Self::$variant => ErrorCategory::$category,)* }
            }

            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u32 { self as u32 }

            /// The code of a number; `None` for one that this version does not know.
            #[must_use]
            pub fn from_number(number: u32) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.number() == number)
            }
        }
    };
}

error_codes! {
    ProtocolVersion = 1001, "protocol.version", Protocol, "A version that the other side does not speak.";
    ProtocolType = 1002, "protocol.type", Protocol, "An unknown frame type, or one not allowed in this state or direction.";
    ProtocolFlags = 1003, "protocol.flags", Protocol, "An unknown flag, or flags that exclude one another.";
    ProtocolReserved = 1004, "protocol.reserved", Protocol, "A reserved field that is not zero.";
    ProtocolId = 1005, "protocol.id", Protocol, "A message id that was reused, decreased or never opened.";
    ProtocolSession = 1006, "protocol.session", Protocol, "A frame of another session.";
    ProtocolLength = 1007, "protocol.length", Protocol, "A payload longer than was agreed, or shorter than its type needs.";
    ProtocolChecksum = 1008, "protocol.checksum", Protocol, "A frame whose checksum does not match.";
    ProtocolPayload = 1009, "protocol.payload", Protocol, "A payload that is not a message of the frame's type.";
    ProtocolState = 1010, "protocol.state", Protocol, "A frame that may not come now.";
    ProtocolCredit = 1011, "protocol.credit", Protocol, "Stream bytes beyond the credit given.";
    ProtocolTimeout = 1012, "protocol.timeout", Protocol, "A handshake or frame that was not finished in time.";
    AuthenticationFailed = 2001, "authentication.failed", Authentication, "A caller that did not prove who it is.";
    PolicyDenied = 3001, "policy.denied", Authorization, "A rule, or the default, refused the call.";
    PolicyAsk = 3002, "policy.ask", Authorization, "A rule asks a human and no approver is there.";
    ServiceUnknown = 3003, "service.unknown", Authorization, "A service or tool that is not declared.";
    ArgumentInvalid = 3004, "argument.invalid", Authorization, "An argument that is missing, of another type or not canonical.";
    PathOutside = 3005, "path.outside", Authorization, "A path that leaves the roots that were named.";
    PathKind = 3006, "path.kind", Authorization, "Something other than a regular file or a folder.";
    PathMissing = 3007, "path.missing", Authorization, "No such file.";
    PathUnreadable = 3008, "path.unreadable", Authorization, "The file system refused to open it.";
    AddressRefused = 3009, "address.refused", Authorization, "A name whose address is not one that may be dialled.";
    QuotaMemory = 4001, "quota.memory", Resource, "More shared memory than the process may hold.";
    QuotaCalls = 4002, "quota.calls", Resource, "More calls in flight than were agreed.";
    RegionUnknown = 4003, "region.unknown", Resource, "A region that does not exist or belongs to another process.";
    RegionBusy = 4004, "region.busy", Resource, "A region that is still mapped for writing and can't be sealed.";
    RegionInvalid = 4005, "region.invalid", Resource, "A descriptor that is not a complete, sealed, allocated memory file.";
    SliceRange = 4006, "slice.range", Resource, "An offset and length outside the region.";
    SliceDigest = 4007, "slice.digest", Resource, "Bytes whose digest is not the one that was claimed.";
    TransferUnknown = 4008, "transfer.unknown", Resource, "A descriptor that nobody asked for, or whose id was used or has expired.";
    DeadlineExceeded = 4009, "deadline.exceeded", Resource, "The call's deadline passed.";
    Cancelled = 4010, "call.cancelled", Resource, "The caller no longer wanted the answer.";
    DiskFull = 4011, "disk.full", Resource, "No room left where the audit log is written.";
    QuotaAudit = 4012, "quota.audit", Resource, "More audit records than one session may hold.";
    ModelUnknown = 4013, "model.unknown", Resource, "A model that is not there, or was not loaded.";
    PluginFailed = 5001, "plugin.failed", Plugin, "The plugin answered with a failure of its own.";
    PluginGone = 5002, "plugin.gone", Plugin, "The plugin ended with calls in flight.";
    ExtractFailed = 5003, "extract.failed", Plugin, "No text could be taken out of a document.";
    ExtractBomb = 5004, "extract.bomb", Plugin, "A document that unfolds beyond the bound.";
    SandboxUnavailable = 6001, "sandbox.unavailable", System, "A required sandbox property can't be given on this kernel.";
    SpawnFailed = 6002, "spawn.failed", System, "A process could not be started.";
    AuditUnavailable = 6003, "audit.unavailable", System, "The audit log can't be written, so nothing happens.";
    GuardianRefused = 6004, "guardian.refused", System, "The guardian would not extend or sign.";
    GuardianGone = 6005, "guardian.gone", System, "The guardian ended.";
    NodeGone = 6006, "node.gone", System, "A process of the node ended.";
    EgressFailed = 6007, "egress.failed", System, "The request could not be sent or its answer was dropped.";
    CredentialMissing = 6008, "credential.missing", System, "The guardian holds no credential of that name.";
    CredentialReflected = 6009, "credential.reflected", System, "An answer held the credential that was sent, and was dropped.";
    NotExecutable = 6010, "program.not-executable", System, "The kernel would not execute the program's file.";
    PartMissing = 6011, "part.missing", System, "A part of the node that does not exist in this mode.";
    Internal = 6999, "internal", System, "A fault of ours.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_numbers_are_unique_and_numbers_round_trip() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
        }
    }
}
