//! The types of the data plane: one Rust struct for each, in two families of layouts.
//!
//! Between Rust programs of one build they travel as rkyv, [`encode`] and [`view`]: validated once,
//! then used where they lie. To other languages and to disk they travel as Cap'n Proto, in
//! [`crate::lens`]. A handle's `type_id` says which: it is [`Message::RKYV`]'s or
//! [`Message::CAPNP`]'s. The structs are generated from `schema/data.capnp`.

mod aligned;
mod cause;
mod error;
#[rustfmt::skip]
mod generated;
#[rustfmt::skip]
mod messages;
mod size;
mod tensor;

pub use cause::Cause;
pub use error::{TensorError, ViewError};
pub use generated::*;
pub use tensor::{Element, TensorView};

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Deserialize, Portable, Serialize};

/// Where a message may start: every handle's offset is a multiple of it.
pub const ALIGN_BYTES: usize = 16;

/// The longest message that is written, as long as it would be in the other family. Offsets inside one
/// have 31 bits and a sign.
pub const BYTES_MAX: usize = 1 << 30;

/// What a type is called in a handle and in the pattern cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In handles; never 0, and no other type's in either family.
    pub type_id: u32,
    /// Changes with every change of the type or of a type inside it.
    pub schema_hash: [u8; 32],
}

/// A type that may be the root of a message.
pub trait Message: Sized + Checked + Archive<Archived: Checked> {
    /// Its reader and builder in Cap'n Proto.
    type Owned: capnp::traits::Owned;
    /// As in the schema.
    const NAME: &'static str;
    /// The rkyv family: exactly this layout.
    const RKYV: Identity;
    /// The Cap'n Proto family: this layout and every compatible one before and after it.
    const CAPNP: Identity;

    /// Copies it out of a message.
    ///
    /// # Errors
    /// On pointers, texts and enums that are not valid, and when a limit is reached.
    fn read(from: <Self::Owned as capnp::traits::Owned>::Reader<'_>) -> capnp::Result<Self>;

    /// Writes it into a message.
    ///
    /// # Errors
    /// On lists that are longer than a list can be.
    fn write(&self, to: <Self::Owned as capnp::traits::Owned>::Builder<'_>) -> capnp::Result<()>;

    /// How many words it takes there, without head and root pointer.
    fn words(&self) -> usize;
}

/// What validation of pointers and strings cannot know: that tensors hold what their shapes say.
pub trait Checked {
    /// # Errors
    /// Names the tensor's fault.
    fn check(&self) -> Result<(), TensorError>;
}

/// The message's bytes in the rkyv family, to be copied to where a handle may point.
///
/// # Errors
/// On a tensor whose data do not fit its shape, on a message of more than [`BYTES_MAX`], and when memory
/// runs out.
pub fn encode<T>(message: &T) -> Result<AlignedVec<ALIGN_BYTES>, ViewError>
where
    T: Message + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, Cause>>,
{
    message.check()?;
    let bytes = message.words().saturating_mul(8);
    if bytes > BYTES_MAX {
        return Err(ViewError::Long { name: T::NAME, bytes });
    }
    rkyv::to_bytes::<Cause>(message).map_err(|cause| ViewError::Invalid { name: T::NAME, cause })
}

/// Validates every pointer, length, text, tag and tensor, then views the message in place.
///
/// # Errors
/// Names what is not valid; a start that is not a multiple of [`ALIGN_BYTES`] is never accepted.
pub fn view<T>(bytes: &[u8]) -> Result<&T::Archived, ViewError>
where
    T: Message,
    T::Archived: Portable + for<'a> CheckBytes<HighValidator<'a, Cause>>,
{
    let archived = access::<T::Archived>(T::NAME, bytes)?;
    archived.check()?;
    Ok(archived)
}

/// Validates the message and copies it out.
///
/// # Errors
/// As [`view`].
pub fn read<T>(bytes: &[u8]) -> Result<T, ViewError>
where
    T: Message,
    T::Archived:
        Portable + for<'a> CheckBytes<HighValidator<'a, Cause>> + Deserialize<T, HighDeserializer<Cause>>,
{
    let archived = view::<T>(bytes)?;
    rkyv::deserialize::<T, Cause>(archived).map_err(|cause| ViewError::Invalid { name: T::NAME, cause })
}

fn access<'a, A>(name: &'static str, bytes: &'a [u8]) -> Result<&'a A, ViewError>
where
    A: Portable + for<'b> CheckBytes<HighValidator<'b, Cause>>,
{
    let beyond = bytes.as_ptr().addr() % ALIGN_BYTES;
    if beyond != 0 {
        return Err(ViewError::Unaligned { name, beyond });
    }
    let bytes_min = size_of::<A>();
    if bytes.len() < bytes_min {
        return Err(ViewError::Short { name, bytes: bytes.len(), bytes_min });
    }
    rkyv::access::<A, Cause>(bytes).map_err(|cause| ViewError::Invalid { name, cause })
}

/// Data of a fixed size; none at all is read as zeros.
fn exact<const N: usize>(data: &[u8]) -> capnp::Result<[u8; N]> {
    if data.is_empty() {
        return Ok([0; N]);
    }
    let wrong = || capnp::Error::failed(format!("data of {} bytes, which must be {N}", data.len()));
    data.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
