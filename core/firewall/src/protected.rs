//! What no policy opens: keys, credentials, and files that run by themselves later.

use crate::context::Context;
use crate::facts::{Facts, ObjectKind};
use crate::glob::{Anchors, Glob, escape};
use crate::path::{CallPath, components, is_within, nfc};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a call does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read or list.
    Read,
    /// Create, change or delete; includes reading.
    Write,
}

/// One protected file or tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedPath {
    /// The pattern with its base resolved: a path stands for itself and everything beneath it.
    pub pattern: String,
    /// The path, where the pattern is one; `None` where it has wildcards.
    pub path: Option<Vec<u8>>,
    /// The least access that is refused: `Read` means every access.
    pub refused: Access,
    /// What it is, in a few words.
    pub why: &'static str,
}

const CREDENTIALS: &str = "a key or credential store";
const STARTUP: &str = "a shell start-up file";
const HOOKS: &str = "a git hook or a file that names one";
const AUTOSTART: &str = "a place from which programs start by themselves";
const OURS: &str = "the policy, keys, data or programs of IOI";
const ALIAS: &str = "another name for files of any process";

/// No access. Under `~/`.
const SECRET: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".config/gcloud",
    ".config/gh",
    ".docker/config.json",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".npmrc",
    ".pypirc",
    ".cargo/credentials*",
    ".local/share/keyrings",
];

/// No writing. Under `~/`.
const SHELL: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".config/fish",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".pam_environment",
];
const AUTOSTARTED: &[&str] = &[
    ".config/autostart",
    ".config/systemd",
    ".local/share/systemd",
    ".config/environment.d",
    ".config/plasma-workspace",
];
const GIT_CONFIG: &[&str] = &[".gitconfig", ".config/git"];

/// No writing. Anywhere.
const SYSTEM_STARTUP: &[&str] =
    &["/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/zsh", "/etc/environment"];
const SYSTEM_AUTOSTART: &[&str] =
    &["/etc/xdg/autostart", "/etc/systemd", "/etc/crontab", "/etc/cron*", "/var/spool/cron"];
const GIT_HOOKS: &[&str] =
    &["/**/.git/hooks", "/**/.git/config*", "/**/.git/modules/**/hooks", "/**/.git/modules/**/config"];

/// No access by path, since the same file has its own name.
const ALIASES: &[&str] = &["/proc", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// The protected set, for the sandbox to hide and for `ioi doctor` to show.
#[must_use]
pub fn protected_paths(context: &Context) -> Vec<ProtectedPath> {
    let mut all = Vec::new();
    let mut add = |base: &[u8], names: &[&str], refused, why| {
        let base = base.strip_suffix(b"/").unwrap_or(base);
        for name in names {
            let text = format!("{}/{}", escape(base), name.trim_start_matches('/'));
            let path =
                (!name.contains('*')).then(|| [base, b"/", name.trim_start_matches('/').as_bytes()].concat());
            all.push(ProtectedPath { pattern: text, path, refused, why });
        }
    };
    if let Some(home) = &context.home {
        add(home, SECRET, Access::Read, CREDENTIALS);
        add(home, SHELL, Access::Write, STARTUP);
        add(home, AUTOSTARTED, Access::Write, AUTOSTART);
        add(home, GIT_CONFIG, Access::Write, HOOKS);
    }
    add(b"", SYSTEM_STARTUP, Access::Write, STARTUP);
    add(b"", SYSTEM_AUTOSTART, Access::Write, AUTOSTART);
    add(b"", GIT_HOOKS, Access::Write, HOOKS);
    add(b"", ALIASES, Access::Read, ALIAS);
    let ours = |path: &Vec<u8>| ProtectedPath {
        pattern: escape(path),
        path: Some(path.clone()),
        refused: Access::Read,
        why: OURS,
    };
    all.extend(context.protected.iter().map(ours));
    all
}

/// The protected set, ready to be asked. Names are compared after NFC and without regard to
/// ASCII case: some file systems don't distinguish it, and refusing more is harmless here.
#[derive(Clone, Debug)]
pub(crate) struct ProtectedSet {
    all: Vec<ProtectedPath>,
    /// Folded paths of entries without wildcards.
    paths: BTreeMap<Vec<u8>, Vec<usize>>,
    globs: Vec<(Glob, usize)>,
}

fn fold(path: &[u8]) -> Vec<u8> {
    let mut folded = nfc(path);
    folded.make_ascii_lowercase();
    folded
}

impl ProtectedSet {
    pub(crate) fn new(context: &Context) -> Self {
        let all = protected_paths(context);
        let mut paths: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        let mut globs = Vec::new();
        let anchors = Anchors { roots: &[], home: None };
        for (index, entry) in all.iter().enumerate() {
            if let Some(path) = &entry.path {
                paths.entry(fold(path)).or_default().push(index);
                continue;
            }
            let folded = entry.pattern.to_ascii_lowercase();
            for text in [folded.clone(), format!("{folded}/**")] {
                let parsed =
                    Glob::parse(&text, &anchors).expect("the base is canonical and the names are constants");
                globs.extend(parsed.into_iter().map(|glob| (glob, index)));
            }
        }
        Self { all, paths, globs }
    }

    /// The entry that refuses this access to this path.
    pub(crate) fn touched(&self, path: &CallPath<'_>, access: Access) -> Option<&ProtectedPath> {
        let folded = fold(path.nfc());
        let ends = folded.iter().enumerate().filter(|(at, byte)| **byte == b'/' && *at > 0).map(|(at, _)| at);
        let ancestors = ends.chain([folded.len()]).map(|end| &folded[..end]);
        let literal = ancestors.filter_map(|path| self.paths.get(path)).flatten();
        let glob = self.globs.iter().filter(|(glob, _)| glob.matches(&folded)).map(|(_, index)| index);
        let mut found = literal.chain(glob).map(|index| &self.all[*index]);
        found.find(|entry| entry.refused <= access)
    }

    /// An entry with a path that lies beneath `tree`, or is it.
    pub(crate) fn contained(&self, tree: &CallPath<'_>, access: Access) -> Option<&ProtectedPath> {
        let folded = fold(tree.nfc());
        let after = self.paths.range(folded.clone()..);
        let near = after.take_while(|(path, _)| path.starts_with(&folded));
        let inside = near.filter(|(path, _)| is_within(path, &folded)).flat_map(|(_, indices)| indices);
        inside.map(|index| &self.all[*index]).find(|entry| entry.refused <= access)
    }

    /// The built-in refusal of a file call, in a sentence.
    pub(crate) fn refusal(&self, action: &str, path: &CallPath<'_>, facts: &Facts) -> Option<String> {
        let access = access_of(action)?;
        let shown = || crate::text::show(&path.bytes);
        if let Some(entry) = self.touched(path, access) {
            return Some(format!("`{}` is protected: it is {} ({})", shown(), entry.why, entry.pattern));
        }
        if let Some(entry) = self.contained(path, access).filter(|_| action == "fs::delete") {
            return Some(format!("`{}` holds what is protected: {} ({})", shown(), entry.why, entry.pattern));
        }
        let kind = facts.object.map(|object| object.kind)?;
        match (action, kind) {
            ("fs::read" | "fs::write", ObjectKind::Folder | ObjectKind::Other) => {
                Some(format!("`{}` is not a regular file", shown()))
            }
            ("fs::list", ObjectKind::File | ObjectKind::Other) => {
                Some(format!("`{}` is not a folder", shown()))
            }
            _ => None,
        }
    }
}

/// The access that an action of `fs` needs.
pub(crate) fn access_of(action: &str) -> Option<Access> {
    match action {
        "fs::read" | "fs::list" => Some(Access::Read),
        "fs::write" | "fs::delete" => Some(Access::Write),
        _ => None,
    }
}

impl Context {
    /// The protected entry that refuses this access, whatever a policy says. A path that
    /// is not canonical touches none: [`crate::check_canonical`] refuses it before.
    #[must_use]
    pub fn touches_protected(&self, path: &[u8], access: Access) -> Option<ProtectedPath> {
        let path = CallPath::new(Cow::Borrowed(path)).ok()?;
        ProtectedSet::new(self).touched(&path, access).cloned()
    }
}

/// True if `path` has a component; `/` is the whole machine.
pub(crate) fn is_root(path: &[u8]) -> bool {
    components(path).next().is_none()
}
