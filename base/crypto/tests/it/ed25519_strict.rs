//! Ed25519 forgeries that a lax verifier takes: each is first shown to pass a lax one.
//!
//! "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020) lists the classes.

use crate::vectors::{KIND, first_statement, fixed_key, vector};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Verifier as _;
use ioi_crypto::{KeyError, PublicKey, Signature, VerifyError};
use sha2::{Digest as _, Sha512};

/// A point's y of small value (below 19), written a second time as y + p.
fn non_canonical(y: u8, sign: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + y;
    bytes[31] = 0x7f | sign;
    bytes
}

fn canonical(y: u8, sign: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = y;
    bytes[31] = sign;
    bytes
}

fn composite_key(ed25519: &[u8; 32]) -> Result<PublicKey, KeyError> {
    PublicKey::from_bytes(&[&ed25519[..], &vector("public_key")[32..]].concat())
}

fn verify_with_ed25519(half: &[u8]) -> Result<(), VerifyError> {
    let (key, statement) = (fixed_key(), first_statement().encode());
    let good = key.sign(KIND, &statement).unwrap();
    let bytes = [half, &good.as_bytes()[64..]].concat();
    key.public().verify(KIND, &statement, &Signature::from_bytes(&bytes).unwrap())
}

fn verify_laxly(half: &[u8]) -> bool {
    let public = fixed_key().public().to_bytes();
    let public = ed25519_dalek::VerifyingKey::from_bytes(public[..32].try_into().unwrap()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(half).unwrap();
    public.verify(&first_statement().encode(), &signature).is_ok()
}

#[test]
fn the_eight_small_order_keys_are_refused() {
    for point in EIGHT_TORSION {
        let bytes = point.compress().to_bytes();
        assert!(ed25519_dalek::VerifyingKey::from_bytes(&bytes).is_ok(), "a lax reader takes {bytes:?}");
        assert_eq!(composite_key(&bytes), Err(KeyError::Ed25519));
    }
}

#[test]
fn small_order_keys_in_other_encodings_are_refused() {
    // y = p and y = p + 1, and x = 0 with a sign.
    let minus_one: [u8; 32] = EIGHT_TORSION[4].compress().to_bytes();
    let mut signed_minus_one = minus_one;
    signed_minus_one[31] |= 0x80;
    let all = [
        non_canonical(0, 0),
        non_canonical(0, 0x80),
        non_canonical(1, 0),
        non_canonical(1, 0x80),
        canonical(1, 0x80),
    ];
    for bytes in all.into_iter().chain([signed_minus_one]) {
        assert_eq!(composite_key(&bytes), Err(KeyError::Ed25519), "{bytes:?}");
    }
}

#[test]
fn a_second_encoding_of_a_good_key_is_refused() {
    let mut seen = 0;
    for (y, sign) in (0..19).flat_map(|y| [(y, 0), (y, 0x80)]) {
        let second = non_canonical(y, sign);
        let lax = ed25519_dalek::VerifyingKey::from_bytes(&second);
        if composite_key(&canonical(y, sign)).is_ok() {
            assert!(lax.is_ok(), "a lax reader takes y = {y} + p");
            seen += 1;
        }
        assert_eq!(composite_key(&second), Err(KeyError::Ed25519), "y = {y} + p");
    }
    assert!(seen > 0, "there are such points of large order");
}

#[test]
fn bytes_that_are_no_point_are_refused() {
    assert_eq!(composite_key(&canonical(2, 0)), Err(KeyError::Ed25519));
}

#[test]
fn a_scalar_beyond_the_order_is_refused() {
    let good = fixed_key().sign(KIND, &first_statement().encode()).unwrap().as_bytes()[..64].to_vec();
    assert_eq!(verify_with_ed25519(&good), Ok(()));
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    // S + L, S + 2L, … are the same scalar.
    let mut malleated = good;
    for multiple in 1..=6 {
        let mut carry = 0;
        for (digit, add) in malleated[32..].iter_mut().zip(order) {
            carry += u16::from(*digit) + u16::from(add);
            *digit = carry as u8;
            carry >>= 8;
        }
        let same = Scalar::from_bytes_mod_order(malleated[32..].try_into().unwrap());
        let s: [u8; 32] = fixed_key().sign(KIND, &first_statement().encode()).unwrap().as_bytes()[32..64]
            .try_into()
            .unwrap();
        assert_eq!(same, Scalar::from_canonical_bytes(s).unwrap(), "S + {multiple}L is S");
        assert_eq!(verify_with_ed25519(&malleated), Err(VerifyError::Ed25519));
    }
}

/// What a key's holder can make: R = the encoding given of the neutral element, S = h·a.
fn signature_with_neutral_r(encoded_r: [u8; 32]) -> Vec<u8> {
    let seed: [u8; 32] = vector("secret_key")[1..33].try_into().unwrap();
    let secret = ed25519_dalek::SigningKey::from_bytes(&seed).to_scalar();
    let public = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
    let statement = first_statement().encode();
    let hash = Sha512::new().chain_update(encoded_r).chain_update(public).chain_update(statement);
    let h = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    [encoded_r, (h * secret).to_bytes()].concat()
}

#[test]
fn a_commitment_of_small_order_is_refused() {
    let forged = signature_with_neutral_r(canonical(1, 0));
    assert!(verify_laxly(&forged), "a lax verifier takes it");
    assert_eq!(verify_with_ed25519(&forged), Err(VerifyError::Ed25519));
}

#[test]
fn a_commitment_that_is_not_canonical_is_refused() {
    for encoded_r in [non_canonical(1, 0), canonical(1, 0x80), non_canonical(1, 0x80)] {
        let forged = signature_with_neutral_r(encoded_r);
        assert_eq!(verify_with_ed25519(&forged), Err(VerifyError::Ed25519));
    }
}
