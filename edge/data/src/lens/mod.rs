//! Cap'n Proto messages, opened in place.
//!
//! A message is one segment: a head of 8 bytes (a zero u32, then the number of words that follow),
//! and the words. Messages of more segments are refused, so what a handle names is all of the message
//! and a far pointer has nowhere to lead.
//!
//! ```
//! use ioi_data::{lens, types::Envelope};
//! let written = lens::encode(&Envelope { id: "1".into(), ..Envelope::default() })?;
//! let lens = lens::open::<Envelope>(written.as_bytes())?;
//! assert_eq!(lens.root()?.get_id()?, "1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod packed;

pub use error::LensError;
pub use packed::{pack, unpack};

use crate::data_capnp as data;
use crate::types::{Message, TensorView};
use capnp::OutputSegments;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::{BufferSegments, read_message_from_flat_slice};
use capnp::traits::Owned;
use std::marker::PhantomData;

/// How deep pointers may be nested. The types of the schema need five.
pub const NESTING_MAX: i32 = 64;

/// How often all of a message may be walked through one lens. Each pointer that is followed is
/// counted with what it points to, so that a small message can't stand for a large one.
pub const TRAVERSALS_MAX: usize = 8;

/// What a segment can hold: offsets have 29 bits and a sign.
pub const WORDS_MAX: u32 = (1 << 29) - 1;

/// The head of a message, and the size of a word.
pub const WORD_BYTES: usize = 8;

/// Bytes that start at a multiple of 8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<u64>);

impl Words {
    /// A copy of these bytes; none if they are no whole words.
    #[must_use]
    pub fn copy(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
        rest.is_empty().then(|| Self(words.iter().map(|word| u64::from_le_bytes(*word)).collect()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// A message that is read where it lies.
pub struct Lens<'a, T> {
    message: Reader<BufferSegments<&'a [u8]>>,
    of: PhantomData<T>,
}

/// Looks at a message of this type: its head is checked now, what lies behind a pointer when it is
/// followed.
///
/// # Errors
/// On a start that is not a multiple of 8, on more than one segment, and on another length than the
/// head says.
pub fn open<T: Message>(bytes: &[u8]) -> Result<Lens<'_, T>, LensError> {
    open_with(bytes, TRAVERSALS_MAX)
}

fn open_with<T: Message>(mut bytes: &[u8], traversals: usize) -> Result<Lens<'_, T>, LensError> {
    let words = check_head(bytes)?;
    let mut options = ReaderOptions::new();
    options.nesting_limit(NESTING_MAX).traversal_limit_in_words(Some(words.saturating_mul(traversals)));
    let message = read_message_from_flat_slice(&mut bytes, options)?;
    Ok(Lens { message, of: PhantomData })
}

/// The number of words after the head.
fn check_head(bytes: &[u8]) -> Result<usize, LensError> {
    if !bytes.as_ptr().addr().is_multiple_of(WORD_BYTES) {
        return Err(LensError::Unaligned);
    }
    let Some((&[a, b, c, d, e, f, g, h], body)) = bytes.split_first_chunk() else {
        return Err(LensError::Short { bytes: bytes.len() });
    };
    let more = u32::from_le_bytes([a, b, c, d]);
    if more != 0 {
        return Err(LensError::Segments { count: u64::from(more) + 1 });
    }
    let declared = u64::from(u32::from_le_bytes([e, f, g, h])) * WORD_BYTES as u64;
    if declared != body.len() as u64 {
        return Err(LensError::Length { declared, found: body.len() as u64 });
    }
    Ok(body.len() / WORD_BYTES)
}

impl<T: Message> Lens<'_, T> {
    /// The root, in place.
    ///
    /// # Errors
    /// On a root that is not a struct or lies outside.
    pub fn root(&self) -> Result<<T::Owned as Owned>::Reader<'_>, LensError> {
        Ok(self.message.get_root::<<T::Owned as Owned>::Reader<'_>>()?)
    }
}

/// Copies the message out, all of it checked.
///
/// # Errors
/// On whatever is not valid; a message in which anything is reached twice is refused too, so that the
/// copy is not larger than the message by more than a constant factor.
pub fn read<T: Message>(bytes: &[u8]) -> Result<T, LensError> {
    let lens = open_with::<T>(bytes, 1)?;
    let message = T::read(lens.root()?)?;
    message.check()?;
    Ok(message)
}

/// The message as one segment, with its head.
///
/// # Errors
/// On a tensor whose data do not fit its shape, and on a message beyond what a segment can hold.
pub fn encode<T: Message>(message: &T) -> Result<Words, LensError> {
    message.check()?;
    // The root's pointer too. With all of it in the first allocation, there is one segment.
    let words = message.words().saturating_add(1);
    let too_long = LensError::Long { bytes: words.saturating_mul(WORD_BYTES) };
    let Some(words) = u32::try_from(words).ok().filter(|words| *words <= WORDS_MAX) else {
        return Err(too_long);
    };
    let mut builder = Builder::new(HeapAllocator::new().first_segment_words(words));
    message.write(builder.init_root::<<T::Owned as Owned>::Builder<'_>>())?;
    let OutputSegments::SingleSegment([segment]) = builder.get_segments_for_output() else {
        return Err(too_long);
    };
    let (body, _) = segment.as_chunks::<WORD_BYTES>();
    let head = (body.len() as u64) << 32;
    Ok(Words([head].into_iter().chain(body.iter().map(|word| u64::from_le_bytes(*word))).collect()))
}

/// A tensor inside a message, its data checked against its shape.
///
/// # Errors
/// When they do not fit, or a pointer is not valid.
pub fn tensor<'a>(from: data::tensor::Reader<'a>) -> Result<TensorView<'a>, LensError> {
    let element_type = from.get_element_type().map_err(capnp::Error::from)?;
    Ok(TensorView::check(element_type.into(), from.get_shape()?.iter(), from.get_data()?)?)
}

#[cfg(test)]
mod tests;
