//! Which of the folders that the user named the program gets as a whole, and in which each file is decided.

use ioi_firewall::{Access as PolicyAccess, Policy, TreeAccess};
use ioi_sandbox::{Access, Grant};
use std::path::{Path, PathBuf};

/// A folder that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tree {
    path: PathBuf,
    writes: bool,
    mediated: bool,
}

/// All of them, each path once.
pub(crate) struct Trees(Vec<Tree>);

/// Who opens files in a program's name.
pub(crate) const PRINCIPALS: [&str; 2] = ["session:run", "program"];

impl Trees {
    /// What no rule opens stays direct here: the session refuses it, and its receipt says so.
    pub(crate) fn of(roots: &[PathBuf], writes: &[PathBuf], policy: &Policy) -> Self {
        let mut trees: Vec<Tree> = Vec::new();
        let reads = roots.iter().map(|path| (path, false));
        for (path, writes) in reads.chain(writes.iter().map(|path| (path, true))) {
            let mediated = is_mediated(path, writes, policy);
            match trees.iter_mut().find(|tree| tree.path == *path) {
                Some(tree) => {
                    tree.writes |= writes;
                    tree.mediated |= mediated;
                }
                None => trees.push(Tree { path: path.clone(), writes, mediated }),
            }
        }
        Self(trees).with_what_is_around()
    }

    /// A grant holds for everything beneath it, so nothing around a mediated tree is granted.
    fn with_what_is_around(mut self) -> Self {
        let inner: Vec<_> =
            self.0.iter().filter(|tree| tree.mediated).map(|tree| tree.path.clone()).collect();
        for tree in &mut self.0 {
            tree.mediated |= inner.iter().any(|path| path.starts_with(&tree.path));
        }
        self
    }

    /// The grants of the folders that are given as a whole.
    pub(crate) fn direct(&self) -> impl Iterator<Item = Grant> + use<'_> {
        self.0.iter().filter(|tree| !tree.mediated).map(Tree::grant)
    }

    /// The folders of which nothing is granted.
    pub(crate) fn mediated(&self) -> Vec<Grant> {
        self.0.iter().filter(|tree| tree.mediated).map(Tree::grant).collect()
    }

    /// The folders in which the program may write without being asked.
    pub(crate) fn directly_written(&self) -> Vec<PathBuf> {
        let written = self.0.iter().filter(|tree| tree.writes && !tree.mediated);
        written.map(|tree| tree.path.clone()).collect()
    }

    /// Of the trees that come with the program, those that no mediated tree lies in, and that lie in none or are
    /// under plain allows there.
    pub(crate) fn beside(&self, prefixes: Vec<PathBuf>, policy: &Policy) -> Vec<PathBuf> {
        let fits = |prefix: &PathBuf| {
            let mut mediated = self.0.iter().filter(|tree| tree.mediated);
            mediated.all(|tree| {
                let is_direct = || matches!(tree_access(prefix, false, policy), Some(TreeAccess::Direct));
                !tree.path.starts_with(prefix) && (!prefix.starts_with(&tree.path) || is_direct())
            })
        };
        prefixes.into_iter().filter(fits).collect()
    }

    /// One word a folder, for the user.
    pub(crate) fn said(&self) -> Vec<(&Path, &'static str, &'static str)> {
        let access = |tree: &Tree| if tree.writes { "write" } else { "read" };
        let how = |tree: &Tree| if tree.mediated { "mediated" } else { "direct" };
        self.0.iter().map(|tree| (tree.path.as_path(), access(tree), how(tree))).collect()
    }
}

impl Tree {
    fn grant(&self) -> Grant {
        Grant::new(&self.path, if self.writes { Access::ReadWrite } else { Access::Read })
    }
}

fn tree_access(path: &Path, writes: bool, policy: &Policy) -> Option<TreeAccess> {
    let access = if writes { PolicyAccess::Write } else { PolicyAccess::Read };
    policy.tree_access(&PRINCIPALS, path.as_os_str().as_encoded_bytes(), access).ok()
}

fn is_mediated(path: &Path, writes: bool, policy: &Policy) -> bool {
    matches!(tree_access(path, writes, policy), Some(TreeAccess::Mediated(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_firewall::{Context, Source};

    fn policy(rules: &str) -> Policy {
        let allow = "[[rule]]\nid = \"all\"\neffect = \"allow\"\naction = [\"fs::*\"]\n";
        Policy::compile(&Source::new("p", format!("version = 1\n{allow}{rules}")), &Context::default())
            .unwrap()
    }

    fn deny(path: &str, action: &str) -> String {
        format!(
            "[[rule]]\nid = \"no\"\neffect = \"deny\"\naction = [\"{action}\"]\nwhen = {{ path = [\"{path}\"] }}\n"
        )
    }

    fn words(rules: &str, roots: &[&str], writes: &[&str]) -> Vec<String> {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let trees = Trees::of(&paths(roots), &paths(writes), &policy(rules));
        trees.said().iter().map(|(path, access, how)| format!("{} {access} {how}", path.display())).collect()
    }

    #[test]
    fn a_tree_is_direct_but_where_a_rule_speaks_about_something_in_it() {
        assert_eq!(
            words("", &["/w", "/r"], &["/o"]),
            ["/w read direct", "/r read direct", "/o write direct"]
        );
        let secret = deny("/w/secret/**", "fs::read");
        assert_eq!(
            words(&secret, &["/w", "/r"], &["/o"]),
            ["/w read mediated", "/r read direct", "/o write direct"]
        );
        // A folder for writing within it stays as it is.
        assert_eq!(words(&secret, &["/w"], &["/w/out"]), ["/w read mediated", "/w/out write direct"]);
        // One path, named for both.
        assert_eq!(words(&deny("/w/x", "fs::write"), &["/w"], &["/w"]), ["/w write mediated"]);
        assert_eq!(words(&deny("/w/x", "fs::write"), &["/w"], &[]), ["/w read direct"]);
    }

    #[test]
    fn what_is_around_a_mediated_tree_is_mediated() {
        let no_writing = deny("/w/a/b/x", "fs::write");
        let expected = ["/w read mediated", "/w/a read mediated", "/w/a/b write mediated"];
        assert_eq!(words(&no_writing, &["/w", "/w/a"], &["/w/a/b"]), expected);
    }

    #[test]
    fn a_programs_own_tree_is_not_a_way_around() {
        let policy = policy(&deny("/w/secret/**", "fs::*"));
        let trees = Trees::of(&["/w".into()], &[], &policy);
        let fits = |prefix: &str| !trees.beside(vec![prefix.into()], &policy).is_empty();
        assert!(fits("/w/venv") && fits("/opt/x"));
        assert!(!fits("/w/secret") && !fits("/w/secret/venv") && !fits("/w") && !fits("/"));
    }
}
