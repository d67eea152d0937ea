//! The table from a call to the few rules that may apply to it.
//!
//! Action, then principal, then what the rule is anchored at: a literal prefix
//! of its paths, a host, or nothing. A lookup visits one entry for each
//! ancestor of the call's path, so its cost grows with the path's depth and the
//! rules found, not with the rules there are.

use crate::action::{ACTIONS, Action, ActionPattern, MCP_TOOL, index_of};
use crate::call::Target;
use crate::condition::applies_to;
use crate::principal::Principals;
use crate::rule::Rule;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
struct Anchored {
    always: Vec<u32>,
    by_path: BTreeMap<Vec<u8>, Vec<u32>>,
    by_host: BTreeMap<String, Vec<u32>>,
}

/// The rules of one action.
#[derive(Clone, Debug, Default)]
struct Lane {
    every: Anchored,
    listed: BTreeMap<String, Anchored>,
}

#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// As [`ACTIONS`].
    closed: Vec<Lane>,
    /// By `mcp::<server>::<tool>`, `mcp::<server>::` and `mcp::`.
    mcp: BTreeMap<String, Lane>,
}

impl Index {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut index = Self { closed: vec![Lane::default(); ACTIONS.len()], mcp: BTreeMap::new() };
        for (number, rule) in (0u32..).zip(rules) {
            for pattern in &rule.actions {
                index.add(number, rule, pattern);
            }
        }
        index
    }

    fn add(&mut self, number: u32, rule: &Rule, pattern: &ActionPattern) {
        let keys = rule.when.keys();
        let possible = |action: &Action| keys.iter().all(|key| applies_to(key, action));
        let closed = ACTIONS.iter().zip(&mut self.closed);
        for (action, lane) in closed.filter(|(action, _)| pattern.matches(action.name) && possible(action)) {
            lane.add(number, rule, action);
        }
        let name = match pattern {
            ActionPattern::Every => "mcp::",
            ActionPattern::Namespace(name) | ActionPattern::Server(name) | ActionPattern::One(name) => name,
        };
        if name.starts_with("mcp::") && possible(&MCP_TOOL) {
            self.mcp.entry(name.to_owned()).or_default().add(number, rule, &MCP_TOOL);
        }
    }

    /// Calls `visit` with every rule that may apply; a rule may come more than once.
    pub(crate) fn candidates(&self, action: &str, principal: &str, target: &Target<'_>, mut visit: impl FnMut(u32)) {
        let mut visit_lane = |lane: &Lane| {
            lane.every.candidates(target, &mut visit);
            if let Some(anchored) = lane.listed.get(principal) {
                anchored.candidates(target, &mut visit);
            }
        };
        if let Some(index) = index_of(action) {
            return visit_lane(&self.closed[index]);
        }
        let server = action.rfind("::").map_or("", |at| &action[..at + 2]);
        [action, server, "mcp::"].iter().filter_map(|name| self.mcp.get(*name)).for_each(visit_lane);
    }
}

impl Lane {
    fn add(&mut self, number: u32, rule: &Rule, action: &Action) {
        match &rule.principals {
            Principals::Every => self.every.add(number, rule, action),
            Principals::Listed(names) => {
                for name in names {
                    self.listed.entry(name.clone()).or_default().add(number, rule, action);
                }
            }
        }
    }
}

impl Anchored {
    fn add(&mut self, number: u32, rule: &Rule, action: &Action) {
        let globs = if action.name == "sys::exec" { &rule.when.executable } else { &rule.when.path };
        let hosts = rule.when.host.iter().flatten().map(|host| host.name());
        let hosts: Vec<&str> = hosts.chain(rule.when.request.as_ref().map(|request| request.host.as_str())).collect();
        if let Some(globs) = globs {
            for glob in globs {
                push_once(self.by_path.entry(glob.literal_prefix()).or_default(), number);
            }
        } else if rule.when.host.is_some() || rule.when.request.is_some() {
            for host in hosts {
                push_once(self.by_host.entry(host.to_owned()).or_default(), number);
            }
        } else {
            push_once(&mut self.always, number);
        }
    }

    fn candidates(&self, target: &Target<'_>, visit: &mut impl FnMut(u32)) {
        self.always.iter().copied().for_each(&mut *visit);
        match target {
            Target::File(path) | Target::Exec { executable: path, .. } => self.at_path(path.nfc(), visit),
            Target::Fetch { url, .. } => self.at_host(url.host, visit),
            Target::Connect { host } => self.at_host(host, visit),
            Target::Opaque => {}
        }
    }

    fn at_path(&self, path: &[u8], visit: &mut impl FnMut(u32)) {
        if self.by_path.is_empty() {
            return;
        }
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let whole = (path != b"/").then_some(path.len());
        for end in ends.chain(whole) {
            self.by_path.get(&path[..end]).into_iter().flatten().copied().for_each(&mut *visit);
        }
    }

    fn at_host(&self, host: &str, visit: &mut impl FnMut(u32)) {
        if self.by_host.is_empty() {
            return;
        }
        let dots = host.match_indices('.').map(|(at, _)| at + 1);
        for start in std::iter::once(0).chain(dots) {
            self.by_host.get(&host[start..]).into_iter().flatten().copied().for_each(&mut *visit);
        }
    }
}

/// Rules come in ascending order, so a repetition is at the end.
fn push_once(list: &mut Vec<u32>, number: u32) {
    if list.last() != Some(&number) {
        list.push(number);
    }
}
