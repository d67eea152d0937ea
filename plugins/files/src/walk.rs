//! The walk over a root's folders, in byte order, one listing at a time.
//!
//! Hidden names (a leading dot) are passed over: version control, caches and
//! settings are not documents. Links are not followed, so there are no circles.

use ioi_types::ErrorCode;
use std::collections::VecDeque;

/// What a listing says of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

/// One name of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// `None` where the bytes are not UTF-8.
    pub(crate) text: Option<String>,
    /// For messages.
    pub(crate) shown: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
}

/// A document to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: String,
    pub(crate) size: u64,
}

/// A name that is no document, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) path: String,
    pub(crate) code: ErrorCode,
    pub(crate) reason: String,
}

/// Folders deeper than this are passed over with a reason.
const DEPTH_MAX: usize = 64;

/// The state of the walk.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Folders to be listed, the next one last.
    folders: Vec<String>,
    pub(crate) items: VecDeque<Item>,
    pub(crate) skips: Vec<Skip>,
    pub(crate) found: u64,
}

impl Walk {
    pub(crate) fn new() -> Self {
        Self { folders: vec![String::new()], items: VecDeque::new(), skips: Vec::new(), found: 0 }
    }

    /// The next folder to list, empty for the root.
    pub(crate) fn next_folder(&mut self) -> Option<String> {
        self.folders.pop()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.folders.is_empty() && self.items.is_empty() && self.skips.is_empty()
    }

    /// Takes in the complete listing of `folder`.
    pub(crate) fn listed(&mut self, folder: &str, names: Vec<Name>) {
        let first = self.folders.len();
        for name in names.into_iter().filter(|name| !name.shown.starts_with('.')) {
            let path =
                |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            match (name.kind, name.text) {
                (Kind::File, Some(text)) => {
                    self.found += 1;
                    self.items.push_back(Item { path: path(&text), size: name.size });
                }
                (Kind::Folder, Some(text)) if folder.split('/').count() < DEPTH_MAX => {
                    self.folders.push(path(&text))
                }
                (Kind::Folder, Some(text)) => {
                    self.skip(path(&text), ErrorCode::PathOutside, "is nested too deep")
                }
                (Kind::Link, _) => {
                    self.skip(path(&name.shown), ErrorCode::PathKind, "is a link, and links are not followed")
                }
                (Kind::Other, _) => {
                    self.skip(path(&name.shown), ErrorCode::PathKind, "is neither a file nor a folder")
                }
                (_, None) => {
                    self.skip(path(&name.shown), ErrorCode::ArgumentInvalid, "has a name that is not UTF-8")
                }
            }
        }
        self.folders[first..].reverse();
    }

    pub(crate) fn skip(&mut self, path: String, code: ErrorCode, reason: impl Into<String>) {
        self.skips.push(Skip { path, code, reason: reason.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, kind: Kind) -> Name {
        Name { text: Some(text.into()), shown: text.into(), kind, size: 1 }
    }

    #[test]
    fn folders_come_in_order_and_hidden_names_never() {
        let mut walk = Walk::new();
        assert_eq!(walk.next_folder().as_deref(), Some(""));
        walk.listed(
            "",
            vec![
                name(".git", Kind::Folder),
                name("a", Kind::Folder),
                name("b", Kind::Folder),
                name("c.md", Kind::File),
            ],
        );
        assert_eq!(walk.next_folder().as_deref(), Some("a"));
        walk.listed("a", vec![name("x", Kind::Folder), name("y.md", Kind::File)]);
        assert_eq!(walk.next_folder().as_deref(), Some("a/x"));
        assert_eq!(walk.next_folder().as_deref(), Some("b"));
        assert_eq!(walk.items.iter().map(|item| item.path.as_str()).collect::<Vec<_>>(), ["c.md", "a/y.md"]);
    }

    #[test]
    fn what_is_no_document_is_named_with_its_reason() {
        let mut walk = Walk::new();
        walk.next_folder();
        let broken = Name { text: None, shown: "\u{fffd}".into(), kind: Kind::File, size: 1 };
        walk.listed("", vec![name("l", Kind::Link), name("p", Kind::Other), broken]);
        let codes: Vec<_> = walk.skips.iter().map(|skip| skip.code).collect();
        assert_eq!(codes, [ErrorCode::PathKind, ErrorCode::PathKind, ErrorCode::ArgumentInvalid]);
        assert!(!walk.is_done(), "skips are still to be reported");
    }
}
