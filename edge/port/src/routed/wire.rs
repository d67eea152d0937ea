//! Requests and notices as bytes. Reading is strict: what a table in the module above
//! leaves out is 0 or refused, so each message has one form.

use super::{BODY_BYTES_MAX, CapabilityId, Command, Object, Party, Reason, Rights};
use ioi_shm::{HANDLE_BYTES, Handle};

const HEAD_BYTES: usize = 16;
const PARTY_BYTES: usize = size_of::<u16>();
const ANYBODY: u16 = u16::MAX;
const HOST: u32 = u32::MAX;

/// What an endpoint asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Have a message delivered: by a capability, to a party, or both, which must agree then.
    Send {
        /// The capability; without one the host takes what the sender holds for the party.
        capability: Option<CapabilityId>,
        /// The party; without one, whoever the capability is for.
        to: Option<Party>,
        /// The delivery that caused it; 0 when nobody else did.
        cause: u32,
        /// A lease that goes with it.
        handle: Option<Handle>,
        /// The message.
        body: &'a [u8],
    },
    /// Give another party some of the rights of a capability.
    Delegate {
        /// The capability.
        capability: CapabilityId,
        /// Who gets the new one.
        to: Party,
        /// What it is good for.
        rights: Rights,
        /// The delivery that caused it; 0 when nobody else did.
        cause: u32,
    },
    /// Take back a capability that was handed on, and all that came of it.
    ///
    /// It names no cause. Nobody can do more by it than before, so there is nothing that a deputy
    /// could be led to do for somebody who may not; and what ends a right must not fail because a
    /// cause is long ago, or because whoever asked for it may not.
    Revoke {
        /// The capability.
        capability: CapabilityId,
    },
    /// Give back the lease that a delivery brought. Only that one is over by it: other lenders,
    /// or the same one again, may have lent an equal handle.
    Return {
        /// The delivery. It can be named here for as long as the lease is held, also when it is
        /// too long ago to be named as a cause.
        delivery: u32,
        /// The lease, as it was delivered.
        handle: Handle,
    },
    /// Have the object of a capability managed.
    Command {
        /// The capability.
        capability: CapabilityId,
        /// What is to be done.
        command: Command,
        /// The delivery that caused it; 0 when nobody else did.
        cause: u32,
        /// With what.
        body: &'a [u8],
    },
}

/// What the host says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A message from another party.
    Delivered {
        /// Who sent it.
        from: Party,
        /// Its number here: the cause of what follows from it, and the name of the lease that it brought.
        delivery: u32,
        /// A lease that goes with it.
        handle: Option<Handle>,
        /// The message.
        body: &'a [u8],
    },
    /// This endpoint holds a capability.
    Granted {
        /// Its number.
        capability: CapabilityId,
        /// What it is for.
        object: Object,
        /// What may be done.
        rights: Rights,
        /// The object's name.
        name: &'a str,
    },
    /// A capability is held no longer.
    Revoked {
        /// Its number.
        capability: CapabilityId,
    },
    /// A request had no effect; a lease that was to go with it is free.
    Refused {
        /// Why.
        reason: Reason,
        /// How long to wait before trying again, in milliseconds; 0 where that is no use.
        wait_ms: u32,
        /// In words.
        text: &'a str,
    },
    /// A request other than to send was carried out.
    Done {
        /// The capability that was made.
        capability: Option<CapabilityId>,
        /// What was asked for.
        body: &'a [u8],
    },
    /// A lease is back.
    Returned {
        /// The lease.
        handle: Handle,
    },
    /// End, please.
    Stop,
}

/// A message of either table, before its fields have a meaning.
struct Raw<'a> {
    kind: u8,
    word: u16,
    number: u32,
    id: u64,
    handle: Option<Handle>,
    body: &'a [u8],
}

const fn plain(kind: u8) -> Raw<'static> {
    Raw { kind, word: 0, number: 0, id: 0, handle: None, body: &[] }
}

impl<'a> Raw<'a> {
    fn write(&self, into: &mut Vec<u8>) {
        debug_assert!(self.body.len() <= BODY_BYTES_MAX, "the callers have checked");
        into.clear();
        into.extend([self.kind, u8::from(self.handle.is_some())]);
        into.extend(self.word.to_le_bytes());
        into.extend(self.number.to_le_bytes());
        into.extend(self.id.to_le_bytes());
        into.extend(self.handle.iter().flat_map(Handle::to_bytes));
        into.extend(self.body);
    }

    fn read(message: &'a [u8]) -> Option<Raw<'a>> {
        let (head, rest) = message.split_first_chunk::<HEAD_BYTES>()?;
        let (handle, body) = match head[1] {
            0 => (None, rest),
            1 => {
                let (handle, body) = rest.split_first_chunk::<HANDLE_BYTES>()?;
                (Some(Handle::from_bytes(handle)), body)
            }
            _ => return None,
        };
        let word = u16::from_le_bytes([head[2], head[3]]);
        let number = u32::from_le_bytes(std::array::from_fn(|i| head[4 + i]));
        let id = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
        (body.len() <= BODY_BYTES_MAX).then_some(Raw { kind: head[0], word, number, id, handle, body })
    }

    fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.body).ok()
    }
}

fn some(id: u64) -> Option<CapabilityId> {
    (id != 0).then_some(CapabilityId(id))
}

fn number(id: Option<CapabilityId>) -> u64 {
    id.map_or(0, |id| id.0)
}

impl<'a> Request<'a> {
    /// Writes it over what `into` holds; false, with nothing written, when the body is too long.
    #[must_use]
    pub fn write(&self, into: &mut Vec<u8>) -> bool {
        let mut party = [0; PARTY_BYTES];
        let raw = self.raw(&mut party);
        let fits = raw.body.len() <= BODY_BYTES_MAX;
        if fits {
            raw.write(into);
        }
        fits
    }

    /// What it carries inline.
    pub(super) fn body(&self) -> &'a [u8] {
        match *self {
            Request::Send { body, .. } | Request::Command { body, .. } => body,
            Request::Delegate { .. } | Request::Revoke { .. } | Request::Return { .. } => &[],
        }
    }

    /// Its fields; `place` is where those bytes of a body stand that are no bytes in the request.
    fn raw<'b>(&self, place: &'b mut [u8; PARTY_BYTES]) -> Raw<'b>
    where
        'a: 'b,
    {
        match *self {
            Request::Send { capability, to, cause, handle, body } => Raw {
                kind: 1,
                word: to.map_or(ANYBODY, |party| party.0),
                number: cause,
                id: number(capability),
                handle,
                body,
            },
            Request::Delegate { capability, to, rights, cause } => {
                *place = to.0.to_le_bytes();
                Raw { word: rights.bits(), number: cause, id: capability.0, body: place, ..plain(2) }
            }
            Request::Revoke { capability } => Raw { id: capability.0, ..plain(3) },
            Request::Return { delivery, handle } => {
                Raw { number: delivery, handle: Some(handle), ..plain(4) }
            }
            Request::Command { capability, command, cause, body } => {
                let word = match command {
                    Command::GetState => 1,
                    Command::Shutdown => 2,
                    Command::CreateTask => 3,
                };
                Raw { word, number: cause, id: capability.0, body, ..plain(5) }
            }
        }
    }

    /// What the bytes say, if they are a request.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Request<'a>> {
        let raw = Raw::read(message)?;
        let request = match raw {
            Raw { kind: 1, word, number: cause, id, handle, body } => {
                let to = (word != ANYBODY).then_some(Party(word));
                Request::Send { capability: some(id), to, cause, handle, body }
            }
            Raw { kind: 2, word, number: cause, id, body, .. } => {
                let to = Party(u16::from_le_bytes(body.try_into().ok()?));
                Request::Delegate {
                    capability: CapabilityId(id),
                    to,
                    rights: Rights::from_bits(word)?,
                    cause,
                }
            }
            Raw { kind: 3, id, .. } => Request::Revoke { capability: CapabilityId(id) },
            Raw { kind: 4, number: delivery, handle, .. } => Request::Return { delivery, handle: handle? },
            Raw { kind: 5, word, number: cause, id, body, .. } => {
                let command = match word {
                    1 => Command::GetState,
                    2 => Command::Shutdown,
                    3 => Command::CreateTask,
                    _ => return None,
                };
                Request::Command { capability: CapabilityId(id), command, cause, body }
            }
            _ => return None,
        };
        is_the_form_of(&request.raw(&mut [0; PARTY_BYTES]), message).then_some(request)
    }
}

impl<'a> Notice<'a> {
    /// Writes it over what `into` holds. A text that is too long is cut; the host's
    /// bodies fit.
    pub fn write(&self, into: &mut Vec<u8>) {
        let mut raw = self.raw();
        raw.body = &raw.body[..raw.body.len().min(BODY_BYTES_MAX)];
        if let Err(cut) = std::str::from_utf8(raw.body)
            && cut.error_len().is_none()
            && self.is_text()
        {
            raw.body = &raw.body[..cut.valid_up_to()];
        }
        raw.write(into);
    }

    fn is_text(&self) -> bool {
        matches!(self, Notice::Granted { .. } | Notice::Refused { .. })
    }

    fn raw(&self) -> Raw<'a> {
        match *self {
            Notice::Delivered { from, delivery, handle, body } => {
                Raw { number: delivery, id: u64::from(from.0), handle, body, ..plain(17) }
            }
            Notice::Granted { capability, object, rights, name } => {
                let number = match object {
                    Object::Party(party) => u32::from(party.0),
                    Object::Host => HOST,
                };
                Raw { word: rights.bits(), number, id: capability.0, body: name.as_bytes(), ..plain(18) }
            }
            Notice::Revoked { capability } => Raw { id: capability.0, ..plain(19) },
            Notice::Refused { reason, wait_ms, text } => {
                Raw { word: reason.code(), number: wait_ms, body: text.as_bytes(), ..plain(20) }
            }
            Notice::Done { capability, body } => Raw { id: number(capability), body, ..plain(21) },
            Notice::Returned { handle } => Raw { handle: Some(handle), ..plain(22) },
            Notice::Stop => plain(23),
        }
    }

    /// What the bytes say, if they are a notice.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Notice<'a>> {
        let raw = Raw::read(message)?;
        let notice = match raw {
            Raw { kind: 17, number: delivery, id, handle, body, .. } => {
                Notice::Delivered { from: Party(u16::try_from(id).ok()?), delivery, handle, body }
            }
            Raw { kind: 18, word, number, id, .. } => {
                let object = match number {
                    HOST => Object::Host,
                    party => Object::Party(Party(u16::try_from(party).ok()?)),
                };
                let (rights, name) = (Rights::from_bits(word)?, raw.text()?);
                Notice::Granted { capability: CapabilityId(id), object, rights, name }
            }
            Raw { kind: 19, id, .. } => Notice::Revoked { capability: CapabilityId(id) },
            Raw { kind: 20, word, number: wait_ms, .. } => {
                Notice::Refused { reason: Reason::from_code(word)?, wait_ms, text: raw.text()? }
            }
            Raw { kind: 21, id, body, .. } => Notice::Done { capability: some(id), body },
            Raw { kind: 22, handle, .. } => Notice::Returned { handle: handle? },
            Raw { kind: 23, .. } => Notice::Stop,
            _ => return None,
        };
        is_the_form_of(&notice.raw(), message).then_some(notice)
    }
}

/// Whether writing it again gives the same bytes: nothing stood where nothing may stand.
fn is_the_form_of(raw: &Raw<'_>, message: &[u8]) -> bool {
    let mut form = Vec::with_capacity(message.len());
    raw.write(&mut form);
    form == message
}

#[cfg(test)]
mod tests {
    use super::super::ROUTED_BYTES;
    use super::*;
    use proptest::prelude::*;

    /// Mostly small numbers, so that many are messages.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop_oneof![1u8..6, 17u8..24, any::<u8>()];
        let rest =
            proptest::collection::vec(prop_oneof![3 => Just(0u8), 1 => 0u8..9, 1 => Just(255)], 15..70);
        (kind, rest).prop_map(|(kind, rest)| [&[kind][..], &rest].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_message_has_one_form(bytes in message()) {
            let mut written = Vec::new();
            if let Some(request) = Request::read(&bytes) {
                prop_assert!(request.write(&mut written));
                prop_assert_eq!(&written, &bytes);
            }
            if let Some(notice) = Notice::read(&bytes) {
                notice.write(&mut written);
                prop_assert_eq!(&written, &bytes);
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let handle = Handle { region: 1, generation: 2, type_id: 3, offset: 64, length: 5 };
        let request = Request::Send {
            capability: Some(CapabilityId(0x0807_0605_0403_0201)),
            to: Some(Party(0x0a09)),
            cause: 0x0e0d_0c0b,
            handle: Some(handle),
            body: b"hi",
        };
        let mut bytes = Vec::new();
        assert!(request.write(&mut bytes));
        let head = [1, 1, 9, 10, 11, 12, 13, 14, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(bytes, [&head[..], &handle.to_bytes(), b"hi"].concat());
        assert_eq!(Request::read(&bytes), Some(request));
        let mut bytes = Vec::new();
        Notice::Refused { reason: Reason::Denied, wait_ms: 1, text: "no" }.write(&mut bytes);
        assert_eq!(bytes, [&[20, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &b"no"[..]].concat());
    }

    /// Written by hand: no field may change its place, and none may stand where another stood.
    #[test]
    fn requests_that_name_a_delivery_have_it_where_the_table_says() {
        let handle = Handle { region: 1, generation: 2, type_id: 3, offset: 64, length: 5 };
        let (capability, number) = (CapabilityId(9), 0x0403_0201);
        let delegate =
            Request::Delegate { capability, to: Party(0x0706), rights: Rights::DELEGATE, cause: number };
        let give_back = Request::Return { delivery: number, handle };
        let command = Request::Command { capability, command: Command::Shutdown, cause: number, body: b"x" };
        let rows = [
            (delegate, [2, 0, 2, 0, 1, 2, 3, 4, 9, 0, 0, 0, 0, 0, 0, 0], vec![6, 7]),
            (give_back, [4, 1, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0], handle.to_bytes().to_vec()),
            (command, [5, 0, 2, 0, 1, 2, 3, 4, 9, 0, 0, 0, 0, 0, 0, 0], vec![b'x']),
        ];
        for (request, head, rest) in rows {
            let mut bytes = Vec::new();
            assert!(request.write(&mut bytes));
            assert_eq!(bytes, [&head[..], &rest].concat());
            assert_eq!(Request::read(&bytes), Some(request));
        }
    }

    #[test]
    fn a_delegation_without_its_party_or_with_more_than_that_is_not_read() {
        let request =
            Request::Delegate { capability: CapabilityId(1), to: Party(3), rights: Rights::SEND, cause: 0 };
        let mut bytes = Vec::new();
        assert!(request.write(&mut bytes));
        for length in [16, 17] {
            assert_eq!(Request::read(&bytes[..length]), None);
        }
        bytes.push(0);
        assert_eq!(Request::read(&bytes), None);
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        let with = |at: usize, value: u8, length: usize| {
            let mut bytes = vec![0; length];
            bytes[0] = 3;
            bytes[at] = value;
            bytes
        };
        let bad = [
            vec![],
            vec![3; 15],
            with(0, 0, 16),
            with(0, 6, 16),
            with(1, 2, 16),
            with(1, 1, 47),
            with(2, 1, 16),
            with(4, 1, 16),
            with(0, 3, 17),
            with(0, 2, 16),
            with(0, 2, 19),
            with(0, 4, 16),
            with(0, 4, 47),
            with(0, 4, 48),
            with(0, 5, 16),
            vec![1; ROUTED_BYTES + 1],
        ];
        for bytes in bad {
            assert_eq!(Request::read(&bytes), None, "{bytes:?}");
        }
        assert!(Request::read(&with(8, 1, 16)).is_some(), "and the rest of it is a request to revoke");
    }

    #[test]
    fn a_body_of_the_longest_length_fits_with_a_handle_and_one_more_byte_does_not() {
        let handle = Handle { region: 0, generation: 0, type_id: 0, offset: 0, length: 0 };
        let send = |body| Request::Send { capability: None, to: None, cause: 0, handle: Some(handle), body };
        let mut bytes = Vec::new();
        assert!(send(&[7; BODY_BYTES_MAX]).write(&mut bytes));
        assert_eq!(bytes.len(), ROUTED_BYTES);
        assert!(!send(&[7; BODY_BYTES_MAX + 1]).write(&mut bytes));
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let text = "é".repeat(BODY_BYTES_MAX);
        for start in 0..2 {
            let text = &format!("{}{text}", &"ab"[..start]);
            let mut bytes = Vec::new();
            Notice::Refused { reason: Reason::Denied, wait_ms: 0, text }.write(&mut bytes);
            assert!(bytes.len() <= ROUTED_BYTES && Notice::read(&bytes).is_some(), "{start}");
        }
    }
}
