//! A policy's text, what it may not contain whatever it says, and where each byte of it stands.

use crate::diagnostic::{Diagnostic, Severity};
use crate::text::{Refused, refused_character};
use ioi_types::limits::POLICY_BYTES_MAX;
use toml::Spanned;
use toml::de::DeTable;
use toml_parser::lexer::TokenKind;

/// The deepest nesting of tables and lists, and the longest dotted key. The language needs four.
const DEPTH_MAX: usize = 8;

/// A policy's name, as messages show it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name or `built-in (ask)`; not part of the policy's hash.
    pub name: String,
    /// The TOML text.
    pub text: String,
}

impl Source {
    /// A source from its two parts.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// A source from a file's bytes.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, with the place of the first one.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        let name = name.into();
        String::from_utf8(bytes).map(|text| Self { name: name.clone(), text }).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let tail = good.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
            let column = 1 + String::from_utf8_lossy(tail).chars().count() as u64;
            let message = format!("byte 0x{:02x} is not UTF-8", error.as_bytes()[good.len()]);
            Box::new(Diagnostic { severity: Severity::Error, file: name, line, column, message, help: None })
        })
    }
}

/// Collects findings and turns byte offsets into lines and columns.
pub(crate) struct Findings<'a> {
    source: &'a Source,
    line_starts: Vec<usize>,
    found: Vec<Diagnostic>,
    count: usize,
}

impl<'a> Findings<'a> {
    /// More than this many are counted and not kept.
    const KEPT_MAX: usize = 100;

    pub(crate) fn new(source: &'a Source) -> Self {
        let ends = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { source, line_starts, found: Vec::new(), count: 0 }
    }

    /// Line and column, each from 1.
    pub(crate) fn place(&self, at: usize) -> (u64, u64) {
        let line = self.line_starts.partition_point(|&start| start <= at);
        let before = self.source.text.get(self.line_starts[line - 1]..at).unwrap_or_default();
        (line as u64, before.chars().count() as u64 + 1)
    }

    pub(crate) fn error(&mut self, at: usize, message: impl Into<String>, help: Option<String>) {
        self.count += 1;
        if self.found.len() < Self::KEPT_MAX {
            let (line, column) = self.place(at);
            let (file, message) = (self.source.name.clone(), message.into());
            self.found.push(Diagnostic { severity: Severity::Error, file, line, column, message, help });
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.count == 0
    }

    /// The findings in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|finding| (finding.line, finding.column));
        if let (true, Some(last)) = (self.count > self.found.len(), self.found.last_mut()) {
            last.help =
                Some(format!("{} errors were found; the first {} are shown", self.count, Self::KEPT_MAX));
        }
        self.found
    }
}

/// Reads the text as TOML; `None` if anything in it was found wrong.
pub(crate) fn parse<'s>(source: &'s Source, findings: &mut Findings<'_>) -> Option<Spanned<DeTable<'s>>> {
    if !may_be_read(findings) {
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start).min(source.text.len());
        findings.error(at, format!("this is not TOML: {}", error.message()), None);
    }
    findings.is_clean().then_some(table)
}

/// What is refused before the text is read as TOML. True if the text may be read.
fn may_be_read(findings: &mut Findings<'_>) -> bool {
    let text = &findings.source.text;
    if text.len() > POLICY_BYTES_MAX {
        findings.error(
            0,
            format!("the policy has {} bytes; at most {POLICY_BYTES_MAX} are taken", text.len()),
            None,
        );
        return false;
    }
    if text.starts_with('\u{feff}') {
        let help = "save the file as UTF-8 without a byte order mark";
        findings.error(0, "the policy starts with a byte order mark", Some(help.to_owned()));
        return false;
    }
    let refused = |(at, character)| refused_character(character).map(|why| (at, character, why));
    let layout = |character| matches!(character, '\n' | '\r' | '\t');
    let first = text.char_indices().filter(|(_, character)| !layout(*character)).find_map(refused);
    if let Some((at, character, why)) = first {
        findings.error(at, character_message(character, why), None);
        return false;
    }
    structure_is_bounded(findings)
}

fn character_message(character: char, why: Refused) -> String {
    match character {
        '\0' => "the policy has a NUL byte".to_owned(),
        _ => format!("the policy has {} U+{:04X}", why.name(), u32::from(character)),
    }
}

/// Bounds the depth, since the reader of TOML recurses. The text's length bounds the number of its tokens.
fn structure_is_bounded(findings: &mut Findings<'_>) -> bool {
    let (mut depth, mut dots) = (0usize, 0usize);
    for token in toml_parser::Source::new(&findings.source.text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => (depth, dots) = (depth + 1, 0),
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
            TokenKind::Dot => dots += 1,
            TokenKind::Comma | TokenKind::Equals | TokenKind::Newline => dots = 0,
            _ => {}
        }
        if depth > DEPTH_MAX || dots > DEPTH_MAX {
            let message = format!("the policy is nested deeper than {DEPTH_MAX} levels");
            findings.error(token.span().start(), message, None);
            return false;
        }
    }
    true
}
