//! The context slice: a view of any bytes is refused or stays inside them.

use crate::script::Script;
use ioi_data::context::{Chunk, ContextSlice, encode, view};

/// Regions begin at such addresses.
const ALIGNMENT: usize = 16;

/// The first byte: view the rest as it is, or what is written from it, damaged.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    if script.byte() == b'v' {
        look(script.rest());
        return;
    }
    let slice = slice(&mut script);
    let good = encode(&slice).expect("memory suffices");
    assert_eq!(look(&good), Some(slice.chunks.len()), "what was written can be viewed");
    look(&crate::edit::edit(good.to_vec(), &mut script));
}

fn slice(script: &mut Script<'_>) -> ContextSlice {
    let mut text = || String::from_utf8_lossy(script.piece()).into_owned();
    let (question, label) = (text(), text());
    let chunk = |script: &mut Script<'_>| Chunk {
        path: "a/b.md".into(),
        document_digest: script.array(),
        offset: script.long(),
        score: script.long(),
        text: String::from_utf8_lossy(script.piece()).into_owned(),
        heading: "Regions".into(),
    };
    let chunks = (0..script.byte() % 4).map(|_| chunk(script)).collect();
    ContextSlice { slice_id: 1, question, chunks, labels: vec![label], ..ContextSlice::default() }
}

/// Reads all that a view shows; the number of its passages.
fn look(bytes: &[u8]) -> Option<usize> {
    let mut room = vec![0; bytes.len() + ALIGNMENT];
    let start = room.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    room[start..start + bytes.len()].copy_from_slice(bytes);
    let room = &room[start..start + bytes.len()];
    let slice = view(room).ok()?;
    let inside = |text: &str| {
        let place = text.as_bytes().as_ptr_range();
        // A short text lies in its own pointer, which lies in the bytes as well.
        let own = room.as_ptr_range();
        assert!(text.is_empty() || (own.start <= place.start && place.end <= own.end), "inside the bytes");
        assert!(std::str::from_utf8(text.as_bytes()).is_ok());
    };
    inside(&slice.question);
    slice.labels.iter().for_each(|label| inside(label));
    for chunk in slice.chunks.iter() {
        [&chunk.path, &chunk.text, &chunk.heading].iter().for_each(|text| inside(text));
        let _ = (chunk.offset.to_native(), chunk.score.to_native(), chunk.document_digest);
    }
    Some(slice.chunks.len())
}
