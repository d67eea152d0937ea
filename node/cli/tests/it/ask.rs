//! `ioi ask`: quotes that stand where they are said to, and a receipt.

use crate::place::Place;
use serde_json::Value;
use std::fs;

const HERONS: &str = "# Birds\n\nCaf\u{e9} guests saw it. The grey heron nests in tall reeds beside the lake. \
                      It eats fish.\n";
const OWLS: &str = "The barn owl hunts at night over open fields.\r\nIts hearing is precise.\r\n";

fn with_birds() -> Place {
    let place = Place::new();
    place.write("docs/birds/herons.md", HERONS);
    place.write("docs/owls.txt", OWLS);
    place.write("docs/weather.html", "<html><body><h1>Rain</h1><p>Rain falls in April.</p></body></html>");
    place
}

/// Every citation's bytes are read again from the file, and its digest computed again from it.
fn assert_stands(place: &Place, citation: &Value) {
    let bytes = fs::read(place.path("docs").join(citation["path"].as_str().unwrap())).unwrap();
    let from = usize::try_from(citation["offset"].as_u64().unwrap()).unwrap();
    let length = usize::try_from(citation["length"].as_u64().unwrap()).unwrap();
    let quote = citation["quote"].as_str().unwrap();
    assert!(!quote.is_empty());
    assert_eq!(&bytes[from..from + length], quote.as_bytes(), "{citation}");
    let digest = format!("blake3:{}", blake3::hash(&bytes).to_hex());
    assert_eq!(citation["document_digest"], digest.as_str(), "{citation}");
}

#[test]
fn a_quote_stands_at_the_cited_place_of_the_cited_file() {
    let place = with_birds();
    let outcome = place.ask("Where does the grey heron nest?").outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let answer = outcome.event("answer");
    assert_eq!(answer["found"], true);
    let citations = answer["citations"].as_array().unwrap();
    assert_eq!(citations[0]["path"], "birds/herons.md");
    assert_eq!(citations[0]["quote"], "The grey heron nests in tall reeds beside the lake.");
    for citation in citations {
        assert_stands(&place, citation);
        assert!(answer["text"].as_str().unwrap().contains(citation["quote"].as_str().unwrap()));
    }
}

#[test]
fn what_was_read_is_counted_and_the_receipt_verifies() {
    let place = with_birds();
    let outcome = place.ask("When does the barn owl hunt?").outcome();
    let read = outcome.event("read");
    assert_eq!((read["documents"].as_u64(), read["skipped"].as_u64()), (Some(3), Some(0)));
    let bytes: u64 = ["birds/herons.md", "owls.txt", "weather.html"]
        .map(|name| fs::metadata(place.path("docs").join(name)).unwrap().len())
        .iter()
        .sum();
    assert_eq!(read["bytes"].as_u64(), Some(bytes));
    let receipt = outcome.event("receipt");
    place.assert_verifies(receipt["path"].as_str().unwrap().as_ref());
    assert_eq!(place.receipts(), [std::path::PathBuf::from(receipt["path"].as_str().unwrap())]);
}

#[test]
fn questions_from_standard_input_are_answered_one_after_the_other() {
    let place = with_birds();
    let mut node = place.converse().start_with_pipe();
    node.send(b"When does the barn owl hunt?\n");
    // The second question is sent only after the first answer: both come from one run.
    node.wait_for("\"answer\"");
    node.send(b"\nWhen does rain fall?\nzyxw vutsr\n");
    let outcome = node.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let answers = outcome.events_of("answer");
    assert_eq!(answers.len(), 3, "{outcome:?}");
    assert_eq!(answers[0]["citations"][0]["path"], "owls.txt");
    assert_stands(&place, &answers[0]["citations"][0]);
    assert_eq!(answers[1]["citations"][0]["path"], "weather.html");
    assert_eq!(answers[2]["found"], false);
    assert_eq!(answers[2]["citations"], serde_json::json!([]));
    let receipt = fs::read_to_string(&place.receipts()[0]).unwrap();
    assert!(receipt.contains("When does rain fall?"), "the receipt holds the questions");
}

#[test]
fn the_same_question_on_the_same_folder_has_the_same_answer() {
    let place = with_birds();
    let answer = || {
        let mut event = place.ask("heron owl rain").outcome().event("answer");
        event.as_object_mut().unwrap().remove("micros");
        event
    };
    assert_eq!(answer(), answer());
}

#[test]
fn people_get_the_answer_on_standard_output_and_the_rest_beside_it() {
    let place = with_birds();
    let folder = place.path("docs");
    let outcome =
        place.ioi(["ask".as_ref(), folder.as_os_str(), "Where does the grey heron nest?".as_ref()]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("tall reeds beside the lake"), "{outcome:?}");
    assert!(outcome.stdout.contains("birds/herons.md"), "{outcome:?}");
    assert!(outcome.stderr.contains("receipt.json"), "{outcome:?}");
    assert!(!outcome.stdout.contains("receipt.json"), "{outcome:?}");
}
