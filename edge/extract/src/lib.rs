//! Text out of plain text, Markdown, source code, HTML and PDF.
//!
//! The text of any document is UTF-8 whose headings, where the format has
//! them, are Markdown headings. Every failure is a named error, and no document
//! unfolds beyond the bounds that the caller gives.
//!
//! This crate does not know where bytes come from or what is done with the
//! text. It opens no file and runs no code of a document. It bounds bytes, not
//! time: the caller runs it in a process with limits of its own.
//!
//! ```
//! use ioi_extract::{Limits, Media, extract};
//!
//! let page = b"<nav>Home</nav><h1>Seals</h1><p>A region &amp; its seal.</p>";
//! let document = extract(b"seals.html", page, Limits::default())?;
//! assert_eq!(document.media, Media::Html);
//! assert_eq!(document.text, "# Seals\n\nA region & its seal.\n");
//! # Ok::<(), ioi_extract::ExtractError>(())
//! ```
#![forbid(unsafe_code)]

mod charset;
mod cmap;
mod error;
mod html;
mod layout;
mod pdf;
mod sniff;
mod writer;

pub use charset::Charset;
pub use error::ExtractError;
pub use sniff::{Media, sniff};

use std::borrow::Cow;

/// What one document may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The text that comes out, in bytes.
    pub text_bytes_max: usize,
    /// What compressed parts of one document unfold to on the way, in bytes;
    /// for PDF each part that is needed to open the file, and then all pages
    /// and fonts together.
    pub unfolded_bytes_max: usize,
}

impl Default for Limits {
    /// 256 MiB of text, 64 MiB unfolded.
    fn default() -> Self {
        Self { text_bytes_max: 256 << 20, unfolded_bytes_max: 64 << 20 }
    }
}

/// A document's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted<'b> {
    /// What the document is.
    pub media: Media,
    /// How its bytes were read as characters.
    pub charset: Charset,
    /// The text; borrowed from the document's bytes where nothing had to change.
    pub text: Cow<'b, str>,
    /// Whether the text's bytes are exactly the document's, so that offsets
    /// into one are offsets into the other.
    pub same_as_source: bool,
    /// Byte sequences that were no characters and became U+FFFD.
    pub replaced: u64,
}

/// Takes the text out of a document.
///
/// `name` is the file's name or path as the system gives it; only its last
/// extension counts, and content that is plainly something else wins over it.
///
/// # Errors
/// [`ExtractError::NotText`] for other binary files, [`ExtractError::Failed`]
/// for a document that can't be read, [`ExtractError::Bomb`] for one that
/// unfolds beyond `limits`.
pub fn extract<'b>(name: &[u8], bytes: &'b [u8], limits: Limits) -> Result<Extracted<'b>, ExtractError> {
    let media = sniff(name, bytes)?;
    if media == Media::Pdf {
        let text = Cow::Owned(pdf::text(bytes, limits)?);
        return Ok(Extracted { media, charset: Charset::Utf8, text, same_as_source: false, replaced: 0 });
    }
    let decoded = charset::decode(bytes, media == Media::Html, limits)?;
    let same_as_source = media != Media::Html && decoded.text.len() == bytes.len() && decoded.is_borrowed();
    let text = match media {
        Media::Html => Cow::Owned(html::text(&decoded.text, limits)?),
        _ => decoded.text,
    };
    if text.len() > limits.text_bytes_max {
        return Err(ExtractError::bomb(media, limits.text_bytes_max));
    }
    Ok(Extracted { media, charset: decoded.charset, text, same_as_source, replaced: decoded.replaced })
}
