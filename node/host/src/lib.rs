//! Routes messages between processes by policy: who may send to whom, how much, and how fast.
//!
//! | not here | where |
//! |---|---|
//! | move bytes between processes, check what a peer did to a ring | `base/shm` |
//! | wait, try again, put in order, the endpoint's side | `edge/port` |
//! | start, stop and confine processes | the supervisor |
//! | decide on effects (files, network, tools) | `core/firewall` |
//! | say what a message means | the parties |
//! | find a policy, or read its text | whoever starts the host |
//!
//! [`Router`] is the whole of it as a state machine; [`Host`] drives it over ports.
//!
//! # Who may
//! A *rule* that allows makes a root capability: an entry in a table, with its holder.
//! A holder may hand on what it has, or less, and take it back with all that came of it;
//! from then on nothing flows by it, what waits in a queue included. A rule that denies
//! wins over whatever was handed on.
//!
//! # On whose behalf
//! A party that acts for another names the delivery that made it act. Then everybody up
//! to the first sender must have been able to send the message, unless the rule says
//! that this party vouches; whoever it hands that capability on to doesn't. What a party does
//! without naming a delivery it does in its own name; one that is there for others only
//! (`on_behalf_only`) can't. Delegations and commands name their causes as messages do: each caller
//! must have been able to hand on the same rights, or to give the same command. What was handed on
//! for others is of the party that did it, and lasts as long as what it was made of.
//!
//! # What comes to its end
//! What gives something up costs no token: a revocation, a lease that comes back. In a ring it
//! still comes after what its sender has put there before, which waits for tokens;
//! [`Host::revoke`] waits for nothing. A lender hears of every lease that is over: it counts
//! against its limit until the notice was taken. Whoever gives one back names the delivery that
//! brought it, so that of equal handles the right one is over. A lender who is gone is told
//! nothing, nor is the next one of his name: a handle of the old one may equal one of his own.
//!
//! ```
//! use ioi_port::routed::{Notice, Request};
//! use ioi_node_host::{Effect, Input, Policy, PolicySource, Router};
//! use std::time::Duration;
//!
//! let source: PolicySource = toml::from_str(r#"
//!     party = [
//!         { name = "a", limits = { messages_max = 4, messages_to_one_max = 4, bytes_max = 999, requests_per_second = 9, burst = 9 } },
//!         { name = "b" },
//!     ]
//!     rule = [{ name = "a may tell b", from = "a", to = "b", allow = ["send"] }]
//! "#)?;
//! let mut router = Router::new(Policy::new(&source)?, Duration::from_secs(1));
//! let (a, b) = (router.policy().party("a").expect("a party"), router.policy().party("b").expect("a party"));
//! let (mut effects, mut message, now) = (Vec::new(), Vec::new(), Duration::ZERO);
//! assert!(Request::Send { capability: None, to: Some(b), cause: 0, handle: None, body: b"hello" }.write(&mut message));
//! router.step(Input::Attached(b), now, &mut effects);
//! router.step(Input::Sent { by: a, msg_id: 1, message: &message }, now, &mut effects);
//! router.step(Input::Room { of: b, messages: 8 }, now, &mut effects);
//! let Some(Effect::Put { to, message, .. }) = effects.first() else { panic!("{effects:?}") };
//! assert!(*to == b && matches!(Notice::read(message), Some(Notice::Delivered { body: b"hello", .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod account;
mod borrowed;
mod bucket;
mod capability;
mod driver;
mod inbox;
mod notices;
mod policy;
mod router;

pub use account::{Counts, HOPS_MAX};
pub use capability::DEPTH_MAX;
pub use driver::{AttachError, Host};
pub use policy::{
    EVERYBODY, GRANTS_MAX, HOST_NAME, LEASES_MAX, Limits, NAME_BYTES_MAX, PARTIES_MAX, PartySource, Policy,
    PolicyError, PolicySource, RULES_MAX, Right, RuleSource,
};
pub use router::{Effect, Input, Router, State};
