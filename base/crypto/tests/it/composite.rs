//! Both halves must verify, over exactly this statement, in exactly this context.

use crate::vectors::{KIND, first_statement, fixed_key, second_statement, vector};
use getrandom::SysRng;
use ioi_crypto::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, SecretKey, Signature, VerifyError};
use ml_dsa::MlDsa65;
use proptest::prelude::*;

fn signed() -> (PublicKey, Vec<u8>, Vec<u8>) {
    let (key, statement) = (fixed_key(), first_statement().encode());
    let signature = key.sign(KIND, &statement).unwrap().as_bytes().to_vec();
    (key.public(), statement, signature)
}

fn verify(public: &PublicKey, statement: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    public.verify(KIND, statement, &Signature::from_bytes(signature).unwrap())
}

#[test]
fn two_signatures_of_one_statement_differ_and_both_verify() {
    let (public, statement, first) = signed();
    let (_, _, second) = signed();
    assert_ne!(first[64..], second[64..], "the ML-DSA half is hedged");
    assert_eq!(verify(&public, &statement, &first), Ok(()));
    assert_eq!(verify(&public, &statement, &second), Ok(()));
}

#[test]
fn a_flipped_bit_in_either_half_is_refused_and_names_the_half() {
    let (public, statement, signature) = signed();
    for bit in (0..64 * 8).chain((64 * 8..SIGNATURE_BYTES * 8).step_by(97)) {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let half = if bit < 64 * 8 { VerifyError::Ed25519 } else { VerifyError::MlDsa65 };
        assert_eq!(verify(&public, &statement, &changed), Err(half), "bit {bit}");
    }
}

#[test]
fn a_changed_statement_is_refused() {
    let (public, statement, signature) = signed();
    for index in 0..statement.len() {
        let mut changed = statement.clone();
        changed[index] ^= 0x20;
        assert!(verify(&public, &changed, &signature).is_err(), "byte {index}");
    }
    assert!(verify(&public, &statement[..statement.len() - 1], &signature).is_err());
    assert!(verify(&public, &[&statement[..], &[0]].concat(), &signature).is_err());
}

#[test]
fn one_half_that_belongs_to_another_statement_or_key_is_enough_to_refuse() {
    let (public, statement, good) = signed();
    let other_key = SecretKey::generate().unwrap().sign(KIND, &statement).unwrap();
    let other_statement = fixed_key().sign(KIND, &second_statement().encode()).unwrap();
    for other in [other_key.as_bytes(), other_statement.as_bytes()] {
        let mixed = [&other[..64], &good[64..]].concat();
        assert_eq!(verify(&public, &statement, &mixed), Err(VerifyError::Ed25519));
        let mixed = [&good[..64], &other[64..]].concat();
        assert_eq!(verify(&public, &statement, &mixed), Err(VerifyError::MlDsa65));
    }
}

#[test]
fn a_half_that_is_missing_emptied_or_added_is_refused() {
    let (public, statement, good) = signed();
    for length in [0, 64, 3309, SIGNATURE_BYTES - 1] {
        assert_eq!(Signature::from_bytes(&good[..length]), Err(VerifyError::Length { bytes: length }));
    }
    let longer = [&good[..], &good[64..]].concat();
    assert!(matches!(Signature::from_bytes(&longer), Err(VerifyError::Length { .. })));
    let without_first = [&[0; 64][..], &good[64..]].concat();
    assert_eq!(verify(&public, &statement, &without_first), Err(VerifyError::Ed25519));
    let without_second = [&good[..64], &[0; 3309]].concat();
    assert_eq!(verify(&public, &statement, &without_second), Err(VerifyError::MlDsa65));
}

/// The same key and statement, but ML-DSA signed in the context given.
fn signed_in_context(statement: &[u8], context: &[u8]) -> Vec<u8> {
    let seed: [u8; 32] = vector("secret_key")[33..].try_into().unwrap();
    let key = ml_dsa::SigningKey::<MlDsa65>::from_seed(&seed.into());
    let half = key.expanded_key().sign_randomized(statement, context, &mut SysRng).unwrap();
    let good = fixed_key().sign(KIND, statement).unwrap();
    [&good.as_bytes()[..64], &half.encode()].concat()
}

#[test]
fn an_ml_dsa_signature_in_another_context_is_refused() {
    let (public, statement, _) = signed();
    let right = signed_in_context(&statement, b"ioi/v1/audit-head");
    assert_eq!(verify(&public, &statement, &right), Ok(()), "the forger is right but for the context");
    for context in [&b""[..], b"ioi/v1/", b"ioi/v1/checkpoint", b"ioi/v2/audit-head", b"ioi/v1/audit-head\0"]
    {
        let wrong = signed_in_context(&statement, context);
        assert_eq!(verify(&public, &statement, &wrong), Err(VerifyError::MlDsa65), "{context:?}");
    }
}

#[test]
fn a_signature_does_not_verify_as_another_kind() {
    let (public, statement, signature) = signed();
    let signature = Signature::from_bytes(&signature).unwrap();
    let verified = public.verify("checkpoint", &statement, &signature);
    assert_eq!(verified, Err(VerifyError::Domain { kind: "checkpoint".into() }));
}

#[test]
fn public_keys_have_exactly_one_length() {
    let bytes = vector("public_key");
    assert_eq!(bytes.len(), PUBLIC_KEY_BYTES);
    for length in [0, 31, 32, 1952, PUBLIC_KEY_BYTES - 1] {
        assert!(PublicKey::from_bytes(&bytes[..length]).is_err());
    }
    assert!(PublicKey::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_signatures_and_keys_are_refused_without_a_panic(
        signature in prop::collection::vec(any::<u8>(), SIGNATURE_BYTES),
        ml_dsa_key in prop::collection::vec(any::<u8>(), 1952),
        statement in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let statement = [b"ioi/v1/audit-head\0\x01", &statement[..]].concat();
        let ed25519 = fixed_key().sign(KIND, &statement).unwrap().as_bytes()[..64].to_vec();
        // The Ed25519 half is right, so that the ML-DSA half is reached.
        let mixed = [&ed25519[..], &signature[64..]].concat();
        let keys = [&vector("public_key")[..32], &ml_dsa_key].concat();
        prop_assert!(verify(&fixed_key().public(), &statement, &signature).is_err());
        prop_assert!(verify(&fixed_key().public(), &statement, &mixed).is_err());
        prop_assert!(verify(&PublicKey::from_bytes(&keys).unwrap(), &statement, &mixed).is_err());
    }
}
