//! How the user started this program, for commands that are shown to be typed next.

use std::ffi::OsStr;

/// `cargo ioi` sets it where no `ioi` is on PATH.
const VARIABLE: &str = "IOI_CALLED_AS";
const BY_CARGO: &str = "cargo ioi";

/// `ioi`, or `cargo ioi` where that alone would be found.
pub(crate) fn ioi() -> &'static str {
    chosen(std::env::var_os(VARIABLE).as_deref())
}

/// Nothing else is taken from the environment, so that it can't put a command of its own before the user.
fn chosen(called_as: Option<&OsStr>) -> &'static str {
    if called_as.is_some_and(|words| words == BY_CARGO) { BY_CARGO } else { "ioi" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_between_two_words_and_has_none_of_its_own() {
        assert_eq!(chosen(Some(OsStr::new("cargo ioi"))), "cargo ioi");
        for words in [None, Some(""), Some("sudo ioi"), Some("cargo ioi; x")] {
            assert_eq!(chosen(words.map(OsStr::new)), "ioi", "{words:?}");
        }
    }
}
