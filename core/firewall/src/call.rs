//! A call, and its arguments read by type. What is missing, of another type or unknown is malformed.

use crate::action::{self, Kind};
use crate::path::{CallPath, PathError, bytes_value, value_bytes};
use crate::principal::{CHAIN_MAX, is_principal};
use crate::text::shown;
use crate::url::{Url, check_host};
use ioi_canon::{Map, Value};
use ioi_types::{Digest, DigestAlgorithm};
use std::borrow::Cow;

/// What somebody wants to do.
///
/// `args` by action (paths and arguments as [`bytes_value`] writes them):
/// - `fs::read`, `fs::list`, `fs::write`, `fs::delete`: `path`
/// - `sys::exec`: `executable` (path), `digest` (of its bytes), `argv` (list)
/// - `net::fetch`: `method`, `url`; `net::connect`: `host`, `port`
/// - `mcp::<server>::<tool>`: `arguments` (object); every other action: none
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The chain that calls, outermost first: `session:<command>`, `plugin:<id>`, `program`.
    pub principals: Vec<String>,
    /// `fs::read`, …
    pub action: String,
    /// The typed parameters.
    pub args: Map,
}

impl Call {
    /// A call from its parts.
    pub fn new<P: Into<String>>(
        principals: impl IntoIterator<Item = P>,
        action: impl Into<String>,
        args: Map,
    ) -> Self {
        Self { principals: principals.into_iter().map(Into::into).collect(), action: action.into(), args }
    }

    /// A call of `fs::read`, `fs::list`, `fs::write` or `fs::delete`.
    pub fn file<P: Into<String>>(principals: impl IntoIterator<Item = P>, action: &str, path: &[u8]) -> Self {
        Self::new(principals, action, Map::from([("path".to_owned(), bytes_value(path))]))
    }

    /// A call of `sys::exec`.
    pub fn exec<P: Into<String>, A: AsRef<[u8]>>(
        principals: impl IntoIterator<Item = P>,
        executable: &[u8],
        digest: Digest,
        argv: impl IntoIterator<Item = A>,
    ) -> Self {
        let argv = argv.into_iter().map(|argument| bytes_value(argument.as_ref())).collect();
        let args = Map::from([
            ("argv".to_owned(), Value::List(argv)),
            ("digest".to_owned(), Value::from(digest.to_string())),
            ("executable".to_owned(), bytes_value(executable)),
        ]);
        Self::new(principals, "sys::exec", args)
    }

    /// A call of `net::fetch`.
    pub fn fetch<P: Into<String>>(principals: impl IntoIterator<Item = P>, method: &str, url: &str) -> Self {
        let args =
            Map::from([("method".to_owned(), Value::from(method)), ("url".to_owned(), Value::from(url))]);
        Self::new(principals, "net::fetch", args)
    }
}

/// A call's arguments after they were checked.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    File(CallPath<'a>),
    Exec {
        executable: CallPath<'a>,
        digest: &'a str,
        argv: Vec<Cow<'a, [u8]>>,
    },
    Fetch {
        method: &'a str,
        url: Url<'a>,
    },
    Connect {
        host: &'a str,
    },
    /// Nothing that a condition could look at.
    Opaque,
}

/// Why a call can't be decided by rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the call has no principal")]
    NoPrincipal,
    #[error("the call has a chain of {0} principals; the limit is {CHAIN_MAX}")]
    LongChain(usize),
    #[error("`{0}` is not a principal")]
    Principal(String),
    #[error("there is no action `{0}`")]
    Action(String),
    #[error("{action} has no parameter `{parameter}`")]
    Unknown { action: String, parameter: String },
    #[error("{action} needs the parameter `{parameter}`")]
    Missing { action: String, parameter: &'static str },
    #[error("the parameter `{0}` is not {1}")]
    Type(&'static str, &'static str),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("the URL `{0}` {1}")]
    Url(String, &'static str),
    #[error("the host `{0}` {1}")]
    Host(String, &'static str),
}

impl<'a> Target<'a> {
    /// Checks principals, action and every argument.
    pub(crate) fn read(call: &'a Call) -> Result<Self, Malformed> {
        check_chain(&call.principals)?;
        let action = action::find(&call.action).ok_or_else(|| Malformed::Action(shown(&call.action)))?;
        let known = |name: &String| action.parameters.iter().any(|(known, _)| known == name);
        if let Some(name) = call.args.keys().find(|name| !known(name)) {
            let (action, parameter) = (call.action.clone(), shown(name));
            return Err(Malformed::Unknown { action, parameter });
        }
        let absent = action.parameters.iter().find(|(name, _)| !call.args.contains_key(*name));
        if let Some((parameter, _)) = absent {
            return Err(Malformed::Missing { action: call.action.clone(), parameter });
        }
        Self::from_parameters(action.parameters, &call.args)
    }

    fn from_parameters(parameters: &[(&'static str, Kind)], args: &'a Map) -> Result<Self, Malformed> {
        let get = |name: &'static str| args.get(name).ok_or(Malformed::Type(name, "there"));
        match parameters {
            [("path", Kind::Path)] => Ok(Self::File(path("path", get("path")?)?)),
            [("argv", _), ("digest", _), ("executable", _)] => Ok(Self::Exec {
                argv: arguments(get("argv")?)?,
                digest: digest(get("digest")?)?,
                executable: path("executable", get("executable")?)?,
            }),
            [("method", _), ("url", _)] => {
                Ok(Self::Fetch { method: method(get("method")?)?, url: url(get("url")?)? })
            }
            [("host", _), ("port", _)] => {
                port(get("port")?)?;
                Ok(Self::Connect { host: host(get("host")?)? })
            }
            [("arguments", Kind::Object)] => {
                get("arguments")?.as_map().ok_or(Malformed::Type("arguments", "an object"))?;
                Ok(Self::Opaque)
            }
            _ => Ok(Self::Opaque),
        }
    }
}

fn check_chain(principals: &[String]) -> Result<(), Malformed> {
    if principals.is_empty() {
        return Err(Malformed::NoPrincipal);
    }
    if principals.len() > CHAIN_MAX {
        return Err(Malformed::LongChain(principals.len()));
    }
    match principals.iter().find(|name| !is_principal(name)) {
        Some(name) => Err(Malformed::Principal(shown(name))),
        None => Ok(()),
    }
}

fn path<'a>(name: &'static str, value: &'a Value) -> Result<CallPath<'a>, Malformed> {
    let bytes = value_bytes(value).ok_or(Malformed::Type(name, "a path"))?;
    Ok(CallPath::new(bytes)?)
}

fn arguments(value: &Value) -> Result<Vec<Cow<'_, [u8]>>, Malformed> {
    let wrong = || Malformed::Type("argv", "a list of at least one string without NUL");
    let items = value.as_list().filter(|items| !items.is_empty()).ok_or_else(wrong)?;
    let argument = |item| value_bytes(item).filter(|bytes| !bytes.contains(&0)).ok_or_else(wrong);
    items.iter().map(argument).collect()
}

/// Rules name programs by BLAKE3 alone: under another digest a program would pass a rule that denies it.
fn digest(value: &Value) -> Result<&str, Malformed> {
    let is_blake3 = |digest: Digest| digest.algorithm == DigestAlgorithm::Blake3;
    let text = value.as_str().filter(|text| text.parse().is_ok_and(is_blake3));
    text.ok_or(Malformed::Type("digest", "a BLAKE3 digest"))
}

fn method(value: &Value) -> Result<&str, Malformed> {
    value.as_str().filter(|text| is_method(text)).ok_or(Malformed::Type("method", "a method in capitals"))
}

pub(crate) fn is_method(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn url(value: &Value) -> Result<Url<'_>, Malformed> {
    let text = value.as_str().ok_or(Malformed::Type("url", "a string"))?;
    Url::parse(text).map_err(|why| Malformed::Url(shown(text), why))
}

fn host(value: &Value) -> Result<&str, Malformed> {
    let text = value.as_str().ok_or(Malformed::Type("host", "a string"))?;
    check_host(text).map(|()| text).map_err(|why| Malformed::Host(shown(text), why))
}

fn port(value: &Value) -> Result<(), Malformed> {
    let port = value.as_integer().filter(|port| (1..=65535).contains(port));
    port.map(|_| ()).ok_or(Malformed::Type("port", "a number from 1 to 65535"))
}
