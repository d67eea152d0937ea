//! Cap'n Proto messages that no honest writer makes, each with what every reader must say to it.

/// One message, and why it is refused when all of it is read.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    /// The type that it pretends to be.
    pub(crate) type_name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// What the Rust lens says.
    pub(crate) says: &'static str,
}

/// A head for one segment, and the words.
fn message(words: &[u64]) -> Vec<u8> {
    let head = (words.len() as u64) << 32;
    [head].iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
}

fn struct_pointer(offset: i32, data_words: u64, pointers: u64) -> u64 {
    u64::from((offset << 2).cast_unsigned()) | data_words << 32 | pointers << 48
}

/// Element sizes: 0 nothing, 1 a bit, 2 to 5 a byte to eight, 6 a pointer, 7 structs (then the count is
/// of words, and a tag precedes them).
fn list_pointer(offset: i32, size: u64, count: u64) -> u64 {
    u64::from((offset << 2).cast_unsigned()) | 1 | size << 32 | count << 35
}

fn far_pointer(is_double: bool, landing: u64) -> u64 {
    2 | u64::from(is_double) << 2 | landing << 3
}

const COUNT_MAX: u64 = (1 << 29) - 1;

/// An envelope whose id is this pointer, followed by these words.
fn envelope(id: u64, words: &[u64]) -> Vec<u8> {
    message(&[&[struct_pointer(0, 1, 4), 0, id, 0, 0, 0], words].concat())
}

/// The offset from the id to the words after it.
const AFTER_ID: i32 = 3;

/// An agent context whose embeddings are this pointer, followed by these words.
fn embeddings(pointer: u64, words: &[u64]) -> Vec<u8> {
    message(&[&[struct_pointer(0, 0, 4), 0, pointer, 0, 0], words].concat())
}

const AFTER_EMBEDDINGS: i32 = 2;

fn tensor(element_type: u64, shape: &[u64], data: &[u64], data_bytes: u64) -> Vec<u8> {
    let shape_pointer = list_pointer(1, 5, shape.len() as u64);
    let data_pointer = list_pointer(shape.len() as i32, 2, data_bytes);
    message(&[&[struct_pointer(0, 1, 2), element_type, shape_pointer, data_pointer], shape, data].concat())
}

/// A thousand labels that all are the same text of 4 KiB.
fn shared_labels() -> Vec<u8> {
    const LABELS: i32 = 1000;
    let mut words = vec![struct_pointer(0, 1, 6), 0, 0, 0, 0, 0, 0, list_pointer(0, 6, LABELS as u64)];
    words.extend((0..LABELS).map(|at| list_pointer(LABELS - 1 - at, 2, 4096)));
    words.extend([u64::from_le_bytes(*b"aaaaaaaa"); 511]);
    words.push(u64::from_le_bytes(*b"aaaaaaa\0"));
    message(&words)
}

/// Every case, by name.
pub(crate) fn all() -> Vec<Hostile> {
    let case = |name, type_name, bytes, says| Hostile { name, type_name, bytes, says };
    let text = |bytes: &[u8; 8], count: u64| {
        envelope(list_pointer(AFTER_ID, 2, count), &[u64::from_le_bytes(*bytes)])
    };
    let mut short = message(&[struct_pointer(0, 1, 4), 0, 0, 0, 0, 0]);
    let mut long = short.clone();
    short.truncate(40);
    long.extend([0; 8]);
    // Room enough that it is not the limit on what is read that stops the loop.
    let far = |pointers: &[u64]| message(&[pointers, &[0; 32]].concat());
    let segments = |count: u32| [&(count - 1).to_le_bytes()[..], &[0; 12]].concat();
    vec![
        case("nothing", "Envelope", vec![], "lens.short"),
        case("half-a-head", "Envelope", vec![0; 7], "lens.short"),
        case("no-root", "Envelope", vec![0; 8], "lens.invalid: Message contains out-of-bounds pointer"),
        case("shorter-than-its-head-says", "Envelope", short, "lens.length"),
        case("longer-than-its-head-says", "Envelope", long, "lens.length"),
        case("two-segments", "Envelope", segments(2), "lens.segments"),
        case("a-million-segments", "Envelope", segments(1_000_000), "lens.segments"),
        case("segment-count-max", "Envelope", [vec![0xff; 4], vec![0; 12]].concat(), "lens.segments"),
        case("far-pointer-to-itself", "Envelope", far(&[far_pointer(false, 0)]), "non-struct pointer"),
        case(
            "far-pointer-loop",
            "Envelope",
            far(&[far_pointer(false, 1), far_pointer(false, 0)]),
            "non-struct pointer",
        ),
        case(
            "double-far-pointer-loop",
            "Envelope",
            far(&[far_pointer(true, 1), far_pointer(true, 0), far_pointer(true, 0)]),
            "non-struct pointer",
        ),
        case("root-beyond-the-end", "Envelope", message(&[struct_pointer(1000, 1, 4)]), "out-of-bounds"),
        case("root-before-the-start", "Envelope", message(&[struct_pointer(-4, 1, 4), 0]), "out-of-bounds"),
        case("root-is-a-list", "Envelope", message(&[list_pointer(0, 2, 0)]), "non-struct pointer"),
        case("text-without-nul", "Envelope", text(b"abcdefgh", 8), "not NUL-terminated"),
        case("text-of-no-bytes", "Envelope", text(&[0; 8], 0), "not NUL-terminated"),
        case("text-beyond-the-end", "Envelope", text(&[0; 8], 9), "out-of-bounds"),
        case("text-not-utf8", "Envelope", text(b"ab\xc3\x28\0\0\0\0", 5), "utf"),
        case("text-of-words", "Envelope", envelope(list_pointer(AFTER_ID, 5, 1), &[0]), "non-bytes"),
        case("text-is-a-struct", "Envelope", envelope(struct_pointer(AFTER_ID, 1, 0), &[0]), "non-list"),
        case("text-is-a-capability", "Envelope", envelope(3, &[]), "non-list"),
        case(
            "list-of-nothing",
            "AgentContext",
            embeddings(list_pointer(AFTER_EMBEDDINGS, 0, COUNT_MAX), &[]),
            "ead limit",
        ),
        case(
            "list-of-empty-structs",
            "AgentContext",
            embeddings(list_pointer(AFTER_EMBEDDINGS, 7, 0), &[COUNT_MAX << 2]),
            "ead limit",
        ),
        case(
            "list-beyond-the-end",
            "AgentContext",
            message(&[struct_pointer(0, 0, 4), 0, 0, list_pointer(1, 4, COUNT_MAX), 0]),
            "out-of-bounds",
        ),
        case(
            "list-overruns-its-words",
            "AgentContext",
            embeddings(list_pointer(AFTER_EMBEDDINGS, 7, 3), &[5 << 2 | 1 << 32 | 2 << 48, 0, 0, 0]),
            "overrun",
        ),
        case(
            "list-of-lists",
            "AgentContext",
            embeddings(list_pointer(AFTER_EMBEDDINGS, 7, 1), &[list_pointer(0, 7, 0), 0]),
            "lens.invalid",
        ),
        case(
            "list-is-a-struct",
            "AgentContext",
            embeddings(struct_pointer(AFTER_EMBEDDINGS, 0, 0), &[]),
            "lens.invalid",
        ),
        case("one-text-a-thousand-times", "ContextSlice", shared_labels(), "ead limit"),
        case("digest-of-31-bytes", "ContextSlice", digest_of_31(), "data of 31 bytes, which must be 32"),
        case("tensor-too-short", "Tensor", tensor(0, &[4], &[0, 0], 15), "tensor.length"),
        case("tensor-too-long", "Tensor", tensor(3, &[1], &[0, 0], 16), "tensor.length"),
        case("tensor-of-no-size", "Tensor", tensor(8, &[1 << 63, 4], &[], 0), "tensor.shape"),
        // Its elements can be counted, but not their bytes.
        case("tensor-of-2-to-the-64-bytes", "Tensor", tensor(3, &[1 << 61], &[], 0), "tensor.shape"),
        case("tensor-of-no-elements-with-data", "Tensor", no_elements_but_data(), "tensor.length"),
        case("element-type-99", "Tensor", tensor(99, &[], &[0], 4), "99"),
    ]
}

fn no_elements_but_data() -> Vec<u8> {
    tensor(8, &[1 << 40, 1 << 40, 0], &[0], 1)
}

fn digest_of_31() -> Vec<u8> {
    let mut words = vec![struct_pointer(0, 1, 6), 0, 0, 0, 0, list_pointer(2, 2, 31), 0, 0];
    words.extend([1, 2, 3, 4]);
    message(&words)
}
