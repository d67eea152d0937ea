//! The stream against one search of the whole text, with none of the stream's machinery.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// What a window told, one line an event; bytes that pass are put together.
#[derive(Debug, Default, PartialEq)]
struct Told {
    passed: Vec<u8>,
    findings: Vec<(Kind, u64, u64)>,
    /// How many bytes had passed when each finding began.
    places: Vec<usize>,
    seen: Vec<(u64, Kind)>,
}

impl Sink for Told {
    fn seen(&mut self, kind: Kind, start: u64, _: u64) -> bool {
        self.seen.push((start, kind));
        true
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.passed.extend_from_slice(bytes);
    }

    fn begin(&mut self, kind: Kind, start: u64, _: &[u8], _: bool) {
        self.findings.push((kind, start, u64::MAX));
        self.places.push(self.passed.len());
    }

    fn end(&mut self, end: u64) {
        self.findings.last_mut().unwrap().2 = end;
    }
}

fn stream(text: &[u8], cuts: &[usize]) -> Told {
    let (mut window, mut told, mut start) = (Window::new(Kinds::all()), Told::default(), 0);
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).chain([text.len()]).collect();
    ends.sort_unstable();
    for end in ends {
        window.push(&text[start..end], &mut told);
        start = end;
    }
    window.finish(&mut told);
    told
}

/// One search of everything, ends looked for byte by byte, and of each byte the finding that takes it first.
fn whole(text: &[u8]) -> Told {
    let mut found = Vec::new();
    view::find_all(text, Kinds::all(), &mut Levels::default(), &mut found);
    found.retain(|f| f.end - f.start <= SPELLING_BYTES_MAX);
    found.sort_by_key(|f| (f.start, Reverse(f.end), f.kind, Reverse(f.rest)));
    found.dedup();
    let mut told = Told { seen: found.iter().map(|f| (f.start as u64, f.kind)).collect(), ..Told::default() };
    let mut owners = vec![None; text.len()];
    for (number, found) in found.iter().enumerate() {
        let end = match found.rest {
            Rest::None => found.end,
            Rest::Token => (found.end..text.len()).find(|at| !is_token(text[*at])).unwrap_or(text.len()),
            Rest::Code => (found.end..text.len()).find(|at| !is_code(text[*at])).unwrap_or(text.len()),
            Rest::Pem => pem::end(text, found.end).unwrap_or(text.len()),
        };
        owners[found.start..end]
            .iter_mut()
            .filter(|owner| owner.is_none())
            .for_each(|owner| *owner = Some(number));
    }
    for (at, owner) in owners.iter().enumerate() {
        match owner {
            None => told.passed.push(text[at]),
            Some(number) if at > 0 && owners[at - 1] == *owner => {
                let _ = number;
                told.findings.last_mut().unwrap().2 = at as u64 + 1;
            }
            Some(number) => {
                told.findings.push((found[*number].kind, at as u64, at as u64 + 1));
                told.places.push(told.passed.len());
            }
        }
    }
    told
}

const SAMPLES: &[&str] = &[
    "ann@example.com",
    "+44 20 7946 0958",
    "4111 1111 1111 1111",
    "GB29 NWBK 6016 1331 9268 19",
    "SSN: 219-09-9999",
    "AB 12 34 56 C",
    "36 574 261 809",
    "X1234567L",
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
    concat!("gh", "p_0123456789abcdefghijABCDEFGHIJ012345"),
    concat!("-----BEGIN PRI", "VATE KEY-----\nMIIEvQ"),
    "\nabcd\n-----END PRIVATE KEY-----",
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.c2ln",
];

const NOISE: &[&str] = &[
    " the quick brown fox said so, and then went home. ",
    " ",
    "\n",
    "ability able about above absent absorb abstract ",
    "call me on ",
    "12",
    "-",
    "@",
    "%41%",
    r"\\\u00",
    r"\n",
    "é漢\u{200B}",
    "ＡＢ１",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w",
    "\r\n0011223344556677889900aabbccddeeff",
    "eyJ",
    "sk-",
];

fn spelled(sample: &str, how: usize) -> String {
    match how {
        0..4 => sample.to_owned(),
        4 => sample.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        5 => sample.bytes().map(|byte| format!("\\u{:04x}", byte)).collect(),
        6 => STANDARD.encode(sample),
        7 => ioi_types::hex::encode(sample.as_bytes()),
        8 => STANDARD.encode(spelled(sample, 5)),
        9 => spelled(&STANDARD.encode(format!("xy{sample}{sample}")), 4),
        10 => sample.replace('\n', "\\n").replace('@', "\\u0040"),
        _ => sample
            .bytes()
            .map(|b| {
                if b.is_ascii_graphic() { char::from_u32(u32::from(b) + 0xFEE0).unwrap() } else { b as char }
            })
            .collect(),
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let sample = (0..SAMPLES.len(), 0_usize..12).prop_map(|(at, how)| spelled(SAMPLES[at], how));
    let noise = (0..NOISE.len(), 1_usize..5).prop_map(|(at, times)| NOISE[at].repeat(times));
    let filler =
        (0..NOISE.len(), 0_usize..9000).prop_map(|(at, bytes)| NOISE[at].repeat(bytes / NOISE[at].len()));
    let token = (0_usize..2000).prop_map(|count| format!("{}{}", SAMPLES[10], "xY9_".repeat(count / 4)));
    let raw = prop::collection::vec(any::<u8>(), 0..30);
    let text = prop_oneof![4 => sample, 4 => noise, 1 => filler, 1 => token].prop_map(String::into_bytes);
    let part = prop_oneof![9 => text, 1 => raw];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn pieces_give_what_the_whole_text_gives(text in text(), cuts in prop::collection::vec(any::<usize>(), 0..60)) {
        let mut expected = whole(&text);
        let mut told = stream(&text, &cuts);
        expected.seen.sort();
        told.seen.sort();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn many_small_pieces_give_what_the_whole_text_gives(text in text(), piece in 1_usize..200) {
        let cuts: Vec<_> = (0..text.len()).step_by(piece).collect();
        let (told, expected) = (stream(&text, &cuts), whole(&text));
        prop_assert_eq!(told.findings, expected.findings);
        prop_assert_eq!(told.passed, expected.passed);
    }
}

/// Texts that are made to be looked at again and again.
fn hostile() -> Vec<(&'static str, String)> {
    let begin = SAMPLES[11];
    let many = |part: &str| part.repeat((1 << 20) / part.len());
    vec![
        ("addresses without end", many("a@")),
        ("addresses with long names", many(&format!("{}@", "a.".repeat(40)))),
        ("keys in a key", many(SAMPLES[10])),
        ("first lines", many(begin)),
        ("beginnings of first lines", many("-----BEGIN ")),
        ("digits", many("4")),
        ("groups of digits", many("4-1 ")),
        ("listed words", many("abandon ")),
        ("backslashes", many("\\")),
        ("escapes", many("\\u0041")),
        ("percent signs", many("%25")),
        ("letters of base64", many("QUJD")),
        ("base64 of base64", STANDARD.encode(STANDARD.encode(many("a@b.cd ")))),
        ("tokens", many("eyJhbGciOiIxIn0.")),
        ("unseen characters", many("\u{200B}")),
        ("lines of letters", many("QUJDREVG\n")),
    ]
}

#[test]
fn work_grows_with_the_text_and_what_is_held_does_not() {
    for (what, text) in hostile() {
        let (mut window, mut told) = (Window::new(Kinds::all()), Told::default());
        let mut held = 0;
        work::take();
        for piece in text.as_bytes().chunks(8 << 10) {
            window.push(piece, &mut told);
            held = held.max(window.held());
            told = Told::default();
            told.findings.push((Kind::Email, 0, 0));
        }
        window.finish(&mut told);
        let looks = work::take() / text.len() as u64;
        eprintln!("{what}: {looks} looks at a byte");
        assert!(looks < 400, "{what}: {looks} looks at a byte");
        assert!(held <= HOLD_BYTES_MAX + HOLD_BYTES_MAX / ROUNDS_MAX * 3, "{what}: {held} bytes were held");
        assert!(window.bytes.capacity() < 1 << 20, "{what}: {} bytes were kept", window.bytes.capacity());
    }
}
