//! JSON Web Tokens: three or five parts, of which the first is a JSON object that names an algorithm.

use crate::key::{TOKEN_BYTES_MAX, token};
use crate::kind::Kind;
use crate::text::{Match, before, byte_at, run};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `{"` in base64.
pub(crate) const BEGIN: &str = "eyJ";

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The token that begins at `at`.
pub(crate) fn find(text: &[u8], at: usize) -> Option<Match> {
    if is_letter(before(text, at)) {
        return None;
    }
    let header = at + run(text, at, TOKEN_BYTES_MAX, is_letter);
    let names_algorithm = byte_at(text, header) == b'.' && says_alg(&text[at..header]);
    if !names_algorithm {
        return None;
    }
    let limit = TOKEN_BYTES_MAX.saturating_sub(header - at);
    let end = header + run(text, header, limit, |byte| is_letter(byte) || byte == b'.');
    // A header and a dot that end a sentence are no token yet.
    (end > header + 1).then(|| token(Kind::Jwt, text, at, end))
}

fn says_alg(header: &[u8]) -> bool {
    let whole = &header[..header.len() - usize::from(header.len() % 4 == 1)];
    let mut json = [0; TOKEN_BYTES_MAX];
    let written = URL_SAFE_NO_PAD.decode_slice_unchecked(whole, &mut json);
    written.is_ok_and(|bytes| memchr::memmem::find(&json[..bytes], b"\"alg\"").is_some())
}
