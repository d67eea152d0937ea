//! The records of a session, the receipt they end in, and its verification.
//!
//! This crate does not know where records are written, what time it is, where
//! salts come from or who may be trusted: the caller does. It signs nothing
//! and opens no file. The format is described in `docs/design/receipt.md`.
//!
//! ```
//! use ioi_audit::{Chain, Closing, Open, ReceiptWriter, Trust, verify};
//! use ioi_canon::Map;
//! use ioi_crypto::{SecretKey, statement::{Body, Statement}};
//! use ioi_firewall::{Call, Context, ENGINE_VERSION, Facts, Policy, RateState, Source};
//! use ioi_merkle::{Sha256Tree, root};
//! use ioi_types::{BootId, LogId, SessionId};
//!
//! // The orchestrator decides and records.
//! let (source, context) = (Source::new("policy.toml", "version = 1\n"), Context::default());
//! let policy = Policy::compile(&source, &context).unwrap();
//! let (log, boot) = (LogId([1; 16]), BootId([2; 16]));
//! let open = Open {
//!     log,
//!     boot,
//!     command: "ask".into(),
//!     policy: policy.hash(),
//!     engine: ENGINE_VERSION.into(),
//!     sandboxed: true,
//!     processes: vec![],
//! };
//! let (mut chain, first) = Chain::open(SessionId([3; 8]), open, 1_000)?;
//! let mut entries = vec![first];
//! let call = Call::file(["session:ask"], "fs::read", b"/etc/passwd");
//! let facts = Facts { time_ms: 1_001, ..Facts::default() };
//! let decision = policy.decide(&call, &facts, &mut RateState::new());
//! let intent = chain.seq_next();
//! entries.push(chain.intent(&call, &facts, &decision, 1_001, [4; 16])?);
//! entries.push(chain.outcome(intent, ioi_audit::Status::Refused, vec![], 1_002)?);
//! let closing = Closing { task: Map::new(), answer: None, citations: vec![], policy: source, context };
//! let mut salt = 5; // Random in earnest: one salt, one commitment.
//! entries.push(chain.close(closing, 1_003, || { salt += 1; [salt; 16] })?);
//!
//! // The guardian signs the head over the leaf hashes.
//! let hashes: Vec<_> = entries.iter().map(|entry| entry.leaf_hash).collect();
//! let body = Body::AuditHead { size: hashes.len() as u64, root: root::<Sha256Tree>(&hashes) };
//! let head = Statement { log, counter: 1, previous: [0; 32], boot, body }.encode();
//! let key = SecretKey::generate()?;
//! let signature = key.sign("audit-head", &head)?;
//!
//! // The receipt, and its verification by somebody who trusts the key.
//! let mut writer = ReceiptWriter::begin(Vec::new(), &head, &key.public())?;
//! for entry in &entries {
//!     writer.entry(entry)?;
//! }
//! let receipt = writer.finish(&signature)?;
//! let report = verify(&receipt, &Trust::keys([key.public().id()]))?;
//! assert_eq!((report.leaves, report.decisions.recomputed), (4, 1));
//! assert_eq!(verify(&receipt[1..], &Trust::default()).unwrap_err().exit_code(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod chain;
mod commit;
mod encoding;
mod entry;
mod fields;
mod keys;
mod layout;
mod profile;
mod record;
mod recover;
mod redact;
mod replay;
mod report;
mod verify;
mod walk;
mod write;

pub use chain::{Chain, Citation, Closing, class_of};
pub use commit::{OPENING_DOMAIN, Opening, Salt, commitment};
pub use entry::{Entry, LINE_BYTES_MAX};
pub use fields::FieldError;
pub use keys::{KeyFileError, PUBLIC_KEY_FILE_BYTES_MAX, encode_public_key, parse_public_key};
pub use layout::RECEIPT_BYTES_MAX;
pub use profile::Profile;
pub use record::{
    Body, Class, Close, Ended, Intent, Open, Outcome, RECORD_BYTES_MAX, RECORD_DEPTH_MAX, RECORD_VERSION,
    Record, RecordError, RuleReference, Slice, SliceSummary, Started, Status, Witnessed,
};
pub use recover::{RecoverError, Recovered, recover};
pub use redact::{RedactError, Selector, redact};
pub use report::{Cited, Claim, Counts, Decisions, Part, Report, printable};
pub use verify::{Trust, VerifyFailure, verify};
pub use walk::{ChainError, Walk};
pub use write::{RECEIPT_VERSION, ReceiptWriter};
