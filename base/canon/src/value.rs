//! The values of the encoding.

use std::collections::BTreeMap;

/// A map's entries in canonical order (keys are ASCII, so byte order is RFC 8785's order).
pub type Map = BTreeMap<String, Value>;

/// One canonical value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// An integer within ±[`crate::INTEGER_MAX`].
    Integer(i64),
    /// A string of any Unicode scalar values.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Map(Map),
}

impl Value {
    /// An object from its entries; a repeated key keeps the last value.
    #[must_use]
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A `u64` that may be beyond 2⁵³, as its decimal string.
    #[must_use]
    pub fn decimal(number: u64) -> Self {
        Self::String(number.to_string())
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one.
    #[must_use]
    pub const fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The object, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The `u64` behind a canonical decimal string (no sign, no leading zero).
    #[must_use]
    pub fn as_decimal(&self) -> Option<u64> {
        let text = self.as_str()?;
        let number = text.parse::<u64>().ok()?;
        (number.to_string() == text).then_some(number)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        crate::write::write(self, &mut out);
        out
    }

    /// The canonical bytes as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8(self.to_bytes()).expect("the writer copies strings and ASCII only")
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    /// # Panics
    /// On a magnitude above [`crate::INTEGER_MAX`]: use [`Value::decimal`].
    fn from(number: i64) -> Self {
        assert!(number.abs() <= crate::INTEGER_MAX, "{number} needs Value::decimal");
        Self::Integer(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}
