//! XChaCha20-Poly1305 for what the guardian keeps at rest.
//!
//! Sealed form: nonce, 24 bytes ‖ ciphertext ‖ tag, 16 bytes. The nonce is random, and 192 bits
//! make a repetition negligible for any number of messages under one key
//! (draft-irtf-cfrg-xchacha).

use crate::random::{RandomError, random};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use std::fmt;
use zeroize::Zeroizing;

/// By how many bytes the sealed form is longer than the plaintext.
pub const OVERHEAD_BYTES: usize = 24 + 16;

/// The sealed bytes were changed, cut, made for other associated data or under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealed bytes do not open with this key for this purpose")
    }
}

impl std::error::Error for OpenError {}

/// Encrypts `plaintext` and binds it to `associated`, which is not stored.
///
/// # Errors
/// The operating system gives no random bytes.
///
/// # Panics
/// For a plaintext of 256 GiB or more, beyond what the cipher can take.
pub fn seal(key: &[u8; 32], associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, RandomError> {
    Ok(seal_with(key, &random()?, associated, plaintext))
}

/// Decrypts what [`seal`] made with the same key and associated data. The plaintext is wiped when dropped.
///
/// # Errors
/// Anything else.
pub fn open(key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, msg) = sealed.split_first_chunk::<24>().ok_or(OpenError)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let opened = cipher.decrypt(nonce.into(), Payload { msg, aad: associated });
    opened.map(Zeroizing::new).map_err(|_| OpenError)
}

/// The nonce is chosen here and never by a caller: repeating one gives both plaintexts away.
fn seal_with(key: &[u8; 32], nonce: &[u8; 24], associated: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.into());
    let payload = Payload { msg: plaintext, aad: associated };
    let ciphertext = cipher.encrypt(nonce.into(), payload).expect("a plaintext below 256 GiB");
    [nonce, ciphertext.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_types::hex;

    #[test]
    fn the_drafts_test_vector_comes_out() {
        // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
        let key = std::array::from_fn(|index| 0x80 + index as u8);
        let nonce = std::array::from_fn(|index| 0x40 + index as u8);
        let associated = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
        let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you \
            only one tip for the future, sunscreen would be it.";
        let expected = "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
            731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
            2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
            21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";
        let sealed = seal_with(&key, &nonce, &associated, plaintext);
        assert_eq!(hex::encode(&sealed[24..]), expected);
        assert_eq!(open(&key, &associated, &sealed).unwrap().as_slice(), plaintext);
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_refused() {
        let (key, associated) = ([3; 32], b"credential/openai");
        let sealed = seal(&key, associated, b"sk-secret").unwrap();
        assert_eq!(sealed.len(), 9 + OVERHEAD_BYTES);
        assert_eq!(open(&key, associated, &sealed).unwrap().as_slice(), b"sk-secret");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(open(&key, associated, &changed), Err(OpenError));
            assert_eq!(open(&key, associated, &sealed[..index]), Err(OpenError));
        }
        assert_eq!(open(&key, b"credential/other", &sealed), Err(OpenError));
        assert_eq!(open(&[4; 32], associated, &sealed), Err(OpenError));
    }

    #[test]
    fn the_same_plaintext_is_never_sealed_the_same_way() {
        assert_ne!(seal(&[3; 32], b"", b"x"), seal(&[3; 32], b"", b"x"));
    }
}
