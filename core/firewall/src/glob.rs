//! Path patterns, matched component by component.
//!
//! `**` stands for any number of components, none included, so `/a/**` matches
//! `/a` too. Within a component `*` stands for any run of characters and `?` for one
//! character (one byte where the name is not UTF-8). `\*`, `\?`, `\\` and the
//! like stand for the character itself, `\xff` for one byte that is not ASCII.

use crate::path::{CallPath, PathProblem, component_problem, components, has_refused_character, nfc_of};
use crate::token::{Token, parse_tokens, tokens_match};
use ioi_types::limits::PATH_BYTES_MAX;

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GlobError {
    #[error("the pattern is empty")]
    Empty,
    #[error("the pattern is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    #[error("the pattern `{0}` is neither absolute nor under `./` or `~/`")]
    Anchor(String),
    #[error("the pattern `{0}` ends with `/`")]
    TrailingSlash(String),
    #[error("the pattern `{0}` {1}")]
    Component(String, PathProblem),
    #[error("the pattern `{0}` has `**` beside other characters in one component")]
    DeepInside(String),
    #[error("the pattern `{0}` has `{1}`, which patterns do not have")]
    Unsupported(String, char),
    #[error("the pattern `{0}` has an escape that does not exist")]
    Escape(String),
    #[error("the pattern has a control, bidirectional or invisible character")]
    Character,
    #[error("the pattern `{0}` is under `~/` and no home folder is known")]
    NoHome(String),
}

/// Characters that are wildcards elsewhere; taken literally they would make a deny miss.
const ELSEWHERE: &str = "[]{}";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Component {
    Deep,
    Literal(Vec<u8>),
    Tokens(Vec<Token>),
}

impl Component {
    fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Deep => false,
            Self::Literal(literal) => literal == name,
            Self::Tokens(tokens) => tokens_match(tokens, name),
        }
    }

    fn to_nfc(&self) -> Self {
        let run = |token: &Token| match token {
            Token::Run(bytes) => Token::Run(nfc_of(bytes).into_owned()),
            other => other.clone(),
        };
        match self {
            Self::Deep => Self::Deep,
            Self::Literal(literal) => Self::Literal(nfc_of(literal).into_owned()),
            Self::Tokens(tokens) => Self::Tokens(tokens.iter().map(run).collect()),
        }
    }
}

/// One resolved pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    components: Vec<Component>,
    /// Where it differs from `components`.
    nfc: Option<Vec<Component>>,
    text: String,
}

/// What `./` and `~/` stand for.
pub(crate) struct Anchors<'a> {
    pub(crate) roots: &'a [Vec<u8>],
    pub(crate) home: Option<&'a [u8]>,
}

impl Glob {
    /// The patterns that a text stands for: one, or one for each root.
    pub(crate) fn parse(text: &str, anchors: &Anchors<'_>) -> Result<Vec<Self>, GlobError> {
        let (bases, rest) = split_anchor(text, anchors)?;
        let tail = parse_components(text, rest)?;
        Ok(bases.into_iter().map(|base| Self::beneath(base, &tail, rest)).collect())
    }

    /// The pattern that matches one path and nothing else.
    pub(crate) fn exact(path: &[u8]) -> Self {
        Self::beneath(path, &[], "")
    }

    fn beneath(base: &[u8], tail: &[Component], rest: &str) -> Self {
        let literal = components(base).map(|name| Component::Literal(name.to_vec()));
        let components: Vec<Component> = literal.chain(tail.iter().cloned()).collect();
        let text = match (base, rest) {
            (b"/", _) => format!("/{rest}"),
            (_, "") => escape(base),
            _ => format!("{}/{rest}", escape(base)),
        };
        let nfc = (!text.is_ascii()).then(|| components.iter().map(Component::to_nfc).collect());
        let nfc = nfc.filter(|nfc: &Vec<Component>| *nfc != components);
        Self { components, nfc, text }
    }

    /// The pattern with its base in place of `./` or `~/`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Equal bytes only.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        components_match(&self.components, path)
    }

    /// As [`Self::matches`]; a path that ends with `/` is matched by `**` alone, since its last segment is empty.
    pub(crate) fn matches_url_path(&self, path: &str) -> bool {
        let ends_empty = path.len() > 1 && path.ends_with('/');
        (!ends_empty || self.ends_deep()) && self.matches(path.as_bytes())
    }

    /// Equal bytes, or equal after NFC: for what must not be missed.
    pub(crate) fn matches_widely(&self, path: &CallPath<'_>) -> bool {
        let normal = self.nfc.as_ref().unwrap_or(&self.components);
        self.matches(&path.bytes)
            || (!(path.is_nfc() && self.nfc.is_none()) && components_match(normal, path.nfc()))
    }

    /// The leading literal components after NFC, as `/a/b`; empty where there are none.
    ///
    /// Every path that the pattern matches, in either way, has this as a prefix by component.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::new();
        for component in self.nfc.as_ref().unwrap_or(&self.components) {
            let Component::Literal(name) = component else { break };
            prefix.push(b'/');
            prefix.extend_from_slice(name);
        }
        prefix
    }

    /// True if the pattern is `<literal>/**` or `<literal>`: what it matches is a tree or one path.
    fn is_plain(&self) -> bool {
        let (last, first) = self.components.split_last().map_or((None, &[][..]), |(l, f)| (Some(l), f));
        let literal = |component: &Component| matches!(component, Component::Literal(_));
        first.iter().all(literal) && last.is_none_or(|last| literal(last) || *last == Component::Deep)
    }

    fn ends_deep(&self) -> bool {
        self.components.last() == Some(&Component::Deep)
    }

    fn literal_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for component in &self.components {
            let Component::Literal(name) = component else { break };
            bytes.push(b'/');
            bytes.extend_from_slice(name);
        }
        bytes
    }

    /// True if the pattern surely matches `tree` and everything beneath it.
    pub(crate) fn covers_tree(&self, tree: &[u8]) -> bool {
        self.is_plain() && self.ends_deep() && crate::path::is_within(tree, &self.literal_bytes())
    }

    /// True if the pattern surely matches everything that `other` matches.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self == other || self.covers_tree(&other.literal_bytes())
    }

    /// True unless the pattern surely matches nothing in `tree`. `tree` after NFC.
    pub(crate) fn may_touch_tree(&self, tree: &[u8]) -> bool {
        let prefix = self.literal_prefix();
        crate::path::is_within(&prefix, tree)
            || (crate::path::is_within(tree, &prefix) && !self.is_one_path())
    }

    fn is_one_path(&self) -> bool {
        self.components.iter().all(|component| matches!(component, Component::Literal(_)))
    }
}

fn split_anchor<'a, 't>(text: &'t str, anchors: &Anchors<'a>) -> Result<(Vec<&'a [u8]>, &'t str), GlobError> {
    let owned = || text.to_owned();
    if text.is_empty() {
        return Err(GlobError::Empty);
    }
    if text.len() > PATH_BYTES_MAX {
        return Err(GlobError::TooLong);
    }
    if has_refused_character(text.as_bytes()) {
        return Err(GlobError::Character);
    }
    if let Some(rest) = text.strip_prefix("./") {
        return Ok((anchors.roots.iter().map(Vec::as_slice).collect(), rest));
    }
    if let Some(rest) = text.strip_prefix("~/") {
        let home = anchors.home.ok_or_else(|| GlobError::NoHome(owned()))?;
        return Ok((vec![home], rest));
    }
    match text.strip_prefix('/') {
        Some(rest) => Ok((vec![b"/"], rest)),
        None => Err(GlobError::Anchor(owned())),
    }
}

fn parse_components(text: &str, rest: &str) -> Result<Vec<Component>, GlobError> {
    if rest.is_empty() {
        return if text == "/" { Ok(Vec::new()) } else { Err(GlobError::TrailingSlash(text.to_owned())) };
    }
    if rest.ends_with('/') {
        return Err(GlobError::TrailingSlash(text.to_owned()));
    }
    rest.split('/').map(|name| parse_component(text, name)).collect()
}

fn parse_component(text: &str, name: &str) -> Result<Component, GlobError> {
    if let Some(problem) = component_problem(name.as_bytes()) {
        return Err(GlobError::Component(text.to_owned(), problem));
    }
    if name == "**" {
        return Ok(Component::Deep);
    }
    let mut tokens = parse_tokens(name, ELSEWHERE).map_err(|problem| problem.on(text))?;
    let slash = |token: &Token| matches!(token, Token::Run(run) if run.contains(&b'/'));
    if tokens.iter().any(slash) {
        return Err(GlobError::Escape(text.to_owned()));
    }
    if let [Token::Run(run)] = &mut tokens[..] {
        return match component_problem(run) {
            Some(problem) => Err(GlobError::Component(text.to_owned(), problem)),
            None => Ok(Component::Literal(std::mem::take(run))),
        };
    }
    Ok(Component::Tokens(tokens))
}

/// The pattern text that matches exactly these bytes.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' || character == '*' || character == '?' || ELSEWHERE.contains(character) {
                out.push('\\');
            }
            out.push(character);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// Greedy matching with one point to return to: a later `**` never needs an earlier one revised,
/// so the time is bounded by the product of the lengths.
fn components_match(pattern: &[Component], path: &[u8]) -> bool {
    if !last_fits(pattern, path) {
        return false;
    }
    let mut names = components(path);
    let (mut at, mut retry) = (0, None);
    loop {
        let mut ahead = names.clone();
        match (pattern.get(at), ahead.next()) {
            (None, None) => return true,
            (Some(Component::Deep), _) => {
                at += 1;
                retry = Some((at, names.clone()));
                continue;
            }
            (Some(component), Some(name)) if component.matches(name) => {
                at += 1;
                names = ahead;
                continue;
            }
            _ => {}
        }
        let Some((after_deep, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        at = *after_deep;
        names = from.clone();
    }
}

/// The cheap look that settles most: a last component other than `**` must match the last name.
fn last_fits(pattern: &[Component], path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().filter(|name| !name.is_empty());
    match (pattern.last(), name) {
        (None | Some(Component::Deep), _) | (Some(_), None) => true,
        (Some(component), Some(name)) => component.matches(name),
    }
}
