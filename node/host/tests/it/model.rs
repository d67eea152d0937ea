//! The router against a model that keeps everything in plain lists, kills capabilities by
//! walking the tree, and caches nothing.

use crate::world::{Heard, LIFE, WIDE, World, rules};
use ioi_node_host::{DEPTH_MAX, HOPS_MAX, Input};
use ioi_port::routed::{CapabilityId, Command, Object, Party, Request, Rights};
use ioi_shm::Handle;
use proptest::prelude::*;
use std::time::Duration;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const RULES: [&str; 10] = [
    "a > b: send delegate",
    "a > c: send delegate",
    "b > c: send delegate vouches",
    "c > d: send delegate",
    "d > a: send",
    "b > d: !send",
    "a > host: get_state shutdown delegate",
    "c > host: get_state",
    "c > b: get_state delegate",
    "d > host: get_state shutdown delegate",
];
const DENIED: (Party, Object, Rights) = (Party(1), Object::Party(Party(3)), Rights::SEND);
const LIMITS: &str = "{ messages_max = 6, messages_to_one_max = 3, bytes_max = 40, leases_max = 2, \
    lease_bytes_max = 100, delegations_max = 5, requests_per_second = 1000000, burst = 1000000 }";

#[derive(Clone, Debug)]
enum Op {
    SendBy { by: u16, capability: usize, cause: usize, lease: u64, bytes: usize },
    SendTo { by: u16, to: u16, cause: usize, lease: u64, bytes: usize },
    Delegate { by: u16, capability: usize, to: u16, rights: u16, cause: usize },
    Command { by: u16, capability: usize, command: Command, cause: usize },
    Revoke { by: u16, capability: usize },
    Take { of: u16 },
    GiveBack { by: u16, lease: usize, mistake: Mistake },
    Leave { who: u16 },
    Come { who: u16 },
    Wait { seconds: u64 },
}

/// What is wrong with a return.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    None,
    Holder,
    Delivery,
    Handle,
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0u16..4;
    let number = || 0usize..12;
    let lease = || prop_oneof![3 => Just(0u64), 2 => Just(40), 1 => 1..120u64, 1 => Just(u64::MAX)];
    prop_oneof![
        4 => (who(), number(), number(), lease(), 1usize..20)
            .prop_map(|(by, capability, cause, lease, bytes)| Op::SendBy { by, capability, cause, lease, bytes }),
        6 => (who(), who(), number(), lease(), 1usize..20)
            .prop_map(|(by, to, cause, lease, bytes)| Op::SendTo { by, to, cause, lease, bytes }),
        5 => (who(), number(), who(), prop_oneof![Just(1u16), Just(3), 0u16..32], number())
            .prop_map(|(by, capability, to, rights, cause)| Op::Delegate { by, capability, to, rights, cause }),
        4 => (who(), number(), prop_oneof![2 => Just(Command::GetState), 1 => Just(Command::Shutdown)], number())
            .prop_map(|(by, capability, command, cause)| Op::Command { by, capability, command, cause }),
        2 => (who(), number()).prop_map(|(by, capability)| Op::Revoke { by, capability }),
        5 => who().prop_map(|of| Op::Take { of }),
        4 => (who(), number(), mistake()).prop_map(|(by, lease, mistake)| Op::GiveBack { by, lease, mistake }),
        1 => who().prop_map(|who| Op::Leave { who }),
        2 => who().prop_map(|who| Op::Come { who }),
        1 => (0u64..8).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

fn mistake() -> impl Strategy<Value = Mistake> {
    prop_oneof![
        4 => Just(Mistake::None),
        1 => Just(Mistake::Holder),
        1 => Just(Mistake::Delivery),
        1 => Just(Mistake::Handle),
    ]
}

#[derive(Clone, Debug)]
struct Capability {
    id: CapabilityId,
    holder: Party,
    object: Object,
    rights: Rights,
    parent: Option<usize>,
    is_alive: bool,
    vouches: bool,
}

#[derive(Clone, Debug)]
struct Message {
    by: Party,
    to: Party,
    /// Those by which it may have been sent; by one of them it was.
    by_any_of: Vec<usize>,
    callers: Vec<Party>,
    body: Vec<u8>,
    lease: Option<Handle>,
    /// Whether its sender's connection is still the one that sent it.
    is_of_now: bool,
    /// Whether its sender was connected anew since.
    has_successor: bool,
    expires: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Lent {
    lender: Party,
    holder: Party,
    delivery: u32,
    handle: Handle,
    /// Whether its lender's connection is still the one that lent it.
    is_of_now: bool,
}

#[derive(Default)]
struct Model {
    capabilities: Vec<Capability>,
    waiting: Vec<Message>,
    lent: Vec<Lent>,
    /// Leases that are over, whose lenders were not told yet, and whether each came back.
    untold: Vec<(Party, Handle, bool)>,
    deliveries: [Vec<(u32, Vec<Party>)>; 4],
    is_here: [bool; 4],
}

impl Model {
    fn line(&self, capability: usize) -> Vec<usize> {
        std::iter::successors(Some(capability), |at| self.capabilities[*at].parent).collect()
    }

    fn kill(&mut self, capability: usize) {
        self.capabilities[capability].is_alive = false;
        let children: Vec<usize> = (0..self.capabilities.len())
            .filter(|at| self.capabilities[*at].parent == Some(capability) && self.capabilities[*at].is_alive)
            .collect();
        children.into_iter().for_each(|child| self.kill(child));
    }

    fn may(&self, by: Party, capability: usize, right: Rights) -> bool {
        let Capability { holder, object, rights, is_alive, .. } = self.capabilities[capability];
        is_alive && holder == by && rights.has(right) && DENIED != (by, object, right)
    }

    fn ways(&self, by: Party, to: Party) -> Vec<usize> {
        let is_way = |at: &usize| {
            self.may(by, *at, Rights::SEND) && self.capabilities[*at].object == Object::Party(to)
        };
        (0..self.capabilities.len()).filter(is_way).collect()
    }

    fn callers_may(&self, callers: &[Party], to: Party) -> bool {
        callers.iter().all(|caller| *caller == to || !self.ways(*caller, to).is_empty())
    }

    /// Whether it may be done for those who asked, of whom each has `needed` of one capability.
    fn may_for(
        &self,
        by: Party,
        capability: usize,
        right: Rights,
        needed: Rights,
        callers: &[Party],
    ) -> bool {
        let Capability { object, vouches, .. } = self.capabilities[capability];
        let could = |caller: &Party| {
            (0..self.capabilities.len()).any(|at| {
                let known = &self.capabilities[at];
                let is_held = known.is_alive && known.holder == *caller && known.object == object;
                is_held && known.rights.has(needed) && DENIED != (*caller, object, right)
            })
        };
        self.may(by, capability, right) && (vouches || callers.iter().all(could))
    }

    /// On whose behalf it is; none where that can't be said.
    fn callers(&self, by: Party, cause: u32) -> Option<Vec<Party>> {
        let known = &self.deliveries[usize::from(by.0)];
        let callers = if cause == 0 {
            Some(Vec::new())
        } else {
            known.iter().find(|(number, _)| *number == cause).map(|(_, hands)| hands.clone())
        };
        callers.filter(|callers| callers.len() < HOPS_MAX)
    }

    fn is_good(&self, message: &Message, way: usize) -> bool {
        let may = self.may(message.by, way, Rights::SEND);
        may && (self.capabilities[way].vouches || self.callers_may(&message.callers, message.to))
    }

    fn has_room(&self, message: &Message) -> bool {
        let own: Vec<&Message> = self.waiting.iter().filter(|other| other.by == message.by).collect();
        let to_one = own.iter().filter(|other| other.to == message.to).count();
        let bytes: usize = own.iter().map(|other| other.body.len()).sum();
        let leases: Vec<u64> = self.leases(message.by);
        let is_lease_fine = message.lease.is_none_or(|lease| {
            leases.len() < 2 && u128::from(leases.iter().sum::<u64>()) + u128::from(lease.length) <= 100
        });
        self.is_here[usize::from(message.to.0)]
            && own.len() < 6
            && to_one < 3
            && bytes + message.body.len() <= 40
            && is_lease_fine
    }

    fn leases(&self, of: Party) -> Vec<u64> {
        let under_way =
            self.waiting.iter().filter(|message| message.by == of).filter_map(|message| message.lease);
        let out = self.lent.iter().filter(|lent| lent.lender == of).map(|lent| lent.handle);
        let untold = self.untold.iter().filter(|untold| untold.0 == of).map(|untold| untold.1);
        under_way.chain(out).chain(untold).map(|lease| lease.length).collect()
    }

    /// Messages that are not delivered; their leases are over.
    fn drop_messages(&mut self, is_dropped: impl Fn(&Message) -> bool) {
        let (dropped, waiting): (Vec<Message>, _) = self.waiting.drain(..).partition(is_dropped);
        self.waiting = waiting;
        dropped.iter().for_each(|message| self.over(message.by, message.lease, message.is_of_now, false));
    }

    /// Its lease is in memory of a connection before the sender's present one.
    fn is_stale(&self, message: &Message) -> bool {
        message.lease.is_some() && message.has_successor
    }

    fn over(&mut self, lender: Party, lease: Option<Handle>, is_of_now: bool, has_come_back: bool) {
        if is_of_now {
            self.untold.extend(lease.map(|lease| (lender, lease, has_come_back)));
        }
    }

    fn expire(&mut self, of: Option<Party>, now: Duration) {
        self.drop_messages(|message| message.expires <= now && of.is_none_or(|of| of == message.to));
    }
}

struct Run {
    world: World,
    model: Model,
    /// Makes bodies different from each other.
    count: u32,
}

impl Run {
    fn new() -> Run {
        let world = World::new(&rules(&NAMES, &RULES).replace(WIDE, LIMITS));
        let mut model = Model { is_here: [true; 4], ..Model::default() };
        for party in (0..4).map(Party) {
            for (id, object, rights) in world.router.held(party) {
                let vouches = party == Party(1);
                assert!(!vouches || object == Object::Party(Party(2)), "the only root that b has");
                let root =
                    Capability { id, holder: party, object, rights, parent: None, is_alive: true, vouches };
                model.capabilities.push(root);
            }
        }
        assert_eq!(model.capabilities.len(), 9);
        Run { world, model, count: 0 }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::SendBy { by, capability, cause, lease, bytes } => {
                let capability = capability % self.model.capabilities.len();
                self.send(Party(by), Some(capability), None, cause, lease, bytes);
            }
            Op::SendTo { by, to, cause, lease, bytes } => {
                self.send(Party(by), None, Some(Party(to)), cause, lease, bytes);
            }
            Op::Delegate { by, capability, to, rights, cause } => {
                let rights = Rights::from_bits(rights).unwrap();
                let capability = capability % self.model.capabilities.len();
                self.delegate(Party(by), capability, Party(to), rights, cause);
            }
            Op::Command { by, capability, command, cause } => {
                self.command(Party(by), capability % self.model.capabilities.len(), command, cause);
            }
            Op::Revoke { by, capability } => {
                self.revoke(Party(by), capability % self.model.capabilities.len())
            }
            Op::Take { of } => self.take(Party(of)),
            Op::GiveBack { by, lease, mistake } => self.give_back(Party(by), lease, mistake),
            Op::Leave { who } => self.leave(Party(who)),
            Op::Come { who } => {
                self.world.step(Input::Attached(Party(who)));
                let was_here = std::mem::replace(&mut self.model.is_here[usize::from(who)], true);
                let sent = self.model.waiting.iter_mut().filter(|message| message.by == Party(who));
                sent.for_each(|message| message.has_successor |= !was_here);
            }
            Op::Wait { seconds } => {
                self.world.now += Duration::from_secs(seconds);
                self.world.step(Input::Tick);
                self.model.expire(None, self.world.now);
            }
        }
    }

    fn send(
        &mut self,
        by: Party,
        capability: Option<usize>,
        to: Option<Party>,
        cause: usize,
        lease: u64,
        bytes: usize,
    ) {
        self.count += 1;
        let cause = self.cause(by, cause);
        let callers = self.model.callers(by, cause);
        // Equal ones come about, of the same lender and of several.
        let handle = Handle { region: 1, generation: 1, type_id: 0, offset: 0, length: lease };
        let lease = (lease > 0).then_some(handle);
        let mut body = self.count.to_le_bytes().to_vec();
        body.resize(4 + bytes, 0);
        let id = capability.map(|at| self.model.capabilities[at].id);
        let before = self.world.state(by).counts.accepted;
        self.world.ask(by, &Request::Send { capability: id, to, cause, handle: lease, body: &body });
        let is_accepted = self.world.state(by).counts.accepted > before;

        let object = |at: usize| match self.model.capabilities[at].object {
            Object::Party(party) => Some(party),
            Object::Host => None,
        };
        let to = to.or_else(|| object(capability?));
        let expected = to.zip(callers).and_then(|(to, callers)| {
            let ways = capability.map_or_else(|| self.model.ways(by, to), |at| vec![at]);
            // With callers the first way decides; without, any is as good.
            let by_any_of = if callers.is_empty() { ways } else { ways.into_iter().take(1).collect() };
            let expires = self.world.now + LIFE;
            let is_of_now = self.model.is_here[usize::from(by.0)];
            let has_successor = false;
            let message =
                Message { by, to, by_any_of, callers, body, lease, is_of_now, has_successor, expires };
            let is_good = message.by_any_of.iter().any(|way| self.model.is_good(&message, *way));
            (is_good && self.model.has_room(&message)).then_some(message)
        });
        assert_eq!(is_accepted, expected.is_some(), "{expected:?}");
        self.model.waiting.extend(expected);
    }

    /// Number 0 is no cause, and those beyond what is known are guesses.
    fn cause(&self, by: Party, cause: usize) -> u32 {
        let known = &self.model.deliveries[usize::from(by.0)];
        cause.checked_sub(6).map_or(0, |at| known.get(at).map_or(1_000_000, |(number, _)| *number))
    }

    fn command(&mut self, by: Party, capability: usize, command: Command, cause: usize) {
        let cause = self.cause(by, cause);
        let refused = |run: &Run| run.world.state(by).counts.refused.values().sum::<u64>();
        let (before, effects) = (refused(self), self.world.effects.len());
        self.world.command_for(by, self.model.capabilities[capability].id, command, cause);
        let right = command.right();
        let callers = self.model.callers(by, cause);
        let may = callers.is_some_and(|callers| self.model.may_for(by, capability, right, right, &callers));
        assert_eq!(refused(self) == before, may, "{command:?}");
        let has_effect = may && command == Command::Shutdown;
        assert_eq!(self.world.effects.len() - effects, usize::from(has_effect));
    }

    fn delegate(&mut self, by: Party, capability: usize, to: Party, rights: Rights, cause: usize) {
        let cause = self.cause(by, cause);
        let known: Vec<CapabilityId> = self.model.capabilities.iter().map(|known| known.id).collect();
        let id = self.model.capabilities[capability].id;
        self.world.ask(by, &Request::Delegate { capability: id, to, rights, cause });
        let made = self.world.router.held(to).into_iter().find(|held| !known.contains(&held.0));

        let parent = self.model.capabilities[capability].clone();
        let given = self.model.capabilities.iter().filter(|other| {
            other.is_alive && other.parent.is_some_and(|at| self.model.capabilities[at].holder == by)
        });
        let (right, needed) = (Rights::DELEGATE, rights.and(Rights::DELEGATE));
        let callers = self.model.callers(by, cause);
        let is_allowed = callers
            .is_some_and(|callers| self.model.may_for(by, capability, right, needed, &callers))
            && given.count() < 5
            && parent.rights.has(rights)
            && rights != Rights::NONE
            && self.model.line(capability).len() <= usize::from(DEPTH_MAX);
        assert_eq!(made.is_some(), is_allowed);
        self.model.capabilities.extend(made.map(|(id, object, rights)| Capability {
            id,
            holder: to,
            object,
            rights,
            parent: Some(capability),
            vouches: false,
            ..parent
        }));
    }

    fn revoke(&mut self, by: Party, capability: usize) {
        let id = self.model.capabilities[capability].id;
        self.world.revoke(by, id);
        let is_alive = self.model.capabilities[capability].is_alive;
        let line = self.model.line(capability);
        if is_alive && line.into_iter().any(|at| self.model.capabilities[at].holder == by) {
            self.model.kill(capability);
        }
    }

    /// All that is delivered was accepted, is good now, and comes in order; all that isn't, isn't good.
    fn take(&mut self, of: Party) {
        self.model.expire(Some(of), self.world.now);
        let (mut mine, others): (Vec<Message>, _) =
            self.model.waiting.drain(..).partition(|message| message.to == of);
        self.model.waiting = others;
        let mut returned = Vec::new();
        for heard in self.world.hear(of) {
            if let Heard::Returned(handle) = heard {
                returned.push(handle.length);
            }
            let Heard::Delivered { from, delivery, handle, body } = heard else { continue };
            loop {
                let first = mine.iter().position(|message| message.by == from).expect("it was sent");
                let message = mine.remove(first);
                if message.body != body {
                    self.must_be_dropped(&message);
                    continue;
                }
                let is_good = message.by_any_of.iter().any(|way| self.model.is_good(&message, *way));
                assert!(is_good && !self.model.is_stale(&message), "{message:?} was delivered");
                assert_eq!(handle, message.lease);
                let is_of_now = message.is_of_now;
                let lent = |handle| Lent { lender: from, holder: of, delivery, handle, is_of_now };
                self.model.lent.extend(handle.map(lent));
                let hands = [&message.callers[..], &[from]].concat();
                self.model.deliveries[usize::from(of.0)].push((delivery, hands));
                break;
            }
        }
        mine.iter().for_each(|message| self.must_be_dropped(message));
        let told: Vec<_> = self.model.untold.extract_if(.., |untold| untold.0 == of).collect();
        let mut expected: Vec<u64> = told.iter().filter(|told| told.2).map(|told| told.1.length).collect();
        expected.sort_unstable();
        returned.sort_unstable();
        assert_eq!(returned, expected, "what came back, by length");
        let known = self.model.deliveries[usize::from(of.0)].len();
        self.model.deliveries[usize::from(of.0)].drain(..known.saturating_sub(64));
    }

    fn must_be_dropped(&mut self, message: &Message) {
        let is_good = message.by_any_of.iter().all(|way| self.model.is_good(message, *way));
        assert!(!is_good || self.model.is_stale(message), "{message:?} was dropped");
        self.model.over(message.by, message.lease, message.is_of_now, false);
    }

    /// Exactly the lease of that delivery is over, if there is one and it is that.
    fn give_back(&mut self, by: Party, lease: usize, mistake: Mistake) {
        if self.model.lent.is_empty() {
            return;
        }
        // Mostly one of its own, so that most are held.
        let own: Vec<Lent> = self.model.lent.iter().filter(|lent| lent.holder == by).copied().collect();
        let of = if own.is_empty() { &self.model.lent } else { &own };
        let Lent { mut delivery, mut handle, .. } = of[lease % of.len()];
        let mut by = by;
        match mistake {
            Mistake::None => {}
            Mistake::Holder => by = Party((by.0 + 1) % 4),
            Mistake::Delivery => delivery += 1,
            Mistake::Handle => handle.length ^= 1,
        }
        self.world.give_back(by, delivery, handle);
        let is_it = |lent: &Lent| (lent.holder, lent.delivery, lent.handle) == (by, delivery, handle);
        let Some(at) = self.model.lent.iter().position(is_it) else { return };
        let lent = self.model.lent.remove(at);
        self.model.over(lent.lender, Some(lent.handle), lent.is_of_now, true);
    }

    fn leave(&mut self, who: Party) {
        self.world.step(Input::Detached(who));
        self.model.is_here[usize::from(who.0)] = false;
        self.model.deliveries[usize::from(who.0)].clear();
        let sent = self.model.waiting.iter_mut().filter(|message| message.by == who);
        sent.for_each(|message| message.is_of_now = false);
        let lent = self.model.lent.iter_mut().filter(|lent| lent.lender == who);
        lent.for_each(|lent| lent.is_of_now = false);
        self.model.drop_messages(|message| message.to == who);
        let back: Vec<Lent> = self.model.lent.extract_if(.., |lent| lent.holder == who).collect();
        back.iter().for_each(|lent| self.model.over(lent.lender, Some(lent.handle), lent.is_of_now, true));
        self.model.untold.retain(|untold| untold.0 != who);
    }

    /// What must be so at any time.
    fn check(&self) {
        for party in (0..4).map(Party) {
            let mut held: Vec<_> = self.world.router.held(party);
            let alive =
                self.model.capabilities.iter().filter(|known| known.is_alive && known.holder == party);
            let mut expected: Vec<_> = alive.map(|known| (known.id, known.object, known.rights)).collect();
            held.sort_by_key(|held| held.0);
            expected.sort_by_key(|held| held.0);
            assert_eq!(held, expected);

            let state = self.world.state(party);
            let own = self.model.waiting.iter().filter(|message| message.by == party);
            let bytes: usize = own.clone().map(|message| message.body.len()).sum();
            assert_eq!((state.messages as usize, state.bytes as usize), (own.count(), bytes));
            let leases = self.model.leases(party);
            assert_eq!((state.leases as usize, state.lease_bytes), (leases.len(), leases.iter().sum()));
            assert_eq!(state.borrowed, self.model.lent.iter().filter(|lent| lent.holder == party).count());
            assert!(
                state.messages <= 6 && state.bytes <= 40 && state.leases <= 2 && state.lease_bytes <= 100
            );
        }
        for (at, capability) in self.model.capabilities.iter().enumerate() {
            let root = &self.model.capabilities[self.model.line(at).into_iter().next_back().unwrap()];
            assert!(root.rights.has(capability.rights) && root.object == capability.object);
        }
    }
}

proptest! {
    /// `PROPTEST_CASES` sets how often.
    #[test]
    fn it_delivers_what_the_model_delivers_and_nothing_else(ops in proptest::collection::vec(op(), 1..120)) {
        let mut run = Run::new();
        for op in &ops {
            run.apply(op);
            run.check();
        }
        (0..4).for_each(|of| run.take(Party(of)));
    }
}
