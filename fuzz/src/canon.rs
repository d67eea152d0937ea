//! Canonical JSON: what is accepted is written back to the same bytes, and `serde_json` agrees.

use ioi_canon::{INTEGER_MAX, Limits, parse, parse_file};
use serde_json::Value as Json;

/// An accepted text has one spelling, by our writer and by another one; another text has a place
/// where it goes wrong; and every text that can be canonical is accepted.
pub(crate) fn check(input: &[u8]) {
    let limits = Limits::default();
    let json: Option<Json> = serde_json::from_slice(input).ok();
    match parse(input, limits) {
        Ok(value) => {
            assert_eq!(value.to_bytes(), input, "decoded and encoded again");
            let json = json.expect("what is canonical is JSON");
            assert_eq!(serde_json::to_vec(&json).expect("JSON is written"), input, "as serde_json writes it");
            assert!(is_expressible(&json, limits.depth_max), "beyond what the encoding can say");
            let file = [input, b"\n"].concat();
            assert_eq!(parse_file(&file, limits), Ok(value), "a file is the value and a newline");
        }
        Err(error) => {
            assert!(error.offset <= input.len(), "{error}");
            assert!(!error.to_string().is_empty());
            let again = json.as_ref().and_then(|json| serde_json::to_vec(json).ok());
            let canonical = json.is_some_and(|json| is_expressible(&json, limits.depth_max));
            let refused = !canonical || again.as_deref() != Some(input) || input.len() > limits.bytes_max;
            assert!(refused, "a canonical text was refused: {error}");
        }
    }
}

/// No floats, nulls, large integers, foreign keys or deep nesting.
fn is_expressible(json: &Json, depth_left: usize) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(_) | Json::String(_) => true,
        Json::Number(number) => {
            number.as_i64().is_some_and(|number| number.unsigned_abs() <= INTEGER_MAX.unsigned_abs())
        }
        Json::Array(items) => depth_left > 0 && items.iter().all(|item| is_expressible(item, depth_left - 1)),
        Json::Object(map) => {
            let is_key = |key: &str| key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            depth_left > 0
                && map.iter().all(|(key, value)| is_key(key) && is_expressible(value, depth_left - 1))
        }
    }
}
