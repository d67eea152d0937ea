//! Recognisers against the same rules written a second time, the slow and simple way, over random text that is
//! nearly right.

use crate::found;
use ioi_scrub::Kind;
use proptest::prelude::*;

/// Whether a byte stands alone beside what is no letter, digit or low line.
fn is_edge(text: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| text.get(at)).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
}

/// ISO 13616 as its text says: move four letters to the end, write letters as numbers, divide by 97.
fn is_iban(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    let lengths = [("DE", 22), ("NO", 15), ("FR", 27), ("GB", 22)];
    if !plain.is_ascii() || !lengths.contains(&(&plain[..2.min(plain.len())], plain.len())) {
        return false;
    }
    let turned = format!("{}{}", &plain[4..], &plain[..4]);
    let digits: String = turned.chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
    digits.chars().fold(0, |rest, digit| (rest * 10 + digit.to_digit(10).unwrap()) % 97) == 1
}

/// Luhn's rule as ISO/IEC 7812 says: from the right, every second digit doubled, digits of products added up.
fn is_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .rev()
        .enumerate()
        .map(|(place, digit)| digit.to_digit(10).unwrap() * (1 + place as u32 % 2))
        .flat_map(|product| [product / 10, product % 10])
        .sum();
    sum.is_multiple_of(10)
}

fn iban_with_check(country: &str, account: &str) -> String {
    (0..100).map(|check| format!("{country}{check:02}{account}")).find(|iban| is_iban(iban)).unwrap()
}

proptest! {
    #[test]
    fn account_numbers_are_those_whose_rest_is_one(account in "[0-9]{18}", wrong in 0_u32..100, grouped in any::<bool>()) {
        let right = iban_with_check("DE", &account);
        let other = format!("DE{wrong:02}{account}");
        for iban in [right, other] {
            let groups: Vec<_> = iban.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
            let shown = if grouped { groups.join(" ") } else { iban.clone() };
            let text = format!("account {shown}.");
            let all = found(&text);
            let has = all.contains(&(Kind::Iban, shown.as_str()));
            prop_assert_eq!(has, is_iban(&iban), "{}", text);
        }
    }

    #[test]
    fn cards_are_those_with_a_right_sum(digits in "4[0-9]{15}", cut in 0_usize..4) {
        let shown = match cut {
            0 => digits.clone(),
            _ => digits.as_bytes().chunks(4).map(|g| std::str::from_utf8(g).unwrap()).collect::<Vec<_>>().join(["", " ", "-", " "][cut]),
        };
        let text = format!("card {shown}, please");
        let has = found(&text).contains(&(Kind::Card, shown.as_str()));
        prop_assert_eq!(has, is_luhn(&digits), "{}", text);
    }

    #[test]
    fn cards_stand_alone(text in "[4 1a.-]{0,30}") {
        let text = format!("{text} 4111111111111111{}", text.chars().rev().collect::<String>());
        for (kind, card) in found(&text) {
            if kind == Kind::Card {
                let at = text.find(card).unwrap();
                prop_assert!(is_edge(text.as_bytes(), at.checked_sub(1)) && is_edge(text.as_bytes(), Some(at + card.len())));
                let digits: String = card.chars().filter(char::is_ascii_digit).collect();
                prop_assert!((13..=19).contains(&digits.len()) && is_luhn(&digits), "{}", text);
            }
        }
    }

    #[test]
    fn addresses_are_those_of_a_pattern(local in "[a-z0-9._+-]{1,12}", domain in "[a-z0-9.-]{1,14}") {
        // The same class and order as the recogniser's, in the words of a regular expression.
        let pattern = regex::Regex::new(
            r"[a-z0-9_][a-z0-9._+-]*@(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,}(?:$|[^a-z0-9-])",
        ).unwrap();
        let text = format!("{local}@{domain} ");
        let expected = pattern.is_match(&text) && !local.ends_with('.') && !domain.contains("xn--") && !domain.starts_with(['1', '2', '3', '4']);
        if !domain.starts_with(['1', '2', '3', '4']) && !domain.contains("--") {
            prop_assert_eq!(found(&text).iter().any(|(kind, _)| *kind == Kind::Email), expected, "{}", text);
        }
    }

    #[test]
    fn german_tax_numbers_have_the_check_digit_of_the_standard(digits in "[1-9][0-9]{9}", last in 0_u32..10) {
        // ISO 7064, MOD 11,10, in its own words: P = ((P + digit) mod 10, or 10) * 2 mod 11; P + check = 1 mod 10.
        let mut p = 10;
        for digit in digits.chars() {
            let sum = (p + digit.to_digit(10).unwrap()) % 10;
            p = if sum == 0 { 10 } else { sum } * 2 % 11;
        }
        let checked = (p + last) % 10 == 1;
        let count = |digit: char| digits.matches(digit).count();
        let mut counts: Vec<_> = ('0'..='9').map(count).filter(|count| *count > 1).collect();
        counts.sort_unstable();
        let rows = digits.as_bytes().windows(3).any(|three| three[0] == three[1] && three[1] == three[2]);
        let expected = checked && (counts == [2] || counts == [3]) && !rows;
        let text = format!("{digits}{last}");
        prop_assert_eq!(found(&text).contains(&(Kind::DeTaxId, text.as_str())), expected);
    }

    #[test]
    fn spanish_letters_follow_from_the_number(number in 0_u32..100_000_000, letter in "[A-Z]") {
        let text = format!("{number:08}{letter}");
        let table: Vec<char> = "TRWAGMYFPDXBNJZSQVHLCKE".chars().collect();
        let expected = letter == table[number as usize % 23].to_string();
        prop_assert_eq!(found(&text).contains(&(Kind::EsDni, text.as_str())), expected);
    }

    #[test]
    fn french_keys_complete_the_number_to_97(number in 1_000_000_000_000_u64..2_999_999_999_999, key in 1_u64..98) {
        let month = number / 100_000_000 % 100;
        let given = matches!(month, 1..=12 | 20 | 30..=42) || month >= 50;
        let text = format!("{number}{key:02}");
        let expected = given && (number + key).is_multiple_of(97);
        prop_assert_eq!(found(&text).contains(&(Kind::FrNir, text.as_str())), expected);
    }
}
