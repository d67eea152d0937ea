//! Messages as protobuf, where bytes that are none are the caller's fault and say so.
//!
//! tonic's own codec answers them with INTERNAL and no code of ours.

use crate::status::refuse;
use ioi_types::ErrorCode;
use prost::Message;
use prost::bytes::Buf;
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
    D: Message + Default + Send + 'static,
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
/// `protocol.payload` for bytes that are not a message of this type.
pub fn decode<D: Message + Default>(bytes: impl Buf) -> Result<D, Status> {
    D::decode(bytes).map_err(|error| {
        refuse(ErrorCode::ProtocolPayload, format!("the message is not of its type: {error}"))
    })
}

/// Decodes one message.
#[derive(Debug)]
pub(crate) struct Decoder<D>(PhantomData<D>);

impl<D: Message + Default> tonic::codec::Decoder for Decoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        decode(buffer).map(Some)
    }
}
