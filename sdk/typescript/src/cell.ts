// Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.
// The one memory map of a host and one peer: offsets, sizes and numbers.

// Where the map starts in a region of native processes.
export const BASE_NATIVE = 0;
// Where the map starts in a browser's SharedArrayBuffer.
export const BASE_BROWSER = 0x1000000;

export const EPOCHS_OFFSET = 0;
export const EPOCHS_BYTES = 128;

export const SUPERVISOR_OFFSET = 128;
export const SUPERVISOR_BYTES = 176;

export const REGISTRY_OFFSET = 320;
export const REGISTRY_BYTES = 0x1800;

export const HEADERS_OFFSET = 0x2000;
export const HEADERS_BYTES = 0x1000;

export const SYSCALLS_OFFSET = 0x3000;
export const SYSCALLS_BYTES = 0x1000;

export const PATTERNS_OFFSET = 0x10000;
export const PATTERNS_BYTES = 0x10000;

export const HISTORY_OFFSET = 0x20000;
export const HISTORY_BYTES = 0x20000;

export const INBOX_OFFSET = 0x50000;
export const INBOX_BYTES = 0x80000;

export const OUTBOX_OFFSET = 0xd0000;
export const OUTBOX_BYTES = 0x80000;

// The arena takes the rest of the region.
export const ARENA_OFFSET = 0x150000;

export const SECTION_EPOCHS = 0;
export const SECTION_SUPERVISOR = 1;
export const SECTION_REGISTRY = 2;
export const SECTION_HEADERS = 3;
export const SECTION_SYSCALLS = 4;
export const SECTION_PATTERNS = 5;
export const SECTION_HISTORY = 6;
export const SECTION_INBOX = 7;
export const SECTION_OUTBOX = 8;
export const SECTION_ARENA = 9;
export const SECTION_PING_PONG = 10;

export const EPOCH_COUNT = 32;
export const EPOCH_BYTES = 4;
// Raised by the host: the inbox has a new record.
export const EPOCH_INBOX = 0;
// Raised by the peer: the outbox has a new record.
export const EPOCH_OUTBOX = 1;
// Raised by the host: the registry changed.
export const EPOCH_REGISTRY = 2;
// Raised by the host: the supervisor table changed.
export const EPOCH_SUPERVISOR = 3;
// Raised by the host: heartbeat.
export const EPOCH_HEALTH_HOST = 4;
// Raised by the peer: heartbeat.
export const EPOCH_HEALTH_PEER = 5;
// Raised by the peer: the syscall table changed.
export const EPOCH_SYSCALL = 6;
// Raised by the host: the pattern cache changed.
export const EPOCH_PATTERN = 7;
// Raised by the host: a job was finished.
export const EPOCH_HISTORY = 8;
// Raised by the peer: the other buffer is the active one.
export const EPOCH_PING_PONG = 9;
// Raised by the host: the peer is to end.
export const EPOCH_SHUTDOWN = 10;
// From here to the last one, epochs are free for modules.
export const EPOCH_MODULES_FIRST = 16;

export const HEADER_LINE_BYTES = 128;
export const HEADER_LINE_COUNT = 32;
export const HEADER_HEALTH_HOST = 0;
// This line and the next: the inbox writer's page.
export const HEADER_INBOX_WRITER = 1;
// This line and the next: the inbox reader's page.
export const HEADER_INBOX_READER = 3;
// This line and the next: the outbox writer's page.
export const HEADER_OUTBOX_WRITER = 5;
// This line and the next: the outbox reader's page.
export const HEADER_OUTBOX_READER = 7;
export const HEADER_HEALTH_PEER = 9;
export const HEADER_PING_PONG_WRITER = 10;
export const HEADER_PING_PONG_READER = 11;
// From here to the last one, lines are free for modules.
export const HEADER_MODULES_FIRST = 16;

export const SUPERVISOR_ENTRY_COUNT = 11;
export const SUPERVISOR_ENTRY_BYTES = 16;
export const SUPERVISOR_ENTRY_SECTION_OFFSET = 0;
export const SUPERVISOR_ENTRY_FLAGS_OFFSET = 4;
export const SUPERVISOR_ENTRY_OFFSET_OFFSET = 8;
export const SUPERVISOR_ENTRY_BYTES_OFFSET = 12;
// In the flags of a supervisor entry: the host writes in this section.
export const SUPERVISOR_FLAG_HOST = 1;
// In the flags of a supervisor entry: the peer writes in this section.
export const SUPERVISOR_FLAG_PEER = 2;

export const REGISTRY_ENTRY_COUNT = 64;
export const REGISTRY_ENTRY_BYTES = 96;
export const REGISTRY_ENTRY_NAME_OFFSET = 0;
// UTF-8, zero padded.
export const REGISTRY_ENTRY_NAME_BYTES = 32;
// u32, 0 in an empty entry.
export const REGISTRY_ENTRY_MODULE_OFFSET = 32;
export const REGISTRY_ENTRY_VERSION_OFFSET = 36;
// u64
export const REGISTRY_ENTRY_CAPABILITIES_OFFSET = 40;
export const REGISTRY_ENTRY_STATE_OFFSET = 48;
export const REGISTRY_ENTRY_EPOCH_OFFSET = 52;
export const REGISTRY_ENTRY_SCHEMA_HASH_OFFSET = 56;
export const REGISTRY_ENTRY_RESERVED_OFFSET = 88;

export const SCHEMA_HASH_BYTES = 32;

export const DIGEST_BYTES = 32;

export const HEALTH_HEARTBEAT_OFFSET = 0;
export const HEALTH_STATE_OFFSET = 4;
// u64: monotonic time in nanoseconds.
export const HEALTH_TIME_OFFSET = 8;
export const HEALTH_STATE_STARTING = 0;
export const HEALTH_STATE_SERVING = 1;
export const HEALTH_STATE_DEGRADED = 2;
export const HEALTH_STATE_STOPPING = 3;

export const SYSCALL_ENTRY_COUNT = 64;
export const SYSCALL_ENTRY_BYTES = 64;
// u64, 0 in an empty entry.
export const SYSCALL_ENTRY_CALL_OFFSET = 0;
export const SYSCALL_ENTRY_METHOD_OFFSET = 8;
export const SYSCALL_ENTRY_STATE_OFFSET = 12;
export const SYSCALL_ENTRY_MODULE_OFFSET = 16;
export const SYSCALL_ENTRY_RESERVED_OFFSET = 20;
// u64: monotonic time in nanoseconds.
export const SYSCALL_ENTRY_DEADLINE_OFFSET = 24;
export const SYSCALL_ENTRY_HANDLE_OFFSET = 32;
export const SYSCALL_STATE_ASKED = 1;
export const SYSCALL_STATE_RUNNING = 2;
export const SYSCALL_STATE_DONE = 3;
export const SYSCALL_STATE_FAILED = 4;

export const PATTERN_ENTRY_COUNT = 1024;
export const PATTERN_ENTRY_BYTES = 64;
// u32, 0 in an empty entry.
export const PATTERN_ENTRY_TYPE_ID_OFFSET = 0;
export const PATTERN_ENTRY_KIND_OFFSET = 4;
export const PATTERN_ENTRY_SCHEMA_HASH_OFFSET = 8;
export const PATTERN_ENTRY_NAME_OFFSET = 40;
export const PATTERN_ENTRY_NAME_BYTES = 24;
export const PATTERN_KIND_RKYV = 1;
export const PATTERN_KIND_CAPNP = 2;

export const HISTORY_ENTRY_COUNT = 1024;
export const HISTORY_ENTRY_BYTES = 128;
// u64 from 1, 0 in an empty entry; stored last.
export const HISTORY_ENTRY_NUMBER_OFFSET = 0;
export const HISTORY_ENTRY_JOB_OFFSET = 8;
// u64: time in nanoseconds.
export const HISTORY_ENTRY_FINISHED_OFFSET = 16;
export const HISTORY_ENTRY_STATUS_OFFSET = 24;
export const HISTORY_ENTRY_TYPE_ID_OFFSET = 28;
export const HISTORY_ENTRY_HANDLE_OFFSET = 32;
export const HISTORY_ENTRY_DIGEST_OFFSET = 64;
export const HISTORY_ENTRY_RESERVED_OFFSET = 96;

// u32 in the writer's line: 0, or 1 + the buffer being written.
export const PING_PONG_WRITING_OFFSET = 0;
// u32 in the writer's line: 0, or (version << 1) | buffer, version from 1.
export const PING_PONG_ACTIVE_OFFSET = 4;
// u64 in the writer's line: where the first buffer starts.
export const PING_PONG_FIRST_OFFSET = 8;
// u64 in the writer's line: the size of each buffer.
export const PING_PONG_BYTES_OFFSET = 16;
// u32 in the reader's line: 0, or 1 + buffer.
export const PING_PONG_CLAIM_OFFSET = 0;
// The second buffer follows at the next multiple.
export const PING_PONG_ALIGN_BYTES = 0x1000;

export const HANDLE_BYTES = 32;
export const HANDLE_REGION_OFFSET = 0;
export const HANDLE_GENERATION_OFFSET = 8;
export const HANDLE_TYPE_ID_OFFSET = 12;
export const HANDLE_OFFSET_OFFSET = 16;
export const HANDLE_LENGTH_OFFSET = 24;
// A handle's offset is a multiple of this.
export const HANDLE_ALIGN_BYTES = 64;

// A lease of an arena starts at a multiple of this.
export const LEASE_ALIGN_BYTES = 0x1000;

// Control words that different sides write lie on different lines of this size.
export const RING_LINE_BYTES = 128;
// In the sender's page.
export const RING_PUBLISHED_OFFSET = 0;
export const RING_SENDER_WAKE_AT_OFFSET = 128;
export const RING_SLOTS_OFFSET = 256;
// In the receiver's page.
export const RING_ACKED_OFFSET = 0;
export const RING_RECEIVER_WAKE_AT_OFFSET = 128;
export const RING_SLOT_ALIGN_BYTES = 64;
export const RING_SLOT_SEQUENCE_OFFSET = 0;
export const RING_SLOT_LENGTH_OFFSET = 4;
export const RING_SLOT_RUN_OFFSET = 6;
export const RING_SLOT_MSG_ID_OFFSET = 8;
export const RING_SLOT_PAYLOAD_OFFSET = 16;

export const BYTE_RING_PAGE_BYTES = 256;
// In the writer's page.
export const BYTE_RING_WRITTEN_OFFSET = 0;
export const BYTE_RING_CAPACITY_OFFSET = 4;
export const BYTE_RING_WRITER_WAKE_AT_OFFSET = 128;
// In the reader's page.
export const BYTE_RING_READ_OFFSET = 0;
export const BYTE_RING_READER_WAKE_AT_OFFSET = 128;
export const BYTE_RING_CAPACITY_BYTES_MIN = 0x4000;
export const BYTE_RING_CAPACITY_BYTES_MAX = 0x80000;
export const BYTE_RING_PAYLOAD_BYTES_MAX = 0x40000;
export const BYTE_RING_RECORD_ALIGN_BYTES = 8;
export const BYTE_RING_RECORD_LENGTH_OFFSET = 0;
export const BYTE_RING_RECORD_MSG_ID_OFFSET = 4;
export const BYTE_RING_RECORD_PAYLOAD_OFFSET = 8;

// The arena is allocated in steps of this size.
export const ARENA_STEP_BYTES = 0x200000;

export const TIER_LIGHT_BYTES = 0x2000000;
export const TIER_MODERATE_BYTES = 0x4000000;
export const TIER_HEAVY_BYTES = 0x10000000;
export const TIER_DEDICATED_BYTES = 0x20000000;

export const TYPE_ID_HANDLE = 0xc37a5d7f;
export const TYPE_ID_REFERENCE = 0x4c8b3f58;
export const TYPE_ID_METADATA = 0xcacc9e24;
export const TYPE_ID_ENVELOPE = 0x17ba6719;
export const TYPE_ID_TENSOR = 0x2703da11;
export const TYPE_ID_AGENT_CONTEXT = 0x4ec247b6;
export const TYPE_ID_CONTEXT_SLICE = 0x5573f494;
export const TYPE_ID_CHUNK = 0x1f08ab26;
export const TYPE_ID_RETRIEVAL_PROOF = 0xcd01f22b;
export const TYPE_ID_LEAF_PROOF = 0x7719f6e5;
export const TYPE_ID_INFERENCE_REQUEST = 0xc9cd0c1f;
export const TYPE_ID_INFERENCE_OUTPUT = 0x766ebee2;
export const TYPE_ID_BLOCK = 0xe414d50d;
