//! Whether a whole tree may be handed to a program without deciding each access, or each one is decided.

use crate::action::find;
use crate::condition::applies_to;
use crate::path::{CallPath, PathError};
use crate::policy::Policy;
use crate::protected::{Access, ProtectedPath, is_root};
use crate::rule::{Rule, RuleRef};
use std::borrow::Cow;

/// Why a tree can't be granted directly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectRefusal {
    /// The tree's path is not canonical.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The tree is, lies in, or holds what no policy opens.
    #[error("the tree touches `{}`, {}, which no policy opens", .0.pattern, .0.why)]
    Protected(ProtectedPath),
    /// A rule that touches the tree is no plain allow.
    #[error("the rule `{}` ({policy}:{}) {why}, which a directly granted tree can't obey", rule.id, rule.line)]
    Rule {
        /// The rule.
        rule: RuleRef,
        /// What it has, as `has a rate`.
        why: &'static str,
        /// The policy's name.
        policy: String,
    },
    /// No plain allow covers the tree.
    #[error("no rule of {policy} lets {principal} do {action} on the whole tree")]
    NoRule {
        /// Who lacks it.
        principal: String,
        /// The action.
        action: &'static str,
        /// The policy's name.
        policy: String,
    },
    /// The whole machine is never granted.
    #[error("the tree `/` is the whole machine")]
    WholeMachine,
}

/// How a program that nobody changed gets a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeAccess {
    /// As a whole: every access would be allowed.
    Direct,
    /// One file at a time, for this reason.
    Mediated(DirectRefusal),
}

impl Policy {
    /// Whether `tree` may be granted as a whole, or single accesses in it have to be decided because some are
    /// allowed and others aren't, or rules look at each.
    ///
    /// # Errors
    /// Neither: the tree is protected or holds what is, or no rule could allow anything in it.
    pub fn tree_access(
        &self,
        principals: &[&str],
        tree: &[u8],
        access: Access,
    ) -> Result<TreeAccess, DirectRefusal> {
        let why = match self.direct_access(principals, tree, access) {
            Ok(()) => return Ok(TreeAccess::Direct),
            Err(why @ (DirectRefusal::Rule { .. } | DirectRefusal::NoRule { .. })) => why,
            Err(why) => return Err(why),
        };
        let path = CallPath::new(Cow::Borrowed(tree))?;
        let allows = |principal: &&str, action: &str| {
            let mut touching = self.rules.iter().filter(|rule| touches(rule, principal, action, &path));
            touching.any(|rule| rule.effect == ioi_types::Verdict::Allow)
        };
        let mut actions = actions_of(access).iter();
        match actions.any(|action| principals.iter().all(|principal| allows(principal, action))) {
            true => Ok(TreeAccess::Mediated(why)),
            false => Err(why),
        }
    }

    /// Whether every access of this kind to `tree` and everything beneath it is allowed to each of
    /// `principals` by rules that need no look at the single access. `Write` includes reading.
    ///
    /// Protected names with wildcards (git hooks) are not looked for: the caller walks the tree and
    /// asks [`crate::Context::touches_protected`].
    ///
    /// # Errors
    /// The first rule, in order of ids, that stands against it, or what is missing.
    pub fn direct_access(
        &self,
        principals: &[&str],
        tree: &[u8],
        access: Access,
    ) -> Result<(), DirectRefusal> {
        if is_root(tree) {
            return Err(DirectRefusal::WholeMachine);
        }
        let tree = CallPath::new(Cow::Borrowed(tree))?;
        let protected =
            self.protected.touched(&tree, access).or_else(|| self.protected.contained(&tree, access));
        if let Some(entry) = protected {
            return Err(DirectRefusal::Protected(entry.clone()));
        }
        for principal in principals {
            for action in actions_of(access) {
                self.direct_action(principal, action, &tree)?;
            }
        }
        Ok(())
    }

    /// Whether a rule speaks about something in a tree that is given to a program without being asked about, as
    /// what it was installed with: one that is no plain allow, or a label. A pattern that begins with a wildcard,
    /// as `/**/*.key`, speaks about no tree. A path that is not canonical is limited.
    #[must_use]
    pub fn limits_in(&self, principals: &[&str], tree: &[u8]) -> bool {
        let Ok(path) = CallPath::new(Cow::Borrowed(tree)) else { return true };
        let limits = |rule: &Rule| {
            let touches = |principal: &&str, action| touches(rule, principal, action, &path);
            let actions = actions_of(Access::Read);
            let globs = rule.when.path.as_deref();
            let is_meant =
                |glob: &crate::glob::Glob| glob.literal_prefix().len() > 1 && glob.may_touch_tree(path.nfc());
            let names_a_place = globs.is_none_or(|globs| globs.iter().any(is_meant));
            !rule.is_plain_allow()
                && names_a_place
                && actions.iter().any(|action| principals.iter().any(|who| touches(who, action)))
        };
        self.rules.iter().any(limits) || !self.labels.beneath(tree).is_empty()
    }

    fn direct_action(
        &self,
        principal: &str,
        action: &'static str,
        tree: &CallPath<'_>,
    ) -> Result<(), DirectRefusal> {
        let policy = || self.name.clone();
        let touching = self.rules.iter().filter(|rule| touches(rule, principal, action, tree));
        let mut covered = false;
        for rule in touching {
            if !rule.is_plain_allow() {
                let rule_ref = rule.reference.clone();
                return Err(DirectRefusal::Rule { rule: rule_ref, why: bound(rule), policy: policy() });
            }
            let globs = rule.when.path.as_deref();
            covered |= globs.is_none_or(|globs| globs.iter().any(|glob| glob.covers_tree(&tree.bytes)));
        }
        let principal = principal.to_owned();
        if covered { Ok(()) } else { Err(DirectRefusal::NoRule { principal, action, policy: policy() }) }
    }
}

fn actions_of(access: Access) -> &'static [&'static str] {
    match access {
        Access::Read => &["fs::list", "fs::read"],
        Access::Write => &["fs::delete", "fs::list", "fs::read", "fs::write"],
    }
}

fn touches(rule: &Rule, principal: &str, action: &str, tree: &CallPath<'_>) -> bool {
    let decides =
        find(action).is_some_and(|action| rule.when.keys().iter().all(|key| applies_to(key, action)));
    let globs = rule.when.path.as_deref();
    decides
        && rule.names_action(action)
        && rule.principals.holds(principal)
        && globs.is_none_or(|globs| globs.iter().any(|glob| glob.may_touch_tree(tree.nfc())))
}

fn bound(rule: &Rule) -> &'static str {
    match rule.effect {
        ioi_types::Verdict::Deny => "denies something in it",
        ioi_types::Verdict::Ask => "asks about something in it",
        ioi_types::Verdict::Allow if rule.when.rate.is_some() => "has a rate",
        ioi_types::Verdict::Allow if rule.when.size_max.is_some() => "has a size",
        ioi_types::Verdict::Allow if rule.when.labels().next().is_some() => "looks at labels",
        ioi_types::Verdict::Allow => "has an exception",
    }
}
