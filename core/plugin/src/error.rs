//! What can go wrong, kept apart by whose fault it is: the peer's
//! ([`Violation`], [`CloseReason`]), the caller's ([`CommandError`]), or a
//! call's own answer ([`CallError`]).

use crate::frame::FrameType;
use ioi_types::ErrorCode;

/// How a peer broke the protocol. Each closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The first byte of a frame.
    #[error(
        "a frame of protocol version {byte}; this side speaks 1.0 (frames that begin with byte 1): use a release of the same major version on both sides"
    )]
    Version {
        /// What it was.
        byte: u8,
    },
    /// None of the peer's versions is one of ours.
    #[error(
        "none of the offered versions has major version 1; this side speaks 1.0: use a release of the same major version on both sides"
    )]
    VersionsDisjoint,
    /// A type that version 1 does not name.
    #[error("frame type {byte:#04x} is unknown")]
    TypeUnknown {
        /// What it was.
        byte: u8,
    },
    /// A type that version 1 names and that was not negotiated.
    #[error("frame type {byte:#04x} was not negotiated")]
    TypeNotNegotiated {
        /// What it was.
        byte: u8,
    },
    /// Flag bits that version 1 does not name.
    #[error("flag bits {bits:#06x} are unknown")]
    FlagsUnknown {
        /// Those bits.
        bits: u16,
    },
    /// Flags that version 1 names and that were not negotiated.
    #[error("flag bits {bits:#06x} (1 COMPRESSED, 2 ENCRYPTED, 16 HANDLE) were not negotiated")]
    FlagsNotNegotiated {
        /// Those bits.
        bits: u16,
    },
    /// Flags that exclude one another or the frame's type.
    #[error("flag bits {bits:#06x} can't stand on a {kind:?} frame")]
    FlagsExclusive {
        /// All flags.
        bits: u16,
        /// The type.
        kind: FrameType,
    },
    /// The reserved field.
    #[error("the reserved field is {value:#010x}, not zero")]
    Reserved {
        /// What it was.
        value: u32,
    },
    /// A length beyond the agreed maximum; nothing was allocated for it.
    #[error("a payload of {length} bytes where at most {payload_bytes_max} were agreed")]
    PayloadTooLong {
        /// What the header says.
        length: u32,
        /// What was agreed.
        payload_bytes_max: usize,
    },
    /// An empty payload where the type needs one.
    #[error("a {kind:?} frame without a payload")]
    PayloadMissing {
        /// The type.
        kind: FrameType,
    },
    /// The trailer.
    #[error("a frame's checksum is {found:#018x} and its bytes give {computed:#018x}")]
    Checksum {
        /// What came.
        found: u64,
        /// What the bytes give.
        computed: u64,
    },
    /// A payload that is not a message of the frame's type, or breaks a bound of its fields.
    #[error("the payload of a {kind:?} frame is not valid: {what}")]
    Payload {
        /// The type.
        kind: FrameType,
        /// What is wrong.
        what: &'static str,
    },
    /// A frame of another session.
    #[error("a frame of session {found:#x} in session {expected:#x}")]
    Session {
        /// What came.
        found: u64,
        /// Ours.
        expected: u64,
    },
    /// An opener whose id does not grow.
    #[error("{kind:?} frame with id {id}, which is not above {last}")]
    IdNotFresh {
        /// The type.
        kind: FrameType,
        /// What came.
        id: u64,
        /// The last id of that direction.
        last: u64,
    },
    /// A frame about an exchange that is not there.
    #[error("{kind:?} frame for id {id}, which is not open")]
    IdUnknown {
        /// The type.
        kind: FrameType,
        /// What came.
        id: u64,
    },
    /// A frame that may not come now.
    #[error("{kind:?} frame that may not come now: {what}")]
    State {
        /// The type.
        kind: FrameType,
        /// Why.
        what: &'static str,
    },
    /// Chunks beyond the credit that was given, or credit beyond counting.
    #[error("{what}")]
    Credit {
        /// What is wrong.
        what: &'static str,
    },
    /// More calls at once than were agreed.
    #[error("more than the agreed {calls_max} calls at once")]
    Calls {
        /// What was agreed.
        calls_max: u32,
    },
    /// A handshake that was not finished in time.
    #[error("the handshake was not finished within {limit_ms} ms")]
    HandshakeTimeout {
        /// The limit.
        limit_ms: u64,
    },
    /// A frame that was begun and not finished in time.
    #[error("a frame was not finished within {limit_ms} ms")]
    FrameTimeout {
        /// The limit.
        limit_ms: u64,
    },
    /// Heartbeats without an echo.
    #[error("{misses} heartbeats went unanswered")]
    HeartbeatLost {
        /// How many.
        misses: u32,
    },
}

impl Violation {
    /// The code that crosses the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Version { .. } | Self::VersionsDisjoint => ErrorCode::ProtocolVersion,
            Self::TypeUnknown { .. } | Self::TypeNotNegotiated { .. } => ErrorCode::ProtocolType,
            Self::FlagsUnknown { .. } | Self::FlagsNotNegotiated { .. } | Self::FlagsExclusive { .. } => {
                ErrorCode::ProtocolFlags
            }
            Self::Reserved { .. } => ErrorCode::ProtocolReserved,
            Self::PayloadTooLong { .. } | Self::PayloadMissing { .. } => ErrorCode::ProtocolLength,
            Self::Checksum { .. } => ErrorCode::ProtocolChecksum,
            Self::Payload { .. } => ErrorCode::ProtocolPayload,
            Self::Session { .. } => ErrorCode::ProtocolSession,
            Self::IdNotFresh { .. } | Self::IdUnknown { .. } => ErrorCode::ProtocolId,
            Self::State { .. } => ErrorCode::ProtocolState,
            Self::Credit { .. } => ErrorCode::ProtocolCredit,
            Self::Calls { .. } => ErrorCode::QuotaCalls,
            Self::HandshakeTimeout { .. } | Self::FrameTimeout { .. } | Self::HeartbeatLost { .. } => {
                ErrorCode::ProtocolTimeout
            }
        }
    }
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer broke the protocol. An Error frame says so to it.
    #[error("the peer broke the protocol: {0}")]
    Violation(Violation),
    /// The peer sent an Error frame with id 0.
    #[error("the peer closed the connection: {0}")]
    PeerError(CallError),
    /// The transport ended.
    #[error("the connection ended")]
    TransportEnded,
    /// A Shutdown was answered after everything open was finished.
    #[error("the session was shut down")]
    Drained,
    /// A Shutdown's deadline passed with calls open.
    #[error("the deadline of the shutdown passed with calls open")]
    ShutdownDeadline,
    /// The caller asked for it.
    #[error("this side closed the connection")]
    Local,
}

/// How a call failed: what an Error frame carries, or what the session itself found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct CallError {
    /// The stable number.
    pub number: u32,
    /// The stable name; the sender's for a number that this version does not know.
    pub name: String,
    /// One plain sentence.
    pub message: String,
    /// 0: trying again is pointless or unknown.
    pub retry_after_ms: u32,
    /// 16 bytes or none.
    pub correlation_id: Vec<u8>,
}

impl CallError {
    /// An error of ours.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            number: code.number(),
            name: code.name().to_owned(),
            message: message.into(),
            retry_after_ms: 0,
            correlation_id: Vec::new(),
        }
    }

    /// The code, unless a newer peer sent one that this version does not know.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        ErrorCode::from_number(self.number)
    }
}

/// Why a local command was not carried out. Nothing was sent and nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The handshake has not ended.
    #[error("the handshake has not ended")]
    NotReady,
    /// The session is over.
    #[error("the session is over")]
    Closed,
    /// This side sent a Shutdown, after which it opens nothing.
    #[error("this side is shutting down")]
    ShuttingDown,
    /// As many calls as agreed are open, or cancelled and not yet confirmed.
    #[error("{calls_max} calls are open already")]
    CallsInFlight {
        /// What was agreed.
        calls_max: u32,
    },
    /// The exchange is not open (any more): answered, cancelled or never there.
    #[error("exchange {id} is not open")]
    NotOpen {
        /// Which.
        id: u64,
    },
    /// A field of the message breaks a bound of the protocol.
    #[error("{0}")]
    Invalid(&'static str),
    /// A payload beyond what was agreed.
    #[error("a payload of {length} bytes where at most {payload_bytes_max} were agreed")]
    TooLong {
        /// Its length.
        length: usize,
        /// What was agreed.
        payload_bytes_max: usize,
    },
    /// The peer has not given credit for so long a chunk.
    #[error("a chunk that costs {cost} where the peer takes {available} now")]
    NoCredit {
        /// What it costs.
        cost: u64,
        /// What may be sent now.
        available: u64,
    },
    /// Chunks on an exchange whose stream in this direction is not open.
    #[error("exchange {id} has no open stream in this direction")]
    NoStream {
        /// Which.
        id: u64,
    },
}
