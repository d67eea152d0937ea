//! One publisher, any number of subscribers, one copy of the bytes.
//!
//! The publisher fills a region, seals it once and hands each subscriber a read-only
//! descriptor of the same memory. The last few publications are kept.
//!
//! # The protocol
//! A subscriber *asks* for each publication: one message on its port, with a transfer
//! id of its choosing. The publisher answers when it has something newer than what the
//! subscriber has seen: first the descriptor under that id on the descriptor channel, then
//! on the port the handle. So a subscriber that never asks, or never takes, is owed
//! nothing and holds nobody up; a late one asks for what is still kept.
//!
//! | message | `msg_id` | payload |
//! |---|---|---|
//! | ask | 1 | transfer id (16 bytes), generation seen (u32, 0: none), 1 for the newest only or 0 (u32) |
//! | here | 2 | transfer id (16 bytes), handle (32 bytes) |
//!
//! The handle's generation counts publications from 1. All integers are little-endian.

mod publisher;
mod subscriber;

pub use publisher::{PublishError, Publisher};
pub use subscriber::{Publication, Start, SubscribeError, Subscriber};

use ioi_shm::{HANDLE_BYTES, Handle, TRANSFER_ID_BYTES};

/// The port between a publisher and one subscriber.
pub type BroadcastPort = ioi_shm::Port<4, BROADCAST_BYTES>;

/// The longest message of the protocol.
pub const BROADCAST_BYTES: usize = TRANSFER_ID_BYTES + HANDLE_BYTES;

const ASK: u32 = 1;
const HERE: u32 = 2;

type TransferId = [u8; TRANSFER_ID_BYTES];

/// What a subscriber asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ask {
    id: TransferId,
    seen: u32,
    newest_only: bool,
}

impl Ask {
    const BYTES: usize = TRANSFER_ID_BYTES + 8;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.id);
        bytes[16..20].copy_from_slice(&self.seen.to_le_bytes());
        bytes[20..].copy_from_slice(&u32::from(self.newest_only).to_le_bytes());
        bytes
    }

    fn read(message: &[u8]) -> Option<Ask> {
        let bytes: &[u8; Self::BYTES] = message.try_into().ok()?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let newest_only = match word(20) {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Ask { id: std::array::from_fn(|i| bytes[i]), seen: word(16), newest_only })
    }
}

/// What the publisher answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Here {
    id: TransferId,
    handle: Handle,
}

impl Here {
    fn to_bytes(self) -> [u8; BROADCAST_BYTES] {
        let mut bytes = [0; BROADCAST_BYTES];
        bytes[..16].copy_from_slice(&self.id);
        bytes[16..].copy_from_slice(&self.handle.to_bytes());
        bytes
    }

    fn read(message: &[u8]) -> Option<Here> {
        let (id, handle) = message.split_first_chunk()?;
        Some(Here { id: *id, handle: Handle::from_bytes(handle.try_into().ok()?) })
    }
}
