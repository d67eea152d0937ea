//! Finds secrets and personal data in bytes that pass, also where they are encoded, and takes them out.
//!
//! It doesn't know policies, surfaces or sessions, and no model takes part: a recogniser is a form, a checksum and
//! words of context. It sees the forms and encodings that `docs/scrubbing.md` lists and nothing else: whoever
//! means to get a value past it can, and labels, not patterns, are what stops that. It reads bytes and knows
//! nothing of formats: neither images nor archives are unpacked.
//!
//! ```
//! use ioi_scrub::{Kinds, Scrubber, Tokens, Treatment, Treatments};
//!
//! let secrets = Kinds::parse(["secret"])?;
//! let email = Kinds::parse(["email"])?;
//! let treatments = Treatments::new().with(secrets, Treatment::Redact).with(email, Treatment::Tokenize);
//! let mut tokens = Tokens::new(b"the session's id");
//!
//! let text = format!("ann@example.com has the key {}{}", "ghp_", "0123456789abcdefghijABCDEFGHIJ012345");
//! let outcome = Scrubber::new(treatments).scrub(text.as_bytes(), &mut tokens);
//! let sent = String::from_utf8_lossy(&outcome.bytes);
//! assert!(sent.starts_with("<EMAIL_1:") && sent.ends_with("> has the key <REDACTED:api_key>"));
//! assert!(tokens.restore(&outcome.bytes).bytes.starts_with(b"ann@example.com has"));
//! # Ok::<(), ioi_scrub::UnknownKind>(())
//! ```
//!
//! | module | what |
//! |---|---|
//! | `kind` | kinds, groups, names |
//! | `key`, `pem`, `jwt`, `phrase` | secrets |
//! | `email`, `phone`, `bank`, `national`, `number` | personal data |
//! | `plain`, `literal` | all of them over one text |
//! | `fold`, `nfkc`, `code`, `origin`, `view` | the readings of a text |
//! | `window` | the search in a stream |
//! | `treat`, `tokens`, `placeholder` | what is done about findings |
//! | `leak` | the search for secrets that are known |
#![forbid(unsafe_code)]

mod bank;
mod code;
mod email;
mod fold;
mod jwt;
mod key;
mod kind;
mod leak;
mod literal;
mod national;
mod nfkc;
mod number;
mod origin;
mod pem;
mod phone;
mod phrase;
mod placeholder;
mod plain;
mod text;
mod tokens;
mod treat;
mod view;
mod window;

pub use kind::{Kind, Kinds, UnknownKind};
pub use leak::{LeakFilter, Leaked};
pub use tokens::{Restored, TOKENS_BYTES_MAX, Tokens};
pub use treat::{Counts, FINDINGS_MAX, Finding, Outcome, Scrubber, Stream, Treatment, Treatments};
pub use window::HOLD_BYTES_MAX;
