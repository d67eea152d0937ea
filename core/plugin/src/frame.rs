//! One frame: a 36-byte header, a payload, an 8-byte checksum. Integers are little-endian.
//!
//! | offset | bytes | field | rule |
//! |---|---|---|---|
//! | 0 | 1 | version | 1 |
//! | 1 | 1 | type | [`FrameType`] |
//! | 2 | 2 | flags | [`Flags`] |
//! | 4 | 4 | reserved | 0 |
//! | 8 | 8 | message id | a counter per direction |
//! | 16 | 8 | session id | 0 until the handshake ends |
//! | 24 | 8 | timestamp | Unix nanoseconds; no decision depends on it |
//! | 32 | 4 | payload length | n |
//! | 36 | n | payload | |
//! | 36+n | 8 | checksum | XXH3-64, seed 0, over bytes [0, 36+n) |

use crate::error::Violation;
use twox_hash::XxHash3_64;

/// The first byte of every frame: the protocol's major version.
pub const VERSION: u8 = 1;
/// Everything before the payload.
pub const HEADER_BYTES: usize = 36;
/// The checksum after it.
pub const TRAILER_BYTES: usize = 8;
/// What a frame needs besides its payload.
pub const FRAME_OVERHEAD_BYTES: usize = HEADER_BYTES + TRAILER_BYTES;

/// The frame types of this version that are built. Version 1 also names
/// 0x10 PluginRegister, 0x11 PluginUnregister, 0x12 CapabilityQuery,
/// 0x13 ResourceRequest, 0x14 HealthCheck and 0x15 MetricsReport; they come
/// with features that neither side offers yet and are refused as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// The first two frames of a session.
    Handshake = 0x01,
    /// Are you there; and its echo.
    Heartbeat = 0x02,
    /// Opens a call; with STREAM or END also a chunk of its body.
    Request = 0x03,
    /// Answers a call; with STREAM or END also a chunk of its body.
    Response = 0x04,
    /// Something happened; unanswered.
    Event = 0x05,
    /// Ends a call (its id) or the connection (id 0).
    Error = 0x06,
    /// Finish what is open, then go.
    Shutdown = 0x07,
    /// Flow control of streams.
    Credit = 0x20,
    /// The caller no longer wants the answer.
    Cancel = 0x21,
}

impl FrameType {
    /// Every type that is built.
    pub const ALL: [Self; 9] = [
        Self::Handshake,
        Self::Heartbeat,
        Self::Request,
        Self::Response,
        Self::Event,
        Self::Error,
        Self::Shutdown,
        Self::Credit,
        Self::Cancel,
    ];

    /// The type of a byte.
    ///
    /// # Errors
    /// [`Violation::TypeNotNegotiated`] for a type that version 1 names and
    /// this build does not offer, else [`Violation::TypeUnknown`].
    pub fn from_byte(byte: u8) -> Result<Self, Violation> {
        let known = Self::ALL.into_iter().find(|kind| *kind as u8 == byte);
        known.ok_or(match byte {
            0x10..=0x15 => Violation::TypeNotNegotiated { byte },
            _ => Violation::TypeUnknown { byte },
        })
    }

    /// Whether chunks of a body may travel in frames of this type.
    #[must_use]
    pub const fn streams(self) -> bool {
        matches!(self, Self::Request | Self::Response)
    }

    /// Whether an empty payload can be a message of this type when it is no
    /// chunk. Only Cancel says all it has to say in its header.
    #[must_use]
    pub const fn may_be_empty(self) -> bool {
        matches!(self, Self::Cancel)
    }
}

/// The header's flag bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// None.
    pub const NONE: Self = Self(0);
    /// Bit 0: the payload is an LZ4 frame. Not offered: refused.
    pub const COMPRESSED: Self = Self(1);
    /// Bit 1: the payload is AES-256-GCM ciphertext. Not offered: refused.
    pub const ENCRYPTED: Self = Self(1 << 1);
    /// Bit 2: more chunks with this id follow.
    pub const STREAM: Self = Self(1 << 2);
    /// Bit 3: the last chunk of a stream.
    pub const END: Self = Self(1 << 3);
    /// Bit 4: the payload is one bare handle. Not offered (handles travel in a
    /// Response's `handles`): refused.
    pub const HANDLE: Self = Self(1 << 4);
    /// Bit 5: no answer is wanted.
    pub const ONE_WAY: Self = Self(1 << 5);
    /// Every bit that version 1 names.
    const NAMED: u16 = 0x3f;
    /// The named bits that belong to features which are not offered.
    const NOT_OFFERED: u16 = Self::COMPRESSED.0 | Self::ENCRYPTED.0 | Self::HANDLE.0;

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the frame is a chunk: its payload counts against credit.
    #[must_use]
    pub const fn is_chunk(self) -> bool {
        self.0 & (Self::STREAM.0 | Self::END.0) != 0
    }

    /// Whether this combination may stand on a frame of type `kind`.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(self, kind: FrameType) -> Result<(), Violation> {
        let unknown = self.0 & !Self::NAMED;
        if unknown != 0 {
            return Err(Violation::FlagsUnknown { bits: unknown });
        }
        let refused = self.0 & Self::NOT_OFFERED;
        if refused != 0 {
            return Err(Violation::FlagsNotNegotiated { bits: refused });
        }
        let chunk_allowed = kind.streams() && !self.has(Self(Self::STREAM.0 | Self::END.0));
        let one_way_allowed = kind == FrameType::Request && self == Self::ONE_WAY;
        if (self.is_chunk() && !chunk_allowed) || (self.has(Self::ONE_WAY) && !one_way_allowed) {
            return Err(Violation::FlagsExclusive { bits: self.0, kind });
        }
        Ok(())
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What stands before a payload, without its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The frame's type.
    pub kind: FrameType,
    /// Its flags.
    pub flags: Flags,
    /// The id of the exchange, in the direction that opened it.
    pub id: u64,
    /// 0, or the session's.
    pub session_id: u64,
    /// Unix nanoseconds, for telemetry only.
    pub timestamp_ns: u64,
}

/// XXH3-64 with seed 0. It finds accidents; it authenticates nothing.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// Appends one frame to `out`. The caller keeps `payload` within what was agreed.
///
/// # Panics
/// When `payload` is 4 GiB or longer.
pub fn encode(header: &Header, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("a payload is shorter than 4 GiB");
    let start = out.len();
    out.reserve(payload.len() + FRAME_OVERHEAD_BYTES);
    out.extend_from_slice(&[VERSION, header.kind as u8]);
    out.extend_from_slice(&header.flags.0.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&header.id.to_le_bytes());
    out.extend_from_slice(&header.session_id.to_le_bytes());
    out.extend_from_slice(&header.timestamp_ns.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(payload);
    let sum = checksum(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Checks a header's version, type, flags, reserved bytes and length, in this
/// order, and returns it with its payload length.
pub(crate) fn read_header(
    bytes: &[u8; HEADER_BYTES],
    payload_bytes_max: usize,
) -> Result<(Header, usize), Violation> {
    check_version(bytes[0])?;
    let kind = FrameType::from_byte(bytes[1])?;
    let flags = Flags(u16::from_le_bytes([bytes[2], bytes[3]]));
    flags.check(kind)?;
    let reserved = u32_at(bytes, 4);
    if reserved != 0 {
        return Err(Violation::Reserved { value: reserved });
    }
    let length = u32_at(bytes, 32);
    if length as usize > payload_bytes_max {
        return Err(Violation::PayloadTooLong { length, payload_bytes_max });
    }
    if length == 0 && !flags.is_chunk() && !kind.may_be_empty() {
        return Err(Violation::PayloadMissing { kind });
    }
    let header = Header {
        kind,
        flags,
        id: u64_at(bytes, 8),
        session_id: u64_at(bytes, 16),
        timestamp_ns: u64_at(bytes, 24),
    };
    Ok((header, length as usize))
}

pub(crate) fn check_version(byte: u8) -> Result<(), Violation> {
    if byte == VERSION { Ok(()) } else { Err(Violation::Version { byte }) }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_xxh3_64_with_seed_zero() {
        // From the reference implementation's published self-test values.
        assert_eq!(checksum(b""), 0x2d06_8005_38d3_94c2);
    }

    #[test]
    fn each_named_type_has_its_number_and_no_other_byte_is_a_type() {
        let built: Vec<u8> = (0..=255).filter(|byte| FrameType::from_byte(*byte).is_ok()).collect();
        assert_eq!(built, [1, 2, 3, 4, 5, 6, 7, 0x20, 0x21]);
        for byte in 0x10..=0x15 {
            assert_eq!(FrameType::from_byte(byte), Err(Violation::TypeNotNegotiated { byte }));
        }
        assert_eq!(FrameType::from_byte(0xee), Err(Violation::TypeUnknown { byte: 0xee }));
    }

    #[test]
    fn exactly_the_legal_flag_combinations_pass() {
        for kind in FrameType::ALL {
            let legal: Vec<u16> = (0..=u16::MAX).filter(|bits| Flags(*bits).check(kind).is_ok()).collect();
            let expected: &[u16] = match kind {
                FrameType::Request => &[0, 4, 8, 32],
                FrameType::Response => &[0, 4, 8],
                _ => &[0],
            };
            assert_eq!(legal, expected, "{kind:?}");
        }
    }
}
