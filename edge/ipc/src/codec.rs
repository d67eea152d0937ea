//! Messages as protobuf, where bytes that are none are the caller's fault and say so.
//!
//! tonic's own codec answers them with INTERNAL and no code of ours.

use crate::shape;
use crate::status::refuse;
use ioi_types::ErrorCode;
use prost::bytes::Buf;
use prost::{Message, Name};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::DecodeBuf;
use tonic_prost::ProstEncoder;

/// The codec of every service that is generated from the contracts.
#[derive(Debug)]
pub(crate) struct Codec<E, D>(PhantomData<(E, D)>);

impl<E, D> Default for Codec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> tonic::codec::Codec for Codec<E, D>
where
    E: Message + Send + 'static,
    D: Message + Name + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = ProstEncoder<E>;
    type Decoder = Decoder<D>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Decoder(PhantomData)
    }
}

/// One message of the contracts, as every server and client of ours reads it.
///
/// # Errors
/// `protocol.payload` for bytes that are not a message of this type, or have a field twice that is there once;
/// `argument.invalid` for more items of a field than its contract has. Both before anything takes memory.
pub fn decode<D: Message + Name + Default>(mut bytes: impl Buf) -> Result<D, Status> {
    // Bytes that lie in one piece, as all do here, are not copied by this.
    let bytes = bytes.copy_to_bytes(bytes.remaining());
    shape::check(&D::full_name(), &bytes)?;
    D::decode(bytes).map_err(|error| {
        refuse(ErrorCode::ProtocolPayload, format!("the message is not of its type: {error}"))
    })
}

/// One message of the contracts as bytes, for where no call carries it.
#[must_use]
pub fn encode<E: Message>(message: &E) -> Vec<u8> {
    message.encode_to_vec()
}

/// Decodes one message.
#[derive(Debug)]
pub(crate) struct Decoder<D>(PhantomData<D>);

impl<D: Message + Name + Default> tonic::codec::Decoder for Decoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        decode(buffer).map(Some)
    }
}
