//! Paths of calls: bytes, absolute and already canonical, else refused.

use crate::text::{refused_character, show};
use ioi_canon::Value;
use ioi_types::hex;
use ioi_types::limits::{NAME_BYTES_MAX, PATH_BYTES_MAX};
use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Why bytes are not a canonical absolute path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{shown}` {problem}")]
pub struct PathError {
    /// The path with everything unprintable escaped.
    pub shown: String,
    /// What is wrong with it.
    pub problem: PathProblem,
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// It doesn't start with `/`.
    #[error("is not absolute")]
    Relative,
    /// It is longer than the kernel takes.
    #[error("is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// One of its names is longer than a file system takes.
    #[error("has a name longer than {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// It has `//` or ends with `/`.
    #[error("has an empty component")]
    Empty,
    /// It has `.` as a component.
    #[error("has a `.` component")]
    Dot,
    /// It has `..` as a component.
    #[error("has a `..` component")]
    DotDot,
    /// It has a control, bidirectional or invisible character.
    #[error("has a control, bidirectional or invisible character")]
    Character,
}

/// A canonical path, and its NFC form where that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallPath<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    nfc: Option<Vec<u8>>,
}

impl<'a> CallPath<'a> {
    pub(crate) fn new(bytes: Cow<'a, [u8]>) -> Result<Self, PathError> {
        check_canonical(&bytes)?;
        let nfc = (!bytes.is_ascii()).then(|| nfc(&bytes)).filter(|nfc| **nfc != *bytes);
        Ok(Self { bytes, nfc })
    }

    /// The NFC form of every component that is UTF-8.
    pub(crate) fn nfc(&self) -> &[u8] {
        self.nfc.as_deref().unwrap_or(&self.bytes)
    }

    /// True if the bytes are already NFC, so that one comparison is enough.
    pub(crate) const fn is_nfc(&self) -> bool {
        self.nfc.is_none()
    }
}

/// Refuses what is not an absolute path in its only spelling.
///
/// # Errors
/// The first problem found.
pub fn check_canonical(path: &[u8]) -> Result<(), PathError> {
    match problem(path) {
        None => Ok(()),
        Some(problem) => {
            let cut = &path[..path.len().min(PATH_BYTES_MAX)];
            Err(PathError { shown: show(cut), problem })
        }
    }
}

fn problem(path: &[u8]) -> Option<PathProblem> {
    if path.len() > PATH_BYTES_MAX {
        return Some(PathProblem::TooLong);
    }
    let Some((b'/', rest)) = path.split_first() else { return Some(PathProblem::Relative) };
    if has_refused_character(rest) {
        return Some(PathProblem::Character);
    }
    if rest.is_empty() {
        return None;
    }
    rest.split(|&byte| byte == b'/').find_map(component_problem)
}

pub(crate) const fn component_problem(name: &[u8]) -> Option<PathProblem> {
    match name {
        b"" => Some(PathProblem::Empty),
        b"." => Some(PathProblem::Dot),
        b".." => Some(PathProblem::DotDot),
        _ if name.len() > NAME_BYTES_MAX => Some(PathProblem::NameTooLong),
        _ => None,
    }
}

pub(crate) fn has_refused_character(bytes: &[u8]) -> bool {
    if bytes.is_ascii() {
        return bytes.iter().any(u8::is_ascii_control);
    }
    let refused = |text: &str| text.chars().any(|character| refused_character(character).is_some());
    bytes.utf8_chunks().any(|chunk| refused(chunk.valid()))
}

/// The components of an absolute path; none for `/`.
pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty())
}

/// True if `path` is `tree` or lies beneath it: by component, so `/data` doesn't hold `/database`.
pub(crate) fn is_within(path: &[u8], tree: &[u8]) -> bool {
    let tree = tree.strip_suffix(b"/").unwrap_or(tree);
    path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// NFC (Unicode Standard Annex 15) of each component; one that is not UTF-8 stays as it is.
pub(crate) fn nfc(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for (index, name) in path.split(|&byte| byte == b'/').enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(&nfc_of(name));
    }
    out
}

pub(crate) fn nfc_of(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) if !is_nfc(text) => Cow::Owned(text.nfc().collect::<String>().into_bytes()),
        _ => Cow::Borrowed(name),
    }
}

/// A byte string as a canonical value: a string where it is UTF-8, else
/// `{"bytes": "<lowercase hex>"}`, so that each byte string has one value.
#[must_use]
pub fn bytes_value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::map([("bytes", Value::from(hex::encode(bytes)))]),
    }
}

/// Reads [`bytes_value`] back; `None` for any other value.
#[must_use]
pub fn value_bytes(value: &Value) -> Option<Cow<'_, [u8]>> {
    if let Some(text) = value.as_str() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let map = value.as_map().filter(|map| map.len() == 1)?;
    let bytes = hex::decode(map.get("bytes")?.as_str()?)?;
    std::str::from_utf8(&bytes).is_err().then_some(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_string_has_one_value() {
        for bytes in [&b"/a"[..], b"/\xff", b"", "/é".as_bytes()] {
            assert_eq!(value_bytes(&bytes_value(bytes)).as_deref(), Some(bytes));
        }
        let hidden = Value::map([("bytes", Value::from("2f61"))]);
        assert_eq!(value_bytes(&hidden), None, "UTF-8 has no second spelling as hex");
        assert_eq!(value_bytes(&Value::map([("bytes", Value::from("FF"))])), None);
        assert_eq!(value_bytes(&Value::from(1)), None);
    }

    #[test]
    fn beneath_is_by_component() {
        assert!(is_within(b"/data/x", b"/data") && is_within(b"/data", b"/data") && is_within(b"/x", b"/"));
        assert!(!is_within(b"/database", b"/data") && !is_within(b"/", b"/data"));
    }
}
