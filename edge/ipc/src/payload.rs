//! Payloads and handles of the control plane, checked before anything is done with them.

use crate::proto::common::{Payload, SharedMemoryHandle};
use crate::status::refuse;
use ioi_types::{ErrorCode, limits};
use tonic::Status;

/// Where every handle's part may start.
const ALIGNMENT: u64 = 64;

/// A payload as it must be: one of the two.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The bytes themselves, at most 64 KiB.
    Inline(Vec<u8>),
    /// Where they lie.
    Handle(SharedMemoryHandle),
}

fn invalid(message: String) -> Status {
    refuse(ErrorCode::ArgumentInvalid, message)
}

impl Payload {
    /// The bytes as part of the message.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { inline: Some(bytes), handle: None }
    }

    /// The bytes where they lie.
    #[must_use]
    pub fn of_handle(handle: SharedMemoryHandle) -> Self {
        Self { inline: None, handle: Some(handle) }
    }

    /// Exactly one of the two, within its bounds; `what` names the payload in errors.
    ///
    /// # Errors
    /// `argument.invalid` for none, for both, for more than 64 KiB inline; and as
    /// [`SharedMemoryHandle::checked`].
    pub fn content(self, what: &str) -> Result<Content, Status> {
        match (self.inline, self.handle) {
            (Some(bytes), None) if bytes.len() > limits::INLINE_BYTES_MAX => {
                let (count, most) = (bytes.len(), limits::INLINE_BYTES_MAX);
                Err(invalid(format!("{what} has {count} bytes inline, at most {most}; more goes by handle")))
            }
            (Some(bytes), None) => Ok(Content::Inline(bytes)),
            (None, Some(handle)) => handle.checked(what).map(Content::Handle),
            (None, None) => Err(invalid(format!("{what} has neither inline bytes nor a handle"))),
            (Some(_), Some(_)) => Err(invalid(format!("{what} has both inline bytes and a handle"))),
        }
    }
}

impl SharedMemoryHandle {
    /// The whole of a sealed region, as plain bytes.
    #[must_use]
    pub const fn whole(region: u64, length: u64) -> Self {
        Self { region, generation: 1, type_id: 0, offset: 0, length }
    }

    /// What can be known of a handle without its region; that the region is as long, only its reader finds out.
    ///
    /// # Errors
    /// `argument.invalid` for a region or generation of 0, `slice.range` for a part that no region can have.
    pub fn checked(self, what: &str) -> Result<Self, Status> {
        let Self { region, generation, offset, length, .. } = self;
        if region == 0 || generation == 0 {
            return Err(invalid(format!(
                "{what} names region {region}, generation {generation}; both begin with 1"
            )));
        }
        let end = offset.checked_add(length);
        let fits = end.is_some_and(|end| end <= limits::REGION_BYTES_MAX);
        if length == 0 || !offset.is_multiple_of(ALIGNMENT) || !fits {
            let message = format!("{what} is {length} bytes at offset {offset}, which no region has");
            return Err(refuse(ErrorCode::SliceRange, message));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::code;
    use prost::Message;

    const GOOD: SharedMemoryHandle = SharedMemoryHandle::whole(7, 100);

    #[test]
    fn a_payload_is_one_of_the_two_within_its_bounds() {
        let most = vec![1; limits::INLINE_BYTES_MAX];
        assert_eq!(Payload::of_bytes(most.clone()).content("it").unwrap(), Content::Inline(most));
        assert_eq!(Payload::of_bytes(Vec::new()).content("it").unwrap(), Content::Inline(Vec::new()));
        assert_eq!(Payload::of_handle(GOOD).content("it").unwrap(), Content::Handle(GOOD));
        let bad = [
            (Payload::default(), "neither"),
            (Payload { inline: Some(Vec::new()), handle: Some(GOOD) }, "both"),
            (Payload::of_bytes(vec![1; limits::INLINE_BYTES_MAX + 1]), "65537 bytes inline"),
        ];
        for (payload, words) in bad {
            let status = payload.content("the text").unwrap_err();
            assert_eq!(code(&status), ErrorCode::ArgumentInvalid);
            assert!(status.message().starts_with("the text") && status.message().contains(words), "{status}");
        }
    }

    #[test]
    fn a_handle_that_no_region_has_is_refused() {
        let most = limits::REGION_BYTES_MAX;
        let good = [GOOD, SharedMemoryHandle { offset: most - 64, length: 64, ..GOOD }];
        assert!(good.into_iter().all(|handle| handle.checked("it").unwrap() == handle));
        let (range, argument) = (ErrorCode::SliceRange, ErrorCode::ArgumentInvalid);
        let bad = [
            (SharedMemoryHandle { region: 0, ..GOOD }, argument),
            (SharedMemoryHandle { generation: 0, ..GOOD }, argument),
            (SharedMemoryHandle { length: 0, ..GOOD }, range),
            (SharedMemoryHandle { length: most + 1, ..GOOD }, range),
            (SharedMemoryHandle { length: u64::MAX, offset: 64, ..GOOD }, range),
            (SharedMemoryHandle { offset: u64::MAX - 63, ..GOOD }, range),
            (SharedMemoryHandle { offset: most, length: 1, ..GOOD }, range),
            (SharedMemoryHandle { offset: 1, ..GOOD }, range),
            (SharedMemoryHandle { offset: 63, ..GOOD }, range),
        ];
        for (handle, expected) in bad {
            assert_eq!(code(&handle.checked("it").unwrap_err()), expected, "{handle:?}");
        }
    }

    /// The wire knows a `oneof`: a tag and a length for each, in either order.
    #[test]
    fn bytes_that_bring_both_are_seen_as_both_in_either_order() {
        let inline = [0x0a, 1, b'x'];
        let handle = [0x12, 4, 0x08, 7, 0x10, 1];
        for bytes in [[&inline[..], &handle[..]].concat(), [&handle[..], &inline[..]].concat()] {
            let payload = Payload::decode(bytes.as_slice()).unwrap();
            assert!(payload.content("it").unwrap_err().message().contains("both"));
        }
    }
}
