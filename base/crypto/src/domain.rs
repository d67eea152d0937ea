//! What separates one use of a key from another.
//!
//! ML-DSA takes a context string (FIPS 204, section 5.2); Ed25519 has none. So
//! every signed statement also *begins* with its domain: "ioi/v1/" ‖ kind ‖ 0x00 ‖
//! suite. Signing and verifying both refuse a statement that doesn't, which
//! keeps the Ed25519 half of one kind from passing as another's.

/// The one signature suite: Ed25519 and ML-DSA-65, both over the same bytes.
pub const SUITE: u8 = 1;

/// The longest name of a kind of statement, in bytes.
pub const KIND_BYTES_MAX: usize = 32;

/// What comes before the kind.
pub(crate) const PREFIX: &[u8] = b"ioi/v1/";

/// The ML-DSA context of a kind, if `statement` is of that kind.
pub(crate) fn context(kind: &str, statement: &[u8]) -> Option<Vec<u8>> {
    let well_formed = !kind.is_empty()
        && kind.len() <= KIND_BYTES_MAX
        && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let rest = statement.strip_prefix(PREFIX)?.strip_prefix(kind.as_bytes())?;
    let of_this_suite = rest.starts_with(&[0, SUITE]);
    (well_formed && of_this_suite).then(|| [PREFIX, kind.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_statement_that_begins_with_its_domain_has_a_context() {
        assert_eq!(context("vote", b"ioi/v1/vote\0\x01x").as_deref(), Some(&b"ioi/v1/vote"[..]));
        for (kind, statement) in [
            ("vote", &b"ioi/v1/votes\0\x01"[..]),
            ("votes", b"ioi/v1/vote\0\x01"),
            ("vote", b"ioi/v2/vote\0\x01"),
            ("vote", b"ioi/v1/vote\0\x02"),
            ("vote", b"ioi/v1/vote\0"),
            ("vote", b""),
            ("", b"ioi/v1/\0\x01"),
            ("Vote", b"ioi/v1/Vote\0\x01"),
            ("vo\0te", b"ioi/v1/vo\0te\0\x01"),
        ] {
            assert_eq!(context(kind, statement), None, "{kind:?} {statement:?}");
        }
        let long = "a".repeat(KIND_BYTES_MAX + 1);
        assert_eq!(context(&long, format!("ioi/v1/{long}\0\x01").as_bytes()), None);
    }
}
