//! Every input that is kept, and seeded mutations of each, through the target that it is kept for.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use ioi_fuzz::mutate::mutate;
use ioi_fuzz::{TARGETS, Target};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// All kept inputs together stay small enough to be read as part of the source.
const CORPUS_BYTES_MAX: u64 = 500 << 10;

fn corpus() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&folder).join("corpus")
}

/// A target's inputs with their names, in order.
fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(corpus().join(target.name)).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<_> = entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// Says which input it was before the test fails.
fn holds(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.check)(input))).is_err() {
        panic!("{} does not hold for {what}: {}", target.name, input.escape_ascii());
    }
}

/// Replays a target's corpus, and so many mutations of all its files together.
fn replay(name: &str, mutations: u64) {
    let target = ioi_fuzz::find(name).unwrap();
    let seed = std::env::var("IOI_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    eprintln!("seed {seed} (IOI_FUZZ_SEED changes it)");
    let inputs = inputs(target);
    for (file, input) in &inputs {
        holds(target, input, file);
    }
    for number in 0..mutations {
        let place = |number: u64| &inputs[number as usize % inputs.len()];
        let ((file, input), (_, other)) = (place(number), place(number / inputs.len() as u64));
        let mutated = mutate(input, other, seed.wrapping_mul(1 << 32).wrapping_add(number));
        holds(target, &mutated, &format!("mutation {number} of {file} under seed {seed}"));
    }
}

macro_rules! replays {
    ($($test:ident: $name:literal, $mutations:literal;)*) => {
        $(#[test]
        fn $test() {
            replay($name, $mutations);
        })*

        /// The names that the tests above replay.
        const REPLAYED: &[&str] = &[$($name),*];
    };
}

// Fewer where one run costs a signature or a compressed file.
replays! {
    records_of_a_byte_ring_lie_within_what_was_written: "byte-ring", 3000;
    canonical_json_has_one_spelling: "canon", 6000;
    a_cells_end_outlives_any_words_across_from_it: "cell", 3000;
    a_context_slice_is_viewed_inside_its_bytes: "context", 4000;
    frames_are_counted_and_payloads_are_one_thing: "control", 6000;
    nothing_outside_of_a_policy_is_allowed: "decision", 2000;
    frames_are_the_bytes_they_are_decoded_from: "frames", 3000;
    a_handle_that_is_believed_is_a_lease: "handles", 6000;
    text_of_a_page_is_bounded: "html", 1500;
    a_list_of_descriptors_has_one_spelling: "inherited", 3000;
    a_journal_recovers_to_a_state_it_had: "journal", 400;
    what_a_lens_reads_is_bounded_and_the_same_again: "lenses", 4000;
    only_true_merkle_proofs_verify: "merkle", 300;
    ids_and_digests_have_one_spelling: "names", 4000;
    a_pdf_never_hangs_or_overflows: "pdf", 800;
    a_policy_allows_only_by_a_rule: "policy", 600;
    only_the_golden_receipt_verifies: "receipt", 300;
    an_edited_receipt_does_not_verify: "receipt-edits", 200;
    a_recovered_log_was_written: "records", 300;
    a_message_of_a_ring_is_what_its_slot_says: "ring", 8000;
    a_message_of_a_router_has_one_spelling: "routed", 4000;
    what_an_init_reports_is_read_or_refused: "sandbox", 2000;
    a_scrubbed_text_does_not_depend_on_its_pieces: "scrub", 1500;
    a_search_is_deterministic_and_inside_its_texts: "search", 400;
    service_shapes_have_one_spelling: "services", 3000;
    a_session_answers_each_call_once: "session", 3000;
    signed_records_verify_as_a_whole_session_alone: "signed-records", 100;
    a_statement_has_one_encoding: "statement", 1000;
    text_is_the_documents_or_bounded: "text", 3000;
    an_accepted_view_is_the_same_when_written_again: "views", 4000;
}

#[test]
fn each_target_has_a_folder_of_inputs_and_a_test() {
    let folders = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().file_name());
    let folders: BTreeSet<String> = folders.map(|name| name.to_string_lossy().into_owned()).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let replayed: BTreeSet<String> = REPLAYED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(folders, targets);
    assert_eq!(replayed, targets);
    assert!(TARGETS.iter().all(|target| inputs(target).len() >= 2), "a target without inputs");
}

#[test]
fn the_corpus_is_small() {
    let bytes: usize = TARGETS.iter().flat_map(inputs).map(|(_, input)| input.len()).sum();
    assert!(bytes as u64 <= CORPUS_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn a_mutation_follows_from_its_seed_and_most_change_something() {
    let (input, other) = (b"{\"a\":[1,2,3]}".as_slice(), b"xyz".as_slice());
    let all: Vec<_> = (0..200).map(|seed| mutate(input, other, seed)).collect();
    assert_eq!(all, (0..200).map(|seed| mutate(input, other, seed)).collect::<Vec<_>>());
    let different: BTreeSet<_> = all.iter().collect();
    assert!(different.len() > 150, "{} different", different.len());
}
