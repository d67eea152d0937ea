//! What needs an operating system: memory files, mappings, seals, futexes, sockets, descriptors. Linux only.

mod channel;
pub(crate) mod copy;
mod expected;
mod handover;
mod inherited;
mod inspect;
mod lease;
mod life;
mod lookout;
mod mapping;
mod peer;
mod port;
mod present;
mod region;
mod sealed;
mod shared;
mod sleep;
mod system;
mod view;

pub use channel::{ChannelError, DescriptorChannel, Received, TRANSFER_ID_BYTES, TransferFault};
pub use expected::{ExpectError, Expected, TRANSFER_LIFE};
pub use handover::{ConnectError, Handover};
pub use inherited::inherited;
pub use inspect::RejectError;
pub use lease::{Borrower, FillError, Lender, Loan};
pub use life::PeerLife;
pub use lookout::PeerWatch;
pub use peer::PeerBuffer;
pub use port::{Port, PortReceiver, PortSender, RecvError, SendTimeoutError};
pub use region::{REGION_BYTES_MAX, Region, RegionError, SealError, WriterMap};
pub use sealed::Sealed;
pub use shared::{
    OwnMemory, OwnSection, OwnWords, PeerMemory, PeerSection, PeerWords, SharedFile, WordSize, WriterDraft,
};
pub use sleep::{Bell, wait, wake};
pub use system::SystemError;
pub use view::{RangeError, View};
