//! An endpoint of a host's router: what a process says to it and hears from it.
//!
//! # The protocol
//! A port of messages of at most 256 bytes. The message id is the sender's own number,
//! and what the host answers bears the number of the request. Each payload begins with
//! 16 bytes, little-endian; then a handle, if there is one; then the body:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | `kind` |
//! | 1 | 1 | 1 with a handle, else 0 |
//! | 2 | 2 | `word` |
//! | 4 | 4 | `number` |
//! | 8 | 8 | `id` |
//!
//! | to the host | kind | word | number | id | handle | body |
//! |---|---|---|---|---|---|---|
//! | send | 1 | party to send to, or 0xffff | delivery that caused it, or 0 | capability, or 0 | maybe | the message |
//! | delegate | 2 | rights | delivery that caused it, or 0 | capability | | party, 2 bytes |
//! | revoke | 3 | | | capability | | |
//! | return | 4 | | delivery that brought it | | the lease | |
//! | command | 5 | command | delivery that caused it, or 0 | capability | | what it needs |
//!
//! | from the host | kind | word | number | id | handle | body |
//! |---|---|---|---|---|---|---|
//! | delivered | 17 | | delivery | party that sent it | maybe | the message |
//! | granted | 18 | rights | party, or 0xffffffff for the host | capability | | its name |
//! | revoked | 19 | | | capability | | |
//! | refused | 20 | reason | milliseconds to wait | | | why, with the rule's name |
//! | done | 21 | | | capability that was made, or 0 | | what was asked for |
//! | returned | 22 | | | | the lease | |
//! | stop | 23 | | | | | |
//!
//! Fields that a row leaves out are 0. A capability's number is good for who holds it and
//! for nobody else, so it is no secret. The number of a delivery is good for who got it. It is
//! never 0, and no other delivery has it for as long as a lease that it brought is held.

mod endpoint;
mod wire;

pub use endpoint::{Endpoint, NoticeError};
pub use wire::{Notice, Request};

use ioi_shm::Port;
use std::fmt;

/// The longest message between an endpoint and the host.
pub const ROUTED_BYTES: usize = 256;
/// The longest body: what is left beside the head and a handle.
pub const BODY_BYTES_MAX: usize = ROUTED_BYTES - 16 - ioi_shm::HANDLE_BYTES;
/// The port of an endpoint.
pub type RoutedPort = Port<64, ROUTED_BYTES>;

/// Somebody who has a name in the host's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party(pub u16);

/// A place in the host's table, with its generation. 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CapabilityId(pub u64);

/// What a capability is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A party.
    Party(Party),
    /// The host itself.
    Host,
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u16);

impl Rights {
    /// None.
    pub const NONE: Rights = Rights(0);
    /// To send messages to the object.
    pub const SEND: Rights = Rights(1);
    /// To hand the capability on.
    pub const DELEGATE: Rights = Rights(2);
    /// To ask how the object is.
    pub const GET_STATE: Rights = Rights(4);
    /// To have the object stopped.
    pub const SHUTDOWN: Rights = Rights(8);
    /// To have tasks created by the object.
    pub const CREATE_TASK: Rights = Rights(16);

    /// From its bits; `None` for bits that mean nothing.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Rights> {
        (bits < 32).then_some(Rights(bits))
    }

    /// As bits.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub fn has(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A management command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// How is the object?
    GetState,
    /// Stop the object.
    Shutdown,
    /// Create a task; the body says which.
    CreateTask,
}

impl Command {
    /// The right that it takes.
    #[must_use]
    pub fn right(self) -> Rights {
        match self {
            Command::GetState => Rights::GET_STATE,
            Command::Shutdown => Rights::SHUTDOWN,
            Command::CreateTask => Rights::CREATE_TASK,
        }
    }
}

macro_rules! reasons {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        /// Why the host refused something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $text] $name = $code,)*
        }

        impl Reason {
            /// All of them, by their codes.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// From its code.
            #[must_use]
            pub fn from_code(code: u16) -> Option<Reason> {
                match code {
                    $($code => Some(Reason::$name),)*
                    _ => None,
                }
            }

            /// Its code.
            #[must_use]
            pub fn code(self) -> u16 {
                self as u16
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Reason::$name => $text,)*
                })
            }
        }
    };
}

reasons! {
    Malformed = 1, "the message is none of the protocol";
    NoCapability = 2, "the sender holds no such capability";
    Revoked = 3, "the capability was revoked";
    Right = 4, "the capability has not this right";
    NoRule = 5, "no rule allows it";
    Denied = 6, "a rule denies it";
    OnBehalf = 7, "somebody on whose behalf it is asked may not do it";
    NoCause = 8, "the sender acts for others only and named no delivery";
    UnknownCause = 9, "the delivery that is named is none, or too long ago";
    Hops = 10, "the message has passed through too many hands";
    Rate = 11, "too many messages in too short a time";
    Full = 12, "too many messages wait for this recipient";
    Messages = 13, "too many messages of the sender wait";
    Bytes = 14, "too many bytes of the sender wait";
    Leases = 15, "too many leases, or bytes of them, are out";
    Absent = 16, "the recipient is not connected";
    Expired = 17, "the recipient did not take it in time";
    Depth = 18, "the capability was handed on too often";
    Delegations = 19, "the sender has handed on too many capabilities";
    NotLent = 20, "the delivery that is named brought no lease, or it came back already";
    OtherLease = 21, "the delivery that is named brought another lease";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbered_from_1_and_read_back() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), index + 1);
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(Reason::ALL.len() as u16 + 1), None);
    }
}
