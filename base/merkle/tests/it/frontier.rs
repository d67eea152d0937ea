//! The frontier is the tree, as far as roots go, and has one encoding.

use crate::model;
use ioi_merkle::{FRONTIER_BYTES_MAX, Frontier, FrontierError, MerkleHash, Sha256Tree, root};
use proptest::prelude::*;

type Tree = Frontier<Sha256Tree>;

fn frontier(count: usize) -> Tree {
    let mut frontier = Tree::new();
    model::leaves(count).into_iter().for_each(|leaf| frontier.append(leaf));
    frontier
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_roots_of_the_certificate_transparency_test_tree_come_out() {
    // The inputs and roots that implementations of RFC 6962 have shared since its first.
    let records: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::new();
    assert_eq!(hex(tree.root()), roots[0]);
    for (record, expected) in records.iter().zip(&roots[1..]) {
        tree.append(Sha256Tree::leaf(record));
        assert_eq!(hex(tree.root()), *expected, "{} leaves", tree.size());
    }
}

#[test]
fn the_root_is_the_models_at_every_size() {
    let all = model::leaves(300);
    let mut tree = Tree::new();
    for size in 0..=all.len() {
        assert_eq!(tree.size(), size as u64);
        assert_eq!(tree.root(), model::mth(&all[..size]));
        assert_eq!(root::<Sha256Tree>(&all[..size]), tree.root());
        all.get(size).into_iter().for_each(|leaf| tree.append(*leaf));
    }
}

#[test]
fn a_decoded_frontier_goes_on_like_the_original() {
    for cut in 0..70 {
        let mut tree = Tree::decode(&frontier(cut).encode()).unwrap();
        model::leaves(70)[cut..].iter().for_each(|leaf| tree.append(*leaf));
        assert_eq!(tree, frontier(70));
    }
}

#[test]
fn a_cut_or_lengthened_encoding_is_refused() {
    for count in [0, 1, 2, 3, 64, 65] {
        let bytes = frontier(count).encode();
        for length in 0..bytes.len() {
            assert_eq!(Tree::decode(&bytes[..length]), Err(FrontierError::Length { bytes: length }));
        }
        for more in [1, 31, 32] {
            let longer = [&bytes[..], &vec![0; more]].concat();
            assert_eq!(Tree::decode(&longer), Err(FrontierError::Length { bytes: bytes.len() + more }));
        }
    }
}

#[test]
fn a_size_that_no_tree_has_is_refused_and_the_largest_goes_on() {
    for size in [1 << 62, (1 << 62) + 1, u64::MAX] {
        let bytes = [&u64::to_le_bytes(size)[..], &vec![0; size.count_ones() as usize * 32]].concat();
        assert_eq!(Tree::decode(&bytes), Err(FrontierError::Size { size }));
    }
    let size: u64 = (1 << 62) - 1;
    let bytes = [&size.to_le_bytes()[..], &[7; 62 * 32]].concat();
    assert_eq!(bytes.len(), FRONTIER_BYTES_MAX);
    let mut tree = Tree::decode(&bytes).unwrap();
    tree.append([7; 32]);
    assert_eq!(tree.size(), 1 << 62);
}

proptest! {
    #[test]
    fn whatever_is_decoded_encodes_to_the_same_bytes(
        size in prop_oneof![0..1000_u64, any::<u64>()], bytes in prop::collection::vec(any::<u8>(), 0..2048)
    ) {
        let bytes = [&size.to_le_bytes()[..], &bytes].concat();
        if let Ok(tree) = Tree::decode(&bytes) {
            prop_assert_eq!(&tree.encode(), &bytes);
        }
        let fitting = bytes.iter().copied().chain(std::iter::repeat(1)).take(8 + size.count_ones() as usize * 32);
        let fitting: Vec<u8> = fitting.collect();
        prop_assert_eq!(Tree::decode(&fitting).is_ok(), size < 1 << 62);
    }
}
