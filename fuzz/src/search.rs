//! Passages, index and reader: any texts and any question give the same hits, all inside the texts.

use ioi_search::reader::{self, Passage};
use ioi_search::{Answer, Builder, Hit, Index, PASSAGE_BYTES_MAX, Passages};

/// Hits that are asked for.
const HITS_MAX: usize = 8;

/// The first line is the question; texts are parted by zero bytes.
pub(crate) fn check(input: &[u8]) {
    let whole = String::from_utf8_lossy(input);
    let (question, rest) = whole.split_once('\n').unwrap_or((&whole, ""));
    let texts: Vec<&str> = rest.split('\0').collect();
    texts.iter().for_each(|text| check_passages(text));

    let together = index(texts.iter().enumerate());
    let (even, odd): (Vec<_>, Vec<_>) = texts.iter().enumerate().partition(|(number, _)| number % 2 == 0);
    let merged = Index::merge([index(odd.into_iter()), index(even.into_iter())]);
    assert_eq!(together.passage_count(), merged.passage_count());

    let (Ok(asked), Ok(again)) = (together.question(question), merged.question(question)) else { return };
    let hits = together.search(&asked, HITS_MAX);
    assert_eq!(hits, merged.search(&again, HITS_MAX), "however the texts were spread");
    check_hits(&hits, &texts);
    let passages: Vec<Passage<'_>> =
        hits.iter().map(|hit| Passage::new(hit, texts[hit.document as usize])).collect();
    let answer = reader::read(&asked, &passages, 3);
    assert_eq!(answer, reader::read(&again, &passages, 3));
    if let Answer::Quotes(quotes) = answer {
        assert!((1..=3).contains(&quotes.len()));
        for quote in quotes {
            assert!(passages[quote.passage].text.get(quote.range).is_some(), "a quote stands in its passage");
        }
    }
}

fn index<'t>(texts: impl Iterator<Item = (usize, &'t &'t str)>) -> Index {
    let mut builder = Builder::default();
    for (number, text) in texts {
        builder.add(number as u32, text).expect("a short text");
    }
    builder.finish()
}

fn check_hits(hits: &[Hit], texts: &[&str]) {
    assert!(hits.len() <= HITS_MAX && hits.is_sorted_by_key(|hit| std::cmp::Reverse(hit.score)));
    for hit in hits {
        let passage = Passage::new(hit, texts[hit.document as usize]);
        assert!(hit.score > 0 && !passage.text.is_empty() && passage.text.len() == hit.length as usize);
    }
}

/// Passages are in order, apart, short, and nothing but white space lies between them.
fn check_passages(text: &str) {
    let mut end = 0;
    for passage in Passages::new(text) {
        let start = passage.span.offset as usize;
        let own = passage.span.of(text).expect("a passage lies in its text");
        assert!(!own.is_empty() && own.len() <= PASSAGE_BYTES_MAX);
        assert!(text[end..start].trim().is_empty(), "no word is left out");
        if let Some(heading) = passage.heading {
            assert!(heading.of(text).is_some_and(|heading| !heading.is_empty()));
        }
        end = start + own.len();
    }
    assert!(text[end..].trim().is_empty(), "no word is left out at the end");
}
