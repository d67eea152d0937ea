use crate::pdf::{deflated, pages, pdf, stream, text};
use ioi_extract::{ExtractError, Limits, Media, extract};
use proptest::prelude::*;

/// Far below the default, so that unoptimised tests are quick.
const LIMITS: Limits = Limits { text_bytes_max: 1 << 20, unfolded_bytes_max: 4 << 20 };

fn assert_bomb(file: &[u8]) {
    assert!(file.len() < 1 << 17, "a bomb is small: {}", file.len());
    let bytes_max = LIMITS.unfolded_bytes_max;
    assert_eq!(extract(b"a.pdf", file, LIMITS), Err(ExtractError::Bomb { media: Media::Pdf, bytes_max }));
}

/// What unfolds to 16 MiB of blanks.
fn bomb() -> Vec<u8> {
    deflated(vec![b' '; 16 << 20])
}

#[test]
fn a_page_that_unfolds_beyond_the_bound_is_refused() {
    assert_bomb(&pages(&[stream("/Filter /FlateDecode", &bomb())]));
}

#[test]
fn a_bomb_within_a_bomb_is_refused() {
    let inner = deflated(bomb());
    assert!(inner.len() < 1024, "{}", inner.len());
    assert_bomb(&pages(&[stream("/Filter [/FlateDecode /FlateDecode]", &inner)]));
}

#[test]
fn a_stream_that_is_shown_a_thousand_times_is_paid_for_each_time() {
    let content = deflated(vec![b' '; 64 << 10]);
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        format!("<< /Type /Page /Parent 2 0 R /Contents [{}] >>", "4 0 R ".repeat(1000)).into_bytes(),
        stream("/Filter /FlateDecode", &content),
    ];
    assert_bomb(&pdf(&objects));
}

#[test]
fn pages_that_share_a_stream_are_paid_for_together() {
    let kids: String = (0..100).map(|page| format!("{} 0 R ", page + 4)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{kids}] /Count 100 >>").into_bytes(),
        stream("/Filter /FlateDecode", &deflated(vec![b' '; 64 << 10])),
    ];
    objects.resize(103, b"<< /Type /Page /Parent 2 0 R /Contents 3 0 R >>".to_vec());
    assert_bomb(&pdf(&objects));
}

#[test]
fn a_character_map_that_unfolds_beyond_its_bound_is_refused() {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 4 0 R >> >> /Contents 6 0 R >>".to_vec(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 5 0 R >>".to_vec(),
        stream("/Filter /FlateDecode", &bomb()),
        stream("", b"BT /F 12 Tf <0001> Tj ET"),
    ];
    assert_bomb(&pdf(&objects));
}

#[test]
fn an_object_stream_that_unfolds_beyond_the_bound_gives_no_text() {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec(),
        stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &bomb()),
    ];
    assert!(extract(b"a.pdf", &pdf(&objects), LIMITS).is_err());
}

#[test]
fn the_text_of_a_pdf_is_bounded_too() {
    let content = format!("BT /F 12 Tf {} ET", "(word ) Tj ".repeat(10_000));
    let limits = Limits { text_bytes_max: 1000, ..Limits::default() };
    let error = extract(b"a.pdf", &pages(&[stream("", content.as_bytes())]), limits).unwrap_err();
    assert_eq!(error, ExtractError::Bomb { media: Media::Pdf, bytes_max: 1000 });
}

#[test]
fn loops_and_depth_end() {
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let parent_loop = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Parent 2 0 R /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Resources 3 0 R /Font 3 0 R /Contents 3 0 R >>".to_vec(),
    ];
    let deep_objects = [b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), deep.clone()];
    let length_loop = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>".to_vec(),
        b"<< /Length 4 0 R >>\nstream\nBT ET\nendstream".to_vec(),
    ];
    assert!(text(&pdf(&parent_loop)).is_err());
    assert!(text(&pdf(&deep_objects)).is_err());
    assert!(text(&pdf(&length_loop)).is_err());
    assert!(text(&pages(&[stream("", &deep)])).is_err());
    assert!(text(&pages(&[stream("", &b"q ".repeat(1 << 20))])).is_err());
}

#[test]
fn pages_nested_a_million_deep_are_read() {
    let page = format!("{}x", "<div><span>".repeat(500_000));
    assert_eq!(extract(b"a.html", page.as_bytes(), Limits::default()).unwrap().text, "x\n");
}

#[test]
fn an_endless_tag_name_attribute_or_comment_is_read_in_bounded_memory() {
    for start in ["<", "<a ", "<a b=\"", "<!--", "<!DOCTYPE ", "&", "&#", "<![CDATA[", "</"] {
        let page = format!("{start}{}", "a1".repeat(1 << 20));
        assert!(extract(b"a.html", page.as_bytes(), Limits::default()).is_ok(), "{start}");
    }
}

/// A PDF with most of what this crate reads in it.
fn rich_pdf() -> Vec<u8> {
    let content = b"q 1 0 0 1 10 700 cm BT /F 12 Tf 10 10 Td [(A b) -300 (c)] TJ T* (d) ' 1 2 (e) \" ET Q";
    pages(&[stream("", content), stream("/Filter /FlateDecode", &deflated(content.repeat(20)))])
}

#[test]
fn no_cut_of_a_document_makes_reading_panic() {
    let file = rich_pdf();
    assert!(text(&file).is_ok());
    for end in 0..file.len() {
        let _ = text(&file[..end]);
    }
    let page = b"<!DOCTYPE html><title>a</title><div class=related>b</div><pre>\n&amp;</pre><script>c</script>\xe2\x82\xac";
    for end in 0..page.len() {
        let _ = extract(b"a.html", &page[..end], Limits::default());
    }
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_pdf_makes_reading_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
    ) {
        let mut file = rich_pdf();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = text(&file);
    }

    #[test]
    fn any_bytes_of_any_name_are_text_or_a_named_error(
        name in prop::sample::select(vec!["a.txt", "a.html", "a.pdf", "a", "a.rs"]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        as_pdf in any::<bool>(),
    ) {
        let bytes = if as_pdf { [b"%PDF-1.4\n", bytes.as_slice()].concat() } else { bytes };
        if let Ok(document) = extract(name.as_bytes(), &bytes, Limits::default()) {
            prop_assert_eq!(document.same_as_source, document.text.as_bytes() == bytes && document.media != Media::Html);
        }
    }

    #[test]
    fn any_tag_soup_is_read(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<p>", "</p>", "<nav>", "</nav>", "<pre>", "</pre>", "<h1>", "</h1>", "<li>", "<td>", "<script>", "</script>",
            "<title>", "</title>", "a", " ", "\n", "&amp;", "<", ">", "\"", "<div class=\"related\">", "</div>", "<!--",
            "-->", "<plaintext>", "<textarea>", "```", "é",
        ]), 0..60)
    ) {
        let page = pieces.concat();
        let text = extract(b"a.html", page.as_bytes(), Limits::default()).unwrap().text;
        prop_assert!(text.len() <= page.len() * 6 + 16);
        prop_assert!(text.is_empty() || text.ends_with('\n'));
    }
}
