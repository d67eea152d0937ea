use ioi_extract::{Charset, ExtractError, Extracted, Limits, Media, extract, sniff};
use ioi_types::ErrorCode;
use std::borrow::Cow;

fn read<'b>(name: &str, bytes: &'b [u8]) -> Extracted<'b> {
    extract(name.as_bytes(), bytes, Limits::default()).unwrap()
}

#[test]
fn text_markdown_and_code_are_borrowed_as_they_are() {
    for (name, media) in [
        ("a.txt", Media::Text),
        ("README", Media::Text),
        ("a.MD", Media::Markdown),
        ("d.e/x.rs", Media::Code),
    ] {
        let source = "# Title\r\n\r\nfn main() {} // ü\n".as_bytes();
        let document = read(name, source);
        assert_eq!(
            (document.media, document.charset, document.replaced),
            (media, Charset::Utf8, 0),
            "{name}"
        );
        assert!(document.same_as_source && matches!(document.text, Cow::Borrowed(_)));
        assert_eq!(document.text.as_bytes(), source);
    }
}

#[test]
fn a_byte_order_mark_is_dropped_and_moves_offsets() {
    let document = read("a.txt", b"\xef\xbb\xbfhello");
    assert_eq!(document.text, "hello");
    assert!(!document.same_as_source);
}

#[test]
fn utf16_of_both_orders_is_decoded() {
    let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}Aé𝄞\n".encode_utf16().flat_map(bytes).collect()
    };
    for source in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        let document = read("a.txt", &source);
        assert_eq!(
            (document.text.as_ref(), document.charset, document.replaced),
            ("Aé𝄞\n", Charset::Utf16, 0)
        );
    }
    let broken = read("a.txt", b"\xff\xfea\0\x00\xd8b\0c");
    assert_eq!((broken.text.as_ref(), broken.replaced), ("a\u{fffd}b\u{fffd}", 2));
}

#[test]
fn text_from_before_utf8_is_read_as_windows_1252() {
    let document = read("a.txt", b"caf\xe9 \x80 5 \x96 \x93ok\x94");
    assert_eq!((document.text.as_ref(), document.charset), ("café € 5 – “ok”", Charset::Windows1252));
    assert_eq!(document.replaced, 0);
    let page = b"<meta charset=iso-8859-1><p>caf\xe9 \xc3\xa9";
    assert_eq!(read("a.html", page).text, "café Ã©\n");
}

#[test]
fn broken_utf8_is_replaced_and_counted() {
    let document = read("a.txt", b"\xc3\xa9 \xff\xfe \xe2\x82 end");
    assert_eq!((document.text.as_ref(), document.replaced), ("é \u{fffd}\u{fffd} \u{fffd} end", 3));
    assert!(!document.same_as_source);
}

#[test]
fn an_empty_file_is_empty_text() {
    let document = read("empty", b"");
    assert_eq!((document.media, document.text.as_ref(), document.same_as_source), (Media::Text, "", true));
}

#[test]
fn binary_files_are_named_and_refused() {
    for (bytes, kind) in [
        (&b"\x7fELF\x02\x01"[..], "an ELF program"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"text and then \0 a zero", "a binary file"),
    ] {
        let error = extract(b"a.txt", bytes, Limits::default()).unwrap_err();
        assert_eq!(error, ExtractError::NotText { kind });
        assert_eq!(error.code(), ErrorCode::ExtractFailed);
        assert!(error.to_string().contains(kind));
    }
}

#[test]
fn content_wins_over_the_name_and_the_name_over_nothing() {
    assert_eq!(sniff(b"a.txt", b"%PDF-1.4"), Ok(Media::Pdf));
    assert_eq!(sniff(b"page", b"  <!DOCTYPE HTML><p>"), Ok(Media::Html));
    assert_eq!(sniff(b"page.php", b"<html>"), Ok(Media::Code));
    assert_eq!(sniff(b"\xff\xfe.HTM", b"x"), Ok(Media::Html));
    assert_eq!(sniff(b"run", b"#!/bin/sh\n"), Ok(Media::Code));
    assert_eq!(sniff(b"a.html/b", b"x"), Ok(Media::Text));
    assert_eq!(sniff(b".md", b"x"), Ok(Media::Markdown));
    assert!(matches!(sniff(b"a.pdf", b"nothing"), Err(ExtractError::Failed { media: Media::Pdf, .. })));
}

#[test]
fn text_beyond_the_bound_is_refused() {
    let limits = Limits { text_bytes_max: 4, ..Limits::default() };
    assert!(extract(b"a.txt", b"four", limits).is_ok());
    let error = extract(b"a.txt", b"fives", limits).unwrap_err();
    assert_eq!(error, ExtractError::Bomb { media: Media::Text, bytes_max: 4 });
    assert_eq!(error.code(), ErrorCode::ExtractBomb);
}
