//! Byte for byte what another implementation makes.

use crate::vectors::{KIND, first_statement, fixed_key, second_statement, vector};
use ioi_crypto::statement::Statement;
use ioi_crypto::{PublicKey, Signature};
use ioi_types::Digest;

#[test]
fn the_public_key_and_the_fingerprint_are_the_golden_ones() {
    let public = fixed_key().public();
    assert_eq!(public.to_bytes()[..], vector("public_key"));
    let digest = Digest::sha256(vector("key_id").try_into().unwrap());
    assert_eq!(public.id().0, digest);
    assert_eq!(public.id().to_string().parse(), Ok(public.id()));
    assert_eq!(PublicKey::from_bytes(&vector("public_key")), Ok(public));
}

#[test]
fn a_statement_is_encoded_as_in_the_golden_bytes() {
    for (statement, name) in [(first_statement(), "statement_1"), (second_statement(), "statement_2")] {
        assert_eq!(statement.encode(), vector(name));
        assert_eq!(Statement::decode(&vector(name)), Ok(statement));
    }
}

#[test]
fn the_deterministic_half_of_a_signature_is_the_golden_one() {
    let signature = fixed_key().sign(KIND, &vector("statement_2")).unwrap();
    assert_eq!(signature.as_bytes()[..64], vector("ed25519_signature_2"));
}

#[test]
fn a_signature_of_the_other_implementation_verifies() {
    let bytes = [vector("ed25519_signature_2"), vector("ml_dsa_signature_2")].concat();
    let signature = Signature::from_bytes(&bytes).unwrap();
    assert_eq!(fixed_key().public().verify(KIND, &vector("statement_2"), &signature), Ok(()));
}
