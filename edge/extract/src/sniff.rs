//! Decides what a document is, from its name and its first bytes.

use crate::error::ExtractError;
use std::fmt;

/// The kinds of documents that text is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Media {
    /// Plain text, and anything textual that is not known better.
    Text,
    /// Markdown, kept as it is.
    Markdown,
    /// Source code and configuration, kept as they are.
    Code,
    /// HTML and XHTML.
    Html,
    /// PDF.
    Pdf,
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Markdown => "Markdown",
            Self::Code => "source code",
            Self::Html => "HTML",
            Self::Pdf => "PDF",
        })
    }
}

/// How far into a document its kind is looked for, in bytes.
const HEAD_BYTES: usize = 8 * 1024;
/// A PDF's header may follow this many bytes of something else (ISO 32000-1, annex H).
const PDF_HEADER_BYTES: usize = 1024;

/// First bytes of common files that hold no text for us.
const BINARY: [(&[u8], &str); 16] = [
    (b"\x7fELF", "an ELF program"),
    (b"MZ\x90\0", "a Windows program"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF container"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\0asm", "a WebAssembly module"),
    (b"wOF", "a web font"),
];

const HTML: [&str; 4] = ["html", "htm", "xhtml", "xht"];
const MARKDOWN: [&str; 4] = ["md", "markdown", "mdown", "mkd"];
const CODE: [&str; 58] = [
    "rs", "py", "pyi", "js", "mjs", "cjs", "ts", "tsx", "jsx", "go", "c", "h", "cc", "cpp", "cxx", "hpp",
    "java", "kt", "scala", "swift", "m", "cs", "fs", "rb", "php", "pl", "pm", "sh", "bash", "zsh", "fish",
    "ps1", "lua", "r", "jl", "hs", "ml", "ex", "exs", "erl", "clj", "el", "vim", "sql", "proto", "capnp",
    "toml", "yaml", "yml", "json", "xml", "css", "scss", "ini", "cfg", "conf", "cmake", "zig",
];

/// What the document is.
///
/// # Errors
/// [`ExtractError::NotText`] for binary files other than PDF.
pub fn sniff(name: &[u8], bytes: &[u8]) -> Result<Media, ExtractError> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    if holds(&head[..head.len().min(PDF_HEADER_BYTES)], b"%PDF-") {
        return Ok(Media::Pdf);
    }
    if let Some((_, kind)) = BINARY.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ExtractError::NotText { kind });
    }
    let is_wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    if !is_wide && head.contains(&0) {
        return Err(ExtractError::NotText { kind: "a binary file" });
    }
    match extension(name).as_deref() {
        Some("pdf") => Err(ExtractError::failed(Media::Pdf, "it has no PDF header")),
        Some(known) if HTML.contains(&known) => Ok(Media::Html),
        Some(known) if MARKDOWN.contains(&known) => Ok(Media::Markdown),
        Some(known) if CODE.contains(&known) => Ok(Media::Code),
        _ if starts_as_html(head) => Ok(Media::Html),
        _ if head.starts_with(b"#!") => Ok(Media::Code),
        _ => Ok(Media::Text),
    }
}

/// The extension in lower case, if it is short and ASCII.
fn extension(name: &[u8]) -> Option<String> {
    let file = name.rsplit(|byte| *byte == b'/').next()?;
    let dot = file.iter().rposition(|byte| *byte == b'.')?;
    let extension = file.get(dot + 1..).filter(|extension| extension.len() <= 8)?;
    Some(std::str::from_utf8(extension).ok()?.to_ascii_lowercase())
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn starts_as_html(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let starts =
        |wanted: &[u8]| head.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted));
    starts(b"<!doctype html") || starts(b"<html")
}
