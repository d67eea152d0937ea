use ioi_search::{PASSAGE_BYTES_MAX, PASSAGE_BYTES_MIN, Passages};
use proptest::prelude::*;

fn texts(text: &str) -> Vec<&str> {
    Passages::new(text).map(|passage| passage.span.of(text).unwrap()).collect()
}

fn headings(text: &str) -> Vec<Option<&str>> {
    Passages::new(text).map(|passage| passage.heading.map(|heading| heading.of(text).unwrap())).collect()
}

/// Passages lie in order, apart, within bounds; between them is only white space.
fn assert_partition(text: &str) -> usize {
    let mut at = 0;
    let mut count = 0;
    for passage in Passages::new(text) {
        let start = passage.span.offset as usize;
        let own = passage.span.of(text).expect("a passage lies on character boundaries");
        assert!(start >= at, "passages overlap at {start}");
        assert!(text[at..start].trim().is_empty(), "text before {start} is in no passage");
        assert!(!own.is_empty() && own == own.trim());
        assert!(own.len() <= PASSAGE_BYTES_MAX);
        at = start + own.len();
        count += 1;
    }
    assert!(text[at..].trim().is_empty(), "text after {at} is in no passage");
    count
}

proptest! {
    #[test]
    fn passages_cover_all_text_in_order_without_overlap(
        pieces in prop::collection::vec(prop_oneof![
            Just("\n".to_string()), Just("\n\n".to_string()), Just("\r\n".to_string()), Just("# A title\n".to_string()),
            Just("```\n".to_string()), Just("\u{301}".to_string()), Just("\0".to_string()), Just("漢字。".to_string()),
            "[a-z ]{1,40}", "[a-zA-Z]{200,1200}", "[ \t\u{a0}]{1,30}", ".{0,60}", "[a-z]{3,9}[.!?] ",
        ], 0..120)
    ) {
        assert_partition(&pieces.concat());
    }

    #[test]
    fn passages_of_any_string_are_a_partition(text in any::<String>()) {
        assert_partition(&text);
    }
}

#[test]
fn hostile_texts_give_a_bounded_number_of_passages() {
    let megabytes = 10 << 20;
    assert!(assert_partition(&"x".repeat(megabytes)) <= megabytes / PASSAGE_BYTES_MAX + 1);
    assert!(assert_partition(&"\0".repeat(1 << 20)) <= (1 << 20) / PASSAGE_BYTES_MAX + 1);
    assert!(assert_partition(&"e\u{301}".repeat(1 << 20)) <= 3 * (1 << 20) / (PASSAGE_BYTES_MAX - 4) + 1);
    assert_eq!(assert_partition(&"\n".repeat(1_000_000)), 0);
    assert_eq!(assert_partition(&format!("a{}b", "\n".repeat(1_000_000))), 2);
    let titles = "# a\n".repeat(500_000);
    assert!(assert_partition(&titles) <= titles.len() / (PASSAGE_BYTES_MIN - 4));
    let windows = "A line of text that ends.\r\n\r\n".repeat(100_000);
    assert!(assert_partition(&windows) <= windows.len() / 480 + 1);
}

#[test]
fn a_passage_ends_before_a_heading_once_it_holds_enough() {
    let first = format!("# One\n\n{}", "Words of the first section. ".repeat(12));
    let text = format!("{first}\n\n## Two\n\nWords of the second.");
    assert_eq!(texts(&text), [first.trim(), "## Two\n\nWords of the second."]);
    assert_eq!(headings(&text), [Some("One"), Some("Two")]);
}

#[test]
fn short_sections_stay_together() {
    assert_eq!(texts("# One\n\na\n\n# Two\n\nb"), ["# One\n\na\n\n# Two\n\nb"]);
}

#[test]
fn a_long_section_is_cut_at_a_blank_line_and_keeps_its_heading() {
    let paragraph = "A sentence of some length that fills its paragraph well. ".repeat(7);
    let text = format!("# Title\n\n{0}\n\n{0}\n\n{0}", paragraph.trim());
    let found = texts(&text);
    assert_eq!(found.len(), 2);
    assert!(found[1].starts_with("A sentence"));
    assert_eq!(headings(&text), [Some("Title"), Some("Title")]);
}

#[test]
fn without_blank_lines_a_sentence_end_is_preferred_to_a_line_end() {
    let text = "some words of a sentence\nthat goes on and ends here. ".repeat(40);
    for passage in &texts(&text)[..2] {
        assert!(passage.ends_with("here."), "{passage:?}");
    }
}

#[test]
fn a_comment_in_a_fence_or_inside_a_paragraph_is_no_heading() {
    let text =
        format!("# Title\n\n```\n\n# not one\n\n```\n\nwords\n# nor this\n\n{}", "x y z. ".repeat(200));
    assert!(headings(&text).iter().all(|heading| *heading == Some("Title")));
}

#[test]
fn line_ends_of_either_kind_give_the_same_headings() {
    let text = format!("# One\n\n{}\n\n# Two\n\nb", "Words. ".repeat(60));
    assert_eq!(headings(&text), headings(&text.replace('\n', "\r\n")));
}

#[test]
fn seven_marks_or_no_text_make_no_heading() {
    assert_eq!(headings("####### deep"), [None]);
    assert_eq!(headings("# \n\n#tag"), [None]);
}
