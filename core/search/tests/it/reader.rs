use ioi_search::reader::{Passage, QUOTES_MAX, read};
use ioi_search::{Answer, Index, Question};
use proptest::prelude::*;

fn passage(text: &str) -> Passage<'_> {
    Passage { text, heading: "", score: 0 }
}

/// A question weighed by an index of these passages, each a document.
fn weigh(passages: &[Passage<'_>], question: &str) -> Question {
    let mut builder = Index::builder();
    for (number, passage) in passages.iter().enumerate() {
        builder.add(number as u32, passage.text).unwrap();
    }
    builder.finish().question(question).unwrap()
}

fn quoted(passages: &[Passage<'_>], question: &str, count_max: usize) -> Vec<String> {
    match read(&weigh(passages, question), passages, count_max) {
        Answer::Quotes(quotes) => {
            quotes.into_iter().map(|quote| passages[quote.passage].text[quote.range].to_string()).collect()
        }
        Answer::NoPassageAnswers => Vec::new(),
    }
}

const SEALS: &str = "Memory is made by the supervisor, e.g. on request. A region is sealed before it is shared. \
    After that nobody can write to it.";
const RINGS: &str = "A ring carries frames. Its writer never blocks; its reader may sleep.";

#[test]
fn the_sentence_that_holds_the_subject_is_quoted_whole_and_alone() {
    let passages = [passage(RINGS), passage(SEALS)];
    assert_eq!(quoted(&passages, "When is a region sealed?", 1), ["A region is sealed before it is shared."]);
    assert_eq!(quoted(&passages, "What does a ring carry?", 1), ["A ring carries frames."]);
}

#[test]
fn an_abbreviation_ends_no_sentence() {
    let found = quoted(&[passage(SEALS), passage(RINGS)], "Which supervisor made the memory on request?", 1);
    assert_eq!(found, ["Memory is made by the supervisor, e.g. on request."]);
}

#[test]
fn a_question_about_something_else_is_not_answered() {
    let passages = [passage(SEALS), passage(RINGS)];
    for question in
        ["How do zebras migrate across Kenya?", "Who shared the pizza with Napoleon's uncle?", "zebra"]
    {
        assert_eq!(quoted(&passages, question, 5), [""; 0], "{question}");
    }
    assert_eq!(read(&weigh(&[], "anything"), &[], 5), Answer::NoPassageAnswers);
    assert_eq!(read(&weigh(&passages, "ring"), &passages, 0), Answer::NoPassageAnswers);
}

#[test]
fn a_sentence_needs_a_third_of_the_subject_and_its_passage_half() {
    let answers = |text: &str, question: &str| {
        let other = "Something else stands here.";
        quoted(&[passage(text), passage(other), passage(other)], question, 1)
    };
    let scattered = "The ring is here. A seal is there. The lock is old.";
    assert_eq!(answers(scattered, "ring seal lock"), ["The ring is here."]);
    assert_eq!(answers(scattered, "ring seal lock door"), [""; 0]);
    let together = "The ring has a seal. The lock is old.";
    assert_eq!(answers(together, "ring seal lock door"), ["The ring has a seal."]);
    assert_eq!(answers("The ring has a seal. The house is old.", "ring seal lock door"), [""; 0]);
}

#[test]
fn a_definition_is_quoted_by_its_label() {
    let text = "fsync (boolean)\n\nIf this is on, writes reach the disk before a commit returns.\n\n\
        full_page_writes (boolean)\n\nIf this is on, whole pages are logged after a checkpoint.";
    let found = quoted(&[passage(text), passage(RINGS)], "What does fsync do?", 1);
    assert_eq!(found, ["If this is on, writes reach the disk before a commit returns."]);
}

#[test]
fn headings_help_and_are_never_quoted() {
    let texts = [
        "# Sealed regions\n\nNobody can write to one again.",
        "The regions of France are sealed off from nobody.",
    ];
    let found = quoted(&[passage(texts[0]), passage(RINGS)], "Who can write to sealed regions again?", 3);
    assert_eq!(found, ["Nobody can write to one again."]);
}

#[test]
fn a_sentence_that_was_quoted_is_not_quoted_again() {
    let passages = [passage(RINGS), passage(RINGS), passage(SEALS)];
    assert_eq!(quoted(&passages, "What does a ring carry?", 5), ["A ring carries frames."]);
}

#[test]
fn words_near_and_in_the_asked_order_win() {
    let far =
        "Frames that a slow reader of the log wants are late, and it is the ring that was to carry them on.";
    let near =
        "It is on the ring that frames are carried by their writer for the late reader of the slow log.";
    let found = quoted(&[passage(far), passage(near), passage(SEALS)], "ring frames", 1);
    assert_eq!(found, [near]);
}

#[test]
fn the_passage_found_first_wins_between_equals() {
    let passages = [passage("A ring is big."), passage("A ring is old."), passage(SEALS)];
    assert_eq!(quoted(&passages, "ring", 2), ["A ring is big.", "A ring is old."]);
    let mut better = passages;
    better[1].score = 1;
    assert_eq!(quoted(&better, "ring", 1), ["A ring is old."]);
}

proptest! {
    #[test]
    fn quotes_are_bounded_ordered_pieces_of_the_passages(
        texts in prop::collection::vec("([a-z]{1,6}[ .!?\n]{1,2}|# |- |漢字。|\u{301}|[0-9]. |.){0,80}", 0..6),
        question in "[a-z]{1,6}( [a-z]{1,6}){0,4}",
        count_max in 0_usize..200,
    ) {
        let passages: Vec<_> = texts.iter().map(|text| passage(text)).collect();
        let question = weigh(&passages, &question);
        let answer = read(&question, &passages, count_max);
        prop_assert_eq!(&answer, &read(&question, &passages, count_max));
        if let Answer::Quotes(quotes) = answer {
            prop_assert!(!quotes.is_empty() && quotes.len() <= count_max.min(QUOTES_MAX));
            prop_assert!(quotes.is_sorted_by(|left, right| left.score >= right.score));
            for quote in quotes {
                let text = passages[quote.passage].text.get(quote.range);
                prop_assert!(text.is_some_and(|text| !text.is_empty() && text.trim() == text));
            }
        }
    }
}

#[test]
fn a_passage_of_a_megabyte_without_an_end_is_quoted_in_pieces() {
    let text = "ring ".repeat(200_000);
    let passages = [passage(&text), passage(SEALS)];
    let found = quoted(&passages, "ring", 3);
    assert!(!found.is_empty() && found.iter().all(|quote| quote.len() <= 600));
}
