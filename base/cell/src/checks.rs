//! What must hold of the map, checked by the compiler: a schema that breaks it does not build.

use crate::{SECTIONS, map::*};

/// Sections lie one after the other, none over another, and the arena after them all.
const _: () = {
    let mut at = 0;
    let mut end = 0;
    while at < SECTIONS.len() {
        let section = SECTIONS[at];
        assert!(section.number as usize == at, "the table is in the order of the numbers");
        assert!(section.offset >= end, "two sections overlap");
        assert!(section.bytes > 0, "a section is empty");
        end = section.offset + section.bytes;
        at += 1;
    }
    assert!(SECTION_ARENA as usize == at && SECTION_PING_PONG == SECTION_ARENA + 1);
    assert!(ARENA_OFFSET >= end, "the arena begins inside a section");
    assert!(ARENA_OFFSET.is_multiple_of(LEASE_ALIGN_BYTES));
};

/// Sections of records are exactly as large as their records.
const _: () = {
    assert!(EPOCHS_BYTES == EPOCH_COUNT * EPOCH_BYTES);
    assert!(SUPERVISOR_BYTES == SUPERVISOR_ENTRY_COUNT * SUPERVISOR_ENTRY_BYTES);
    assert!(SUPERVISOR_ENTRY_COUNT == SECTION_PING_PONG + 1, "each section has an entry");
    assert!(REGISTRY_BYTES == REGISTRY_ENTRY_COUNT * REGISTRY_ENTRY_BYTES);
    assert!(HEADERS_BYTES == HEADER_LINE_COUNT * HEADER_LINE_BYTES);
    assert!(SYSCALLS_BYTES == SYSCALL_ENTRY_COUNT * SYSCALL_ENTRY_BYTES);
    assert!(PATTERNS_BYTES == PATTERN_ENTRY_COUNT * PATTERN_ENTRY_BYTES);
    assert!(HISTORY_BYTES == HISTORY_ENTRY_COUNT * HISTORY_ENTRY_BYTES);
};

/// Fields of a record, as (offset, bytes) in order, without gap or overlap, to its end.
const fn assert_fills(fields: &[(u32, u32)], bytes: u32) {
    let mut at = 0;
    let mut end = 0;
    while at < fields.len() {
        assert!(fields[at].0 == end, "a field does not begin where the one before it ends");
        assert!(
            end.is_multiple_of(if fields[at].1 < 8 { fields[at].1 } else { 8 }),
            "a field is not aligned"
        );
        end += fields[at].1;
        at += 1;
    }
    assert!(end == bytes, "the fields do not fill the record");
}

const _: () = assert_fills(
    &[
        (SUPERVISOR_ENTRY_SECTION_OFFSET, 4),
        (SUPERVISOR_ENTRY_FLAGS_OFFSET, 4),
        (SUPERVISOR_ENTRY_OFFSET_OFFSET, 4),
        (SUPERVISOR_ENTRY_BYTES_OFFSET, 4),
    ],
    SUPERVISOR_ENTRY_BYTES,
);

const _: () = assert_fills(
    &[
        (REGISTRY_ENTRY_NAME_OFFSET, REGISTRY_ENTRY_NAME_BYTES),
        (REGISTRY_ENTRY_MODULE_OFFSET, 4),
        (REGISTRY_ENTRY_VERSION_OFFSET, 4),
        (REGISTRY_ENTRY_CAPABILITIES_OFFSET, 8),
        (REGISTRY_ENTRY_STATE_OFFSET, 4),
        (REGISTRY_ENTRY_EPOCH_OFFSET, 4),
        (REGISTRY_ENTRY_SCHEMA_HASH_OFFSET, SCHEMA_HASH_BYTES),
        (REGISTRY_ENTRY_RESERVED_OFFSET, 8),
    ],
    REGISTRY_ENTRY_BYTES,
);

const _: () = assert_fills(
    &[
        (SYSCALL_ENTRY_CALL_OFFSET, 8),
        (SYSCALL_ENTRY_METHOD_OFFSET, 4),
        (SYSCALL_ENTRY_STATE_OFFSET, 4),
        (SYSCALL_ENTRY_MODULE_OFFSET, 4),
        (SYSCALL_ENTRY_RESERVED_OFFSET, 4),
        (SYSCALL_ENTRY_DEADLINE_OFFSET, 8),
        (SYSCALL_ENTRY_HANDLE_OFFSET, HANDLE_BYTES),
    ],
    SYSCALL_ENTRY_BYTES,
);

const _: () = assert_fills(
    &[
        (PATTERN_ENTRY_TYPE_ID_OFFSET, 4),
        (PATTERN_ENTRY_KIND_OFFSET, 4),
        (PATTERN_ENTRY_SCHEMA_HASH_OFFSET, SCHEMA_HASH_BYTES),
        (PATTERN_ENTRY_NAME_OFFSET, PATTERN_ENTRY_NAME_BYTES),
    ],
    PATTERN_ENTRY_BYTES,
);

const _: () = assert_fills(
    &[
        (HISTORY_ENTRY_NUMBER_OFFSET, 8),
        (HISTORY_ENTRY_JOB_OFFSET, 8),
        (HISTORY_ENTRY_FINISHED_OFFSET, 8),
        (HISTORY_ENTRY_STATUS_OFFSET, 4),
        (HISTORY_ENTRY_TYPE_ID_OFFSET, 4),
        (HISTORY_ENTRY_HANDLE_OFFSET, HANDLE_BYTES),
        (HISTORY_ENTRY_DIGEST_OFFSET, DIGEST_BYTES),
        (HISTORY_ENTRY_RESERVED_OFFSET, 32),
    ],
    HISTORY_ENTRY_BYTES,
);

const _: () = assert_fills(
    &[
        (HANDLE_REGION_OFFSET, 8),
        (HANDLE_GENERATION_OFFSET, 4),
        (HANDLE_TYPE_ID_OFFSET, 4),
        (HANDLE_OFFSET_OFFSET, 8),
        (HANDLE_LENGTH_OFFSET, 8),
    ],
    HANDLE_BYTES,
);

const _: () = assert_fills(
    &[
        (RING_SLOT_SEQUENCE_OFFSET, 4),
        (RING_SLOT_LENGTH_OFFSET, 2),
        (RING_SLOT_RUN_OFFSET, 2),
        (RING_SLOT_MSG_ID_OFFSET, 4),
        (RING_SLOT_MSG_ID_OFFSET + 4, 4),
    ],
    RING_SLOT_PAYLOAD_OFFSET,
);

const _: () = assert_fills(
    &[(HEALTH_HEARTBEAT_OFFSET, 4), (HEALTH_STATE_OFFSET, 4), (HEALTH_TIME_OFFSET, 8)],
    HEALTH_TIME_OFFSET + 8,
);

const _: () = assert_fills(
    &[
        (PING_PONG_WRITING_OFFSET, 4),
        (PING_PONG_ACTIVE_OFFSET, 4),
        (PING_PONG_FIRST_OFFSET, 8),
        (PING_PONG_BYTES_OFFSET, 8),
    ],
    PING_PONG_BYTES_OFFSET + 8,
);

/// Header lines: the pages of the byte rings are two lines each, and none is used twice.
const _: () = {
    let lines = [
        (HEADER_HEALTH_HOST, 1),
        (HEADER_INBOX_WRITER, 2),
        (HEADER_INBOX_READER, 2),
        (HEADER_OUTBOX_WRITER, 2),
        (HEADER_OUTBOX_READER, 2),
        (HEADER_HEALTH_PEER, 1),
        (HEADER_PING_PONG_WRITER, 1),
        (HEADER_PING_PONG_READER, 1),
    ];
    let mut at = 0;
    let mut end = 0;
    while at < lines.len() {
        assert!(lines[at].0 == end, "header lines overlap or leave a gap");
        end += lines[at].1;
        at += 1;
    }
    assert!(end <= HEADER_MODULES_FIRST && HEADER_MODULES_FIRST < HEADER_LINE_COUNT);
    assert!(BYTE_RING_PAGE_BYTES == 2 * HEADER_LINE_BYTES && RING_SLOTS_OFFSET == 2 * RING_LINE_BYTES);
};

/// Control words of the two sides never share a line.
const _: () = {
    assert!(RING_SENDER_WAKE_AT_OFFSET - RING_PUBLISHED_OFFSET >= RING_LINE_BYTES);
    assert!(RING_RECEIVER_WAKE_AT_OFFSET - RING_ACKED_OFFSET >= RING_LINE_BYTES);
    assert!(BYTE_RING_WRITER_WAKE_AT_OFFSET - BYTE_RING_WRITTEN_OFFSET >= RING_LINE_BYTES);
    assert!(BYTE_RING_READER_WAKE_AT_OFFSET - BYTE_RING_READ_OFFSET >= RING_LINE_BYTES);
    assert!(RING_SLOTS_OFFSET.is_multiple_of(RING_SLOT_ALIGN_BYTES));
};

/// A byte ring fills its section; its capacity can be doubled from the least to the greatest.
const _: () = {
    assert!(INBOX_BYTES == BYTE_RING_CAPACITY_BYTES_MAX && OUTBOX_BYTES == BYTE_RING_CAPACITY_BYTES_MAX);
    assert!(BYTE_RING_CAPACITY_BYTES_MIN.is_power_of_two() && BYTE_RING_CAPACITY_BYTES_MAX.is_power_of_two());
    assert!(BYTE_RING_CAPACITY_BYTES_MIN < BYTE_RING_CAPACITY_BYTES_MAX);
    assert!(BYTE_RING_PAYLOAD_BYTES_MAX == BYTE_RING_CAPACITY_BYTES_MAX / 2);
    assert!(BYTE_RING_RECORD_PAYLOAD_OFFSET.is_multiple_of(BYTE_RING_RECORD_ALIGN_BYTES));
};

/// Each tier is larger than the one before, and even the smallest has an arena.
const _: () = {
    let tiers = [ARENA_OFFSET, TIER_LIGHT_BYTES, TIER_MODERATE_BYTES, TIER_HEAVY_BYTES, TIER_DEDICATED_BYTES];
    let mut at = 1;
    while at < tiers.len() {
        assert!(tiers[at] > tiers[at - 1] && tiers[at].is_multiple_of(ARENA_STEP_BYTES));
        at += 1;
    }
    assert!(TIER_LIGHT_BYTES > BASE_BROWSER + ARENA_OFFSET, "a browser's light Cell has no arena");
};

/// `ioi-shm` has its own numbers; where its words lie is held against the schema by `tests/it/rings.rs`.
#[cfg(feature = "protocol")]
const _: () = {
    use ioi_shm::byte_ring::{CAPACITY_MAX, CAPACITY_MIN, record_bytes_max};
    assert!(CAPACITY_MIN == BYTE_RING_CAPACITY_BYTES_MIN && CAPACITY_MAX == BYTE_RING_CAPACITY_BYTES_MAX);
    assert!(record_bytes_max(CAPACITY_MAX) == BYTE_RING_PAYLOAD_BYTES_MAX);
    assert!(ioi_shm::CONTROL_WORDS == BYTE_RING_PAGE_BYTES as usize / 4);
    assert!(ioi_shm::HANDLE_BYTES == HANDLE_BYTES as usize);
    assert!(ioi_shm::HANDLE_ALIGN == HANDLE_ALIGN_BYTES as u64);
    assert!(ioi_shm::LEASE_ALIGN == LEASE_ALIGN_BYTES as u64);
};
