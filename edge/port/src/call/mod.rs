//! Questions and answers over a port.
//!
//! # The protocol
//! The message id is the number of the call, chosen by the client. The payload begins
//! with 8 bytes, little-endian, and goes on with the body:
//!
//! | offset | bytes | field | |
//! |---|---|---|---|
//! | 0 | 1 | `kind` | 1 request, 2 answer, 3 cancel |
//! | 1 | 1 | zero | |
//! | 2 | 2 | `code` | the method of a request, the status of an answer, else 0 |
//! | 4 | 4 | `timeout_ms` | how long a request is worth answering, else 0 |
//!
//! A body that doesn't fit goes by handle. Statuses from 1 to 255 are this layer's own
//! ([`Status`]), others the application's. A client numbers its calls one after the
//! other, so that an answer which comes too late names a call that is over.

mod client;
mod server;
mod table;

pub use client::{Answer, CallError, Client};
pub use server::{Request, Server};
pub use table::{Calls, TooMany};

/// Bytes before a body.
pub const CALL_HEADER_BYTES: usize = 8;

/// How a call went, where this layer says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    /// It was answered.
    pub const OK: Status = Status(0);
    /// The server has as many calls at hand as it takes.
    pub const BUSY: Status = Status(1);
    /// A call of this number is at hand already.
    pub const REPEATED: Status = Status(2);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Answer,
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    kind: Kind,
    code: u16,
    timeout_ms: u32,
}

impl Head {
    /// Writes the head and `body`; the length, or `None` when they don't fit.
    fn write(self, body: &[u8], into: &mut [u8]) -> Option<usize> {
        let length = CALL_HEADER_BYTES + body.len();
        let message = into.get_mut(..length)?;
        let kind = match self.kind {
            Kind::Request => 1,
            Kind::Answer => 2,
            Kind::Cancel => 3,
        };
        message[..2].copy_from_slice(&[kind, 0]);
        message[2..4].copy_from_slice(&self.code.to_le_bytes());
        message[4..8].copy_from_slice(&self.timeout_ms.to_le_bytes());
        message[CALL_HEADER_BYTES..].copy_from_slice(body);
        Some(length)
    }

    /// The head and the body, or `None` for anything but what the table above has.
    fn read(message: &[u8]) -> Option<(Head, &[u8])> {
        let (head, body) = message.split_first_chunk::<CALL_HEADER_BYTES>()?;
        let kind = match head[..2] {
            [1, 0] => Kind::Request,
            [2, 0] => Kind::Answer,
            [3, 0] => Kind::Cancel,
            _ => return None,
        };
        let code = u16::from_le_bytes([head[2], head[3]]);
        let timeout_ms = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let is_plain = match kind {
            Kind::Request => true,
            Kind::Answer => timeout_ms == 0,
            Kind::Cancel => timeout_ms == 0 && code == 0 && body.is_empty(),
        };
        is_plain.then_some((Head { kind, code, timeout_ms }, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_read_is_written_back_the_same(bytes in proptest::collection::vec(0u8..5, 0..20)) {
            let mut written = [0; 32];
            if let Some((head, body)) = Head::read(&bytes) {
                let length = head.write(body, &mut written).unwrap();
                prop_assert_eq!(&written[..length], &bytes[..]);
            }
        }
    }

    #[test]
    fn the_head_has_the_bytes_of_the_table() {
        let head = Head { kind: Kind::Request, code: 0x0102, timeout_ms: 0x0304_0506 };
        let mut bytes = [9; 10];
        assert_eq!(head.write(b"ab", &mut bytes), Some(10));
        assert_eq!(bytes, [1, 0, 2, 1, 6, 5, 4, 3, b'a', b'b']);
        assert_eq!(head.write(b"abc", &mut bytes), None, "it doesn't fit");
    }

    #[test]
    fn what_the_table_does_not_have_is_not_read() {
        for bad in [
            &[][..],
            &[1, 0, 0, 0, 0, 0, 0],
            &[0; 8],
            &[4, 0, 0, 0, 0, 0, 0, 0],
            &[1, 1, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0],
            &[3, 0, 1, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Head::read(bad), None, "{bad:?}");
        }
    }
}
