//! What a policy's relative names stand for on this machine, in this session.

use crate::path::{bytes_value, check_canonical, value_bytes};
use ioi_canon::{Map, Value};

/// The folders that a policy's `./` and `~/` stand for, and what is always protected.
///
/// Every path is absolute and canonical ([`crate::Policy::compile`] refuses others) and free of
/// symbolic links: the paths of calls are those of opened descriptors, and names are compared, not files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// What `./` stands for: each folder that the user named.
    pub roots: Vec<Vec<u8>>,
    /// What `~/` stands for: the home of who started `ioi`. None: `~/` is an error.
    pub home: Option<Vec<u8>>,
    /// Files and trees that no policy opens: the policy's folder, keys, data directory, audit
    /// log, sockets, the node's binaries.
    pub protected: Vec<Vec<u8>>,
}

impl Context {
    /// The context as a canonical value, for the hash and for a receipt.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let list = |paths: &[Vec<u8>]| Value::List(paths.iter().map(|path| bytes_value(path)).collect());
        let mut map = Map::new();
        map.insert("protected".to_owned(), list(&self.protected));
        map.insert("roots".to_owned(), list(&self.roots));
        if let Some(home) = &self.home {
            map.insert("home".to_owned(), bytes_value(home));
        }
        Value::Map(map)
    }

    /// Reads [`Context::to_value`] back; `None` for a field that is missing, misshapen or unknown.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let map = value.as_map()?;
        let path = |value: &Value| value_bytes(value).map(std::borrow::Cow::into_owned);
        let list = |key: &str| map.get(key)?.as_list()?.iter().map(path).collect::<Option<Vec<_>>>();
        let home = match map.get("home") {
            Some(value) => Some(path(value)?),
            None => None,
        };
        let known = 2 + usize::from(home.is_some());
        (map.len() == known).then_some(Self { roots: list("roots")?, home, protected: list("protected")? })
    }

    /// Sorted and without duplicates, so that the order in which folders were named changes nothing.
    pub(crate) fn canonical(&self) -> Self {
        let sorted = |paths: &[Vec<u8>]| {
            let mut paths = paths.to_vec();
            paths.sort();
            paths.dedup();
            paths
        };
        Self { roots: sorted(&self.roots), home: self.home.clone(), protected: sorted(&self.protected) }
    }

    /// The first path that is not canonical, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        let all = self.roots.iter().chain(&self.home).chain(&self.protected);
        all.map(|path| check_canonical(path)).find_map(Result::err).map(|error| error.to_string())
    }
}
