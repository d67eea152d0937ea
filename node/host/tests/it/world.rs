//! A router with names for everybody, in which time passes when it is told to.

use ioi_node_host::{Effect, Input, NAME_BYTES_MAX, Policy, PolicySource, Router, State};
use ioi_port::routed::{CapabilityId, Command, Notice, Object, Party, Reason, Request, Rights};
use ioi_shm::Handle;
use std::time::Duration;

pub(crate) const LIFE: Duration = Duration::from_secs(10);

/// Limits that are in nobody's way.
pub(crate) const WIDE: &str = "{ messages_max = 1000, messages_to_one_max = 1000, bytes_max = 1000000, \
    leases_max = 1000, lease_bytes_max = 1000000, delegations_max = 1000, requests_per_second = 1000000, \
    burst = 1000000 }";

pub(crate) fn policy(text: &str) -> Policy {
    let source: PolicySource = toml::from_str(text).unwrap();
    Policy::new(&source).unwrap()
}

/// Parties with wide limits and rules as `from > to: rights`, `!` before rights that are denied.
/// A rule is called what it says, cut.
pub(crate) fn rules(parties: &[&str], rules: &[&str]) -> String {
    let parties: String =
        parties.iter().map(|name| format!("[[party]]\nname = \"{name}\"\nlimits = {WIDE}\n")).collect();
    let rules = rules.iter().map(|rule| {
        let (from, rest) = rule.split_once(" > ").unwrap();
        let (to, rights) = rest.split_once(": ").unwrap();
        let (kind, rights) = rights.strip_prefix('!').map_or(("allow", rights), |rights| ("deny", rights));
        let (rights, vouches) = rights.strip_suffix(" vouches").map_or((rights, false), |rights| (rights, true));
        let rights: Vec<String> = rights.split(' ').map(|right| format!("\"{right}\"")).collect();
        let name = &rule[..rule.len().min(NAME_BYTES_MAX)];
        format!(
            "[[rule]]\nname = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{kind} = [{}]\nvouches = {vouches}\n",
            rights.join(", ")
        )
    });
    parties + &rules.collect::<String>()
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) now: Duration,
    pub(crate) effects: Vec<Effect>,
    asked: u32,
}

/// What a party heard: owned, so that it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Delivered { from: Party, delivery: u32, handle: Option<Handle>, body: Vec<u8> },
    Granted(CapabilityId, Object, Rights),
    Revoked(CapabilityId),
    Refused(u32, Reason, String),
    Done(Option<CapabilityId>, Vec<u8>),
    Returned(Handle),
    Stop,
}

impl World {
    pub(crate) fn new(text: &str) -> World {
        let router = Router::new(policy(text), LIFE);
        let mut world = World { router, now: Duration::ZERO, effects: Vec::new(), asked: 0 };
        for party in world.router.policy().parties() {
            world.step(Input::Attached(party));
            world.hear(party);
        }
        world
    }

    pub(crate) fn party(&self, name: &str) -> Party {
        self.router.policy().party(name).unwrap()
    }

    pub(crate) fn step(&mut self, input: Input<'_>) {
        self.router.step(input, self.now, &mut self.effects);
    }

    /// Asks for something, and gives its number.
    pub(crate) fn ask(&mut self, by: Party, request: &Request<'_>) -> u32 {
        let mut message = Vec::new();
        assert!(request.write(&mut message));
        self.asked += 1;
        let msg_id = self.asked;
        self.step(Input::Sent { by, msg_id, message: &message });
        msg_id
    }

    pub(crate) fn send(&mut self, by: Party, to: Party, body: &[u8]) -> u32 {
        self.send_for(by, to, 0, body)
    }

    pub(crate) fn send_for(&mut self, by: Party, to: Party, cause: u32, body: &[u8]) -> u32 {
        self.ask(by, &Request::Send { capability: None, to: Some(to), cause, handle: None, body })
    }

    pub(crate) fn send_by(&mut self, by: Party, capability: CapabilityId, body: &[u8]) -> u32 {
        let capability = Some(capability);
        self.ask(by, &Request::Send { capability, to: None, cause: 0, handle: None, body })
    }

    pub(crate) fn lend(&mut self, by: Party, to: Party, handle: Handle) -> u32 {
        let request =
            Request::Send { capability: None, to: Some(to), cause: 0, handle: Some(handle), body: b"" };
        self.ask(by, &request)
    }

    pub(crate) fn give_back(&mut self, by: Party, delivery: u32, handle: Handle) -> u32 {
        self.ask(by, &Request::Return { delivery, handle })
    }

    /// The leases that wait for a party, each with its lender and its delivery's number.
    pub(crate) fn leases(&mut self, party: Party) -> Vec<(Party, u32, Handle)> {
        let heard = self.hear(party).into_iter();
        heard
            .filter_map(|heard| match heard {
                Heard::Delivered { from, delivery, handle, .. } => Some((from, delivery, handle?)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn command(&mut self, by: Party, capability: CapabilityId, command: Command) -> u32 {
        self.command_for(by, capability, command, 0)
    }

    pub(crate) fn command_for(
        &mut self,
        by: Party,
        capability: CapabilityId,
        command: Command,
        cause: u32,
    ) -> u32 {
        self.ask(by, &Request::Command { capability, command, cause, body: b"task" })
    }

    /// Hands a capability on; the new one, or why not.
    pub(crate) fn delegate(
        &mut self,
        by: Party,
        capability: CapabilityId,
        to: Party,
        rights: Rights,
    ) -> Result<CapabilityId, Reason> {
        self.delegate_for(by, capability, to, rights, 0).map_err(|(reason, _)| reason)
    }

    pub(crate) fn delegate_for(
        &mut self,
        by: Party,
        capability: CapabilityId,
        to: Party,
        rights: Rights,
        cause: u32,
    ) -> Result<CapabilityId, (Reason, String)> {
        self.ask(by, &Request::Delegate { capability, to, rights, cause });
        match self.hear(by).pop() {
            Some(Heard::Done(Some(made), _)) => Ok(made),
            Some(Heard::Refused(_, reason, text)) => Err((reason, text)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn revoke(&mut self, by: Party, capability: CapabilityId) {
        self.ask(by, &Request::Revoke { capability });
    }

    /// The capability that a party holds for another.
    pub(crate) fn held(&self, by: Party, object: Object) -> CapabilityId {
        self.router.held(by).into_iter().find(|held| held.1 == object).expect("it holds one").0
    }

    /// Takes all that waits for a party.
    pub(crate) fn hear(&mut self, party: Party) -> Vec<Heard> {
        self.hear_some(party, usize::MAX)
    }

    pub(crate) fn hear_some(&mut self, party: Party, messages: usize) -> Vec<Heard> {
        let from = self.effects.len();
        self.step(Input::Room { of: party, messages });
        let puts = self.effects.split_off(from);
        assert!(puts.len() <= messages);
        puts.iter().map(|put| heard(party, put)).collect()
    }

    /// The only thing that waits for a party is a refusal: its reason and text.
    pub(crate) fn refusal(&mut self, party: Party) -> (Reason, String) {
        match &self.hear(party)[..] {
            [Heard::Refused(_, reason, text)] => (*reason, text.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The bodies that wait for a party, with their deliveries' numbers.
    pub(crate) fn bodies(&mut self, party: Party) -> Vec<(u32, Vec<u8>)> {
        let heard = self.hear(party).into_iter();
        heard
            .filter_map(|heard| match heard {
                Heard::Delivered { delivery, body, .. } => Some((delivery, body)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn state(&self, party: Party) -> State {
        self.router.state(party)
    }
}

fn heard(party: Party, put: &Effect) -> Heard {
    let Effect::Put { to, msg_id, message } = put else { panic!("{put:?}") };
    assert_eq!(*to, party);
    match Notice::read(message).expect("the host keeps to the protocol") {
        Notice::Delivered { from, delivery, handle, body } => {
            Heard::Delivered { from, delivery, handle, body: body.to_vec() }
        }
        Notice::Granted { capability, object, rights, .. } => Heard::Granted(capability, object, rights),
        Notice::Revoked { capability } => Heard::Revoked(capability),
        Notice::Refused { reason, text, .. } => Heard::Refused(*msg_id, reason, text.to_owned()),
        Notice::Done { capability, body } => Heard::Done(capability, body.to_vec()),
        Notice::Returned { handle } => Heard::Returned(handle),
        Notice::Stop => Heard::Stop,
    }
}

pub(crate) fn handle(offset: u64, length: u64) -> Handle {
    Handle { region: 1, generation: 1, type_id: 0, offset, length }
}
