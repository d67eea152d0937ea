//! Which trees are mediated, and which lie in them that are not.

use ioi_sandbox::Profile;
use std::path::{Path, PathBuf};

/// The trees of one program.
pub(crate) struct Trees {
    all: Vec<Tree>,
}

struct Tree {
    path: PathBuf,
    mediated: bool,
    writes: bool,
}

/// What the program may ask for in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody is asked: it was granted directly, or not at all, and the kernel knows which.
    Elsewhere,
    /// Each file is decided.
    Mediated {
        /// The user named it for writing.
        writes: bool,
    },
}

impl Trees {
    /// Those of a profile, and what else its program has of its own.
    pub(crate) fn of(profile: &Profile, own: Option<&Path>) -> Self {
        let mediated = profile.mediated.iter().map(|grant| Tree {
            path: grant.path.clone(),
            mediated: true,
            writes: grant.access.writes(),
        });
        let direct = profile.grants.iter().map(|grant| grant.path.as_path()).chain(own);
        let direct = direct.map(|path| Tree { path: path.to_owned(), mediated: false, writes: false });
        Self { all: mediated.chain(direct).collect() }
    }

    /// The innermost tree decides. A path that is both is mediated.
    pub(crate) fn place(&self, path: &Path) -> Place {
        let around = self.all.iter().filter(|tree| path.starts_with(&tree.path));
        let innermost =
            around.max_by_key(|tree| (tree.path.components().count(), tree.mediated, tree.writes));
        match innermost {
            Some(tree) if tree.mediated => Place::Mediated { writes: tree.writes },
            _ => Place::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_sandbox::{Access, Grant};

    #[test]
    fn the_innermost_tree_decides_and_names_are_compared_whole() {
        let mut profile = Profile::new("program", "/bin/true");
        profile.mediated =
            vec![Grant::new("/w", Access::Read), Grant::new("/w/direct/inner", Access::ReadWrite)];
        profile.grants =
            vec![Grant::new("/usr", Access::ReadExecute), Grant::new("/w/direct", Access::ReadWrite)];
        profile.grants.push(Grant::new("/both", Access::Read));
        profile.mediated.push(Grant::new("/both", Access::Read));
        let trees = Trees::of(&profile, Some(Path::new("/w/tmp")));
        let (read, write) = (Place::Mediated { writes: false }, Place::Mediated { writes: true });
        for (path, place) in [
            ("/w", read),
            ("/w/a", read),
            ("/w/directory", read),
            ("/w/direct", Place::Elsewhere),
            ("/w/direct/a/b", Place::Elsewhere),
            ("/w/direct/inner", write),
            ("/w/direct/inner/a", write),
            ("/w/tmp/x", Place::Elsewhere),
            ("/ww/a", Place::Elsewhere),
            ("/usr/lib", Place::Elsewhere),
            ("/", Place::Elsewhere),
            ("/both/a", read),
            ("w/a", Place::Elsewhere),
        ] {
            assert_eq!(trees.place(Path::new(path)), place, "{path}");
        }
    }
}
