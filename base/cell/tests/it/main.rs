//! The map against the page that everybody builds from: the same numbers, written down twice.

use ioi_cell::*;

/// The cells of each table row of the page whose first cell starts so, one row each.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let path = "../../docs/design/data-plane.md";
    let page = std::fs::read_to_string(path).expect("the page is there");
    let rows = page.lines().skip_while(|line| !line.starts_with(heading)).skip(2);
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "the page has no table {heading}");
    rows
}

/// `64 × 96`, `512 KiB`, `0x002000`
fn number(text: &str) -> u32 {
    let one = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).expect(text),
        None => text.parse().expect(text),
    };
    let (text, unit) = match text.split_once(' ') {
        Some((number, "KiB")) => (number, 1024),
        Some((number, "MiB")) => (number, 1 << 20),
        _ => (text, 1),
    };
    text.split(" × ").map(one).product::<u32>() * unit
}

#[test]
fn sections_lie_where_the_page_says_and_are_written_by_whom_it_says() {
    let rows = rows("| section | offset | bytes |");
    let (arena, sections) = rows.split_last().expect("the arena is the last");
    assert_eq!(sections.len(), SECTIONS.len());
    for (row, section) in sections.iter().zip(SECTIONS) {
        assert_eq!((number(&row[1]), number(&row[2])), (section.offset, section.bytes), "{row:?}");
        let flags = match row[3].as_str() {
            "host" => SUPERVISOR_FLAG_HOST,
            "peer" | "caller (peer)" => SUPERVISOR_FLAG_PEER,
            _ => SUPERVISOR_FLAG_HOST | SUPERVISOR_FLAG_PEER,
        };
        assert_eq!(section.flags, flags, "{row:?}");
    }
    assert_eq!(number(&arena[1]), ARENA_OFFSET);
}

#[test]
fn epochs_have_the_numbers_of_the_page() {
    let expected = [
        ("0 `inbox`", EPOCH_INBOX),
        ("1 `outbox`", EPOCH_OUTBOX),
        ("2 `registry`", EPOCH_REGISTRY),
        ("3 `supervisor`", EPOCH_SUPERVISOR),
        ("4 `health_host`", EPOCH_HEALTH_HOST),
        ("5 `health_peer`", EPOCH_HEALTH_PEER),
        ("6 `syscall`", EPOCH_SYSCALL),
        ("7 `pattern`", EPOCH_PATTERN),
        ("8 `history`", EPOCH_HISTORY),
        ("9 `ping_pong`", EPOCH_PING_PONG),
        ("10 `shutdown`", EPOCH_SHUTDOWN),
        ("16–31", EPOCH_MODULES_FIRST),
    ];
    let rows = rows("| epoch | raised by |");
    assert_eq!(rows.len(), expected.len());
    for (row, (name, epoch)) in rows.iter().zip(expected) {
        assert_eq!(row[0], name);
        assert!(name.starts_with(&epoch.to_string()), "{name} is {epoch}");
    }
}

#[test]
fn tiers_and_handles_are_those_of_the_page() {
    let tiers = rows("| tier | region bytes |").into_iter().map(|row| number(&row[1]));
    let expected = [TIER_LIGHT_BYTES, TIER_MODERATE_BYTES, TIER_HEAVY_BYTES, TIER_DEDICATED_BYTES];
    assert!(tiers.eq(expected));
    let page = std::fs::read_to_string("../../docs/design/data-plane.md").expect("the page is there");
    let handle = page.split("## Handle").nth(1).expect("the page has handles");
    let expected = [
        ("| 0 | 8 | `region`", HANDLE_REGION_OFFSET),
        ("| 8 | 4 | `generation`", HANDLE_GENERATION_OFFSET),
        ("| 12 | 4 | `type_id`", HANDLE_TYPE_ID_OFFSET),
        ("| 16 | 8 | `offset`", HANDLE_OFFSET_OFFSET),
        ("| 24 | 8 | `length`", HANDLE_LENGTH_OFFSET),
    ];
    for (row, offset) in expected {
        assert!(handle.contains(row) && row.starts_with(&format!("| {offset} ")), "{row}");
    }
}
