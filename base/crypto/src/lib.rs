//! Hashes and the composite signature (Ed25519 and ML-DSA-65, both must verify).
