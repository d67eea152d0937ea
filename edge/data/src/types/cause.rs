//! What the validator found, in its own words but without addresses: an error may reach a peer, and
//! where we have mapped its bytes is not for it to know.

use rkyv::rancor::{Source, Trace};
use std::fmt;

/// Longer chains of causes are cut.
const BYTES_MAX: usize = 400;

/// The fault itself, then what it was found in, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

impl Source for Cause {
    fn new<T: std::error::Error + Send + Sync + 'static>(source: T) -> Self {
        Self(without_addresses(&source.to_string()))
    }
}

impl Trace for Cause {
    fn trace<R: fmt::Debug + fmt::Display + Send + Sync + 'static>(mut self, trace: R) -> Self {
        let words = without_addresses(&trace.to_string());
        if self.0.len() + words.len() < BYTES_MAX {
            self.0.push_str("; ");
            self.0.push_str(&words);
        }
        self
    }
}

fn without_addresses(words: &str) -> String {
    let mut parts = words.split("0x");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push('_');
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_left_out_and_the_rest_is_kept() {
        let words = "ptr 0x00007fcf8000a340 size 144 in range 0x10..0xfe.";
        assert_eq!(without_addresses(words), "ptr _ size 144 in range _.._.");
        assert_eq!(without_addresses("no address"), "no address");
        let cause = Cause::new(std::io::Error::other("at 0xdeadbeef")).trace("in the field `a`");
        assert_eq!(cause.to_string(), "at _; in the field `a`");
        let long = (0..100).fold(cause, |cause, _| cause.trace("ten bytes!"));
        assert!(long.to_string().len() <= BYTES_MAX);
    }
}
