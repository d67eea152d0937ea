//! Bytes that start at a multiple of 16, so that a tensor's elements can be read where they lie.

use super::ALIGN_BYTES;
use rkyv::rancor::Fallible;
use rkyv::ser::{Allocator, Writer, WriterExt};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::with::{ArchiveWith, DeserializeWith, SerializeWith};
use rkyv::{Deserialize, Place};

/// Archives `Vec<u8>` as rkyv does, but for where the bytes start.
pub struct AlignedBytes;

impl ArchiveWith<Vec<u8>> for AlignedBytes {
    type Archived = ArchivedVec<u8>;
    type Resolver = VecResolver;

    fn resolve_with(field: &Vec<u8>, resolver: Self::Resolver, out: Place<Self::Archived>) {
        ArchivedVec::resolve_from_slice(field, resolver, out);
    }
}

impl<S> SerializeWith<Vec<u8>, S> for AlignedBytes
where
    S: Fallible + Allocator + Writer + ?Sized,
{
    fn serialize_with(field: &Vec<u8>, serializer: &mut S) -> Result<Self::Resolver, S::Error> {
        serializer.align(ALIGN_BYTES)?;
        ArchivedVec::serialize_from_slice(field, serializer)
    }
}

impl<D> DeserializeWith<ArchivedVec<u8>, Vec<u8>, D> for AlignedBytes
where
    D: Fallible + ?Sized,
    ArchivedVec<u8>: Deserialize<Vec<u8>, D>,
{
    fn deserialize_with(field: &ArchivedVec<u8>, deserializer: &mut D) -> Result<Vec<u8>, D::Error> {
        field.deserialize(deserializer)
    }
}
