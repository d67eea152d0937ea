//! What a decision takes in besides the call. The audit record keeps it, a replay reads it back.

use ioi_canon::{Map, Value};
use std::collections::BTreeMap;

/// The facts of one decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Milliseconds since 1970 by the caller's clock. Rates never see it go back.
    pub time_ms: u64,
    /// What the opened descriptor is, where the call has one.
    pub object: Option<Object>,
    /// The labels of what the session has taken in, each with the record that says how it came.
    pub labels: BTreeMap<String, u64>,
}

/// An opened file, as `fstat` described it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its type.
    pub kind: ObjectKind,
    /// Its size in bytes.
    pub size: u64,
    /// Its device.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// The type of an opened file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A device, socket, pipe or link.
    Other,
}

impl ObjectKind {
    /// The word in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Other => "other",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::File, Self::Folder, Self::Other].into_iter().find(|kind| kind.name() == name)
    }
}

impl Facts {
    /// `{"time_ms": "…"}` and, where there is one, `"object": {"device", "inode", "kind", "size"}`
    /// and `"labels": {"<label>": "<record>"}`. Every `u64` is a decimal string.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("time_ms".to_owned(), Value::decimal(self.time_ms));
        if let Some(object) = &self.object {
            map.insert("object".to_owned(), object.to_value());
        }
        if !self.labels.is_empty() {
            let labels = self.labels.iter().map(|(name, record)| (name.clone(), Value::decimal(*record)));
            map.insert("labels".to_owned(), Value::Map(labels.collect()));
        }
        Value::Map(map)
    }

    /// Reads [`Facts::to_value`] back; `None` for a field that is missing, misshapen or unknown.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let map = value.as_map()?;
        let object = match map.get("object") {
            Some(value) => Some(Object::from_value(value)?),
            None => None,
        };
        let labels = match map.get("labels") {
            Some(value) => labels_from(value)?,
            None => BTreeMap::new(),
        };
        let known = 1 + usize::from(object.is_some()) + usize::from(!labels.is_empty());
        (map.len() == known).then_some(Self { time_ms: map.get("time_ms")?.as_decimal()?, object, labels })
    }
}

/// Names that no policy can have are refused with the rest: whoever compiled one wrote none.
fn labels_from(value: &Value) -> Option<BTreeMap<String, u64>> {
    let label = |(name, record): (&String, &Value)| Some((name.clone(), record.as_decimal()?));
    value.as_map()?.iter().map(label).collect()
}

impl Object {
    fn to_value(self) -> Value {
        Value::map([
            ("device", Value::decimal(self.device)),
            ("inode", Value::decimal(self.inode)),
            ("kind", Value::from(self.kind.name())),
            ("size", Value::decimal(self.size)),
        ])
    }

    fn from_value(value: &Value) -> Option<Self> {
        let map = value.as_map().filter(|map| map.len() == 4)?;
        let number = |key: &str| map.get(key)?.as_decimal();
        let kind = ObjectKind::from_name(map.get("kind")?.as_str()?)?;
        Some(Self { kind, size: number("size")?, device: number("device")?, inode: number("inode")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_round_trip_and_unknown_fields_are_refused() {
        let object = Object { kind: ObjectKind::File, size: u64::MAX, device: 1, inode: 2 };
        let labels = BTreeMap::from([("private".to_owned(), 4), ("untrusted".to_owned(), u64::MAX)]);
        for facts in [Facts::default(), Facts { time_ms: 7, object: Some(object), labels }] {
            let value = facts.to_value();
            assert_eq!(Facts::from_value(&value), Some(facts));
            let Value::Map(mut map) = value else { unreachable!("facts are a map") };
            map.insert("extra".to_owned(), Value::from(1));
            assert_eq!(Facts::from_value(&Value::Map(map)), None);
        }
    }
}
