// Generated from schema/data.capnp by scripts/generate.mjs. Do not edit.
import type { Elements } from "./list.js";
import { StructLens } from "./struct.js";

/** A part of a region. */
export class Handle extends StructLens {
  static readonly FIELDS = ["region", "generation", "typeId", "offset", "length"] as const;

  /** The region's number in this session. */
  get region(): bigint {
    return this.readU64(0);
  }

  /** Grows with every lease of the region. */
  get generation(): number {
    return this.readU32(8);
  }

  /** What the bytes are; 0 for plain bytes. */
  get typeId(): number {
    return this.readU32(12);
  }

  /** From the start of the region, a multiple of 64. */
  get offset(): bigint {
    return this.readU64(16);
  }

  /** Bytes, at least 1. */
  get length(): bigint {
    return this.readU64(24);
  }
}

/** Something that a message speaks of and does not carry. */
export class Reference extends StructLens {
  static readonly FIELDS = ["name", "handle", "digest"] as const;

  get name(): string {
    return this.readText(0);
  }

  get handle(): Handle {
    return this.readStruct(1, Handle);
  }

  /** A claim, until the receiver has computed it from the bytes. */
  get digest(): Uint8Array {
    return this.readExactly(2, 32);
  }
}

/** On whose behalf. */
export class Metadata extends StructLens {
  static readonly FIELDS = ["userId", "deviceId", "creditLedgerId"] as const;

  get userId(): string {
    return this.readText(0);
  }

  get deviceId(): string {
    return this.readText(1);
  }

  get creditLedgerId(): string {
    return this.readText(2);
  }
}

/** One message between applications. */
export class Envelope extends StructLens {
  static readonly FIELDS = ["id", "type", "timestamp", "metadata", "payload"] as const;

  get id(): string {
    return this.readText(0);
  }

  /** What the payload is, such as `chat.message`. */
  get type(): string {
    return this.readText(1);
  }

  /** Nanoseconds since 1970, UTC. */
  get timestamp(): bigint {
    return this.readU64(0);
  }

  get metadata(): Metadata {
    return this.readStruct(2, Metadata);
  }

  get payload(): Uint8Array {
    return this.readData(3);
  }
}

export const ELEMENT_TYPE_NAMES = ["f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"] as const;
export type ElementType = (typeof ELEMENT_TYPE_NAMES)[number];

/**
 * Row-major, little-endian; the data's length is the product of the shape times
 * the size of an element. An empty shape is one element.
 */
export class Tensor extends StructLens {
  static readonly FIELDS = ["elementType", "shape", "data"] as const;

  get elementType(): ElementType {
    return this.readEnumerant(0, ELEMENT_TYPE_NAMES);
  }

  get shape(): Elements<bigint> {
    return this.readList(0).u64();
  }

  get data(): Uint8Array {
    return this.readData(1);
  }
}

/** What an agent starts a step with. */
export class AgentContext extends StructLens {
  static readonly FIELDS = ["sessionId", "embeddings", "tokenIds", "references"] as const;

  get sessionId(): string {
    return this.readText(0);
  }

  get embeddings(): Elements<Tensor> {
    return this.readList(1).structs(Tensor);
  }

  get tokenIds(): Elements<number> {
    return this.readList(2).u32();
  }

  get references(): Elements<Reference> {
    return this.readList(3).structs(Reference);
  }
}

/** The passages found for one question, best first. */
export class ContextSlice extends StructLens {
  static readonly FIELDS = ["sliceId", "question", "frameIds", "chunks", "checkpointRoot", "retrievalProof", "labels"] as const;

  /** Which slice of the session, from 1. */
  get sliceId(): bigint {
    return this.readU64(0);
  }

  get question(): string {
    return this.readText(0);
  }

  /** The frames of memory that the passages come from. */
  get frameIds(): Elements<bigint> {
    return this.readList(1).u64();
  }

  get chunks(): Elements<Chunk> {
    return this.readList(2).structs(Chunk);
  }

  /** Digest of the memory's state that was searched; zeros where there is none. */
  get checkpointRoot(): Uint8Array {
    return this.readExactly(3, 32);
  }

  get retrievalProof(): RetrievalProof {
    return this.readStruct(4, RetrievalProof);
  }

  /** Labels of everything inside. */
  get labels(): Elements<string> {
    return this.readList(5).text();
  }
}

/** One passage of one document. */
export class Chunk extends StructLens {
  static readonly FIELDS = ["path", "documentDigest", "offset", "score", "text", "heading"] as const;

  /** The document's path beneath its root. */
  get path(): string {
    return this.readText(0);
  }

  /** Of the document's original bytes. */
  get documentDigest(): Uint8Array {
    return this.readExactly(1, 32);
  }

  /** Where the passage starts in the extracted text, in bytes. */
  get offset(): bigint {
    return this.readU64(0);
  }

  /** Fixed point. */
  get score(): bigint {
    return this.readU64(8);
  }

  get text(): string {
    return this.readText(2);
  }

  /** The nearest heading above it; empty where there is none. */
  get heading(): string {
    return this.readText(3);
  }
}

/** That what was read lies beneath a root. */
export class RetrievalProof extends StructLens {
  static readonly FIELDS = ["root", "leafCount", "leaves"] as const;

  /** Zeros where nothing is proven. */
  get root(): Uint8Array {
    return this.readExactly(0, 32);
  }

  /** How many leaves the root covers. */
  get leafCount(): bigint {
    return this.readU64(0);
  }

  get leaves(): Elements<LeafProof> {
    return this.readList(1).structs(LeafProof);
  }
}

/** One leaf's way up to the root. */
export class LeafProof extends StructLens {
  static readonly FIELDS = ["index", "digest", "path"] as const;

  get index(): bigint {
    return this.readU64(0);
  }

  get digest(): Uint8Array {
    return this.readExactly(0, 32);
  }

  /** The siblings, from the leaf upwards. */
  get path(): Elements<Uint8Array> {
    return this.readList(1).exactly(32);
  }
}

export class InferenceRequest extends StructLens {
  static readonly FIELDS = ["requestId", "model", "prompt", "tokenIds", "inputs", "context", "outputTokensMax", "temperature", "seed", "deadline"] as const;

  get requestId(): bigint {
    return this.readU64(0);
  }

  get model(): string {
    return this.readText(0);
  }

  get prompt(): string {
    return this.readText(1);
  }

  /** Instead of a prompt, when it is already in tokens. */
  get tokenIds(): Elements<number> {
    return this.readList(2).u32();
  }

  get inputs(): Elements<Tensor> {
    return this.readList(3).structs(Tensor);
  }

  /** Slices that the answer may be read from. */
  get context(): Elements<Reference> {
    return this.readList(4).structs(Reference);
  }

  get outputTokensMax(): number {
    return this.readU32(8);
  }

  /** 0 is greedy. */
  get temperature(): number {
    return this.readF32(12);
  }

  get seed(): bigint {
    return this.readU64(16);
  }

  /** Nanoseconds since 1970, UTC; 0 for none. */
  get deadline(): bigint {
    return this.readU64(24);
  }
}

export const FINISH_REASON_NAMES = ["stop", "length", "cancelled", "failed"] as const;
export type FinishReason = (typeof FINISH_REASON_NAMES)[number];

export class InferenceOutput extends StructLens {
  static readonly FIELDS = ["requestId", "finishReason", "text", "tokenIds", "outputs", "inputTokens", "outputTokens", "modelDigest", "error"] as const;

  get requestId(): bigint {
    return this.readU64(0);
  }

  get finishReason(): FinishReason {
    return this.readEnumerant(8, FINISH_REASON_NAMES);
  }

  get text(): string {
    return this.readText(0);
  }

  get tokenIds(): Elements<number> {
    return this.readList(1).u32();
  }

  get outputs(): Elements<Tensor> {
    return this.readList(2).structs(Tensor);
  }

  get inputTokens(): number {
    return this.readU32(12);
  }

  get outputTokens(): number {
    return this.readU32(16);
  }

  /** Of the weights that computed it; zeros where they are not known. */
  get modelDigest(): Uint8Array {
    return this.readExactly(3, 32);
  }

  /** Why it failed; empty otherwise. */
  get error(): string {
    return this.readText(4);
  }
}

export class Block extends StructLens {
  static readonly FIELDS = ["height", "parent", "stateRoot", "transactionsRoot", "receiptsRoot", "timestamp", "proposer", "transactions"] as const;

  get height(): bigint {
    return this.readU64(0);
  }

  /** Digest of the block before; 32 zeros in the first. */
  get parent(): Uint8Array {
    return this.readExactly(0, 32);
  }

  get stateRoot(): Uint8Array {
    return this.readExactly(1, 32);
  }

  get transactionsRoot(): Uint8Array {
    return this.readExactly(2, 32);
  }

  get receiptsRoot(): Uint8Array {
    return this.readExactly(3, 32);
  }

  /** Nanoseconds since 1970, UTC. */
  get timestamp(): bigint {
    return this.readU64(8);
  }

  /** The fingerprint of the key. */
  get proposer(): Uint8Array {
    return this.readExactly(4, 32);
  }

  get transactions(): Elements<Uint8Array> {
    return this.readList(5).data();
  }
}
