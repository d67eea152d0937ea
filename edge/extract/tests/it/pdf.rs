use ioi_extract::{ExtractError, Limits, Media, extract};
use ioi_types::ErrorCode;
use lopdf::Stream;

/// A PDF of the objects 1, 2, … with the first as its catalog.
pub(crate) fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.5\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        file.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let trailer =
        format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    file.extend_from_slice(trailer.as_bytes());
    file
}

pub(crate) fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
    let mut object = format!("<< {entries} /Length {} >>\nstream\n", content.len()).into_bytes();
    object.extend_from_slice(content);
    object.extend_from_slice(b"\nendstream");
    object
}

/// Compressed by the library that reads it, which leaves what would not shrink.
pub(crate) fn deflated(content: Vec<u8>) -> Vec<u8> {
    let before = content.len();
    let mut stream = Stream::new(lopdf::Dictionary::new(), content);
    stream.compress().unwrap();
    assert!(stream.content.len() < before, "this content does not shrink");
    stream.content
}

const FONT: &[u8] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// One page for each content, all with one font `/F`.
pub(crate) fn pages(contents: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), Vec::new(), FONT.to_vec()];
    let mut kids = String::new();
    for content in contents {
        let page = objects.len() + 1;
        kids.push_str(&format!("{page} 0 R "));
        let body = format!(
            "<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 3 0 R >> >> /Contents {} 0 R >>",
            page + 1
        );
        objects.push(body.into_bytes());
        objects.push(content.clone());
    }
    objects[1] = format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", contents.len()).into_bytes();
    pdf(&objects)
}

pub(crate) fn text(file: &[u8]) -> Result<String, ExtractError> {
    extract(b"a.pdf", file, Limits::default()).map(|document| document.text.into_owned())
}

#[test]
fn lines_words_paragraphs_and_pages_are_told_apart() {
    let first = b"BT /F 12 Tf 72 700 Td (A region is) Tj 0 -14 Td (sealed before) Tj \
        0 -14 TD [(it) -300 (is s) 20 (hared.)] TJ T* (Then) Tj 0 -40 Td (A new par\\341graph.) Tj ET";
    let second =
        b"q 1 0 0 1 10 700 cm BT /F 10 Tf 1 0 0 1 0 0 Tm (Second page,) Tj 1 0 0 1 200 0 Tm (far) Tj ET Q";
    let file = pages(&[
        stream("", first),
        stream("/Filter /FlateDecode", &deflated([&second[..], &[b' '; 500]].concat())),
    ]);
    let expected =
        "A region is\nsealed before\nit is shared.\nThen\n\nA new parágraph.\n\nSecond page, far\n";
    assert_eq!(text(&file).as_deref(), Ok(expected));
}

#[test]
fn a_font_with_a_unicode_map_is_read_through_it() {
    let map = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange\n<0000> <ffff>\n\
        endcodespacerange\n2 beginbfchar\n<0001> <0053>\n<0002> <00e9>\nendbfchar\nendcmap end end";
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 4 0 R >> >> /Contents 6 0 R >>".to_vec(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 5 0 R >>".to_vec(),
        stream("", map),
        stream("", b"BT /F 12 Tf 10 10 Td <00010002> Tj ET"),
    ];
    assert_eq!(text(&pdf(&objects)).as_deref(), Ok("Sé\n"));
}

#[test]
fn a_pdf_without_text_or_without_pages_says_so() {
    for file in [pages(&[stream("", b"0 0 10 10 re f")]), pages(&[])] {
        let error = text(&file).unwrap_err();
        assert!(
            matches!(&error, ExtractError::Failed { media: Media::Pdf, reason } if reason.contains("no text")),
            "{error}"
        );
        assert_eq!(error.code(), ErrorCode::ExtractFailed);
    }
}

#[test]
fn a_password_is_named_as_the_reason() {
    let mut objects =
        vec![b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec()];
    let key = "0".repeat(64);
    objects.push(
        format!("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{key}> /U <{key}> >>").into_bytes(),
    );
    let file = String::from_utf8(pdf(&objects)).unwrap();
    let file = file.replace("/Root 1 0 R", &format!("/Root 1 0 R /Encrypt 3 0 R /ID [<{key}> <{key}>]"));
    let error = text(file.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn a_header_alone_is_no_document() {
    for file in [&b"%PDF-1.7"[..], b"%PDF-", b"%PDF-1.4\ntrailer<</Root 1 0 R>>startxref\n0\n%%EOF"] {
        assert!(matches!(text(file), Err(ExtractError::Failed { media: Media::Pdf, .. })));
    }
}
