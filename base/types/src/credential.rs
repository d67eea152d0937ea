//! What a credential is called: by the user who stores it, and as a file of the guardian's vault.

use std::fmt;

/// Bytes of a credential's name.
pub const CREDENTIAL_NAME_BYTES_MAX: usize = 64;

/// The text can't be the name of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialNameError(String);

impl fmt::Display for CredentialNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, most) = (&self.0, CREDENTIAL_NAME_BYTES_MAX);
        write!(f, "`{name}` is no name for a credential: 1 to {most} letters, digits, `-` and `_`")
    }
}

impl std::error::Error for CredentialNameError {}

/// Nothing but ASCII letters, digits, `-` and `_`, so that the name is that of a file and leads nowhere else.
///
/// # Errors
/// Any other text, with its first characters.
pub fn check_credential_name(name: &str) -> Result<(), CredentialNameError> {
    const SHOWN_CHARS_MAX: usize = 80;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > CREDENTIAL_NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(CredentialNameError(name.chars().take(SHOWN_CHARS_MAX).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_up_to_64_letters_digits_hyphens_and_underscores() {
        for name in ["a", "OpenAI-2_x", &"a".repeat(64)] {
            assert_eq!(check_credential_name(name), Ok(()), "{name}");
        }
        for name in ["", "a/b", "..", "a.b", "a b", "a\n", "é", &"a".repeat(65)] {
            assert!(check_credential_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_long_text_is_not_repeated_whole() {
        let error = check_credential_name(&"é".repeat(1 << 20)).unwrap_err();
        assert!(error.to_string().len() < 300);
    }
}
