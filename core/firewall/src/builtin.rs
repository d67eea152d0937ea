//! The policies of the commands, and the rules that a command line adds to them.

use crate::glob::escape;
use crate::path::{PathError, check_canonical};
use crate::principal::is_name;
use crate::text::{toml_list, toml_string};
use crate::url::Url;

const ASK: &str = r#"# What `ioi ask` allows: its files plugin lists and reads the documents in the folders
# that you named. It writes nothing, starts nothing and reaches no network.
version = 1
default = "deny"

[sandbox]
require = ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "dies-as-a-whole"]

[limits]
memory = "512 MiB"
pids = 32

[[rule]]
id = "read-documents"
effect = "allow"
principal = ["session:ask", "plugin:files"]
action = ["fs::list", "fs::read"]
when = { path = ["./**"], size_max = "64 MiB" }
"#;

const DEMO: &str = r#"# What `ioi demo` allows: both plugins read the bundled documents, and nothing else. What the
# plugin that misbehaves does with a document it was given is the sandbox's affair.
version = 1
default = "deny"

[sandbox]
require = ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "dies-as-a-whole"]

[limits]
memory = "256 MiB"
pids = 32

[[rule]]
id = "read-documents"
effect = "allow"
principal = ["session:demo", "plugin:files", "plugin:rogue"]
action = ["fs::list", "fs::read"]
when = { path = ["./**"], size_max = "64 MiB" }
"#;

const RUN: &str = r#"# What `ioi run` allows: the program reads the current folder. What it is, and where it may
# write, is added from the command line.
version = 1
default = "deny"

[sandbox]
require = ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "dies-as-a-whole"]

[[rule]]
id = "read-folder"
effect = "allow"
principal = ["session:run", "program"]
action = ["fs::list", "fs::read"]
when = { path = ["./**"] }
"#;

/// The built-in policy of `ask`, `demo` or `run`; `None` for a command that has none.
#[must_use]
pub fn builtin(command: &str) -> Option<&'static str> {
    match command {
        "ask" => Some(ASK),
        "demo" => Some(DEMO),
        "run" => Some(RUN),
        _ => None,
    }
}

/// Why no rule can be made of an argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddedRuleError {
    /// A path that is not canonical.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Origin and path don't make a canonical URL.
    #[error("the model's address `{0}` {1}")]
    Url(String, &'static str),
    /// Not the name of a credential.
    #[error("`{0}` can't be the name of a credential")]
    Credential(String),
}

/// `ask --model`: the rule that lets the session post to one path of one origin, to be put
/// after the text of [`builtin`]. `origin` is `https://host` and `path` starts with `/`.
///
/// # Errors
/// An address that is not canonical, a credential's name that can't be one.
pub fn with_model(origin: &str, path: &str, credential: Option<&str>) -> Result<String, AddedRuleError> {
    let address = format!("{origin}{path}");
    let url = Url::parse(&address).and_then(|url| {
        match (url.origin == origin, url.path == path, path.ends_with('/')) {
            (true, true, false) => Ok(url),
            _ => Err("is not an origin and the path of one endpoint"),
        }
    });
    let url = url.map_err(|why| AddedRuleError::Url(address.escape_debug().to_string(), why))?;
    let paths = toml_list([escape(url.path.as_bytes()).as_str()]);
    let origin = toml_string(url.origin);
    let mut text = format!(
        "\n[[egress]]\nid = \"model\"\nprincipal = [\"session:ask\"]\norigin = {origin}\nmethods = [\"POST\"]\npaths = {paths}\nuntrusted = \"accept\"\n"
    );
    if let Some(name) = credential {
        if !is_name(name) {
            return Err(AddedRuleError::Credential(name.escape_debug().to_string()));
        }
        text.push_str(&format!("credential = {}\n", toml_string(name)));
    }
    Ok(text)
}

/// `run -- <command>`: the rule that lets the session start this executable, whatever its arguments.
///
/// # Errors
/// A path that is not canonical.
pub fn with_command(executable: &[u8]) -> Result<String, PathError> {
    check_canonical(executable)?;
    let path = toml_string(&escape(executable));
    Ok(format!(
        "\n[[rule]]\nid = \"start-program\"\neffect = \"allow\"\nprincipal = [\"session:run\"]\naction = [\"sys::exec\"]\nwhen = {{ executable = [{path}] }}\nuntrusted = \"accept\"\n"
    ))
}

/// `run --write DIR …`: the rule that lets the program change these trees. Empty for no folder.
///
/// # Errors
/// A path that is not canonical.
pub fn with_write<P: AsRef<[u8]>>(folders: &[P]) -> Result<String, PathError> {
    if folders.is_empty() {
        return Ok(String::new());
    }
    let mut patterns = Vec::with_capacity(folders.len());
    for folder in folders {
        check_canonical(folder.as_ref())?;
        let base = escape(folder.as_ref());
        patterns.push(format!("{}/**", base.trim_end_matches('/')));
    }
    let paths = toml_list(patterns.iter().map(String::as_str));
    Ok(format!(
        "\n[[rule]]\nid = \"write-folders\"\neffect = \"allow\"\nprincipal = [\"session:run\", \"program\"]\naction = [\"fs::delete\", \"fs::list\", \"fs::read\", \"fs::write\"]\nwhen = {{ path = {paths} }}\nuntrusted = \"accept\"\n"
    ))
}
