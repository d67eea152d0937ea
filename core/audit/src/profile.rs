//! What was enforced on one process: its binary, its properties and their layers, its limits.

use crate::fields::{FieldError, Fields, integer, strings, text};
use ioi_canon::{Map, Value};
use ioi_types::Digest;
use std::collections::BTreeMap;

/// One process of a session as the supervisor started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `guardian`, `workload`, `plugin:files`, `program`…
    pub name: String,
    /// The digest of the program file that was executed.
    pub executable: Digest,
    /// Property (`no-network`, …) to the layers that really gave it.
    pub properties: BTreeMap<String, Vec<String>>,
    /// What a reader should know: `direct: reads not individually mediated`, …
    pub notes: Vec<String>,
    /// The memory ceiling in bytes, where there is one.
    pub memory_bytes_max: Option<u64>,
    /// The ceiling on processes and threads, where there is one.
    pub pids_max: Option<u64>,
}

impl Profile {
    /// The canonical form; limits that do not exist are absent.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("executable".into(), self.executable.to_string().into());
        if let Some(bytes) = self.memory_bytes_max {
            map.insert("memory_bytes_max".into(), integer(bytes));
        }
        map.insert("name".into(), self.name.as_str().into());
        map.insert("notes".into(), strings(&self.notes));
        if let Some(pids) = self.pids_max {
            map.insert("pids_max".into(), integer(pids));
        }
        let layers = |(name, layers): (&String, &Vec<String>)| (name.clone(), strings(layers));
        map.insert("properties".into(), Value::map(self.properties.iter().map(layers)));
        Value::Map(map)
    }

    /// Reads [`Profile::to_value`] back.
    ///
    /// # Errors
    /// A field that is missing, misshapen or unknown.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = Fields::of(value)?;
        let profile = Self {
            name: fields.text("name")?,
            executable: fields.digest("executable")?,
            properties: properties(fields.map("properties")?)?,
            notes: fields.texts("notes")?,
            memory_bytes_max: fields.count_optional("memory_bytes_max")?,
            pids_max: fields.count_optional("pids_max")?,
        };
        fields.finish()?;
        Ok(profile)
    }
}

fn properties(map: Map) -> Result<BTreeMap<String, Vec<String>>, FieldError> {
    let layers = |value| match value {
        Value::List(items) => items.into_iter().map(|item| text(item, "properties")).collect(),
        _ => Err(FieldError::Shape("properties", "an object of lists")),
    };
    map.into_iter().map(|(name, value)| Ok((name, layers(value)?))).collect()
}
