// Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.

/// Where the map starts in a region of native processes.
pub const BASE_NATIVE: u32 = 0;
/// Where the map starts in a browser's SharedArrayBuffer.
pub const BASE_BROWSER: u32 = 0x0100_0000;

pub const EPOCHS_OFFSET: u32 = 0;
pub const EPOCHS_BYTES: u32 = 128;

pub const SUPERVISOR_OFFSET: u32 = 128;
pub const SUPERVISOR_BYTES: u32 = 176;

pub const REGISTRY_OFFSET: u32 = 320;
pub const REGISTRY_BYTES: u32 = 0x0000_1800;

pub const HEADERS_OFFSET: u32 = 0x0000_2000;
pub const HEADERS_BYTES: u32 = 0x0000_1000;

pub const SYSCALLS_OFFSET: u32 = 0x0000_3000;
pub const SYSCALLS_BYTES: u32 = 0x0000_1000;

pub const PATTERNS_OFFSET: u32 = 0x0001_0000;
pub const PATTERNS_BYTES: u32 = 0x0001_0000;

pub const HISTORY_OFFSET: u32 = 0x0002_0000;
pub const HISTORY_BYTES: u32 = 0x0002_0000;

pub const INBOX_OFFSET: u32 = 0x0005_0000;
pub const INBOX_BYTES: u32 = 0x0008_0000;

pub const OUTBOX_OFFSET: u32 = 0x000d_0000;
pub const OUTBOX_BYTES: u32 = 0x0008_0000;

/// The arena takes the rest of the region.
pub const ARENA_OFFSET: u32 = 0x0015_0000;

pub const SECTION_EPOCHS: u32 = 0;
pub const SECTION_SUPERVISOR: u32 = 1;
pub const SECTION_REGISTRY: u32 = 2;
pub const SECTION_HEADERS: u32 = 3;
pub const SECTION_SYSCALLS: u32 = 4;
pub const SECTION_PATTERNS: u32 = 5;
pub const SECTION_HISTORY: u32 = 6;
pub const SECTION_INBOX: u32 = 7;
pub const SECTION_OUTBOX: u32 = 8;
pub const SECTION_ARENA: u32 = 9;
pub const SECTION_PING_PONG: u32 = 10;

pub const EPOCH_COUNT: u32 = 32;
pub const EPOCH_BYTES: u32 = 4;
/// Raised by the host: the inbox has a new record.
pub const EPOCH_INBOX: u32 = 0;
/// Raised by the peer: the outbox has a new record.
pub const EPOCH_OUTBOX: u32 = 1;
/// Raised by the host: the registry changed.
pub const EPOCH_REGISTRY: u32 = 2;
/// Raised by the host: the supervisor table changed.
pub const EPOCH_SUPERVISOR: u32 = 3;
/// Raised by the host: heartbeat.
pub const EPOCH_HEALTH_HOST: u32 = 4;
/// Raised by the peer: heartbeat.
pub const EPOCH_HEALTH_PEER: u32 = 5;
/// Raised by the peer: the syscall table changed.
pub const EPOCH_SYSCALL: u32 = 6;
/// Raised by the host: the pattern cache changed.
pub const EPOCH_PATTERN: u32 = 7;
/// Raised by the host: a job was finished.
pub const EPOCH_HISTORY: u32 = 8;
/// Raised by the peer: the other buffer is the active one.
pub const EPOCH_PING_PONG: u32 = 9;
/// Raised by the host: the peer is to end.
pub const EPOCH_SHUTDOWN: u32 = 10;
/// From here to the last one, epochs are free for modules.
pub const EPOCH_MODULES_FIRST: u32 = 16;

pub const HEADER_LINE_BYTES: u32 = 128;
pub const HEADER_LINE_COUNT: u32 = 32;
pub const HEADER_HEALTH_HOST: u32 = 0;
/// This line and the next: the inbox writer's page.
pub const HEADER_INBOX_WRITER: u32 = 1;
/// This line and the next: the inbox reader's page.
pub const HEADER_INBOX_READER: u32 = 3;
/// This line and the next: the outbox writer's page.
pub const HEADER_OUTBOX_WRITER: u32 = 5;
/// This line and the next: the outbox reader's page.
pub const HEADER_OUTBOX_READER: u32 = 7;
pub const HEADER_HEALTH_PEER: u32 = 9;
pub const HEADER_PING_PONG_WRITER: u32 = 10;
pub const HEADER_PING_PONG_READER: u32 = 11;
/// From here to the last one, lines are free for modules.
pub const HEADER_MODULES_FIRST: u32 = 16;

pub const SUPERVISOR_ENTRY_COUNT: u32 = 11;
pub const SUPERVISOR_ENTRY_BYTES: u32 = 16;
pub const SUPERVISOR_ENTRY_SECTION_OFFSET: u32 = 0;
pub const SUPERVISOR_ENTRY_FLAGS_OFFSET: u32 = 4;
pub const SUPERVISOR_ENTRY_OFFSET_OFFSET: u32 = 8;
pub const SUPERVISOR_ENTRY_BYTES_OFFSET: u32 = 12;
/// In the flags of a supervisor entry: the host writes in this section.
pub const SUPERVISOR_FLAG_HOST: u32 = 1;
/// In the flags of a supervisor entry: the peer writes in this section.
pub const SUPERVISOR_FLAG_PEER: u32 = 2;

pub const REGISTRY_ENTRY_COUNT: u32 = 64;
pub const REGISTRY_ENTRY_BYTES: u32 = 96;
pub const REGISTRY_ENTRY_NAME_OFFSET: u32 = 0;
/// UTF-8, zero padded.
pub const REGISTRY_ENTRY_NAME_BYTES: u32 = 32;
/// u32, 0 in an empty entry.
pub const REGISTRY_ENTRY_MODULE_OFFSET: u32 = 32;
pub const REGISTRY_ENTRY_VERSION_OFFSET: u32 = 36;
/// u64
pub const REGISTRY_ENTRY_CAPABILITIES_OFFSET: u32 = 40;
pub const REGISTRY_ENTRY_STATE_OFFSET: u32 = 48;
pub const REGISTRY_ENTRY_EPOCH_OFFSET: u32 = 52;
pub const REGISTRY_ENTRY_SCHEMA_HASH_OFFSET: u32 = 56;
pub const REGISTRY_ENTRY_RESERVED_OFFSET: u32 = 88;

pub const SCHEMA_HASH_BYTES: u32 = 32;

pub const DIGEST_BYTES: u32 = 32;

pub const HEALTH_HEARTBEAT_OFFSET: u32 = 0;
pub const HEALTH_STATE_OFFSET: u32 = 4;
/// u64: monotonic time in nanoseconds.
pub const HEALTH_TIME_OFFSET: u32 = 8;
pub const HEALTH_STATE_STARTING: u32 = 0;
pub const HEALTH_STATE_SERVING: u32 = 1;
pub const HEALTH_STATE_DEGRADED: u32 = 2;
pub const HEALTH_STATE_STOPPING: u32 = 3;

pub const SYSCALL_ENTRY_COUNT: u32 = 64;
pub const SYSCALL_ENTRY_BYTES: u32 = 64;
/// u64, 0 in an empty entry.
pub const SYSCALL_ENTRY_CALL_OFFSET: u32 = 0;
pub const SYSCALL_ENTRY_METHOD_OFFSET: u32 = 8;
pub const SYSCALL_ENTRY_STATE_OFFSET: u32 = 12;
pub const SYSCALL_ENTRY_MODULE_OFFSET: u32 = 16;
pub const SYSCALL_ENTRY_RESERVED_OFFSET: u32 = 20;
/// u64: monotonic time in nanoseconds.
pub const SYSCALL_ENTRY_DEADLINE_OFFSET: u32 = 24;
pub const SYSCALL_ENTRY_HANDLE_OFFSET: u32 = 32;
pub const SYSCALL_STATE_ASKED: u32 = 1;
pub const SYSCALL_STATE_RUNNING: u32 = 2;
pub const SYSCALL_STATE_DONE: u32 = 3;
pub const SYSCALL_STATE_FAILED: u32 = 4;

pub const PATTERN_ENTRY_COUNT: u32 = 1024;
pub const PATTERN_ENTRY_BYTES: u32 = 64;
/// u32, 0 in an empty entry.
pub const PATTERN_ENTRY_TYPE_ID_OFFSET: u32 = 0;
pub const PATTERN_ENTRY_KIND_OFFSET: u32 = 4;
pub const PATTERN_ENTRY_SCHEMA_HASH_OFFSET: u32 = 8;
pub const PATTERN_ENTRY_NAME_OFFSET: u32 = 40;
pub const PATTERN_ENTRY_NAME_BYTES: u32 = 24;
pub const PATTERN_KIND_RKYV: u32 = 1;
pub const PATTERN_KIND_CAPNP: u32 = 2;

pub const HISTORY_ENTRY_COUNT: u32 = 1024;
pub const HISTORY_ENTRY_BYTES: u32 = 128;
/// u64 from 1, 0 in an empty entry; stored last.
pub const HISTORY_ENTRY_NUMBER_OFFSET: u32 = 0;
pub const HISTORY_ENTRY_JOB_OFFSET: u32 = 8;
/// u64: time in nanoseconds.
pub const HISTORY_ENTRY_FINISHED_OFFSET: u32 = 16;
pub const HISTORY_ENTRY_STATUS_OFFSET: u32 = 24;
pub const HISTORY_ENTRY_TYPE_ID_OFFSET: u32 = 28;
pub const HISTORY_ENTRY_HANDLE_OFFSET: u32 = 32;
pub const HISTORY_ENTRY_DIGEST_OFFSET: u32 = 64;
pub const HISTORY_ENTRY_RESERVED_OFFSET: u32 = 96;

/// u32 in the writer's line: 0, or 1 + the buffer being written.
pub const PING_PONG_WRITING_OFFSET: u32 = 0;
/// u32 in the writer's line: 0, or (version << 1) | buffer, version from 1.
pub const PING_PONG_ACTIVE_OFFSET: u32 = 4;
/// u64 in the writer's line: where the first buffer starts.
pub const PING_PONG_FIRST_OFFSET: u32 = 8;
/// u64 in the writer's line: the size of each buffer.
pub const PING_PONG_BYTES_OFFSET: u32 = 16;
/// u32 in the reader's line: 0, or 1 + buffer.
pub const PING_PONG_CLAIM_OFFSET: u32 = 0;
/// The second buffer follows at the next multiple.
pub const PING_PONG_ALIGN_BYTES: u32 = 0x0000_1000;

pub const HANDLE_BYTES: u32 = 32;
pub const HANDLE_REGION_OFFSET: u32 = 0;
pub const HANDLE_GENERATION_OFFSET: u32 = 8;
pub const HANDLE_TYPE_ID_OFFSET: u32 = 12;
pub const HANDLE_OFFSET_OFFSET: u32 = 16;
pub const HANDLE_LENGTH_OFFSET: u32 = 24;
/// A handle's offset is a multiple of this.
pub const HANDLE_ALIGN_BYTES: u32 = 64;

/// A lease of an arena starts at a multiple of this.
pub const LEASE_ALIGN_BYTES: u32 = 0x0000_1000;

/// Control words that different sides write lie on different lines of this size.
pub const RING_LINE_BYTES: u32 = 128;
/// In the sender's page.
pub const RING_PUBLISHED_OFFSET: u32 = 0;
pub const RING_SENDER_WAKE_AT_OFFSET: u32 = 128;
pub const RING_SLOTS_OFFSET: u32 = 256;
/// In the receiver's page.
pub const RING_ACKED_OFFSET: u32 = 0;
pub const RING_RECEIVER_WAKE_AT_OFFSET: u32 = 128;
pub const RING_SLOT_ALIGN_BYTES: u32 = 64;
pub const RING_SLOT_SEQUENCE_OFFSET: u32 = 0;
pub const RING_SLOT_LENGTH_OFFSET: u32 = 4;
pub const RING_SLOT_RUN_OFFSET: u32 = 6;
pub const RING_SLOT_MSG_ID_OFFSET: u32 = 8;
pub const RING_SLOT_PAYLOAD_OFFSET: u32 = 16;

pub const BYTE_RING_PAGE_BYTES: u32 = 256;
/// In the writer's page.
pub const BYTE_RING_WRITTEN_OFFSET: u32 = 0;
pub const BYTE_RING_CAPACITY_OFFSET: u32 = 4;
pub const BYTE_RING_WRITER_WAKE_AT_OFFSET: u32 = 128;
/// In the reader's page.
pub const BYTE_RING_READ_OFFSET: u32 = 0;
pub const BYTE_RING_READER_WAKE_AT_OFFSET: u32 = 128;
pub const BYTE_RING_CAPACITY_BYTES_MIN: u32 = 0x0000_4000;
pub const BYTE_RING_CAPACITY_BYTES_MAX: u32 = 0x0008_0000;
pub const BYTE_RING_PAYLOAD_BYTES_MAX: u32 = 0x0004_0000;
pub const BYTE_RING_RECORD_ALIGN_BYTES: u32 = 8;
pub const BYTE_RING_RECORD_LENGTH_OFFSET: u32 = 0;
pub const BYTE_RING_RECORD_MSG_ID_OFFSET: u32 = 4;
pub const BYTE_RING_RECORD_PAYLOAD_OFFSET: u32 = 8;

/// The arena is allocated in steps of this size.
pub const ARENA_STEP_BYTES: u32 = 0x0020_0000;

pub const TIER_LIGHT_BYTES: u32 = 0x0200_0000;
pub const TIER_MODERATE_BYTES: u32 = 0x0400_0000;
pub const TIER_HEAVY_BYTES: u32 = 0x1000_0000;
pub const TIER_DEDICATED_BYTES: u32 = 0x2000_0000;

pub const TYPE_ID_HANDLE: u32 = 0xc37a_5d7f;
pub const TYPE_ID_REFERENCE: u32 = 0x4c8b_3f58;
pub const TYPE_ID_METADATA: u32 = 0xcacc_9e24;
pub const TYPE_ID_ENVELOPE: u32 = 0x17ba_6719;
pub const TYPE_ID_TENSOR: u32 = 0x2703_da11;
pub const TYPE_ID_AGENT_CONTEXT: u32 = 0x4ec2_47b6;
pub const TYPE_ID_CONTEXT_SLICE: u32 = 0x5573_f494;
pub const TYPE_ID_CHUNK: u32 = 0x1f08_ab26;
pub const TYPE_ID_RETRIEVAL_PROOF: u32 = 0xcd01_f22b;
pub const TYPE_ID_LEAF_PROOF: u32 = 0x7719_f6e5;
pub const TYPE_ID_INFERENCE_REQUEST: u32 = 0xc9cd_0c1f;
pub const TYPE_ID_INFERENCE_OUTPUT: u32 = 0x766e_bee2;
pub const TYPE_ID_BLOCK: u32 = 0xe414_d50d;
