//! Wildcards within one name or argument: `*`, `?`, escapes.

use crate::glob::GlobError;
use crate::path::has_refused_character;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// These bytes.
    Run(Vec<u8>),
    /// `*`
    Any,
    /// `?`
    One,
}

/// Why a text is not a list of tokens.
pub(crate) enum TokenProblem {
    Deep,
    Unsupported(char),
    Escape,
}

impl TokenProblem {
    pub(crate) fn on(self, text: &str) -> GlobError {
        match self {
            Self::Deep => GlobError::DeepInside(text.to_owned()),
            Self::Unsupported(character) => GlobError::Unsupported(text.to_owned(), character),
            Self::Escape => GlobError::Escape(text.to_owned()),
        }
    }
}

/// Reads the tokens of one name; `unsupported` characters must be escaped.
pub(crate) fn parse_tokens(name: &str, unsupported: &str) -> Result<Vec<Token>, TokenProblem> {
    let mut tokens = Vec::new();
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '*' if tokens.last() == Some(&Token::Any) => return Err(TokenProblem::Deep),
            '*' => tokens.push(Token::Any),
            '?' => tokens.push(Token::One),
            '\\' => {
                let (byte, after) = escaped(rest).ok_or(TokenProblem::Escape)?;
                rest = after;
                push_bytes(&mut tokens, &[byte]);
            }
            _ if unsupported.contains(character) => return Err(TokenProblem::Unsupported(character)),
            _ => push_bytes(&mut tokens, character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(tokens)
}

fn push_bytes(tokens: &mut Vec<Token>, bytes: &[u8]) {
    match tokens.last_mut() {
        Some(Token::Run(run)) => run.extend_from_slice(bytes),
        _ => tokens.push(Token::Run(bytes.to_vec())),
    }
}

/// What stands after a backslash: ASCII punctuation for itself, or `x` and two digits of a byte above 0x7f.
fn escaped(rest: &str) -> Option<(u8, &str)> {
    let bytes = rest.as_bytes();
    match bytes.first()? {
        b'x' => {
            let byte = ioi_types::hex::decode(rest.get(1..3)?)?[0];
            (byte >= 0x80).then_some((byte, &rest[3..]))
        }
        &byte if byte.is_ascii_punctuation() => Some((byte, &rest[1..])),
        _ => None,
    }
}

/// Greedy matching with one point to return to, the last `*`: a later one never needs an earlier
/// one revised, so the time is bounded by the product of the lengths.
pub(crate) fn tokens_match(tokens: &[Token], name: &[u8]) -> bool {
    if let Some(Token::Run(end)) = tokens.last()
        && !name.ends_with(end)
    {
        return false;
    }
    let (mut at, mut rest, mut retry) = (0, name, None);
    loop {
        match tokens.get(at) {
            None if rest.is_empty() => return true,
            Some(Token::Any) => {
                at += 1;
                retry = Some((at, rest));
                continue;
            }
            Some(Token::One) if !rest.is_empty() => {
                at += 1;
                rest = &rest[character_bytes(rest)..];
                continue;
            }
            Some(Token::Run(run)) if rest.starts_with(run) => {
                at += 1;
                rest = &rest[run.len()..];
                continue;
            }
            _ => {}
        }
        let Some((after_any, from)) = &mut retry else { return false };
        if from.is_empty() {
            return false;
        }
        *from = &from[character_bytes(from)..];
        at = *after_any;
        rest = from;
    }
}

/// How many bytes the first character of a text that isn't empty has; 1 where the bytes are not UTF-8.
fn character_bytes(bytes: &[u8]) -> usize {
    if bytes[0].is_ascii() {
        return 1;
    }
    let window = &bytes[..bytes.len().min(4)];
    let valid = window.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.chars().next().map_or(1, char::len_utf8)
}

/// One pattern for a text that is not a path: an argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextPattern {
    tokens: Vec<Token>,
    pub(crate) text: String,
}

impl TextPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, GlobError> {
        if has_refused_character(text.as_bytes()) {
            return Err(GlobError::Character);
        }
        let tokens = parse_tokens(text, "").map_err(|problem| problem.on(text))?;
        Ok(Self { tokens, text: text.to_owned() })
    }

    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        tokens_match(&self.tokens, text)
    }
}
