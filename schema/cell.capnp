@0xf3b1c6d29a5e7048;
# The one memory map between a host and one peer, and the records that lie in it.
#
# Every number that two sides must agree on is here, once; `cargo xtask generate`
# makes the constants of each language from it. All integers are little-endian.
# An `...Offset` of a field counts from the start of its record, one of a section
# from the base of the map.

# The base.

const baseNative :UInt32 = 0;
# Where the map starts in a region of native processes.
const baseBrowser :UInt32 = 0x01000000;
# Where the map starts in a browser's SharedArrayBuffer.

# Sections: the offset from the base, and the size.

const epochsOffset :UInt32 = 0x000000;
const epochsBytes :UInt32 = 128;
const supervisorOffset :UInt32 = 0x000080;
const supervisorBytes :UInt32 = 176;
const registryOffset :UInt32 = 0x000140;
const registryBytes :UInt32 = 6144;
const headersOffset :UInt32 = 0x002000;
const headersBytes :UInt32 = 4096;
const syscallsOffset :UInt32 = 0x003000;
const syscallsBytes :UInt32 = 4096;
const patternsOffset :UInt32 = 0x010000;
const patternsBytes :UInt32 = 65536;
const historyOffset :UInt32 = 0x020000;
const historyBytes :UInt32 = 131072;
const inboxOffset :UInt32 = 0x050000;
const inboxBytes :UInt32 = 524288;
const outboxOffset :UInt32 = 0x0D0000;
const outboxBytes :UInt32 = 524288;
const arenaOffset :UInt32 = 0x150000;
# The arena takes the rest of the region.

# Numbers of the sections: the order of the supervisor table.

const sectionEpochs :UInt32 = 0;
const sectionSupervisor :UInt32 = 1;
const sectionRegistry :UInt32 = 2;
const sectionHeaders :UInt32 = 3;
const sectionSyscalls :UInt32 = 4;
const sectionPatterns :UInt32 = 5;
const sectionHistory :UInt32 = 6;
const sectionInbox :UInt32 = 7;
const sectionOutbox :UInt32 = 8;
const sectionArena :UInt32 = 9;
const sectionPingPong :UInt32 = 10;

# Epochs: u32 words that only grow, by one at a time, wrapping.

const epochCount :UInt32 = 32;
const epochBytes :UInt32 = 4;
const epochInbox :UInt32 = 0;
# Raised by the host: the inbox has a new record.
const epochOutbox :UInt32 = 1;
# Raised by the peer: the outbox has a new record.
const epochRegistry :UInt32 = 2;
# Raised by the host: the registry changed.
const epochSupervisor :UInt32 = 3;
# Raised by the host: the supervisor table changed.
const epochHealthHost :UInt32 = 4;
# Raised by the host: heartbeat.
const epochHealthPeer :UInt32 = 5;
# Raised by the peer: heartbeat.
const epochSyscall :UInt32 = 6;
# Raised by the peer: the syscall table changed.
const epochPattern :UInt32 = 7;
# Raised by the host: the pattern cache changed.
const epochHistory :UInt32 = 8;
# Raised by the host: a job was finished.
const epochPingPong :UInt32 = 9;
# Raised by the peer: the other buffer is the active one.
const epochShutdown :UInt32 = 10;
# Raised by the host: the peer is to end.
const epochModulesFirst :UInt32 = 16;
# From here to the last one, epochs are free for modules.

# Header lines: the number is the line.

const headerLineBytes :UInt32 = 128;
const headerLineCount :UInt32 = 32;
const headerHealthHost :UInt32 = 0;
const headerInboxWriter :UInt32 = 1;
# This line and the next: the inbox writer's page.
const headerInboxReader :UInt32 = 3;
# This line and the next: the inbox reader's page.
const headerOutboxWriter :UInt32 = 5;
# This line and the next: the outbox writer's page.
const headerOutboxReader :UInt32 = 7;
# This line and the next: the outbox reader's page.
const headerHealthPeer :UInt32 = 9;
const headerPingPongWriter :UInt32 = 10;
const headerPingPongReader :UInt32 = 11;
const headerModulesFirst :UInt32 = 16;
# From here to the last one, lines are free for modules.

# Supervisor table.

const supervisorEntryCount :UInt32 = 11;
const supervisorEntryBytes :UInt32 = 16;
const supervisorEntrySectionOffset :UInt32 = 0;
const supervisorEntryFlagsOffset :UInt32 = 4;
const supervisorEntryOffsetOffset :UInt32 = 8;
const supervisorEntryBytesOffset :UInt32 = 12;
const supervisorFlagHost :UInt32 = 1;
# In the flags of a supervisor entry: the host writes in this section.
const supervisorFlagPeer :UInt32 = 2;
# In the flags of a supervisor entry: the peer writes in this section.

# Registry of modules.

const registryEntryCount :UInt32 = 64;
const registryEntryBytes :UInt32 = 96;
const registryEntryNameOffset :UInt32 = 0;
const registryEntryNameBytes :UInt32 = 32;
# UTF-8, zero padded.
const registryEntryModuleOffset :UInt32 = 32;
# u32, 0 in an empty entry.
const registryEntryVersionOffset :UInt32 = 36;
const registryEntryCapabilitiesOffset :UInt32 = 40;
# u64
const registryEntryStateOffset :UInt32 = 48;
const registryEntryEpochOffset :UInt32 = 52;
const registryEntrySchemaHashOffset :UInt32 = 56;
const registryEntryReservedOffset :UInt32 = 88;

const schemaHashBytes :UInt32 = 32;
const digestBytes :UInt32 = 32;

# Health lines.

const healthHeartbeatOffset :UInt32 = 0;
const healthStateOffset :UInt32 = 4;
const healthTimeOffset :UInt32 = 8;
# u64: monotonic time in nanoseconds.
const healthStateStarting :UInt32 = 0;
const healthStateServing :UInt32 = 1;
const healthStateDegraded :UInt32 = 2;
const healthStateStopping :UInt32 = 3;

# Syscall table: calls in flight.

const syscallEntryCount :UInt32 = 64;
const syscallEntryBytes :UInt32 = 64;
const syscallEntryCallOffset :UInt32 = 0;
# u64, 0 in an empty entry.
const syscallEntryMethodOffset :UInt32 = 8;
const syscallEntryStateOffset :UInt32 = 12;
const syscallEntryModuleOffset :UInt32 = 16;
const syscallEntryReservedOffset :UInt32 = 20;
const syscallEntryDeadlineOffset :UInt32 = 24;
# u64: monotonic time in nanoseconds.
const syscallEntryHandleOffset :UInt32 = 32;
const syscallStateAsked :UInt32 = 1;
const syscallStateRunning :UInt32 = 2;
const syscallStateDone :UInt32 = 3;
const syscallStateFailed :UInt32 = 4;

# Pattern cache: types and schemas seen.

const patternEntryCount :UInt32 = 1024;
const patternEntryBytes :UInt32 = 64;
const patternEntryTypeIdOffset :UInt32 = 0;
# u32, 0 in an empty entry.
const patternEntryKindOffset :UInt32 = 4;
const patternEntrySchemaHashOffset :UInt32 = 8;
const patternEntryNameOffset :UInt32 = 40;
const patternEntryNameBytes :UInt32 = 24;
const patternKindRkyv :UInt32 = 1;
const patternKindCapnp :UInt32 = 2;

# History: the ring of finished jobs.

const historyEntryCount :UInt32 = 1024;
const historyEntryBytes :UInt32 = 128;
const historyEntryNumberOffset :UInt32 = 0;
# u64 from 1, 0 in an empty entry; stored last.
const historyEntryJobOffset :UInt32 = 8;
const historyEntryFinishedOffset :UInt32 = 16;
# u64: time in nanoseconds.
const historyEntryStatusOffset :UInt32 = 24;
const historyEntryTypeIdOffset :UInt32 = 28;
const historyEntryHandleOffset :UInt32 = 32;
const historyEntryDigestOffset :UInt32 = 64;
const historyEntryReservedOffset :UInt32 = 96;

# Ping-pong buffers.

const pingPongWritingOffset :UInt32 = 0;
# u32 in the writer's line: 0, or 1 + the buffer being written.
const pingPongActiveOffset :UInt32 = 4;
# u32 in the writer's line: 0, or (version << 1) | buffer, version from 1.
const pingPongFirstOffset :UInt32 = 8;
# u64 in the writer's line: where the first buffer starts.
const pingPongBytesOffset :UInt32 = 16;
# u64 in the writer's line: the size of each buffer.
const pingPongClaimOffset :UInt32 = 0;
# u32 in the reader's line: 0, or 1 + buffer.
const pingPongAlignBytes :UInt32 = 4096;
# The second buffer follows at the next multiple.

# Handles.

const handleBytes :UInt32 = 32;
const handleRegionOffset :UInt32 = 0;
const handleGenerationOffset :UInt32 = 8;
const handleTypeIdOffset :UInt32 = 12;
const handleOffsetOffset :UInt32 = 16;
const handleLengthOffset :UInt32 = 24;
const handleAlignBytes :UInt32 = 64;
# A handle's offset is a multiple of this.
const leaseAlignBytes :UInt32 = 4096;
# A lease of an arena starts at a multiple of this.

# The ring of small messages.

const ringLineBytes :UInt32 = 128;
# Control words that different sides write lie on different lines of this size.
const ringPublishedOffset :UInt32 = 0;
# In the sender's page.
const ringSenderWakeAtOffset :UInt32 = 128;
const ringSlotsOffset :UInt32 = 256;
const ringAckedOffset :UInt32 = 0;
# In the receiver's page.
const ringReceiverWakeAtOffset :UInt32 = 128;
const ringSlotAlignBytes :UInt32 = 64;
const ringSlotSequenceOffset :UInt32 = 0;
const ringSlotLengthOffset :UInt32 = 4;
const ringSlotRunOffset :UInt32 = 6;
const ringSlotMsgIdOffset :UInt32 = 8;
const ringSlotPayloadOffset :UInt32 = 16;

# The byte ring.

const byteRingPageBytes :UInt32 = 256;
const byteRingWrittenOffset :UInt32 = 0;
# In the writer's page.
const byteRingCapacityOffset :UInt32 = 4;
const byteRingWriterWakeAtOffset :UInt32 = 128;
const byteRingReadOffset :UInt32 = 0;
# In the reader's page.
const byteRingReaderWakeAtOffset :UInt32 = 128;
const byteRingCapacityBytesMin :UInt32 = 16384;
const byteRingCapacityBytesMax :UInt32 = 524288;
const byteRingPayloadBytesMax :UInt32 = 262144;
const byteRingRecordAlignBytes :UInt32 = 8;
const byteRingRecordLengthOffset :UInt32 = 0;
const byteRingRecordMsgIdOffset :UInt32 = 4;
const byteRingRecordPayloadOffset :UInt32 = 8;

# Memory.

const arenaStepBytes :UInt32 = 2097152;
# The arena is allocated in steps of this size.
const tierLightBytes :UInt32 = 33554432;
const tierModerateBytes :UInt32 = 67108864;
const tierHeavyBytes :UInt32 = 268435456;
const tierDedicatedBytes :UInt32 = 536870912;
