//! What a plugin may ask its host for: the names and the shapes of arguments and answers.
//!
//! One place for both sides: the SDK writes requests and reads answers, the
//! host does the opposite. Everything is canonical JSON (`ioi-canon`).
//!
//! | service | arguments | answer | besides |
//! |---|---|---|---|
//! | `fs::list` | `{cursor?, path, root}` | `{entries: [{kind, name, size}], next?}` | |
//! | `fs::read` | `{path, root}` | `{path, size}` | `transfer_id`; a read-only descriptor |
//! | `memory.alloc` | `{bytes}` | `{bytes, region}` | `transfer_id`; a writable memfd |
//! | `memory.seal` | `{region, used}` | `{bytes}` | the writer has unmapped and closed it |
//! | `memory.arena` | `{bytes}` | `{bytes, region}` | `transfer_id`; a writable memfd that stays the plugin's |
//!
//! and the other way, one way:
//!
//! | call | arguments | |
//! |---|---|---|
//! | `memory.return` | `{leases: [[region, generation]]}` | read; the plugin may write there again |
//!
//! `root` numbers the folders that the user named, from 0. A path is relative
//! to its root, without empty, `.` or `..` components; empty is the root
//! itself; the answer's path is absolute. A path or name is a string, or
//! `{"hex": "…"}` where its bytes are not UTF-8. An unsigned number is an
//! integer, or its decimal string above 2⁵³ − 1. No other spelling is accepted
//! and no other key.

use ioi_canon::{INTEGER_MAX, Limits, Map, Value, parse};
use ioi_types::hex;

/// Lists a folder, a page at a time. A policy action.
pub const LIST: &str = "fs::list";
/// Opens a file for reading. A policy action.
pub const READ: &str = "fs::read";
/// Gives shared memory to fill. Under quota, not a policy action.
pub const ALLOC: &str = "memory.alloc";
/// Makes filled memory immutable, so that it can be handed on.
pub const SEAL: &str = "memory.seal";
/// Gives an arena: shared memory that the plugin lends, has back, and fills again.
pub const ARENA: &str = "memory.arena";
/// What the host calls a plugin with when leases of its arenas were read.
pub const RETURN: &str = "memory.return";

/// Bytes are not the shape that a service's arguments or answer have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

/// A value with one canonical form.
pub trait Shape: Sized {
    /// The canonical value.
    fn to_value(&self) -> Value;

    /// Reads it back.
    ///
    /// # Errors
    /// Names the key that is missing, unknown or of another kind.
    fn from_value(value: &Value) -> Result<Self, ShapeError>;

    /// The canonical bytes.
    fn to_bytes(&self) -> Vec<u8> {
        self.to_value().to_bytes()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// As [`from_value`](Self::from_value), and for bytes that are not canonical.
    fn from_bytes(bytes: &[u8]) -> Result<Self, ShapeError> {
        let value = parse(bytes, Limits::default()).map_err(|error| ShapeError(error.to_string()))?;
        Self::from_value(&value)
    }
}

/// Arguments of [`LIST`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListArguments {
    /// Which of the folders that the user named.
    pub root: u32,
    /// Beneath it.
    pub path: Vec<u8>,
    /// Where the last page ended; `None` for the first.
    pub cursor: Option<u64>,
}

/// Answer of [`LIST`]: names in byte order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Page {
    /// What the folder holds.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<u64>,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Bytes without `/`.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Of a file, at listing; else 0.
    pub size: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, which is not followed.
    Link,
    /// A device, pipe or socket.
    Other,
}

/// Arguments of [`READ`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadArguments {
    /// Which of the folders that the user named.
    pub root: u32,
    /// Beneath it.
    pub path: Vec<u8>,
}

/// Answer of [`READ`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAnswer {
    /// The opened file's own absolute path.
    pub path: Vec<u8>,
    /// Its size when it was opened.
    pub size: u64,
}

/// Arguments of [`ALLOC`] and [`ARENA`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocArguments {
    /// How much.
    pub bytes: u64,
}

/// Answer of [`ALLOC`] and [`ARENA`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocAnswer {
    /// For [`SEAL`] and for handles.
    pub region: u64,
    /// The descriptor's size: at least what was asked.
    pub bytes: u64,
}

/// Arguments of [`SEAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealArguments {
    /// Which region.
    pub region: u64,
    /// The bytes from its start that stay; the rest is cut off.
    pub used: u64,
}

/// Answer of [`SEAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealAnswer {
    /// The sealed region's size.
    pub bytes: u64,
}

/// Arguments of [`RETURN`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReturnArguments {
    /// Region and generation of each lease.
    pub leases: Vec<(u64, u32)>,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::Other => "other",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::File, Self::Folder, Self::Link, Self::Other].into_iter().find(|kind| kind.name() == name)
    }
}

/// A path or name: a string, or `{"hex": …}` where it is not UTF-8.
#[must_use]
pub fn bytes_value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::map([("hex", hex::encode(bytes).into())]),
    }
}

/// Reads what [`bytes_value`] writes, and nothing else.
#[must_use]
pub fn value_bytes(value: &Value) -> Option<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Some(text.as_bytes().to_vec());
    }
    let map = value.as_map().filter(|map| map.len() == 1)?;
    let bytes = hex::decode(map.get("hex")?.as_str()?)?;
    std::str::from_utf8(&bytes).is_err().then_some(bytes)
}

/// An unsigned number: an integer, or its decimal string above 2⁵³ − 1.
#[must_use]
pub fn number_value(number: u64) -> Value {
    match i64::try_from(number) {
        Ok(small) if small <= INTEGER_MAX => Value::Integer(small),
        _ => Value::decimal(number),
    }
}

/// Reads what [`number_value`] writes, and nothing else.
#[must_use]
pub fn value_number(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(small) => u64::try_from(*small).ok(),
        _ => value.as_decimal().filter(|number| *number > INTEGER_MAX.unsigned_abs()),
    }
}

/// The keys of one object, each to be taken once.
struct Keys<'a> {
    map: &'a Map,
    taken: usize,
}

impl<'a> Keys<'a> {
    fn of(value: &'a Value) -> Result<Self, ShapeError> {
        let map = value.as_map().ok_or_else(|| ShapeError("an object was expected".into()))?;
        Ok(Self { map, taken: 0 })
    }

    fn optional<T>(
        &mut self,
        key: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ShapeError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        self.taken += 1;
        let read = read(value).ok_or_else(|| ShapeError(format!("`{key}` is not of its kind")))?;
        Ok(Some(read))
    }

    fn required<T>(&mut self, key: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T, ShapeError> {
        self.optional(key, read)?.ok_or_else(|| ShapeError(format!("`{key}` is missing")))
    }

    fn number(&mut self, key: &str) -> Result<u64, ShapeError> {
        self.required(key, value_number)
    }

    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, ShapeError> {
        self.required(key, value_bytes)
    }

    fn root(&mut self) -> Result<u32, ShapeError> {
        self.required("root", |value| u32::try_from(value.as_integer()?).ok())
    }

    fn done<T>(self, shape: T) -> Result<T, ShapeError> {
        let known = self.taken == self.map.len();
        if known {
            Ok(shape)
        } else {
            Err(ShapeError("there is a key that this service does not have".into()))
        }
    }
}

impl Shape for ListArguments {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("path".into(), bytes_value(&self.path));
        map.insert("root".into(), self.root.into());
        if let Some(cursor) = self.cursor {
            map.insert("cursor".into(), number_value(cursor));
        }
        map.into()
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let cursor = keys.optional("cursor", value_number)?;
        let shape = Self { root: keys.root()?, path: keys.bytes("path")?, cursor };
        keys.done(shape)
    }
}

impl Shape for Page {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        let entries: Vec<Value> = self.entries.iter().map(Shape::to_value).collect();
        map.insert("entries".into(), entries.into());
        if let Some(next) = self.next {
            map.insert("next".into(), number_value(next));
        }
        map.into()
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let next = keys.optional("next", value_number)?;
        let list = keys.required("entries", |value| value.as_list().map(<[Value]>::to_vec))?;
        let entries = list.iter().map(Entry::from_value).collect::<Result<_, _>>()?;
        keys.done(Self { entries, next })
    }
}

impl Shape for Entry {
    fn to_value(&self) -> Value {
        let (name, size) = (bytes_value(&self.name), number_value(self.size));
        Value::map([("kind", self.kind.name().into()), ("name", name), ("size", size)])
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let kind = keys.required("kind", |value| Kind::from_name(value.as_str()?))?;
        let shape = Self { name: keys.bytes("name")?, kind, size: keys.number("size")? };
        keys.done(shape)
    }
}

impl Shape for ReadArguments {
    fn to_value(&self) -> Value {
        Value::map([("path", bytes_value(&self.path)), ("root", self.root.into())])
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let shape = Self { root: keys.root()?, path: keys.bytes("path")? };
        keys.done(shape)
    }
}

impl Shape for ReadAnswer {
    fn to_value(&self) -> Value {
        Value::map([("path", bytes_value(&self.path)), ("size", number_value(self.size))])
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let shape = Self { path: keys.bytes("path")?, size: keys.number("size")? };
        keys.done(shape)
    }
}

impl Shape for ReturnArguments {
    fn to_value(&self) -> Value {
        let lease = |(region, generation): &(u64, u32)| {
            Value::List(vec![number_value(*region), number_value((*generation).into())])
        };
        Value::map([("leases", Value::List(self.leases.iter().map(lease).collect()))])
    }

    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let mut keys = Keys::of(value)?;
        let lease = |value: &Value| match value.as_list()? {
            [region, generation] => {
                Some((value_number(region)?, u32::try_from(value_number(generation)?).ok()?))
            }
            _ => None,
        };
        let leases = keys.required("leases", |value| value.as_list()?.iter().map(lease).collect())?;
        keys.done(Self { leases })
    }
}

/// Shapes of unsigned numbers only.
macro_rules! numbers {
    ($name:ident { $($key:ident),* }) => {
        impl Shape for $name {
            fn to_value(&self) -> Value {
                Value::map([$((stringify!($key), number_value(self.$key))),*])
            }

            fn from_value(value: &Value) -> Result<Self, ShapeError> {
                let mut keys = Keys::of(value)?;
                let shape = Self { $($key: keys.number(stringify!($key))?),* };
                keys.done(shape)
            }
        }
    };
}

numbers!(AllocArguments { bytes });
numbers!(AllocAnswer { region, bytes });
numbers!(SealArguments { region, used });
numbers!(SealAnswer { bytes });

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is<S: Shape + PartialEq + std::fmt::Debug>(shape: &S, text: &str) {
        assert_eq!(String::from_utf8(shape.to_bytes()).unwrap(), text);
        assert_eq!(&S::from_bytes(text.as_bytes()).unwrap(), shape);
    }

    #[test]
    fn each_shape_has_exactly_this_text() {
        let path = b"a/b".to_vec();
        is(&ListArguments { root: 0, path: path.clone(), cursor: None }, r#"{"path":"a/b","root":0}"#);
        is(
            &ListArguments { root: 2, path: vec![0xff], cursor: Some(9) },
            r#"{"cursor":9,"path":{"hex":"ff"},"root":2}"#,
        );
        is(&ReadArguments { root: 1, path: path.clone() }, r#"{"path":"a/b","root":1}"#);
        is(&ReadAnswer { path, size: u64::MAX }, r#"{"path":"a/b","size":"18446744073709551615"}"#);
        is(&AllocArguments { bytes: 4096 }, r#"{"bytes":4096}"#);
        is(&AllocAnswer { region: 7, bytes: 4096 }, r#"{"bytes":4096,"region":7}"#);
        is(&SealArguments { region: 7, used: 12 }, r#"{"region":7,"used":12}"#);
        is(&SealAnswer { bytes: 12 }, r#"{"bytes":12}"#);
        let leases = vec![(7, 1), (u64::MAX, u32::MAX)];
        is(&ReturnArguments { leases }, r#"{"leases":[[7,1],["18446744073709551615",4294967295]]}"#);
        is(&ReturnArguments::default(), r#"{"leases":[]}"#);
        let entry = Entry { name: b"x".to_vec(), kind: Kind::Folder, size: 0 };
        let page = Page { entries: vec![entry], next: Some(1) };
        is(&page, r#"{"entries":[{"kind":"folder","name":"x","size":0}],"next":1}"#);
        is(&Page::default(), r#"{"entries":[]}"#);
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let refused = [
            r#"{"path":{"hex":"61"},"root":0}"#,
            r#"{"path":{"hex":"FF"},"root":0}"#,
            r#"{"path":{"hex":"ff","x":1},"root":0}"#,
            r#"{"path":"a","root":"0"}"#,
            r#"{"path":"a","root":-1}"#,
            r#"{"path":"a","root":4294967296}"#,
            r#"{"path":["a"],"root":0}"#,
            r#"{"path":"a"}"#,
            r#"{"path":"a","root":0,"size":1}"#,
            r#"["a"]"#,
        ];
        for text in refused {
            assert!(ReadArguments::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            r#"{"bytes":"5"}"#,
            r#"{"bytes":-5}"#,
            r#"{"bytes":"007"}"#,
            r#"{"bytes":"18446744073709551616"}"#,
        ] {
            assert!(AllocArguments::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            r#"{"leases":[[7]]}"#,
            r#"{"leases":[[7,1,1]]}"#,
            r#"{"leases":[[7,4294967296]]}"#,
            r#"{"leases":[["7",1]]}"#,
            r#"{"leases":[7]}"#,
            r#"{}"#,
        ] {
            assert!(ReturnArguments::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
    }
}
