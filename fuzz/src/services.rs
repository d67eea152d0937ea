//! Arguments and answers of the host's services: each shape has one spelling.

use ioi_plugin::services::{
    AllocAnswer, AllocArguments, ListArguments, Page, ReadAnswer, ReadArguments, SealAnswer, SealArguments,
    Shape,
};

/// Bytes that are taken for a shape are the bytes that the shape is written as.
pub(crate) fn check(input: &[u8]) {
    same::<ListArguments>(input);
    same::<Page>(input);
    same::<ReadArguments>(input);
    same::<ReadAnswer>(input);
    same::<AllocArguments>(input);
    same::<AllocAnswer>(input);
    same::<SealArguments>(input);
    same::<SealAnswer>(input);
}

fn same<S: Shape>(input: &[u8]) {
    if let Ok(shape) = S::from_bytes(input) {
        assert_eq!(shape.to_bytes(), input, "one spelling");
    }
}
