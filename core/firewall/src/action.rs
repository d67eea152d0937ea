//! The closed table of actions: name, flow class, and the parameters that a call of it has.

use crate::text::shown;
use ioi_types::FlowClass::{self, In, Local, Out, Store};
use ioi_types::nearest;
use std::collections::BTreeSet;
use std::fmt;

/// The type of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A canonical absolute path, as [`crate::bytes_value`] writes it.
    Path,
    /// `blake3:` and 64 digits.
    Digest,
    /// A list of byte strings, at least one.
    Arguments,
    /// An HTTP method in capitals.
    Method,
    /// A canonical `http` or `https` URL.
    Url,
    /// A canonical host name or address.
    Host,
    /// 1 to 65535.
    Port,
    /// Any object.
    Object,
}

/// An action of the closed namespaces.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) flow: FlowClass,
    /// Recorded and synced before it is released.
    pub(crate) effect: bool,
    pub(crate) parameters: &'static [(&'static str, Kind)],
}

const fn action(
    name: &'static str,
    flow: FlowClass,
    effect: bool,
    parameters: &'static [(&'static str, Kind)],
) -> Action {
    Action { name, flow, effect, parameters }
}

const PATH: &[(&str, Kind)] = &[("path", Kind::Path)];
const FETCH: &[(&str, Kind)] = &[("method", Kind::Method), ("url", Kind::Url)];
const CONNECT: &[(&str, Kind)] = &[("host", Kind::Host), ("port", Kind::Port)];
const EXEC: &[(&str, Kind)] =
    &[("argv", Kind::Arguments), ("digest", Kind::Digest), ("executable", Kind::Path)];

/// Sorted by name. Actions without parameters are known to rules; their calls carry nothing yet.
pub(crate) static ACTIONS: &[Action] = &[
    action("browser::extract", In, false, &[]),
    action("browser::navigate", Out, true, &[]),
    action("clipboard::read", In, false, &[]),
    action("clipboard::write", Out, true, &[]),
    action("fs::delete", Store, true, PATH),
    action("fs::list", In, false, PATH),
    action("fs::read", In, false, PATH),
    action("fs::write", Store, true, PATH),
    action("memory::erase", Store, true, &[]),
    action("memory::read", In, false, &[]),
    action("memory::write", Store, true, &[]),
    action("model::infer", Local, false, &[]),
    action("net::connect", Out, true, CONNECT),
    action("net::fetch", Out, true, FETCH),
    action("plugin::call", Local, false, &[]),
    action("sys::exec", Local, true, EXEC),
    action("ui::click", Out, true, &[]),
    action("ui::screenshot", In, true, &[]),
    action("ui::type", Out, true, &[]),
    action("wallet::send", Out, true, &[]),
    action("wallet::sign", Out, true, &[]),
];

/// What every tool of an MCP server is, until the user says otherwise.
pub(crate) static MCP_TOOL: Action = action("mcp", Out, true, &[("arguments", Kind::Object)]);

/// The place of a name in [`ACTIONS`].
pub(crate) fn index_of(name: &str) -> Option<usize> {
    ACTIONS.binary_search_by(|action| action.name.cmp(name)).ok()
}

/// The table's entry for a call's action; `None` for a name that is not an action.
pub(crate) fn find(name: &str) -> Option<&'static Action> {
    match index_of(name) {
        Some(index) => Some(&ACTIONS[index]),
        None => mcp_tool(name).map(|_| &MCP_TOOL),
    }
}

/// Which way an action moves data; `None` for a name that is not an action.
#[must_use]
pub fn flow_class(action: &str) -> Option<FlowClass> {
    find(action).map(|action| action.flow)
}

/// True if an action's intent is synced before its release: what leaves, what is kept, programs,
/// the screen, money. `None` for a name that is not an action.
#[must_use]
pub fn is_effect(action: &str) -> Option<bool> {
    find(action).map(|action| action.effect)
}

/// Server and tool of `mcp::<server>::<tool>`.
fn mcp_tool(name: &str) -> Option<(&str, &str)> {
    let (server, tool) = name.strip_prefix("mcp::")?.split_once("::")?;
    (is_mcp_name(server) && is_mcp_name(tool)).then_some((server, tool))
}

fn is_mcp_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(known)
}

/// What a rule's `action` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActionPattern {
    /// `*`
    Every,
    /// `fs::*` or `mcp::*`, held as `fs::` and `mcp::`.
    Namespace(String),
    /// `mcp::<server>::*`, held as `mcp::<server>::`.
    Server(String),
    /// One action.
    One(String),
}

impl ActionPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Every);
        }
        if let Some(namespace) = text.strip_suffix('*').filter(|rest| rest.ends_with("::")) {
            if namespace == "mcp::" || ACTIONS.iter().any(|action| action.name.starts_with(namespace)) {
                return Ok(Self::Namespace(namespace.to_owned()));
            }
            let server = namespace.strip_prefix("mcp::").and_then(|rest| rest.strip_suffix("::"));
            return match server.filter(|server| is_mcp_name(server)) {
                Some(_) => Ok(Self::Server(namespace.to_owned())),
                None => Err(format!("there is no namespace `{}`", text.escape_debug())),
            };
        }
        match find(text) {
            Some(_) => Ok(Self::One(text.to_owned())),
            None => Err(format!("there is no action `{}`", text.escape_debug())),
        }
    }

    pub(crate) fn matches(&self, action: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Namespace(prefix) | Self::Server(prefix) => action.starts_with(prefix.as_str()),
            Self::One(name) => name == action,
        }
    }

    /// The actions named whose parameters are known, MCP tools as one.
    pub(crate) fn table_entries(&self) -> Vec<&'static Action> {
        let mcp = match self {
            Self::Every => true,
            Self::Namespace(text) | Self::Server(text) | Self::One(text) => text.starts_with("mcp::"),
        };
        let closed = ACTIONS.iter().filter(|action| self.matches(action.name));
        closed.chain(mcp.then_some(&MCP_TOOL)).collect()
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Namespace(prefix) | Self::Server(prefix) => write!(f, "{prefix}*"),
            Self::One(name) => f.write_str(name),
        }
    }
}

/// A name that no action has, neither in the closed namespaces nor as a tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no action `{name}`; {help}")]
pub struct UnknownAction {
    name: String,
    help: String,
}

/// Whether a call may name this action, for whoever types one. What a process calls is decided as it
/// is, and an unknown action denied.
///
/// # Errors
/// A name that is no action, with the one that was probably meant.
pub fn check_action(name: &str) -> Result<(), UnknownAction> {
    if find(name).is_some() {
        return Ok(());
    }
    let known = || {
        let spaces = ACTIONS.iter().filter_map(|action| Some(action.name.split_once("::")?.0));
        let spaces: BTreeSet<_> = spaces.chain(["mcp"]).collect();
        let spaces: Vec<_> = spaces.into_iter().map(|space| format!("`{space}::`")).collect();
        format!("every action begins with {}", spaces.join(", "))
    };
    let name = shown(name);
    let help = suggestion(&name, []).unwrap_or_else(known);
    Err(UnknownAction { name, help })
}

/// What the author of an unknown action probably meant: one of the table, or of what else may stand there.
pub(crate) fn suggestion<const N: usize>(text: &str, also: [&str; N]) -> Option<String> {
    if let Some((server, tool)) = text.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")) {
        return Some(format!("write `mcp::{server}::{tool}`"));
    }
    if text.starts_with("mcp::") {
        return Some(
            "a tool is `mcp::<server>::<tool>`, in ASCII letters, digits, `_`, `-` and `.`".to_owned(),
        );
    }
    let near = nearest(text, ACTIONS.iter().map(|action| action.name).chain(also));
    near.map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_name_is_found() {
        assert!(ACTIONS.is_sorted_by(|one, next| one.name < next.name));
        for action in ACTIONS {
            assert!(std::ptr::eq(find(action.name).expect("a known name"), action));
            assert!(action.parameters.is_sorted_by_key(|(name, _)| name));
        }
    }

    #[test]
    fn an_unknown_action_is_named_with_the_one_that_was_probably_meant() {
        let said = |name: &str| check_action(name).unwrap_err().to_string();
        assert_eq!(said("fs::raed"), "there is no action `fs::raed`; did you mean `fs::read`?");
        assert_eq!(said("mcp__mail__send"), "there is no action `mcp__mail__send`; write `mcp::mail::send`");
        // What a rule may name and a call may not.
        for pattern in ["*", "fs::*", "mcp::mail::*"] {
            assert!(!said(pattern).contains("did you mean `*`"), "{pattern}");
        }
        let far = said("transmogrify");
        assert!(far.ends_with("every action begins with `browser::`, `clipboard::`, `fs::`, `mcp::`, `memory::`, `model::`, `net::`, `plugin::`, `sys::`, `ui::`, `wallet::`"), "{far}");
        for action in ACTIONS {
            assert_eq!(check_action(action.name), Ok(()));
        }
        assert_eq!(check_action("mcp::mail::send"), Ok(()));
        for start in ["", "mcp__"] {
            let long = said(&(start.to_owned() + &"a__\u{202e}".repeat(10_000)));
            assert!(long.len() < 3000 && !long.contains('\u{202e}'), "{long}");
        }
    }

    #[test]
    fn whatever_leaves_or_is_kept_is_an_effect() {
        for action in ACTIONS {
            assert!(action.effect || !matches!(action.flow, Out | Store), "{}", action.name);
        }
    }

    #[test]
    fn a_tool_name_with_other_characters_is_no_action() {
        assert_eq!(flow_class("mcp::mail::send"), Some(Out));
        for name in [
            "mcp::mail",
            "mcp::mail::",
            "mcp::ma il::send",
            "mcp::mail::se\nnd",
            "mcp::mаil::send",
            "fs::wrіte",
        ] {
            assert_eq!(flow_class(name), None, "{name}");
            assert!(ActionPattern::parse(name).is_err(), "{name}");
        }
    }
}
