use crate::naive;
use ioi_search::{Hit, Index, QuestionError, Span};
use ioi_types::limits::QUESTION_BYTES_MAX;
use proptest::prelude::*;

fn build(texts: &[(u32, String)]) -> Index {
    let mut builder = Index::builder();
    for (document, text) in texts {
        builder.add(*document, text).unwrap();
    }
    builder.finish()
}

fn ask(index: &Index, question: &str, count_max: usize) -> Vec<Hit> {
    index.search(&index.question(question).unwrap(), count_max)
}

/// Texts over few words, so that terms repeat, with the shapes that matter.
fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "seal",
        "sealed",
        "sealing",
        "Regions",
        "the",
        "the",
        "the",
        "of",
        "caches",
        "caching",
        "flies",
        "x1",
        "needed",
        "running",
        "class",
        "status",
        "bus",
        "Éte\u{301}",
        "Über",
        "漢字か",
        "a漢b",
        "wal_level",
        "don't",
        "STRASSE",
        "straße",
        "0",
        "\n\n# Rings and regions\n\n",
        "\n",
        "\n\n",
        ". ",
        "```",
    ]);
    prop::collection::vec(word, 0..500).prop_map(|words| words.join(" "))
}

fn corpus() -> impl Strategy<Value = Vec<(u32, String)>> {
    prop::collection::vec(text(), 0..7).prop_map(|texts| {
        texts.into_iter().enumerate().map(|(number, text)| (number as u32 * 3, text)).collect()
    })
}

fn question() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "seals", "region", "the", "cache", "fly", "ringing", "été", "uber", "漢", "x1", "none",
    ]);
    prop::collection::vec(word, 1..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_index_finds_exactly_what_the_naive_reference_finds(
        texts in corpus(), question in question(), count_max in 0_usize..40
    ) {
        prop_assert_eq!(ask(&build(&texts), &question, count_max), naive::search(&texts, &question, count_max));
    }

    #[test]
    fn hits_do_not_depend_on_shards_or_order(
        texts in corpus(), question in question(), cut in 0_usize..7, reversed in any::<bool>()
    ) {
        let whole = build(&texts);
        let (left, right) = texts.split_at(cut.min(texts.len()));
        let mut shards = vec![build(left), build(right)];
        if reversed {
            shards.reverse();
        }
        let merged = Index::merge(shards);
        prop_assert_eq!(merged.question(&question).unwrap(), whole.question(&question).unwrap());
        prop_assert_eq!(ask(&merged, &question, 20), ask(&whole, &question, 20));
    }

    #[test]
    fn any_text_and_question_are_taken(text in any::<String>(), question in any::<String>()) {
        let index = build(&[(0, text)]);
        if let Ok(question) = index.question(&question) {
            let _ = index.search(&question, 5);
        }
    }
}

#[test]
fn scores_are_these_bits_on_every_machine() {
    let texts = [
        (4, "# Seals\n\nA region is sealed before it is shared. Sealing is final.".to_string()),
        (2, "A ring carries frames between two processes.".to_string()),
        (9, "The supervisor makes regions, and seals them.".to_string()),
    ];
    let hits: Vec<_> = ask(&build(&texts), "When is a region sealed?", 9);
    let golden = [(4, 275_941), (9, 96_466), (2, 48_233)];
    assert_eq!(hits.iter().map(|hit| (hit.document, hit.score)).collect::<Vec<_>>(), golden);
    assert_eq!(hits[0].heading, Some(Span { offset: 2, length: 5 }));
    assert_eq!(hits, naive::search(&texts, "When is a region sealed?", 9));
}

/// Text of distinct words, more than one segment can hold.
fn distinct_words(count: u32) -> String {
    (0..count).map(|number| format!("{:06x}\n", number.wrapping_mul(0x9e_3779) & 0xff_ffff)).collect()
}

#[test]
fn every_word_is_found_across_segments_and_none_twice() {
    let text = distinct_words(300_000);
    let index = build(&[(0, text.clone())]);
    for number in (0..300_000).step_by(7919) {
        let at = number * 7;
        let hits = ask(&index, &text[at..at + 6], 10);
        assert_eq!(hits.len(), 1, "word {number}");
        let (start, end) = (hits[0].offset as usize, (hits[0].offset + hits[0].length) as usize);
        assert!(start <= at && at + 6 <= end, "word {number}");
    }
}

#[test]
fn an_index_takes_less_than_nine_tenths_of_even_a_text_of_distinct_words() {
    let text = distinct_words(600_000);
    let index = build(&[(0, text.clone())]);
    assert!(index.heap_bytes() * 10 < text.len() * 9, "{} of {}", index.heap_bytes(), text.len());
}

#[test]
fn tiny_documents_fill_segments_by_their_number() {
    let texts: Vec<_> = (0..70_000).map(|number| (number, format!("{} same", number % 100))).collect();
    let index = build(&texts);
    assert_eq!(index.passage_count(), 70_000);
    let hits = ask(&index, "42", 1000);
    assert_eq!(hits.len(), 700);
    assert!(hits.iter().all(|hit| hit.document % 100 == 42 && hit.score == hits[0].score));
    assert!(hits.is_sorted_by_key(|hit| hit.document));
}

#[test]
fn a_question_without_words_or_too_long_is_refused() {
    let index = build(&[]);
    assert_eq!(index.question(" ?!\n"), Err(QuestionError::NoTerms));
    assert_eq!(index.question(""), Err(QuestionError::NoTerms));
    let long = "a ".repeat(QUESTION_BYTES_MAX / 2);
    assert!(index.question(&long).is_ok());
    let longer = format!("{long}a");
    assert_eq!(index.question(&longer), Err(QuestionError::TooLong { bytes: QUESTION_BYTES_MAX + 1 }));
}

#[test]
fn an_empty_index_finds_nothing() {
    assert_eq!(ask(&build(&[]), "anything", 5), []);
    assert_eq!(ask(&build(&[(0, " \n ".into())]), "anything", 5), []);
}

#[test]
fn only_the_first_sixty_four_terms_of_a_question_count() {
    let index = build(&[(0, "needle".into())]);
    let padding: String = (0..64).map(|number| format!("p{number} ")).collect();
    assert_eq!(ask(&index, &format!("{padding} needle"), 5), []);
    assert_eq!(ask(&index, &format!("needle {padding}"), 5).len(), 1);
}
