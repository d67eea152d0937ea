//! The router: what came in and what time it is goes in, what is to be done comes out.
//!
//! It reads no clock and knows no port. Everything that it keeps is bounded by the
//! policy, and belongs to a party, not to a connection.

use crate::account::{Account, Counts};
use crate::borrowed::Lease;
use crate::capability::{Capabilities, Entry, Gone};
use crate::inbox::{self, Inbox};
use crate::notices::Notices;
use crate::policy::Policy;
use ioi_port::routed::{CapabilityId, Command, Notice, Object, Party, Reason, Request, Rights};
use ioi_shm::Handle;
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A party is connected.
    Attached(Party),
    /// A party is gone, and with it all that it held of others.
    Detached(Party),
    /// A party sent something.
    Sent {
        /// Who.
        by: Party,
        /// Its number for it.
        msg_id: u32,
        /// What.
        message: &'a [u8],
    },
    /// A party has room for messages.
    Room {
        /// Who.
        of: Party,
        /// For how many.
        messages: usize,
    },
    /// The host's owner ends a capability, whoever holds it, and all that came of it.
    Revoke {
        /// Which; one that is gone already is no error.
        capability: CapabilityId,
    },
    /// Time has passed.
    Tick,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put this into a party's port.
    Put {
        /// Whose.
        to: Party,
        /// The number of the request that it is about, or 0.
        msg_id: u32,
        /// The bytes.
        message: Vec<u8>,
    },
    /// Have a party stopped; it was asked to stop by itself.
    StopParty {
        /// Who.
        party: Party,
        /// Who asked for it.
        by: Party,
    },
    /// Stop the host.
    StopHost {
        /// Who asked for it.
        by: Party,
    },
    /// Create a task.
    CreateTask {
        /// Who asked for it.
        by: Party,
        /// Which.
        body: Vec<u8>,
    },
}

/// A decision: good while the capability is there, and for what is sent for others while none
/// was revoked since.
#[derive(Clone, Copy, Debug)]
struct Grant {
    capability: CapabilityId,
    to: Party,
    epoch: u64,
}

#[derive(Clone, Debug)]
struct Message {
    grant: Grant,
    msg_id: u32,
    /// Which of the sender's connections sent it.
    life: u64,
    handle: Option<Handle>,
    body: Box<[u8]>,
    /// Whose hands it passed through, the sender's last.
    hands: Vec<Party>,
    expires: Duration,
}

impl Message {
    fn bytes(&self) -> u32 {
        self.body.len() as u32
    }

    fn lease(&self, lender: Party) -> Option<Lease> {
        self.handle.map(|handle| Lease { lender, life: self.life, handle })
    }
}

impl inbox::Waiting for Message {
    fn expires(&self) -> Duration {
        self.expires
    }
}

/// Why something was refused, with the rule if it was one.
#[derive(Clone, Debug)]
struct Refusal {
    reason: Reason,
    wait: Duration,
    text: String,
}

impl Refusal {
    fn notice(&self) -> Notice<'_> {
        let wait_ms = u32::try_from(self.wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        Notice::Refused { reason: self.reason, wait_ms, text: &self.text }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Refusal { reason, wait: Duration::ZERO, text: reason.to_string() }
    }
}

/// The router's state.
#[derive(Clone, Debug)]
pub struct Router {
    policy: Policy,
    capabilities: Capabilities,
    accounts: Vec<Account>,
    inboxes: Vec<Inbox<Message>>,
    notices: Vec<Notices>,
    /// By which capability a sender may send to a recipient, while it is there.
    decided: BTreeMap<(Party, Party), CapabilityId>,
    message_life: Duration,
    /// No message expires before; so only then are they all looked at.
    next_expiry: Option<Duration>,
}

/// What is known of one party, for whoever may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub name: String,
    /// Whether it is connected.
    pub is_attached: bool,
    /// Its messages that wait for others.
    pub messages: u32,
    /// Bytes of these.
    pub bytes: u32,
    /// Its leases that others hold or that are on their way.
    pub leases: u32,
    /// Bytes of these.
    pub lease_bytes: u64,
    /// Leases of others that it holds.
    pub borrowed: usize,
    /// Messages that wait for it.
    pub depth: usize,
    /// Capabilities that it holds.
    pub capabilities: usize,
    /// What became of its messages.
    pub counts: Counts,
}

impl State {
    /// Bytes of [`State::to_bytes`].
    pub const BYTES: usize = 64;

    /// What `GetState` answers: eight little-endian u64: accepted, delivered, received,
    /// refused, messages that wait, leases, depth of the inbox, 1 if connected.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let refused = self.counts.refused.values().sum();
        let (leases, depth) = (u64::from(self.leases), self.depth as u64);
        let Counts { accepted, delivered, received, .. } = self.counts;
        let messages = u64::from(self.messages);
        let fields =
            [accepted, delivered, received, refused, messages, leases, depth, u64::from(self.is_attached)];
        let mut bytes = [0; Self::BYTES];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

impl Router {
    /// A router with nobody connected. A message that is not taken within `message_life` is dropped.
    #[must_use]
    pub fn new(policy: Policy, message_life: Duration) -> Router {
        let accounts: Vec<Account> =
            policy.parties().map(|party| Account::new(policy.limits(party))).collect();
        let inboxes = accounts.iter().map(|_| Inbox::default()).collect();
        let notices = accounts.iter().map(|_| Notices::default()).collect();
        let mut capabilities = Capabilities::default();
        for (holder, object, rule) in policy.grants() {
            capabilities.mint(holder, object, policy.rule_at(rule).allow, rule);
        }
        let (decided, next_expiry) = (BTreeMap::new(), None);
        Router { policy, capabilities, accounts, inboxes, notices, decided, message_life, next_expiry }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether something waits for a party.
    #[must_use]
    pub fn waits_for(&self, party: Party) -> bool {
        !self.inboxes[at(party)].is_empty() || !self.notices[at(party)].is_empty()
    }

    /// How long what a party sends would be refused for its rate; the longest time there
    /// is if for ever. Whoever takes messages in leaves them where they are so long.
    #[must_use]
    pub fn wait_of(&self, party: Party, now: Duration) -> Duration {
        self.accounts[at(party)].bucket.wait(now)
    }

    /// Before this no message expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.next_expiry
    }

    /// How a party is.
    #[must_use]
    pub fn state(&self, party: Party) -> State {
        let account = &self.accounts[at(party)];
        State {
            name: self.policy.name(party).to_owned(),
            is_attached: account.is_attached,
            messages: account.messages,
            bytes: account.bytes,
            leases: account.leases,
            lease_bytes: account.lease_bytes,
            borrowed: account.borrowed.count(),
            depth: self.inboxes[at(party)].depth(),
            capabilities: self.capabilities.of(party).count(),
            counts: account.counts.clone(),
        }
    }

    /// The capabilities that a party holds.
    #[must_use]
    pub fn held(&self, party: Party) -> Vec<(CapabilityId, Object, Rights)> {
        self.capabilities.of(party).map(|(id, entry)| (id, entry.object, entry.rights)).collect()
    }

    /// Takes in what happened at `now`; what is to be done is added to `effects`.
    ///
    /// # Panics
    /// When a party is none of the policy: the caller has it from the policy.
    pub fn step(&mut self, input: Input<'_>, now: Duration, effects: &mut Vec<Effect>) {
        match input {
            Input::Attached(party) => self.attached(party),
            Input::Detached(party) => self.detached(party),
            Input::Sent { by, msg_id, message } => self.sent(by, msg_id, message, now, effects),
            Input::Room { of, messages } => self.fill(of, messages, now, effects),
            Input::Revoke { capability } => {
                let gone = self.capabilities.end(capability);
                self.tell_revoked(gone);
            }
            Input::Tick => self.tick(now),
        }
    }

    fn attached(&mut self, party: Party) {
        if !self.accounts[at(party)].attached() {
            return;
        }
        for (capability, object, rights) in self.held(party) {
            self.granted(party, capability, object, rights);
        }
    }

    fn detached(&mut self, party: Party) {
        let borrowed = self.accounts[at(party)].detached();
        for (sender, message) in self.inboxes[at(party)].clear() {
            self.drop_message(sender, &message, Reason::Absent.into());
        }
        borrowed.for_each(|lease| self.returned(&lease));
        let mut untold = std::mem::take(&mut self.notices[at(party)]);
        while let Some(notice) = untold.pop() {
            notice.lease().iter().for_each(|lease| self.accounts[at(party)].free(lease));
        }
    }

    fn tick(&mut self, now: Duration) {
        if self.next_expiry.is_some_and(|first| first <= now) {
            self.policy.parties().for_each(|party| self.expire(party, now));
            self.next_expiry = self.inboxes.iter().filter_map(Inbox::next_expiry).min();
        }
    }

    fn sent(&mut self, by: Party, msg_id: u32, message: &[u8], now: Duration, effects: &mut Vec<Effect>) {
        let request = Request::read(message);
        let handled = match request {
            // What gives something up is held up by no rate. Each of these that succeeds ends
            // something that has cost a token; the others cost one now.
            Some(request @ (Request::Revoke { .. } | Request::Return { .. })) => self
                .handle(by, msg_id, &request, now, effects)
                .or_else(|refusal| self.spend(by, now).and(Err(refusal))),
            // Refused requests cost as much as others, so guessing is slow.
            _ => self.spend(by, now).and_then(|()| {
                let request = request.ok_or(Reason::Malformed)?;
                self.handle(by, msg_id, &request, now, effects)
            }),
        };
        if let Err(refusal) = handled {
            self.refuse(by, msg_id, &refusal);
        }
    }

    fn spend(&mut self, by: Party, now: Duration) -> Result<(), Refusal> {
        self.accounts[at(by)].spend(now).map_err(|wait| Refusal { wait, ..Reason::Rate.into() })
    }

    fn handle(
        &mut self,
        by: Party,
        msg_id: u32,
        request: &Request<'_>,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match *request {
            Request::Send { capability, to, cause, handle, body } => {
                let callers = self.accounts[at(by)].callers(cause)?.to_vec();
                let grant = self.authorize(by, capability, to, &callers)?;
                let hands = [&callers[..], &[by]].concat();
                let (life, expires) = (self.accounts[at(by)].life, now.saturating_add(self.message_life));
                self.enqueue(by, Message { grant, msg_id, life, handle, body: body.into(), hands, expires })
            }
            Request::Delegate { capability, to, rights, cause } => {
                let needed = rights.and(Rights::DELEGATE);
                let object = self.permit_for(by, cause, capability, Rights::DELEGATE, needed)?;
                self.delegate(by, msg_id, capability, object, to, rights)
            }
            Request::Revoke { capability } => self.revoke(by, msg_id, capability),
            Request::Return { delivery, handle } => self.give_back(by, delivery, &handle),
            Request::Command { capability, command, cause, body } => {
                let right = command.right();
                let object = self.permit_for(by, cause, capability, right, right)?;
                self.command(by, msg_id, object, command, body, effects)
            }
        }
    }

    /// What a capability is for, if `by` may use that right of it, in its own name and in that of
    /// every caller. Who has `needed` of one capability could have done it itself.
    fn permit_for(
        &self,
        by: Party,
        cause: u32,
        capability: CapabilityId,
        right: Rights,
        needed: Rights,
    ) -> Result<Object, Refusal> {
        let callers = self.accounts[at(by)].callers(cause)?;
        let entry = self.permit(by, capability, right)?;
        self.check_callers(&entry, callers.iter(), right, needed)?;
        Ok(entry.object)
    }

    /// Decides whether `by` may send, in its own name and in that of every caller.
    fn authorize(
        &mut self,
        by: Party,
        capability: Option<CapabilityId>,
        to: Option<Party>,
        callers: &[Party],
    ) -> Result<Grant, Refusal> {
        let epoch = self.capabilities.epoch();
        let known = to.and_then(|to| Some((to, *self.decided.get(&(by, to))?)));
        if let Some((to, known)) = known
            && capability.is_none_or(|id| id == known)
            && callers.is_empty()
            && self.capabilities.held(known, by).is_ok()
        {
            return Ok(Grant { capability: known, to, epoch });
        }
        let capability = match (capability, to) {
            (Some(id), _) => id,
            (None, Some(to)) => self.find(by, Object::Party(to), Rights::SEND)?,
            (None, None) => return Err(Reason::Malformed.into()),
        };
        let entry = self.capabilities.held(capability, by)?;
        let Object::Party(object) = entry.object else { return Err(Reason::Right.into()) };
        // Whom it names and by what right have to be the same, or it was led to use the wrong one.
        if to.is_some_and(|to| to != object) {
            return Err(Reason::NoCapability.into());
        }
        self.permit(by, capability, Rights::SEND)?;
        // Whoever asked may always be answered.
        let others = callers.iter().filter(|caller| **caller != object);
        self.check_callers(&entry, others, Rights::SEND, Rights::SEND)?;
        self.decided.insert((by, object), capability);
        Ok(Grant { capability, to: object, epoch })
    }

    /// Everybody on whose behalf it is done by this entry could have done it, or its rule vouches.
    fn check_callers<'a>(
        &self,
        entry: &Entry,
        mut callers: impl Iterator<Item = &'a Party>,
        right: Rights,
        needed: Rights,
    ) -> Result<(), Refusal> {
        if entry.is_root() && self.policy.rule_at(entry.rule).vouches {
            return Ok(());
        }
        let could_not = |caller: &&Party| {
            self.check_rules(**caller, entry.object, right).is_err()
                || self.holds(**caller, entry.object, needed).is_none()
        };
        let Some(caller) = callers.find(could_not) else { return Ok(()) };
        let (caller, object) = (self.policy.name(*caller), self.policy.object_name(entry.object));
        let text = format!("`{caller}`, on whose behalf it is, may not {} `{object}`", what(right));
        Err(Refusal { text, ..Reason::OnBehalf.into() })
    }

    /// A capability of `by` that has all of these rights.
    fn holds(&self, by: Party, object: Object, rights: Rights) -> Option<CapabilityId> {
        let mut held = self.capabilities.of(by);
        Some(held.find(|(_, entry)| entry.object == object && entry.rights.has(rights))?.0)
    }

    /// A capability of `by` for that right, if no rule denies it.
    fn find(&self, by: Party, object: Object, right: Rights) -> Result<CapabilityId, Refusal> {
        self.check_rules(by, object, right)?;
        self.holds(by, object, right).ok_or_else(|| {
            let (by, object) = (self.policy.name(by), self.policy.object_name(object));
            Refusal { text: format!("no rule lets `{by}` send to `{object}`"), ..Reason::NoRule.into() }
        })
    }

    /// Whether `by` holds a capability, it has the right, and no rule denies it.
    fn permit(&self, by: Party, capability: CapabilityId, right: Rights) -> Result<Entry, Refusal> {
        let entry = self.capabilities.held(capability, by)?;
        self.check_rules(by, entry.object, right)?;
        if entry.rights.has(right) { Ok(entry) } else { Err(Reason::Right.into()) }
    }

    fn check_rules(&self, by: Party, object: Object, right: Rights) -> Result<(), Refusal> {
        let Some(rule) = self.policy.denies(by, object, right) else { return Ok(()) };
        Err(Refusal { text: format!("rule `{}` denies it", rule.name), ..Reason::Denied.into() })
    }

    fn enqueue(&mut self, by: Party, message: Message) -> Result<(), Refusal> {
        let to = message.grant.to;
        if !self.accounts[at(to)].is_attached {
            return Err(Reason::Absent.into());
        }
        let waiting = self.inboxes[at(to)].waiting_of(by);
        self.accounts[at(by)].charge(message.bytes(), waiting, message.handle)?;
        self.accounts[at(by)].counts.accepted += 1;
        self.next_expiry = Some(self.next_expiry.map_or(message.expires, |first| first.min(message.expires)));
        self.inboxes[at(to)].push(by, message);
        Ok(())
    }

    fn delegate(
        &mut self,
        by: Party,
        msg_id: u32,
        capability: CapabilityId,
        object: Object,
        to: Party,
        rights: Rights,
    ) -> Result<(), Refusal> {
        let account = self.accounts.get(at(by)).filter(|_| at(to) < self.accounts.len());
        let account = account.ok_or(Reason::Malformed)?;
        if account.delegations >= account.limits.delegations_max {
            return Err(Reason::Delegations.into());
        }
        let made = self.capabilities.delegate(capability, by, to, rights)?;
        self.accounts[at(by)].delegations += 1;
        self.granted(to, made, object, rights);
        self.notify(by, msg_id, &Notice::Done { capability: Some(made), body: &[] });
        Ok(())
    }

    fn revoke(&mut self, by: Party, msg_id: u32, capability: CapabilityId) -> Result<(), Refusal> {
        let gone = self.capabilities.revoke(capability, by)?;
        self.tell_revoked(gone);
        self.notify(by, msg_id, &Notice::Done { capability: None, body: &[] });
        Ok(())
    }

    fn tell_revoked(&mut self, gone: Vec<Gone>) {
        for Gone { id, holder, giver } in gone {
            if let Some(giver) = giver {
                self.accounts[at(giver)].delegations -= 1;
            }
            if self.accounts[at(holder)].is_attached {
                self.notices[at(holder)].revoked(id, bytes(&Notice::Revoked { capability: id }));
            }
        }
    }

    fn give_back(&mut self, by: Party, delivery: u32, handle: &Handle) -> Result<(), Refusal> {
        let lease = self.accounts[at(by)].borrowed.give_back(delivery, handle)?;
        self.returned(&lease);
        Ok(())
    }

    fn returned(&mut self, lease: &Lease) {
        self.end_lease(lease, 0, &Notice::Returned { handle: lease.handle });
    }

    /// A lease counts until its lender was told of its end, so that this can't be lost. One who
    /// came back since is told nothing: an equal handle may be his again, and still be read.
    fn end_lease(&mut self, lease: &Lease, msg_id: u32, notice: &Notice<'_>) {
        let lender = &mut self.accounts[at(lease.lender)];
        if lender.is_in(lease.life) {
            self.notices[at(lease.lender)].lease_ended(lease.handle, msg_id, bytes(notice));
        } else {
            lender.free(&lease.handle);
        }
    }

    fn command(
        &mut self,
        by: Party,
        msg_id: u32,
        object: Object,
        command: Command,
        body: &[u8],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let mut answer = Vec::new();
        match (command, object) {
            (Command::GetState, Object::Party(party)) => answer.extend(self.state(party).to_bytes()),
            (Command::GetState, Object::Host) => answer.extend(self.totals()),
            (Command::Shutdown, Object::Host) => effects.push(Effect::StopHost { by }),
            (Command::Shutdown, Object::Party(party)) => {
                if self.accounts[at(party)].is_attached {
                    self.notices[at(party)].stop(bytes(&Notice::Stop));
                }
                effects.push(Effect::StopParty { party, by });
            }
            (Command::CreateTask, Object::Host) => effects.push(Effect::CreateTask { by, body: body.into() }),
            (Command::CreateTask, Object::Party(_)) => return Err(Reason::Right.into()),
        }
        self.notify(by, msg_id, &Notice::Done { capability: None, body: &answer });
        Ok(())
    }

    /// What `GetState` answers for the host: little-endian u64: parties, connected ones, capabilities.
    fn totals(&self) -> [u8; 24] {
        let attached = self.accounts.iter().filter(|account| account.is_attached).count();
        let fields =
            [self.accounts.len(), attached, self.capabilities.count()].map(|n| (n as u64).to_le_bytes());
        let mut bytes = [0; 24];
        bytes.copy_from_slice(fields.as_flattened());
        bytes
    }

    /// Hands out what waits for a party: notices and messages in turn, so that neither
    /// holds the other up.
    fn fill(&mut self, to: Party, messages: usize, now: Duration, effects: &mut Vec<Effect>) {
        self.expire(to, now);
        let from = effects.len();
        while effects.len() - from < messages {
            let before = effects.len();
            effects.extend(self.next_notice(to));
            if effects.len() - from < messages {
                effects.extend(self.next_message(to));
            }
            if effects.len() == before && !self.waits_for(to) {
                return;
            }
        }
    }

    fn next_notice(&mut self, to: Party) -> Option<Effect> {
        let notice = self.notices[at(to)].pop()?;
        notice.lease().iter().for_each(|lease| self.accounts[at(to)].free(lease));
        Some(Effect::Put { to, msg_id: notice.msg_id, message: notice.message })
    }

    /// The next message of which the capability is still good.
    fn next_message(&mut self, to: Party) -> Option<Effect> {
        loop {
            let (sender, message) = self.inboxes[at(to)].pop()?;
            if let Err(refusal) = self.is_still_good(sender, &message) {
                self.drop_message(sender, &message, refusal);
                continue;
            }
            let account = &mut self.accounts[at(sender)];
            account.discharge(message.bytes());
            account.counts.delivered += 1;
            let (account, lease) = (&mut self.accounts[at(to)], message.lease(sender));
            account.counts.received += 1;
            let delivery = account.delivered(message.hands, lease);
            let notice =
                Notice::Delivered { from: sender, delivery, handle: message.handle, body: &message.body };
            return Some(Effect::Put { to, msg_id: 0, message: bytes(&notice) });
        }
    }

    /// Decides again if what it was decided by may have changed.
    fn is_still_good(&mut self, sender: Party, message: &Message) -> Result<(), Refusal> {
        let Grant { capability, to, epoch } = message.grant;
        // The recipient would look for the lease in memory of the connection that is there now.
        if message.handle.is_some() && self.accounts[at(sender)].life != message.life {
            return Err(Reason::Absent.into());
        }
        if epoch == self.capabilities.epoch() {
            return Ok(());
        }
        let callers = &message.hands[..message.hands.len() - 1];
        self.authorize(sender, Some(capability), Some(to), callers).map(drop)
    }

    fn expire(&mut self, party: Party, now: Duration) {
        for (sender, message) in self.inboxes[at(party)].expired(now) {
            self.drop_message(sender, &message, Reason::Expired.into());
        }
    }

    fn drop_message(&mut self, sender: Party, message: &Message, refusal: Refusal) {
        self.accounts[at(sender)].discharge(message.bytes());
        self.count(sender, &refusal);
        match message.lease(sender) {
            Some(lease) => self.end_lease(&lease, message.msg_id, &refusal.notice()),
            // Numbers of requests begin anew with each connection.
            None if self.accounts[at(sender)].is_in(message.life) => {
                self.notify(sender, message.msg_id, &refusal.notice());
            }
            None => {}
        }
    }

    fn refuse(&mut self, party: Party, msg_id: u32, refusal: &Refusal) {
        self.count(party, refusal);
        self.notify(party, msg_id, &refusal.notice());
    }

    fn count(&mut self, party: Party, refusal: &Refusal) {
        *self.accounts[at(party)].counts.refused.entry(refusal.reason).or_default() += 1;
    }

    fn granted(&mut self, to: Party, capability: CapabilityId, object: Object, rights: Rights) {
        let notice = Notice::Granted { capability, object, rights, name: self.policy.object_name(object) };
        if self.accounts[at(to)].is_attached {
            self.notices[at(to)].granted(capability, bytes(&notice));
        }
    }

    /// Answers a request.
    fn notify(&mut self, to: Party, msg_id: u32, notice: &Notice<'_>) {
        let account = &mut self.accounts[at(to)];
        if account.is_attached && !self.notices[at(to)].answer(msg_id, bytes(notice)) {
            account.counts.notices_lost += 1;
        }
    }
}

/// What a right lets its holder do to the object whose name follows.
fn what(right: Rights) -> &'static str {
    match right {
        Rights::SEND => "send to",
        Rights::DELEGATE => "hand on these rights over",
        Rights::GET_STATE => "ask for the state of",
        Rights::SHUTDOWN => "stop",
        Rights::CREATE_TASK => "have tasks created by",
        _ => "do this to",
    }
}

fn bytes(notice: &Notice<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    notice.write(&mut bytes);
    bytes
}

fn at(party: Party) -> usize {
    usize::from(party.0)
}
