//! What a peer may ask of a server of the node, in one place.
//!
//! The bounds of single methods (deadlines, the part that answers) stand in the
//! contracts of `schema/proto`, as options of each method.

use std::time::Duration;

/// The largest message of the control plane; bulk data goes by handle. It is also the bound of tonic's
/// decoders, which no service of ours raises; a test holds every one against it.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Messages may contain messages to this depth: the bound of prost's decoder, held by a test.
pub const MESSAGE_DEPTH_MAX: usize = 100;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Names and values of all headers of one request, metadata included, as HTTP/2 counts them.
    pub header_list_bytes: u32,
    /// The table of HPACK, which the peer fills.
    pub header_table_bytes: u32,
    /// Calls at once. Clients may open 100 before they have heard of a bound, so it is not lower.
    pub streams: u32,
    /// What the peer may send on one call before anybody read it.
    pub stream_window_bytes: u32,
    /// The same for all calls together.
    pub connection_window_bytes: u32,
    /// One frame.
    pub frame_bytes: u32,
    /// What waits to be sent on one call.
    pub send_buffer_bytes: usize,
    /// Request bytes of all calls that are under way, read and not yet answered.
    pub request_bytes: usize,
    /// Calls that the peer cancelled before anybody looked at them, and those that we cancelled for a fault.
    pub resets_pending: usize,
    /// How long the peer may leave our ping without an answer, and how often one is sent. A dead peer is seen at
    /// once, because its socket closes; this finds one that no longer reads.
    pub keep_alive: (Duration, Duration),
    /// The deadline of a call that names none, and the longest one that it may name; where its method has no
    /// ceiling of its own.
    pub deadline: Duration,
    /// How long a peer may leave an answer unread after its deadline.
    pub grace: Duration,
    /// Cancelled calls.
    pub resets: Rate,
    /// Frames that carry nothing: settings, pings, priorities, windows, continued headers, empty data, and those
    /// of unknown kinds.
    pub empty_frames: Rate,
}

/// So many at once, and then so many each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Each second.
    pub per_second: u32,
}

impl Bounds {
    /// The bounds of every server of the node.
    pub const NODE: Self = Self {
        header_list_bytes: 16 * 1024,
        header_table_bytes: 4096,
        streams: 128,
        stream_window_bytes: 64 * 1024,
        connection_window_bytes: 1024 * 1024,
        frame_bytes: 16 * 1024,
        send_buffer_bytes: 64 * 1024,
        request_bytes: 16 * 1024 * 1024,
        resets_pending: 20,
        keep_alive: (Duration::from_secs(30), Duration::from_secs(60)),
        deadline: Duration::from_secs(120),
        grace: Duration::from_secs(5),
        resets: Rate { burst: 256, per_second: 64 },
        empty_frames: Rate { burst: 4096, per_second: 1024 },
    };

    /// What a client holds its server to. It answers each 32 KiB that we send with windows, so it may send more
    /// frames that carry nothing, and it may end calls that it has refused.
    pub const SERVER: Self = Self {
        resets: Rate { burst: 4096, per_second: 1024 },
        empty_frames: Rate { burst: 16_384, per_second: 8192 },
        ..Self::NODE
    };
}
