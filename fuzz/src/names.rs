//! Ids and digests as text: each has one spelling.

use ioi_crypto::KeyId;
use ioi_types::{BootId, Digest, LogId, SessionId, TransferId, hex};
use std::fmt::Display;
use std::str::FromStr;

/// A text that is accepted is the text that is written.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    same::<Digest>(text);
    same::<KeyId>(text);
    same::<LogId>(text);
    same::<BootId>(text);
    same::<SessionId>(text);
    same::<TransferId>(text);
    if let Some(bytes) = hex::decode(text) {
        assert_eq!(hex::encode(&bytes), text);
    }
}

fn same<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text, "one spelling");
    }
}
