@0xc7d04b1f6a92e835;
# The types of the data plane for readers in any language and for what is kept on disk.
#
# Fields are only ever added, at the end: never retyped, renumbered or removed.
# A message is one segment, its root is the type that the handle's `type_id` names.

using Go = import "/go.capnp";
$Go.package("data");
$Go.import("ioi/sdk/go/data");

annotation exactly @0xe9b1d5c4a7260f38 (field) :UInt32;
# The data, or each of a list of data, is this many bytes; none at all is read as zeros.

annotation alignedTo @0xb64f02e8d91c7a53 (field) :UInt32;
# The data start at a multiple of this many bytes in the rkyv family.

struct Handle {
  # A part of a region.
  region @0 :UInt64;
  # The region's number in this session.
  generation @1 :UInt32;
  # Grows with every lease of the region.
  typeId @2 :UInt32;
  # What the bytes are; 0 for plain bytes.
  offset @3 :UInt64;
  # From the start of the region, a multiple of 64.
  length @4 :UInt64;
  # Bytes, at least 1.
}

struct Reference {
  # Something that a message speaks of and does not carry.
  name @0 :Text;
  handle @1 :Handle;
  digest @2 :Data $exactly(32);
  # A claim, until the receiver has computed it from the bytes.
}

struct Metadata {
  # On whose behalf.
  userId @0 :Text;
  deviceId @1 :Text;
  creditLedgerId @2 :Text;
}

struct Envelope {
  # One message between applications.
  id @0 :Text;
  type @1 :Text;
  # What the payload is, such as `chat.message`.
  timestamp @2 :UInt64;
  # Nanoseconds since 1970, UTC.
  metadata @3 :Metadata;
  payload @4 :Data;
}

enum ElementType {
  f32 @0;
  f16 @1;
  bf16 @2;
  f64 @3;
  i8 @4;
  i16 @5;
  i32 @6;
  i64 @7;
  u8 @8;
  u16 @9;
  u32 @10;
  u64 @11;
}

struct Tensor {
  # Row-major, little-endian; the data's length is the product of the shape times
  # the size of an element. An empty shape is one element.
  elementType @0 :ElementType;
  shape @1 :List(UInt64);
  data @2 :Data $alignedTo(16);
}

struct AgentContext {
  # What an agent starts a step with.
  sessionId @0 :Text;
  embeddings @1 :List(Tensor);
  tokenIds @2 :List(UInt32);
  references @3 :List(Reference);
}

struct ContextSlice {
  # The passages found for one question, best first.
  sliceId @0 :UInt64;
  # Which slice of the session, from 1.
  question @1 :Text;
  frameIds @2 :List(UInt64);
  # The frames of memory that the passages come from.
  chunks @3 :List(Chunk);
  checkpointRoot @4 :Data $exactly(32);
  # Digest of the memory's state that was searched; zeros where there is none.
  retrievalProof @5 :RetrievalProof;
  labels @6 :List(Text);
  # Labels of everything inside.
}

struct Chunk {
  # One passage of one document.
  path @0 :Text;
  # The document's path beneath its root.
  documentDigest @1 :Data $exactly(32);
  # Of the document's original bytes.
  offset @2 :UInt64;
  # Where the passage starts in the extracted text, in bytes.
  score @3 :UInt64;
  # Fixed point.
  text @4 :Text;
  heading @5 :Text;
  # The nearest heading above it; empty where there is none.
}

struct RetrievalProof {
  # That what was read lies beneath a root.
  root @0 :Data $exactly(32);
  # Zeros where nothing is proven.
  leafCount @1 :UInt64;
  # How many leaves the root covers.
  leaves @2 :List(LeafProof);
}

struct LeafProof {
  # One leaf's way up to the root.
  index @0 :UInt64;
  digest @1 :Data $exactly(32);
  path @2 :List(Data) $exactly(32);
  # The siblings, from the leaf upwards.
}

struct InferenceRequest {
  requestId @0 :UInt64;
  model @1 :Text;
  prompt @2 :Text;
  tokenIds @3 :List(UInt32);
  # Instead of a prompt, when it is already in tokens.
  inputs @4 :List(Tensor);
  context @5 :List(Reference);
  # Slices that the answer may be read from.
  outputTokensMax @6 :UInt32;
  temperature @7 :Float32;
  # 0 is greedy.
  seed @8 :UInt64;
  deadline @9 :UInt64;
  # Nanoseconds since 1970, UTC; 0 for none.
}

enum FinishReason {
  stop @0;
  length @1;
  cancelled @2;
  failed @3;
}

struct InferenceOutput {
  requestId @0 :UInt64;
  finishReason @1 :FinishReason;
  text @2 :Text;
  tokenIds @3 :List(UInt32);
  outputs @4 :List(Tensor);
  inputTokens @5 :UInt32;
  outputTokens @6 :UInt32;
  modelDigest @7 :Data $exactly(32);
  # Of the weights that computed it; zeros where they are not known.
  error @8 :Text;
  # Why it failed; empty otherwise.
}

struct Block {
  height @0 :UInt64;
  parent @1 :Data $exactly(32);
  # Digest of the block before; 32 zeros in the first.
  stateRoot @2 :Data $exactly(32);
  transactionsRoot @3 :Data $exactly(32);
  receiptsRoot @4 :Data $exactly(32);
  timestamp @5 :UInt64;
  # Nanoseconds since 1970, UTC.
  proposer @6 :Data $exactly(32);
  # The fingerprint of the key.
  transactions @7 :List(Data);
}
