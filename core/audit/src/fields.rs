//! Strict reading of canonical objects: every field is named, typed and used, or refused.

use ioi_canon::{INTEGER_MAX, Map, Value};
use ioi_types::Digest;
use std::fmt;

/// A record or receipt field that is missing, of another shape, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// The field must be there.
    Missing(&'static str),
    /// The field is there and is not what the second word says.
    Shape(&'static str, &'static str),
    /// This version does not know the field.
    Unknown(String),
    /// The value should be an object.
    NotAnObject,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the field `{name}` is missing"),
            Self::Shape(name, shape) => write!(f, "the field `{name}` is not {shape}"),
            Self::Unknown(name) => write!(f, "the field `{name}` is not known"),
            Self::NotAnObject => f.write_str("a value that should be an object is not one"),
        }
    }
}

impl std::error::Error for FieldError {}

/// The fields of one object that were not yet taken.
pub(crate) struct Fields(Map);

impl Fields {
    pub(crate) fn of(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Map(map) => Ok(Self(map)),
            _ => Err(FieldError::NotAnObject),
        }
    }

    /// Takes a field as it is, if it is there.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Value> {
        self.0.remove(name)
    }

    pub(crate) fn value(&mut self, name: &'static str) -> Result<Value, FieldError> {
        self.optional(name).ok_or(FieldError::Missing(name))
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, FieldError> {
        text(self.value(name)?, name)
    }

    /// An integer from 0 to 2⁵³ − 1.
    pub(crate) fn count(&mut self, name: &'static str) -> Result<u64, FieldError> {
        count(&self.value(name)?, name)
    }

    pub(crate) fn count_optional(&mut self, name: &'static str) -> Result<Option<u64>, FieldError> {
        self.optional(name).map(|value| count(&value, name)).transpose()
    }

    pub(crate) fn signed(&mut self, name: &'static str) -> Result<i32, FieldError> {
        let number = self.value(name)?.as_integer().and_then(|number| i32::try_from(number).ok());
        number.ok_or(FieldError::Shape(name, "a 32-bit integer"))
    }

    pub(crate) fn truth(&mut self, name: &'static str) -> Result<bool, FieldError> {
        self.value(name)?.as_bool().ok_or(FieldError::Shape(name, "true or false"))
    }

    /// A string that some type reads: a digest, an id.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        shape: &'static str,
    ) -> Result<T, FieldError> {
        self.text(name)?.parse().map_err(|_| FieldError::Shape(name, shape))
    }

    pub(crate) fn digest(&mut self, name: &'static str) -> Result<Digest, FieldError> {
        self.parsed(name, "a digest")
    }

    /// A SHA-256 digest: a leaf hash, a commitment, a policy hash.
    pub(crate) fn sha256(&mut self, name: &'static str) -> Result<Digest, FieldError> {
        sha256(self.digest(name)?, name)
    }

    pub(crate) fn sha256_optional(&mut self, name: &'static str) -> Result<Option<Digest>, FieldError> {
        if self.0.contains_key(name) { self.sha256(name).map(Some) } else { Ok(None) }
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Result<Vec<Value>, FieldError> {
        match self.value(name)? {
            Value::List(items) => Ok(items),
            _ => Err(FieldError::Shape(name, "a list")),
        }
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, FieldError> {
        self.list(name)?.into_iter().map(|item| text(item, name)).collect()
    }

    pub(crate) fn map(&mut self, name: &'static str) -> Result<Map, FieldError> {
        match self.value(name)? {
            Value::Map(map) => Ok(map),
            _ => Err(FieldError::Shape(name, "an object")),
        }
    }

    /// Every field was taken; a field left over is one that this version does not know.
    pub(crate) fn finish(mut self) -> Result<(), FieldError> {
        match self.0.pop_first() {
            Some((name, _)) => Err(FieldError::Unknown(name)),
            None => Ok(()),
        }
    }
}

pub(crate) fn text(value: Value, name: &'static str) -> Result<String, FieldError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(FieldError::Shape(name, "a string")),
    }
}

fn count(value: &Value, name: &'static str) -> Result<u64, FieldError> {
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    number.ok_or(FieldError::Shape(name, "an integer that is not negative"))
}

fn sha256(digest: Digest, name: &'static str) -> Result<Digest, FieldError> {
    match digest.algorithm {
        ioi_types::DigestAlgorithm::Sha256 => Ok(digest),
        ioi_types::DigestAlgorithm::Blake3 => Err(FieldError::Shape(name, "a SHA-256 digest")),
    }
}

/// A size or number as an integer. What is beyond 2⁵³ − 1 (nine petabytes)
/// stands as 2⁵³ − 1, the largest integer of the encoding.
pub(crate) fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(INTEGER_MAX).min(INTEGER_MAX))
}

pub(crate) fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
    Value::List(items.into_iter().map(|item| Value::from(item.as_ref())).collect())
}
