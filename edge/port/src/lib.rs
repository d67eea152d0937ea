//! What a port of shared memory lacks on purpose: waiting, trying again, order, answers.
//!
//! | to | use |
//! |---|---|
//! | wait in a thread, spinning while that pays | [`blocking`] |
//! | wait in a task of tokio | [`reactor`] |
//! | wait for several ports in one thread | [`wait_any`] |
//! | try again when the peer is full | [`retry`], [`Backoff`] |
//! | put messages of several ports in one order | [`Ordered`] |
//! | ask and be answered | [`Client`], [`Server`] |
//! | speak with a host that routes | [`routed`] |
//! | hand the same sealed bytes to many | [`broadcast`] |
//! | wait for descriptors in tasks | [`Transfers`] |
//! | show a host that a runtime makes progress | [`Heart`] |
//!
//! Nothing here knows who may send what: that is the host's.
//!
//! # Two threads
//! ```
//! use ioi_port::blocking;
//! use std::time::Duration;
//!
//! let (one, other) = ioi_port::pair::<256, 48>()?;
//! let second = Duration::from_secs(1);
//! let (mut sender, _) = blocking::split(one);
//! let (_, mut receiver) = blocking::split(other);
//! let sending = std::thread::spawn(move || sender.send(7, b"hello", second).map(|()| sender));
//! let mut message = [0; 48];
//! let header = receiver.recv(&mut message, second)?;
//! assert_eq!((header.msg_id, &message[..header.length]), (7, &b"hello"[..]));
//! # drop(sending.join());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tasks
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ioi_port::reactor;
//! use std::time::Duration;
//!
//! let (one, other) = ioi_port::pair::<256, 48>()?;
//! let (mut sender, mut answers) = reactor::split(one)?;
//! let (mut echo, mut requests) = reactor::split(other)?;
//! let echoing = tokio::spawn(async move {
//!     let mut message = [0; 48];
//!     let header = requests.recv(&mut message, Duration::from_secs(1)).await?;
//!     echo.send(header.msg_id, &message[..header.length], Duration::from_secs(1)).await?;
//!     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
//! });
//! sender.send(1, b"anybody there?", Duration::from_secs(1)).await?;
//! let mut message = [0; 48];
//! let header = answers.recv(&mut message, Duration::from_secs(1)).await?;
//! assert_eq!(&message[..header.length], b"anybody there?");
//! # echoing.await?.map_err(|e| e.to_string())?; Ok(()) }
//! ```
//!
//! # Trying again
//! ```
//! use ioi_port::{Backoff, ThisThread, retry};
//! use ioi_shm::SendError;
//! use std::time::Duration;
//!
//! let (mut one, mut other) = ioi_port::pair::<2, 48>()?;
//! one.sender.try_send(1, b"")?;
//! one.sender.try_send(2, b"")?;
//! let mut tries = 0;
//! let sent = retry(&Backoff::default(), Duration::from_secs(1), &mut ThisThread::new(), || {
//!     tries += 1;
//!     if tries == 2 {
//!         other.receiver.try_recv(&mut [0; 48]).expect("an honest peer");
//!     }
//!     Some(one.sender.try_send(3, b"")).filter(|sent| *sent != Err(SendError::Full))
//! });
//! assert_eq!((sent, tries), (Some(Ok(())), 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod any;
mod backoff;
pub mod blocking;
pub mod broadcast;
mod call;
mod heart;
mod ordered;
pub mod reactor;
pub mod routed;
mod spin;
mod transfers;
mod watch;

pub use any::{Awaitable, wait_any};
pub use backoff::{Backoff, Surroundings, ThisThread, retry};
pub use call::{Answer, CALL_HEADER_BYTES, CallError, Calls, Client, Request, Server, Status, TooMany};
pub use heart::{BEAT_EVERY, End, HEART_QUOTA, HEART_TIER, Heart, REPORT, REPORT_BYTES_MAX, ask_to_end};
pub use ordered::{OrderError, Ordered, STAMP_BYTES, stamp, unstamp};
pub use spin::Spin;
pub use transfers::{Awaited, Transfers};
pub use watch::watch;

/// A longer timeout is one for ever: a year.
pub(crate) const LONGEST: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 60 * 60);

use ioi_shm::{ConnectError, DescriptorChannel, Port};
use std::time::Duration;

/// Two connected ports in this process: between its threads, or for a test.
///
/// # Errors
/// [`ConnectError`] when memory or descriptors run out.
pub fn pair<const SLOTS: usize, const BYTES: usize>()
-> Result<(Port<SLOTS, BYTES>, Port<SLOTS, BYTES>), ConnectError> {
    let (one, other) = DescriptorChannel::pair()?;
    let timeout = Duration::from_secs(10);
    std::thread::scope(|scope| {
        let other = scope.spawn(move || Port::connect(&other, 0, timeout));
        let one = Port::connect(&one, 0, timeout);
        let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((one?, other?))
    })
}
