//! One TOML table, read key by key; what isn't known or isn't of the right type becomes a finding.

use crate::source::Findings;
use crate::text::show;
use ioi_types::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table with the words that messages call it by.
#[derive(Clone, Copy)]
pub(crate) struct Section<'d, 't> {
    pub(crate) what: &'static str,
    pub(crate) at: usize,
    table: &'d DeTable<'t>,
}

/// A key's value and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Item<'d, 't> {
    pub(crate) key: &'static str,
    pub(crate) at: usize,
    value: &'d DeValue<'t>,
}

/// A string and where it stands.
pub(crate) type Text<'d> = (usize, &'d str);

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl<'d, 't> Section<'d, 't> {
    pub(crate) const fn new(what: &'static str, at: usize, table: &'d DeTable<'t>) -> Self {
        Self { what, at, table }
    }

    /// Reports every key that is neither `known` nor, by name, of a later version.
    pub(crate) fn check_keys(&self, findings: &mut Findings<'_>, known: &[&str], later: &[&str]) {
        for key in self.table.keys() {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if known.contains(&name) {
                continue;
            }
            if later.contains(&name) {
                findings.error(at, format!("not supported by this version: `{name}` in {}", self.what), None);
                continue;
            }
            let near = nearest(name, known.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let shown = show(name.chars().take(100).collect::<String>().as_bytes());
            findings.error(at, format!("unknown key `{shown}` in {}", self.what), Some(help));
        }
    }

    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'d, 't>> {
        self.table.get(key).map(|value| Item { key, at: value.span().start, value: value.get_ref() })
    }

    pub(crate) fn require(&self, findings: &mut Findings<'_>, key: &'static str) -> Option<Item<'d, 't>> {
        let item = self.get(key);
        if item.is_none() {
            findings.error(self.at, format!("{} has no `{key}`", self.what), None);
        }
        item
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The tables of `[[key]]`, each called `what`.
    pub(crate) fn tables(
        &self,
        findings: &mut Findings<'_>,
        key: &'static str,
        what: &'static str,
    ) -> Vec<Section<'d, 't>> {
        let Some(item) = self.get(key) else { return Vec::new() };
        let DeValue::Array(list) = item.value else {
            item.wrong_type(findings, "a list of tables");
            return Vec::new();
        };
        let section = |value: &'d Spanned<DeValue<'t>>| match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(what, value.span().start, table)),
            other => {
                findings.error(value.span().start, format!("{what} is a table, not {}", kind(other)), None);
                None
            }
        };
        list.iter().filter_map(section).collect()
    }
}

impl<'d, 't> Item<'d, 't> {
    fn wrong_type(&self, findings: &mut Findings<'_>, expected: &str) {
        let message = format!("`{}` is {expected}, not {}", self.key, kind(self.value));
        findings.error(self.at, message, None);
    }

    pub(crate) fn text(&self, findings: &mut Findings<'_>) -> Option<&'d str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type(findings, "a string");
        }
        text
    }

    /// A list of at least one string, no two equal.
    pub(crate) fn texts(&self, findings: &mut Findings<'_>) -> Option<Vec<Text<'d>>> {
        let Some(list) = self.value.as_array() else {
            self.wrong_type(findings, "a list of strings");
            return None;
        };
        if list.is_empty() {
            findings.error(
                self.at,
                format!("`{}` is an empty list, so nothing ever matches it", self.key),
                None,
            );
            return None;
        }
        let mut texts = Vec::with_capacity(list.len());
        for value in list.iter() {
            let at = value.span().start;
            match value.get_ref() {
                DeValue::String(text) => texts.push((at, text.as_ref())),
                other => {
                    findings.error(at, format!("`{}` holds strings, not {}", self.key, kind(other)), None)
                }
            }
        }
        (texts.len() == list.len()).then_some(texts)
    }

    /// An integer from `least` to `most`.
    pub(crate) fn natural(&self, findings: &mut Findings<'_>, least: u64, most: u64) -> Option<u64> {
        let DeValue::Integer(integer) = self.value else {
            self.wrong_type(findings, "an integer");
            return None;
        };
        let digits = integer.as_str();
        let number = u64::from_str_radix(digits.strip_prefix('+').unwrap_or(digits), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            findings.error(
                self.at,
                format!("`{}` is {digits}; it goes from {least} to {most}", self.key),
                None,
            );
        }
        number
    }

    pub(crate) fn table(&self, findings: &mut Findings<'_>, what: &'static str) -> Option<Section<'d, 't>> {
        let table = self.value.as_table();
        if table.is_none() {
            self.wrong_type(findings, "a table");
        }
        table.map(|table| Section::new(what, self.at, table))
    }

    /// `64 MiB` as bytes.
    pub(crate) fn size(&self, findings: &mut Findings<'_>) -> Option<u64> {
        if let DeValue::Integer(integer) = self.value {
            let help = format!("write `{} = \"64 MiB\"`", self.key);
            let message =
                format!("`{}` is a size with its unit, not the integer {}", self.key, integer.as_str());
            findings.error(self.at, message, Some(help));
            return None;
        }
        let text = self.text(findings)?;
        match parse_size(text) {
            Ok(bytes) => Some(bytes),
            Err(help) => {
                let shown = show(text.chars().take(100).collect::<String>().as_bytes());
                findings.error(self.at, format!("`{shown}` is not a size"), Some(help));
                None
            }
        }
    }
}

const UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Digits, at most one space, a unit.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let units = || "a size is a whole number and B, KiB, MiB, GiB or TiB".to_owned();
    let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| {
        let near = UNITS.iter().find(|(name, _)| {
            name.eq_ignore_ascii_case(unit) || name.replace('i', "").eq_ignore_ascii_case(unit)
        });
        near.map_or_else(units, |(name, _)| format!("the unit is `{name}`"))
    })?;
    let number: u64 = number.parse().map_err(|_| units())?;
    let bytes = number.checked_mul(scale.1).filter(|bytes| *bytes < 1 << 53);
    bytes.ok_or_else(|| "a size is below 2^53 bytes".to_owned())
}

/// Bytes in the largest unit that divides them.
pub(crate) fn show_size(bytes: u64) -> String {
    let whole = |scale: u64| bytes >= scale && bytes.is_multiple_of(scale);
    let (name, scale) = UNITS.iter().rev().find(|(_, scale)| whole(*scale)).unwrap_or(&UNITS[0]);
    format!("{} {name}", bytes / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_of_binary_units() {
        assert_eq!(parse_size("64 MiB"), Ok(64 << 20));
        assert_eq!(parse_size("0 B"), Ok(0));
        assert_eq!(parse_size("1KiB"), Ok(1024));
        assert_eq!(parse_size("10 MB"), Err("the unit is `MiB`".to_owned()));
        for bad in [
            "",
            "MiB",
            "-1 MiB",
            "1.5 MiB",
            "10 GiBB",
            "1  MiB",
            "99999999999999999999 B",
            "8192 TiB",
            "１ MiB",
        ] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_shown_size_reads_back() {
        for bytes in [0, 1, 1023, 1024, 1536, 64 << 20, (1 << 53) - 1] {
            assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
    }
}
