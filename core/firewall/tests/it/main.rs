//! The firewall from outside: what it refuses to read, what it decides, and that nothing else matters.

mod attacks;
mod bad_policies;
mod commands;
mod labels;
mod language;
mod model;
mod properties;
mod suites;

use ioi_firewall::{Call, Context, Decision, Facts, Object, ObjectKind, Policy, RateState, Source};

pub(crate) const CHAIN: [&str; 2] = ["session:ask", "plugin:files"];

pub(crate) fn context() -> Context {
    Context {
        roots: vec![b"/home/eve/docs".to_vec()],
        home: Some(b"/home/eve".to_vec()),
        protected: vec![b"/home/eve/.local/share/ioi".to_vec(), b"/home/eve/.config/ioi".to_vec()],
    }
}

#[track_caller]
pub(crate) fn compile(text: &str) -> Policy {
    Policy::compile(&Source::new("policy.toml", text), &context()).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}\n{text}", errors.join("\n"))
    })
}

pub(crate) fn file_facts(size: u64) -> Facts {
    let object = Object { kind: ObjectKind::File, size, device: 1, inode: 2 };
    Facts { object: Some(object), ..Facts::default() }
}

pub(crate) fn decide(policy: &Policy, call: &Call) -> Decision {
    policy.decide(call, &Facts::default(), &mut RateState::new())
}

pub(crate) fn file(action: &str, path: impl AsRef<[u8]>) -> Call {
    Call::file(CHAIN, action, path.as_ref())
}
