//! Every row of the hostile process.

use ioi_hostile::process::{Left, ROWS, Scene};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

#[test]
fn every_hostile_process_meets_a_named_error_or_is_harmless_and_leaves_nothing() {
    let mut broken = Vec::new();
    let rows: Vec<_> = ROWS.iter().copied().flatten().collect();
    for row in &rows {
        let (before, began) = (Left::now(), Instant::now());
        let met = catch_unwind(AssertUnwindSafe(|| {
            let mut scene = Scene::start(row, env!("CARGO_BIN_EXE_ioi-hostile"));
            (row.victim)(&mut scene);
        }));
        let after = Left::now();
        let word = if met.is_ok() { "ok" } else { "BROKEN" };
        eprintln!("{:<48} {word} {:?}", row.name, began.elapsed());
        if met.is_err() || after != before {
            broken.push((row.name, before, after));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(rows.len() >= 60, "only {} rows", rows.len());
}
