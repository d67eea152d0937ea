//! For each kind, examples from the documents that define it, and what only looks alike. Keys are put together
//! here, so that no file holds one.

use crate::found;
use ioi_scrub::Kind;

/// Letters and digits of a key that nobody has.
fn letters(count: usize) -> String {
    "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT".chars().cycle().take(count).collect()
}

fn capitals(count: usize) -> String {
    "A2B3C4D5E6F7G2H3J4K5L6M7N2P3Q4R5S6T7".chars().cycle().take(count).collect()
}

fn is_found(kind: Kind, examples: &[&str]) {
    for example in examples {
        assert_eq!(found(&format!("before {example} after")), [(kind, *example)], "{example}");
        assert_eq!(found(example), [(kind, *example)], "alone: {example}");
    }
}

fn is_not_found(examples: &[&str]) {
    for example in examples {
        assert_eq!(found(&format!("before {example} after")), [], "{example}");
    }
}

#[test]
fn keys_are_found_by_their_prefix() {
    let keys: Vec<String> = [
        ("sk-", 48),
        ("sk-proj-", 120),
        ("sk-ant-api03-", 95),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("ghp_", 36),
        ("gho_", 36),
        ("ghu_", 36),
        ("ghs_", 36),
        ("github_pat_", 82),
        ("xoxb-", 50),
        ("xoxp-", 70),
        ("AIza", 35),
        ("npm_", 36),
        ("pypi-", 160),
        ("glpat-", 20),
        ("hf_", 34),
        ("gsk_", 52),
        ("SG.", 66),
        ("dckr_pat_", 27),
    ]
    .iter()
    .map(|(prefix, count)| format!("{prefix}{}", letters(*count)))
    .chain(["AKIA", "ASIA"].map(|prefix| format!("{prefix}{}", capitals(16))))
    .collect();
    is_found(Kind::ApiKey, &keys.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_only_begins_like_a_key_is_none() {
    let near: Vec<String> = vec![
        format!("task-{}", letters(40)),
        "sk-loading-spinner-large-and-blue".into(),
        format!("ghp_{}", letters(35)),
        format!("AKIA{}", capitals(15)),
        format!("AKIA{}", capitals(17)),
        format!("XAKIA{}", capitals(16)),
        format!("AIza{}", letters(34)),
        "xoxb-and-so-on-and-so-forth-it-goes".into(),
        "npm_config_registry and npm_package_name".into(),
    ];
    is_not_found(&near.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_secret_half_of_an_aws_key_is_found_by_the_name_before_it() {
    let secret = format!("{}/{}+", letters(20), letters(18));
    for before in ["aws_secret_access_key = ", "AWS_SECRET_ACCESS_KEY=", "\"SecretAccessKey\": \""] {
        let text = format!("{before}{secret}\" and on");
        assert_eq!(found(&text), [(Kind::ApiKey, secret.as_str())], "{before}");
    }
    for text in [
        format!("sha = {secret}"),
        format!("aws_secret_access_key = {secret}x"),
        format!("aws_secret_access_key is explained in {}", "x".repeat(40)),
    ] {
        assert_eq!(found(&text), [], "{text}");
    }
}

fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----")
}

#[test]
fn private_keys_are_found_to_their_last_line() {
    let key = ["PRIVATE", "KEY"].join(" ");
    for label in ["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""] {
        let block = pem(
            &format!("{label}{key}"),
            &format!("Proc-Type: 4,ENCRYPTED\n\n{}\n{}==", letters(64), letters(30)),
        );
        is_found(Kind::PrivateKey, &[&block]);
    }
    let block = pem(&format!("PGP {key} BLOCK"), &letters(64));
    is_found(Kind::PrivateKey, &[&block]);
    is_not_found(&[
        &pem("PUBLIC KEY", &letters(64)),
        &pem("CERTIFICATE", &letters(64)),
        &format!("a file with \"-----BEGIN {key}-----\" in it"),
    ]);
}

#[test]
fn a_private_key_without_a_last_line_goes_on_to_the_end() {
    let begin = format!("-----BEGIN {}-----\n{}\n", ["PRIVATE", "KEY"].join(" "), letters(64));
    let text = format!("first {begin}{}", "and all the rest of it ".repeat(5000));
    assert_eq!(found(&text), [(Kind::PrivateKey, &text[6..])]);
}

#[test]
fn json_web_tokens_are_found() {
    // The example of RFC 7519, section 3.1, and one with a header in another order.
    let rfc = [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODB9",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ]
    .join(".");
    let other = ["eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJl"].join(".");
    let encrypted =
        ["eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0", "", "aXY", "Y2lwaGVydGV4dA", "dGFn"].join(".");
    let long = format!("{rfc}{}", letters(5000));
    is_found(Kind::Jwt, &[&rfc, &other, &encrypted, &long]);
    is_not_found(&[
        "eyJhIjoxfQ.eyJhIjoxfQ.c2lnbmF0dXJl",
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        &format!("x{other}"),
    ]);
}

#[test]
fn seed_phrases_are_found_by_their_checksum() {
    // Vectors that BIP-39 refers to.
    is_found(
        Kind::SeedPhrase,
        &[
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "Zoo Zoo Zoo Zoo Zoo Zoo Zoo Zoo Zoo Zoo Zoo Wrong",
            "gravity machine north sort system female filter attitude volume fold club stay feature office ecology stable narrow fog",
            "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
            "ozone, drill, grab, fiber, curtain, grace, pudding, thank, cruise, elder, eight, picnic",
            "scheme\n2. spot\n3. photo\n4. card\n5. baby\n6. mountain\n7. device\n8. kick\n9. cradle\n10. pact\n11. join\n12. borrow",
        ],
    );
    is_not_found(&[
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon",
        "legal winner thank year wave sausage worth useful legal winner thank",
        "legal winner thank year wave sausage of worth useful legal winner thank yellow",
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo able",
    ]);
}

#[test]
fn addresses_for_mail_are_found() {
    is_found(
        Kind::Email,
        &[
            "ann@example.com",
            "first.last+tag@mail.example.co.uk",
            "o'neil_1@sub-domain.example.org",
            "a@b.io",
            "x@xn--bcher-kva.example",
            "UPPER@EXAMPLE.COM",
        ],
    );
    is_not_found(&[
        "ann@localhost",
        "@example.com",
        "ann@",
        "ann@-x.com",
        "icon@2x.png",
        "a@b.1",
        "ann.@example.com",
        "ann@exam_ple",
        "user@10.0.0.1",
    ]);
    assert_eq!(
        found("<ann@example.com>, (bob@example.org)."),
        [(Kind::Email, "ann@example.com"), (Kind::Email, "bob@example.org")]
    );
}

#[test]
fn telephone_numbers_are_found_by_form_or_by_the_word_before_them() {
    // Numbers that are set aside for fiction.
    is_found(
        Kind::Phone,
        &[
            "+12025550143",
            "+1 202-555-0143",
            "+44 20 7946 0958",
            "+49 (0)30 23125 123",
            "+33 1 99 00 12 34",
            "(202) 555-0143",
            "202-555-0143",
            "202.555.0143",
            "1-202-555-0143",
        ],
    );
    for (text, number) in [
        ("tel: 030 23125123", "030 23125123"),
        ("Please call 2025550143 now", "2025550143"),
        ("Telefon 030/23125-123", "030/23125-123"),
        ("mobile 07700 900123", "07700 900123"),
        ("phone=202-555-0143&x", "202-555-0143"),
    ] {
        assert_eq!(found(text), [(Kind::Phone, number)], "{text}");
    }
    is_not_found(&[
        "030 23125123",
        "2025550143",
        "+1 234",
        "version 1.2.3",
        "2026-11-22 08:33:22",
        "call me on 2026-11-22",
        "+01234567890",
        "10.0.0.1",
        "1,234,567,890",
        "a+12025550143",
        "123-456-7890",
    ]);
}

#[test]
fn account_numbers_are_found_by_country_length_and_checksum() {
    // Examples of the registry of ISO 13616.
    is_found(
        Kind::Iban,
        &[
            "GB29NWBK60161331926819",
            "GB29 NWBK 6016 1331 9268 19",
            "DE89370400440532013000",
            "de89370400440532013000",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "DE89 3704 0044 0532 0130 00",
        ],
    );
    is_not_found(&[
        "GB29NWBK60161331926818",
        "DE8937040044053201300",
        "DE893704004405320130001",
        "ZZ29NWBK60161331926819",
        "XDE89370400440532013000",
    ]);
}

#[test]
fn cards_are_found_by_issuer_and_checksum() {
    // Numbers that payment providers publish for tests.
    is_found(
        Kind::Card,
        &[
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "4222222222222",
            "6200000000000005",
            "6759649826438453",
        ],
    );
    is_not_found(&[
        "4111111111111112",
        "1111111111111117",
        "41111111111111111",
        "0.4111111111111111",
        "id4111111111111111",
        "411111111111111",
        "9999999999999995",
    ]);
}

#[test]
fn numbers_of_the_united_states_are_found_behind_a_word() {
    for (text, number) in [
        ("SSN: 219-09-9999", "219-09-9999"),
        ("Social Security number 078 05 1120", "078 05 1120"),
        ("\"ssn\":\"219099999\"", "219099999"),
    ] {
        assert_eq!(found(text), [(Kind::UsSsn, number)], "{text}");
    }
    is_not_found(&[
        "219-09-9999",
        "SSN 000-12-3456",
        "SSN 666-12-3456",
        "SSN 900-12-3456",
        "SSN 219-00-9999",
        "SSN 219-09-0000",
        "lessn 219-09-9999",
        "SSN 2190-99-999",
    ]);
}

#[test]
fn numbers_of_the_united_kingdom_are_found() {
    is_found(Kind::UkNino, &["AB123456C", "AB 12 34 56 C", "CE123456D", "JG121316A"]);
    is_not_found(&[
        "QQ123456C",
        "AB123456E",
        "GB123456A",
        "ab123456c",
        "AB1234567C",
        "XAB123456C",
        "AO123456C",
        "AB123456CD",
    ]);
}

#[test]
fn german_tax_numbers_are_found_by_their_check_digit() {
    is_found(Kind::DeTaxId, &["36574261809", "36 574 261 809", "86095742719", "65929970489"]);
    is_not_found(&["36574261808", "36554266806", "12345678901", "03657426180", "365742618090"]);
}

#[test]
fn french_numbers_are_found_by_their_key() {
    is_found(
        Kind::FrNir,
        &[
            "255081416802538",
            "2 55 08 14 168 025 38",
            "295109912611193",
            "253072A07300443",
            "253072B07300470",
        ],
    );
    is_not_found(&[
        "255081416802539",
        "955081416802538",
        "255131416802533",
        "253072C07300443",
        "2550814168025380",
    ]);
}

#[test]
fn spanish_numbers_are_found_by_their_letter() {
    is_found(Kind::EsDni, &["12345678Z", "54362315-K", "X1234567L", "X2482300W", "00000000T"]);
    is_not_found(&[
        "12345678A",
        "12345678",
        "1234567Z",
        "X1234567A",
        "W1234567L",
        "123456789Z",
        "12345678ZZ",
    ]);
}

#[test]
fn italian_tax_codes_are_found_by_their_letter() {
    is_found(Kind::ItTaxCode, &["RSSMRA85T10A562S", "RCCMNL83S18D969H", "rssmra85t10a562s"]);
    is_not_found(&["RSSMRA85T10A562T", "RSSMRA85F10A562S", "RSSMRA85T10A562", "XRSSMRA85T10A562S"]);
}
