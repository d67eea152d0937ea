//! HTML pages: whatever the tags, the text is not much longer than the page.

use crate::text::read;
use ioi_extract::Media;

/// The input is the page.
pub(crate) fn check(input: &[u8]) {
    let Some(page) = read(b"page.html", input) else { return };
    if page.media != Media::Html {
        return;
    }
    // The longest expansions: a cell's ` | `, a heading's six `#`, a fence around `<pre>`; and three
    // bytes of UTF-8 for each byte that is no character.
    assert!(page.text.len() <= input.len() * 18 + 64, "{} bytes of {}", page.text.len(), input.len());
    assert!(page.text.is_empty() || page.text.ends_with('\n'));
    assert!(!page.same_as_source);
}
