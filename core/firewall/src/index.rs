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
use crate::url::HostPattern;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
struct Anchored {
    always: Vec<u32>,
    by_path: BTreeMap<Arc<[u8]>, Vec<u32>>,
    by_host: BTreeMap<String, Vec<u32>>,
}

/// The rules of one action.
#[derive(Clone, Debug, Default)]
struct Lane {
    every: Anchored,
    listed: BTreeMap<String, Anchored>,
}

/// A rule on its way into the index.
struct Entry<'a> {
    number: u32,
    rule: &'a Rule,
    keys: Vec<&'static str>,
    anchors: EntryAnchors<'a>,
}

enum EntryAnchors<'a> {
    Nothing,
    Paths(Vec<Arc<[u8]>>),
    Hosts(Vec<&'a str>),
}

impl<'a> Entry<'a> {
    /// No action has both a path and an executable, nor both a path and a host, so one kind of anchor is enough.
    fn new(number: u32, rule: &'a Rule) -> Self {
        let when = &rule.when;
        let anchors = if let Some(globs) = when.path.as_ref().or(when.executable.as_ref()) {
            EntryAnchors::Paths(globs.iter().map(|glob| glob.literal_prefix().into()).collect())
        } else if let Some(request) = &when.request {
            EntryAnchors::Hosts(vec![&request.host])
        } else if let Some(hosts) = &when.host {
            EntryAnchors::Hosts(hosts.iter().map(HostPattern::name).collect())
        } else {
            EntryAnchors::Nothing
        };
        Self { number, rule, keys: when.keys(), anchors }
    }
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
            let entry = Entry::new(number, rule);
            for pattern in &rule.actions {
                index.add(&entry, pattern);
            }
        }
        index
    }

    fn add(&mut self, entry: &Entry<'_>, pattern: &ActionPattern) {
        let possible = |action: &Action| {
            entry.rule.flows(Some(action.flow)) && entry.keys.iter().all(|key| applies_to(key, action))
        };
        let closed = ACTIONS.iter().zip(&mut self.closed);
        for (_, lane) in closed.filter(|(action, _)| pattern.matches(action.name) && possible(action)) {
            lane.add(entry);
        }
        let name = match pattern {
            ActionPattern::Every => "mcp::",
            ActionPattern::Namespace(name) | ActionPattern::Server(name) | ActionPattern::One(name) => name,
        };
        if name.starts_with("mcp::") && possible(&MCP_TOOL) {
            self.mcp.entry(name.to_owned()).or_default().add(entry);
        }
    }

    /// Calls `visit` with every rule that may apply; a rule may come more than once.
    pub(crate) fn candidates(
        &self,
        action: &str,
        principal: &str,
        target: &Target<'_>,
        mut visit: impl FnMut(u32),
    ) {
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
    fn add(&mut self, entry: &Entry<'_>) {
        match &entry.rule.principals {
            Principals::Every => self.every.add(entry),
            Principals::Listed(names) => {
                for name in names {
                    match self.listed.get_mut(name) {
                        Some(anchored) => anchored.add(entry),
                        None => self.listed.entry(name.clone()).or_default().add(entry),
                    }
                }
            }
        }
    }
}

impl Anchored {
    fn add(&mut self, entry: &Entry<'_>) {
        match &entry.anchors {
            EntryAnchors::Nothing => push_once(&mut self.always, entry.number),
            EntryAnchors::Paths(prefixes) => {
                for prefix in prefixes {
                    push_once(self.by_path.entry(Arc::clone(prefix)).or_default(), entry.number);
                }
            }
            EntryAnchors::Hosts(hosts) => {
                for host in hosts {
                    push_once(self.by_host.entry((*host).to_owned()).or_default(), entry.number);
                }
            }
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
