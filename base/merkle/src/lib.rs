//! Append-only Merkle trees: frontier, root, inclusion and consistency proofs.
