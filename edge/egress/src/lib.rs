//! The way out: one request that was decided elsewhere, over HTTP/1.1 and TLS, to an address that may be dialled.
//!
//! It does not know policies, principals or where a credential is kept, and it keeps nothing between two
//! requests: no connection, no cookie, no redirect, no proxy variable. The answer reaches the caller only
//! after it was searched for the credential.
//!
//! ```no_run
//! # async fn example() -> Result<(), ioi_egress::FetchError> {
//! use ioi_egress::{Bounds, Client, Request, Target};
//! let client = Client::new()?;
//! let request = Request {
//!     method: "POST".into(),
//!     target: Target::parse("https://api.example.com/v1/chat/completions")?,
//!     headers: vec![("content-type".into(), "application/json".into())],
//!     body: b"{}".to_vec(),
//!     secret: None,
//! };
//! let mut answer = Vec::new();
//! let report = client.fetch(request, &Bounds::default(), &mut answer).await?;
//! println!("{} with {} bytes from {}", report.status, report.bytes, report.peer);
//! # Ok(()) }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `target` | a URL in its one spelling |
//! | `address` | which addresses may be dialled |
//! | `dial` | names, TCP, TLS |
//! | `fetch` | one request, its bounds, its report |
//! | `search` | the search for the credential in what comes back |
#![forbid(unsafe_code)]

mod address;
mod dial;
mod fetch;
mod search;
mod target;

pub use dial::{Client, Resolve, Resolved, SystemResolver};
pub use fetch::{Bounds, Certificate, FetchError, Report, Request};
pub use ioi_scrub::{LeakFilter, Leaked};
pub use target::Target;
