use super::*;

/// A slice with texts too long to lie in their own pointers.
fn slice() -> ContextSlice {
    let chunk =
        Chunk { path: "a/long/path.md".into(), text: "the passage itself".into(), ..Chunk::default() };
    ContextSlice {
        slice_id: 1,
        question: "what does it say?".into(),
        frame_ids: vec![1, 2, 3],
        chunks: vec![chunk.clone(), chunk],
        labels: vec!["untrusted words".into(), "short".into()],
        ..ContextSlice::default()
    }
}

fn tensor() -> Tensor {
    Tensor { element_type: ElementType::F32, shape: vec![2, 2], data: vec![7; 16] }
}

type Bytes = AlignedVec<ALIGN_BYTES>;

/// Where a field of a valid view lies in its bytes.
fn offset<T>(bytes: &Bytes, field: &T) -> usize {
    std::ptr::from_ref(field).addr() - bytes.as_ptr().addr()
}

fn put(bytes: &mut Bytes, at: usize, value: impl AsRef<[u8]>) {
    bytes[at..at + value.as_ref().len()].copy_from_slice(value.as_ref());
}

/// A slice damaged at the place that `field` finds. An archived vector or long text begins with the
/// offset of what it points to, from its own place, and a vector goes on with its length.
fn damaged<F>(field: impl Fn(&ArchivedContextSlice) -> &F, beyond: usize, value: impl AsRef<[u8]>) -> Bytes {
    let mut bytes = encode(&slice()).unwrap();
    let at = offset(&bytes, field(view::<ContextSlice>(&bytes).unwrap()));
    put(&mut bytes, at + beyond, value);
    bytes
}

fn refusal<T>(bytes: &[u8]) -> String
where
    T: Message,
    T::Archived: Portable + for<'a> CheckBytes<HighValidator<'a, Cause>>,
{
    view::<T>(bytes).map(drop).expect_err("it was accepted").to_string()
}

/// The offset from a vector's own place to the root of the slice.
fn to_the_root(bytes: &Bytes, at: usize) -> [u8; 4] {
    let root = bytes.len() - size_of::<ArchivedContextSlice>();
    i32::try_from(root as i64 - at as i64).unwrap().to_le_bytes()
}

#[test]
fn pointers_lengths_and_texts_that_are_not_valid_are_refused_by_name() {
    let good = encode(&slice()).unwrap();
    let chunks_at = offset(&good, &view::<ContextSlice>(&good).unwrap().chunks);
    let text_at = {
        let view = view::<ContextSlice>(&good).unwrap();
        view.chunks[0].text.as_bytes().as_ptr().addr() - good.as_ptr().addr()
    };
    let (mut bad_text, mut bad_short_text) = (good.clone(), good.clone());
    bad_text[text_at] = 0xff;
    let short_at = offset(&good, &view::<ContextSlice>(&good).unwrap().labels[1]);
    bad_short_text[short_at] = 0xc3;
    let frame_ids = i32::from_le_bytes(
        good[offset(&good, &view::<ContextSlice>(&good).unwrap().frame_ids)..][..4].try_into().unwrap(),
    );
    let cases: &[(&str, Bytes, &str)] = &[
        ("a pointer far beyond the end", damaged(|s| &s.chunks, 0, i32::MAX.to_le_bytes()), "overran"),
        ("a pointer far before the start", damaged(|s| &s.chunks, 0, i32::MIN.to_le_bytes()), "overran"),
        ("a pointer to what holds it", damaged(|s| &s.chunks, 0, to_the_root(&good, chunks_at)), "overran"),
        ("a pointer to itself", damaged(|s| &s.chunks, 0, [0; 4]), "overran"),
        ("a pointer between words", damaged(|s| &s.frame_ids, 0, (frame_ids + 1).to_le_bytes()), "unaligned"),
        ("a list of 2^32 - 1", damaged(|s| &s.chunks, 4, [0xff; 4]), "view.invalid"),
        ("numbers 2^32 - 1 times", damaged(|s| &s.frame_ids, 4, [0xff; 4]), "view.invalid"),
        ("one element more", damaged(|s| &s.frame_ids, 4, 4u32.to_le_bytes()), "view.invalid"),
        ("a text that is not UTF-8", bad_text, "utf-8"),
        ("a short text that is not UTF-8", bad_short_text, "utf-8"),
    ];
    for (name, bytes, says) in cases {
        let error = refusal::<ContextSlice>(bytes);
        assert!(error.starts_with("view.invalid: the bytes are no valid ContextSlice: "), "{name}: {error}");
        assert!(error.to_lowercase().contains(says), "{name}: {error}");
        assert!(!error.contains("0x"), "{name}: it tells where our memory is: {error}");
    }
}

#[test]
fn a_start_between_multiples_of_sixteen_is_refused_and_so_is_any_cut() {
    let good = encode(&slice()).unwrap();
    for beyond in 1..ALIGN_BYTES {
        let mut room = Bytes::new();
        room.extend_from_slice(&vec![0; beyond]);
        room.extend_from_slice(&good);
        let expected = format!("view.unaligned: a ContextSlice starts {beyond} bytes beyond");
        assert!(refusal::<ContextSlice>(&room[beyond..]).starts_with(&expected));
    }
    // From the front, so that the root stays whole where it can.
    for cut in 0..good.len() - 1 {
        let mut room = Bytes::new();
        room.extend_from_slice(&good[cut + 1..]);
        let error = refusal::<ContextSlice>(&room);
        let is_short = room.len() < size_of::<ArchivedContextSlice>();
        assert!(error.starts_with(if is_short { "view.short" } else { "view.invalid" }), "{error}");
    }
}

#[test]
fn a_tag_that_names_no_element_type_is_refused() {
    let good = encode(&tensor()).unwrap();
    let at = offset(&good, &view::<Tensor>(&good).unwrap().element_type);
    for tag in 12..=u8::MAX {
        let mut bad = good.clone();
        bad[at] = tag;
        let error = refusal::<Tensor>(&bad);
        assert!(error.starts_with("view.invalid") && error.contains("discriminant"), "{error}");
    }
}

#[test]
fn a_bool_that_is_neither_0_nor_1_is_refused() {
    // None of the types has a bool yet; the first that gets one is covered.
    for value in [0u8, 1, 2, 0xff] {
        let mut bytes = Bytes::new();
        bytes.push(value);
        match access::<bool>("bool", &bytes) {
            Ok(read) => assert_eq!(u8::from(*read), value),
            Err(error) => {
                let error = error.to_string();
                assert!(value > 1 && error.contains("bool"), "{value}: {error}");
            }
        }
    }
}

#[test]
fn a_tensors_data_are_exactly_as_long_as_its_shape_says() {
    let cases: &[(&[u64], ElementType, usize, Option<TensorError>)] = &[
        (&[], ElementType::F64, 8, None),
        (&[0], ElementType::F32, 0, None),
        (&[1 << 40, 0], ElementType::U8, 0, None),
        (&[1 << 40, 1 << 40, 0], ElementType::U8, 0, None),
        (&[0, 1 << 40, 1 << 40], ElementType::U8, 0, None),
        (&[1 << 40, 0, 1 << 40], ElementType::U8, 1, Some(TensorError::Length { expected: 0, found: 1 })),
        (&[3, 5], ElementType::Bf16, 30, None),
        (&[3, 5], ElementType::F16, 29, Some(TensorError::Length { expected: 30, found: 29 })),
        (&[], ElementType::U8, 0, Some(TensorError::Length { expected: 1, found: 0 })),
        (&[1 << 61], ElementType::I64, 0, Some(TensorError::Shape)),
        (&[1 << 32, 1 << 32], ElementType::U8, 0, Some(TensorError::Shape)),
    ];
    for (shape, element_type, bytes, expected) in cases {
        let tensor = Tensor { element_type: *element_type, shape: shape.to_vec(), data: vec![0; *bytes] };
        assert_eq!(tensor.check().err(), *expected, "{shape:?}");
        // The same of a view: what a writer that does not look has written.
        let written = rkyv::to_bytes::<Cause>(&tensor).unwrap();
        let seen = view::<Tensor>(&written).map(drop).map_err(|error| error.to_string());
        assert_eq!(seen.err(), expected.map(|error| error.to_string()), "{shape:?}");
    }
}

#[test]
fn a_tensor_deep_inside_is_checked_and_its_data_must_be_aligned() {
    let bad = Tensor { shape: vec![5], ..tensor() };
    let context = AgentContext { embeddings: vec![tensor(), bad.clone()], ..AgentContext::default() };
    let written = rkyv::to_bytes::<Cause>(&context).unwrap();
    assert!(refusal::<AgentContext>(&written).starts_with("tensor.length"));
    assert!(encode(&context).is_err(), "nor can it be written");
    let output = InferenceOutput { outputs: vec![bad.clone()], ..InferenceOutput::default() };
    assert!(refusal::<InferenceOutput>(&rkyv::to_bytes::<Cause>(&output).unwrap()).starts_with("tensor"));
    assert!(encode(&output).is_err() && crate::lens::encode(&output).is_err());
    let request = InferenceRequest { inputs: vec![bad], ..InferenceRequest::default() };
    assert!(refusal::<InferenceRequest>(&rkyv::to_bytes::<Cause>(&request).unwrap()).starts_with("tensor"));
    assert!(encode(&request).is_err() && crate::lens::encode(&request).is_err());

    // 15 bytes from one further on: within the bytes, but not where elements may lie.
    let mut moved = encode(&Tensor { element_type: ElementType::U8, shape: vec![16], ..tensor() }).unwrap();
    let archived = view::<Tensor>(&moved).unwrap();
    let (data, shape) =
        (offset(&moved, &archived.data), archived.shape.as_ptr().addr() - moved.as_ptr().addr());
    let pointer = i32::from_le_bytes(moved[data..data + 4].try_into().unwrap());
    put(&mut moved, data, (pointer + 1).to_le_bytes());
    put(&mut moved, data + 4, 15u32.to_le_bytes());
    put(&mut moved, shape, 15u64.to_le_bytes());
    assert!(refusal::<Tensor>(&moved).starts_with("tensor.unaligned"));
}

#[test]
fn a_message_beyond_what_offsets_can_reach_is_not_written() {
    // Never touched, so it takes no memory.
    let large = Envelope { payload: vec![0; BYTES_MAX], ..Envelope::default() };
    let error = encode(&large).unwrap_err().to_string();
    assert!(error.starts_with("view.long: "), "{error}");
}
