//! The deterministic firewall: `policy.toml` compiled into an indexed table that decides each call.
//!
//! This crate does not know files, sockets, clocks or models: the caller hands
//! over the policy's text, what its relative names stand for, the call, and the
//! facts. The same four always give the same decision, so whoever has them can
//! compute it again. What can't be decided is refused.
//!
//! ```
//! use ioi_firewall::{Call, Context, Facts, Policy, RateState, Source};
//! use ioi_types::Verdict;
//!
//! let source = Source::new("policy.toml", r#"
//!     version = 1
//!     [[rule]]
//!     id = "read-project"
//!     effect = "allow"
//!     principal = ["session:ask", "plugin:files"]
//!     action = ["fs::read"]
//!     when = { path = ["./docs/**"] }
//! "#);
//! let context = Context { roots: vec![b"/home/eve/project".to_vec()], ..Context::default() };
//! let policy = Policy::compile(&source, &context).unwrap();
//!
//! let mut rates = RateState::new();
//! let mut read = |path: &str| {
//!     let call = Call::file(["session:ask", "plugin:files"], "fs::read", path.as_bytes());
//!     policy.decide(&call, &Facts::default(), &mut rates)
//! };
//! assert_eq!(read("/home/eve/project/docs/plan.md").verdict, Verdict::Allow);
//! let refused = read("/home/eve/project/keys");
//! assert_eq!(refused.verdict, Verdict::Deny);
//! assert!(refused.would_allow.unwrap().contains("path = [\"/home/eve/project/keys\"]"));
//! ```
#![forbid(unsafe_code)]

mod action;
mod advice;
mod builtin;
mod call;
mod check;
mod condition;
mod context;
mod decide;
mod diagnostic;
mod direct;
mod explain;
mod facts;
mod glob;
mod index;
mod label;
mod path;
mod policy;
mod principal;
mod protected;
mod rate;
mod rule;
mod section;
mod show;
mod source;
mod suite;
mod text;
mod token;
mod url;

pub use action::{UnknownAction, check_action, flow_class, is_effect};
pub use builtin::{AddedRuleError, builtin, with_command, with_model, with_write};
pub use call::Call;
pub use context::Context;
pub use decide::{Decision, Origin};
pub use diagnostic::{Diagnostic, Severity, Warning};
pub use direct::{DirectRefusal, TreeAccess};
pub use explain::{Considered, Explanation};
pub use facts::{Facts, Object, ObjectKind};
pub use label::UNTRUSTED;
pub use path::{PathError, PathProblem, bytes_value, check_canonical, value_bytes};
pub use policy::{ENGINE_VERSION, Limits, Policy, SANDBOX_PROPERTIES};
pub use protected::{Access, ProtectedPath, protected_paths};
pub use rate::RateState;
pub use rule::RuleRef;
pub use source::Source;
pub use suite::{Report, Suite, Tested};
