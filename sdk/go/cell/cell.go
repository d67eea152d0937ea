// Code generated from schema/cell.capnp and schema/data.capnp by cargo xtask generate. DO NOT EDIT.

// Package cell is the one memory map of a host and one peer: offsets, sizes and numbers.
package cell

// Where the map starts in a region of native processes.
const BaseNative = 0

// Where the map starts in a browser's SharedArrayBuffer.
const BaseBrowser = 0x1000000

const EpochsOffset = 0
const EpochsBytes = 128

const SupervisorOffset = 128
const SupervisorBytes = 176

const RegistryOffset = 320
const RegistryBytes = 0x1800

const HeadersOffset = 0x2000
const HeadersBytes = 0x1000

const SyscallsOffset = 0x3000
const SyscallsBytes = 0x1000

const PatternsOffset = 0x10000
const PatternsBytes = 0x10000

const HistoryOffset = 0x20000
const HistoryBytes = 0x20000

const InboxOffset = 0x50000
const InboxBytes = 0x80000

const OutboxOffset = 0xd0000
const OutboxBytes = 0x80000

// The arena takes the rest of the region.
const ArenaOffset = 0x150000

const SectionEpochs = 0
const SectionSupervisor = 1
const SectionRegistry = 2
const SectionHeaders = 3
const SectionSyscalls = 4
const SectionPatterns = 5
const SectionHistory = 6
const SectionInbox = 7
const SectionOutbox = 8
const SectionArena = 9
const SectionPingPong = 10

const EpochCount = 32
const EpochBytes = 4

// Raised by the host: the inbox has a new record.
const EpochInbox = 0

// Raised by the peer: the outbox has a new record.
const EpochOutbox = 1

// Raised by the host: the registry changed.
const EpochRegistry = 2

// Raised by the host: the supervisor table changed.
const EpochSupervisor = 3

// Raised by the host: heartbeat.
const EpochHealthHost = 4

// Raised by the peer: heartbeat.
const EpochHealthPeer = 5

// Raised by the peer: the syscall table changed.
const EpochSyscall = 6

// Raised by the host: the pattern cache changed.
const EpochPattern = 7

// Raised by the host: a job was finished.
const EpochHistory = 8

// Raised by the peer: the other buffer is the active one.
const EpochPingPong = 9

// Raised by the host: the peer is to end.
const EpochShutdown = 10

// From here to the last one, epochs are free for modules.
const EpochModulesFirst = 16

const HeaderLineBytes = 128
const HeaderLineCount = 32
const HeaderHealthHost = 0

// This line and the next: the inbox writer's page.
const HeaderInboxWriter = 1

// This line and the next: the inbox reader's page.
const HeaderInboxReader = 3

// This line and the next: the outbox writer's page.
const HeaderOutboxWriter = 5

// This line and the next: the outbox reader's page.
const HeaderOutboxReader = 7
const HeaderHealthPeer = 9
const HeaderPingPongWriter = 10
const HeaderPingPongReader = 11

// From here to the last one, lines are free for modules.
const HeaderModulesFirst = 16

const SupervisorEntryCount = 11
const SupervisorEntryBytes = 16
const SupervisorEntrySectionOffset = 0
const SupervisorEntryFlagsOffset = 4
const SupervisorEntryOffsetOffset = 8
const SupervisorEntryBytesOffset = 12

// In the flags of a supervisor entry: the host writes in this section.
const SupervisorFlagHost = 1

// In the flags of a supervisor entry: the peer writes in this section.
const SupervisorFlagPeer = 2

const RegistryEntryCount = 64
const RegistryEntryBytes = 96
const RegistryEntryNameOffset = 0

// UTF-8, zero padded.
const RegistryEntryNameBytes = 32

// u32, 0 in an empty entry.
const RegistryEntryModuleOffset = 32
const RegistryEntryVersionOffset = 36

// u64
const RegistryEntryCapabilitiesOffset = 40
const RegistryEntryStateOffset = 48
const RegistryEntryEpochOffset = 52
const RegistryEntrySchemaHashOffset = 56
const RegistryEntryReservedOffset = 88

const SchemaHashBytes = 32

const DigestBytes = 32

const HealthHeartbeatOffset = 0
const HealthStateOffset = 4

// u64: monotonic time in nanoseconds.
const HealthTimeOffset = 8
const HealthStateStarting = 0
const HealthStateServing = 1
const HealthStateDegraded = 2
const HealthStateStopping = 3

const SyscallEntryCount = 64
const SyscallEntryBytes = 64

// u64, 0 in an empty entry.
const SyscallEntryCallOffset = 0
const SyscallEntryMethodOffset = 8
const SyscallEntryStateOffset = 12
const SyscallEntryModuleOffset = 16
const SyscallEntryReservedOffset = 20

// u64: monotonic time in nanoseconds.
const SyscallEntryDeadlineOffset = 24
const SyscallEntryHandleOffset = 32
const SyscallStateAsked = 1
const SyscallStateRunning = 2
const SyscallStateDone = 3
const SyscallStateFailed = 4

const PatternEntryCount = 1024
const PatternEntryBytes = 64

// u32, 0 in an empty entry.
const PatternEntryTypeIdOffset = 0
const PatternEntryKindOffset = 4
const PatternEntrySchemaHashOffset = 8
const PatternEntryNameOffset = 40
const PatternEntryNameBytes = 24
const PatternKindRkyv = 1
const PatternKindCapnp = 2

const HistoryEntryCount = 1024
const HistoryEntryBytes = 128

// u64 from 1, 0 in an empty entry; stored last.
const HistoryEntryNumberOffset = 0
const HistoryEntryJobOffset = 8

// u64: time in nanoseconds.
const HistoryEntryFinishedOffset = 16
const HistoryEntryStatusOffset = 24
const HistoryEntryTypeIdOffset = 28
const HistoryEntryHandleOffset = 32
const HistoryEntryDigestOffset = 64
const HistoryEntryReservedOffset = 96

// u32 in the writer's line: 0, or 1 + the buffer being written.
const PingPongWritingOffset = 0

// u32 in the writer's line: 0, or (version << 1) | buffer, version from 1.
const PingPongActiveOffset = 4

// u64 in the writer's line: where the first buffer starts.
const PingPongFirstOffset = 8

// u64 in the writer's line: the size of each buffer.
const PingPongBytesOffset = 16

// u32 in the reader's line: 0, or 1 + buffer.
const PingPongClaimOffset = 0

// The second buffer follows at the next multiple.
const PingPongAlignBytes = 0x1000

const HandleBytes = 32
const HandleRegionOffset = 0
const HandleGenerationOffset = 8
const HandleTypeIdOffset = 12
const HandleOffsetOffset = 16
const HandleLengthOffset = 24

// A handle's offset is a multiple of this.
const HandleAlignBytes = 64

// A lease of an arena starts at a multiple of this.
const LeaseAlignBytes = 0x1000

// Control words that different sides write lie on different lines of this size.
const RingLineBytes = 128

// In the sender's page.
const RingPublishedOffset = 0
const RingSenderWakeAtOffset = 128
const RingSlotsOffset = 256

// In the receiver's page.
const RingAckedOffset = 0
const RingReceiverWakeAtOffset = 128
const RingSlotAlignBytes = 64
const RingSlotSequenceOffset = 0
const RingSlotLengthOffset = 4
const RingSlotRunOffset = 6
const RingSlotMsgIdOffset = 8
const RingSlotPayloadOffset = 16

const ByteRingPageBytes = 256

// In the writer's page.
const ByteRingWrittenOffset = 0
const ByteRingCapacityOffset = 4
const ByteRingWriterWakeAtOffset = 128

// In the reader's page.
const ByteRingReadOffset = 0
const ByteRingReaderWakeAtOffset = 128
const ByteRingCapacityBytesMin = 0x4000
const ByteRingCapacityBytesMax = 0x80000
const ByteRingPayloadBytesMax = 0x40000
const ByteRingRecordAlignBytes = 8
const ByteRingRecordLengthOffset = 0
const ByteRingRecordMsgIdOffset = 4
const ByteRingRecordPayloadOffset = 8

// The arena is allocated in steps of this size.
const ArenaStepBytes = 0x200000

const TierLightBytes = 0x2000000
const TierModerateBytes = 0x4000000
const TierHeavyBytes = 0x10000000
const TierDedicatedBytes = 0x20000000

const TypeIdHandle = 0xc37a5d7f
const TypeIdReference = 0x4c8b3f58
const TypeIdMetadata = 0xcacc9e24
const TypeIdEnvelope = 0x17ba6719
const TypeIdTensor = 0x2703da11
const TypeIdAgentContext = 0x4ec247b6
const TypeIdContextSlice = 0x5573f494
const TypeIdChunk = 0x1f08ab26
const TypeIdRetrievalProof = 0xcd01f22b
const TypeIdLeafProof = 0x7719f6e5
const TypeIdInferenceRequest = 0xc9cd0c1f
const TypeIdInferenceOutput = 0x766ebee2
const TypeIdBlock = 0xe414d50d
