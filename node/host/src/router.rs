//! The router: what came in and what time it is goes in, what is to be done comes out.
//!
//! It reads no clock and knows no port. Everything that it keeps is bounded by the
//! policy, and belongs to a party, not to a connection.

use crate::account::{Account, Counts};
use crate::capability::{Capabilities, Gone};
use crate::inbox::{Inbox, Waiting};
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

/// A decision, good while no capability was revoked since.
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
}

impl Waiting for Message {
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
    /// The last decisions, by sender and recipient; they end with the epoch.
    decided: BTreeMap<(Party, Party), Grant>,
    message_life: Duration,
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
        let mut capabilities = Capabilities::default();
        for (holder, object, rule) in policy.grants() {
            capabilities.mint(holder, object, policy.rule_at(rule).allow, rule);
        }
        Router { policy, capabilities, accounts, inboxes, decided: BTreeMap::new(), message_life }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether something waits for a party.
    #[must_use]
    pub fn waits_for(&self, party: Party) -> bool {
        !self.inboxes[at(party)].is_empty()
    }

    /// How long what a party sends would be refused for its rate; the longest time there
    /// is if for ever. Whoever takes messages in leaves them where they are so long.
    #[must_use]
    pub fn wait_of(&self, party: Party, now: Duration) -> Duration {
        self.accounts[at(party)].bucket.wait(now)
    }

    /// When the next message expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.inboxes.iter().filter_map(Inbox::next_expiry).min()
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
            leases: account.leases(),
            lease_bytes: account.lease_bytes(),
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
            Input::Tick => self.policy.parties().for_each(|party| self.expire(party, now)),
        }
    }

    fn attached(&mut self, party: Party) {
        self.accounts[at(party)].is_attached = true;
        for (capability, object, rights) in self.held(party) {
            let name = self.policy.object_name(object);
            let mut notice = Vec::new();
            Notice::Granted { capability, object, rights, name }.write(&mut notice);
            self.inboxes[at(party)].introduce(notice, 0);
        }
    }

    fn detached(&mut self, party: Party) {
        self.accounts[at(party)].is_attached = false;
        self.accounts[at(party)].forget_causes();
        for (sender, message) in self.inboxes[at(party)].clear() {
            self.drop_message(sender, &message, Reason::Absent.into());
        }
        for owner in self.policy.parties() {
            for handle in self.accounts[at(owner)].all_returned(party) {
                self.notify(owner, 0, &Notice::Returned { handle });
            }
        }
    }

    fn sent(&mut self, by: Party, msg_id: u32, message: &[u8], now: Duration, effects: &mut Vec<Effect>) {
        // Refused requests cost as much as others, so guessing is slow.
        let handled = match self.accounts[at(by)].spend(now) {
            Err(wait) => Err(Refusal { wait, ..Reason::Rate.into() }),
            Ok(()) => match Request::read(message) {
                None => Err(Reason::Malformed.into()),
                Some(request) => self.handle(by, msg_id, &request, now, effects),
            },
        };
        if let Err(refusal) = handled {
            self.refuse(by, msg_id, &refusal);
        }
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
                let expires = now.saturating_add(self.message_life);
                self.enqueue(by, Message { grant, msg_id, handle, body: body.into(), hands, expires })
            }
            Request::Delegate { capability, to, rights } => self.delegate(by, msg_id, capability, to, rights),
            Request::Revoke { capability } => self.revoke(by, msg_id, capability),
            Request::Return { handle } => self.give_back(by, &handle),
            Request::Command { capability, command, body } => {
                self.command(by, msg_id, capability, command, body, effects)
            }
        }
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
        let known = to.and_then(|to| self.decided.get(&(by, to)));
        if let Some(grant) = known
            && grant.epoch == epoch
            && capability.is_none_or(|id| id == grant.capability)
            && callers.is_empty()
        {
            return Ok(*grant);
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
        if !self.policy.rule_at(entry.rule).vouches {
            self.check_callers(callers, object)?;
        }
        let grant = Grant { capability, to: object, epoch };
        self.decided.insert((by, object), grant);
        Ok(grant)
    }

    /// Everybody on whose behalf it is sent could have sent it, or is the one who gets it.
    fn check_callers(&self, callers: &[Party], object: Party) -> Result<(), Refusal> {
        for caller in callers.iter().filter(|caller| **caller != object) {
            if self.find(*caller, Object::Party(object), Rights::SEND).is_err() {
                let (caller, object) = (self.policy.name(*caller), self.policy.name(object));
                let text = format!("`{caller}`, on whose behalf it is, may not send to `{object}`");
                return Err(Refusal { text, ..Reason::OnBehalf.into() });
            }
        }
        Ok(())
    }

    /// A capability of `by` for that right, if no rule denies it.
    fn find(&self, by: Party, object: Object, right: Rights) -> Result<CapabilityId, Refusal> {
        self.check_rules(by, object, right)?;
        let mut held = self.capabilities.of(by);
        let found = held.find(|(_, entry)| entry.object == object && entry.rights.has(right));
        found.map(|(id, _)| id).ok_or_else(|| {
            let (by, object) = (self.policy.name(by), self.policy.object_name(object));
            Refusal { text: format!("no rule lets `{by}` send to `{object}`"), ..Reason::NoRule.into() }
        })
    }

    /// Whether `by` holds a capability, it has the right, and no rule denies it.
    fn permit(&self, by: Party, capability: CapabilityId, right: Rights) -> Result<Object, Refusal> {
        let entry = self.capabilities.held(capability, by)?;
        self.check_rules(by, entry.object, right)?;
        if entry.rights.has(right) { Ok(entry.object) } else { Err(Reason::Right.into()) }
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
        self.inboxes[at(to)].push(by, message);
        Ok(())
    }

    fn delegate(
        &mut self,
        by: Party,
        msg_id: u32,
        capability: CapabilityId,
        to: Party,
        rights: Rights,
    ) -> Result<(), Refusal> {
        let object = self.permit(by, capability, Rights::DELEGATE)?;
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
        for Gone { id, holder, giver } in self.capabilities.revoke(capability, by)? {
            if let Some(giver) = giver {
                self.accounts[at(giver)].delegations -= 1;
            }
            self.notify(holder, 0, &Notice::Revoked { capability: id });
        }
        self.notify(by, msg_id, &Notice::Done { capability: None, body: &[] });
        Ok(())
    }

    fn give_back(&mut self, by: Party, handle: &Handle) -> Result<(), Refusal> {
        let parties = self.policy.parties();
        let owner = parties.into_iter().find(|owner| self.accounts[at(*owner)].returned(by, handle));
        self.notify(owner.ok_or(Reason::NotLent)?, 0, &Notice::Returned { handle: *handle });
        Ok(())
    }

    fn command(
        &mut self,
        by: Party,
        msg_id: u32,
        capability: CapabilityId,
        command: Command,
        body: &[u8],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let object = self.permit(by, capability, command.right())?;
        let mut answer = Vec::new();
        match (command, object) {
            (Command::GetState, Object::Party(party)) => answer.extend(self.state(party).to_bytes()),
            (Command::GetState, Object::Host) => answer.extend(self.totals()),
            (Command::Shutdown, Object::Host) => effects.push(Effect::StopHost { by }),
            (Command::Shutdown, Object::Party(party)) => {
                self.notify(party, 0, &Notice::Stop);
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
            let notice = self.inboxes[at(to)].next_notice();
            effects.extend(notice.map(|(msg_id, message)| Effect::Put { to, msg_id, message }));
            if effects.len() - from < messages {
                effects.extend(self.next_message(to));
            }
            if effects.len() == before {
                return;
            }
        }
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
            account.discharge(message.bytes(), message.handle, Some(to));
            account.counts.delivered += 1;
            let account = &mut self.accounts[at(to)];
            account.counts.received += 1;
            let delivery = account.delivered(message.hands);
            let notice =
                Notice::Delivered { from: sender, delivery, handle: message.handle, body: &message.body };
            let mut bytes = Vec::new();
            notice.write(&mut bytes);
            return Some(Effect::Put { to, msg_id: 0, message: bytes });
        }
    }

    /// Decides again if any capability was revoked since.
    fn is_still_good(&mut self, sender: Party, message: &Message) -> Result<(), Refusal> {
        let Grant { capability, to, epoch } = message.grant;
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
        self.accounts[at(sender)].discharge(message.bytes(), message.handle, None);
        self.refuse(sender, message.msg_id, &refusal);
    }

    fn refuse(&mut self, party: Party, msg_id: u32, refusal: &Refusal) {
        let Refusal { reason, wait, text } = refusal;
        *self.accounts[at(party)].counts.refused.entry(*reason).or_default() += 1;
        let wait_ms = u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self.notify(party, msg_id, &Notice::Refused { reason: *reason, wait_ms, text });
    }

    fn granted(&mut self, to: Party, capability: CapabilityId, object: Object, rights: Rights) {
        let name = self.policy.object_name(object).to_owned();
        self.notify(to, 0, &Notice::Granted { capability, object, rights, name: &name });
    }

    fn notify(&mut self, to: Party, msg_id: u32, notice: &Notice<'_>) {
        let account = &mut self.accounts[at(to)];
        if !account.is_attached {
            return;
        }
        let mut bytes = Vec::new();
        notice.write(&mut bytes);
        if !self.inboxes[at(to)].notify(msg_id, bytes) {
            account.counts.notices_lost += 1;
        }
    }
}

fn at(party: Party) -> usize {
    usize::from(party.0)
}
