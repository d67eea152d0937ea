//! Who may do what, as data: parties with their limits, and rules between them.

use ioi_port::routed::{Object, Party, Rights};
use serde::Deserialize;
use std::fmt;

/// Parties at most.
pub const PARTIES_MAX: usize = 256;
/// Rules at most.
pub const RULES_MAX: usize = 1024;
/// Capabilities that the rules may make from the start; a `*` makes one for each party.
pub const GRANTS_MAX: usize = 16_384;
/// Leases that all parties together may have out, so that the host's books of who holds what are bounded.
pub const LEASES_MAX: u64 = 1 << 20;
/// Bytes of a name at most, so that a refusal can tell it whole.
pub const NAME_BYTES_MAX: usize = 40;
/// What a rule calls the host itself.
pub const HOST_NAME: &str = "host";
/// What a rule calls every party.
pub const EVERYBODY: &str = "*";

/// A policy as it is written down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySource {
    /// The parties.
    #[serde(default)]
    pub party: Vec<PartySource>,
    /// The rules. What none allows is refused, and a rule that denies wins.
    #[serde(default)]
    pub rule: Vec<RuleSource>,
}

/// A party as it is written down. A limit that is left out is 0: nothing goes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartySource {
    /// Its name.
    pub name: String,
    /// Its limits.
    #[serde(default)]
    pub limits: Limits,
}

/// What a party may have under way, and how fast. All of it counts for the party, not
/// for a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages of its own that wait for recipients.
    pub messages_max: u32,
    /// Of these, for one recipient.
    pub messages_to_one_max: u32,
    /// Bytes of those messages.
    pub bytes_max: u32,
    /// Leases that others hold of it, that are on their way, or of whose end it is still to hear.
    pub leases_max: u32,
    /// Bytes of those leases.
    pub lease_bytes_max: u64,
    /// Capabilities that it has handed on.
    pub delegations_max: u32,
    /// Requests in a second, in the long run; those that give something up don't count.
    pub requests_per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
    /// It acts for others only: what names no delivery that caused it is refused, except to give
    /// something up.
    pub on_behalf_only: bool,
}

/// A rule as it is written down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSource {
    /// Its name, which a refusal tells.
    pub name: String,
    /// Whom it is about: a party, or `*`.
    pub from: String,
    /// What it is about: a party, `*`, or `host`.
    pub to: String,
    /// What `from` may do.
    #[serde(default)]
    pub allow: Vec<Right>,
    /// What `from` may not do, whatever it was handed.
    #[serde(default)]
    pub deny: Vec<Right>,
    /// `from` may do it for others who may not; not so whoever `from` hands the right on to.
    #[serde(default)]
    pub vouches: bool,
}

/// A right as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Send messages.
    Send,
    /// Hand the capability on.
    Delegate,
    /// Ask how the object is.
    GetState,
    /// Stop it.
    Shutdown,
    /// Have it create tasks.
    CreateTask,
}

fn rights(list: &[Right]) -> Rights {
    list.iter().fold(Rights::NONE, |rights, right| {
        rights.and(match right {
            Right::Send => Rights::SEND,
            Right::Delegate => Rights::DELEGATE,
            Right::GetState => Rights::GET_STATE,
            Right::Shutdown => Rights::SHUTDOWN,
            Right::CreateTask => Rights::CREATE_TASK,
        })
    })
}

/// A rule with its names resolved; none in `from` or `to` is everybody.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    from: Option<Party>,
    to: Option<Object>,
    pub(crate) allow: Rights,
    deny: Rights,
    pub(crate) vouches: bool,
}

impl Rule {
    fn is_about(&self, from: Party, to: Object) -> bool {
        let is_to = match (self.to, to) {
            (Some(named), to) => named == to,
            // `*` stands for parties; whoever means the host says so.
            (None, Object::Party(_)) => true,
            (None, Object::Host) => false,
        };
        is_to && self.from.is_none_or(|named| named == from)
    }
}

/// A policy that makes sense.
#[derive(Clone, Debug)]
pub struct Policy {
    parties: Vec<(String, Limits)>,
    rules: Vec<Rule>,
}

impl Policy {
    /// Checks a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with what is wrong.
    pub fn new(source: &PolicySource) -> Result<Policy, PolicyError> {
        if source.party.len() > PARTIES_MAX || source.rule.len() > RULES_MAX {
            return Err(PolicyError::TooMany { parties: source.party.len(), rules: source.rule.len() });
        }
        let mut policy = Policy { parties: Vec::new(), rules: Vec::new() };
        for party in &source.party {
            let name = check_name(&party.name)?;
            if [HOST_NAME, EVERYBODY].contains(&name) || policy.party(name).is_some() {
                return Err(PolicyError::NameTaken { name: name.to_owned() });
            }
            policy.parties.push((name.to_owned(), party.limits));
        }
        let leases = policy.parties.iter().map(|(_, limits)| u64::from(limits.leases_max)).sum();
        if leases > LEASES_MAX {
            return Err(PolicyError::TooManyLeases { leases });
        }
        for rule in &source.rule {
            let rule = policy.rule(rule)?;
            policy.rules.push(rule);
        }
        let grants = policy.count_grants();
        if grants > GRANTS_MAX {
            return Err(PolicyError::TooManyGrants { grants });
        }
        Ok(policy)
    }

    fn rule(&self, source: &RuleSource) -> Result<Rule, PolicyError> {
        let name = check_name(&source.name)?.to_owned();
        let (allow, deny) = (rights(&source.allow), rights(&source.deny));
        if (allow == Rights::NONE) == (deny == Rights::NONE) {
            return Err(PolicyError::AllowOrDeny { rule: name });
        }
        let find = |named: &str| {
            let unknown = || PolicyError::UnknownParty { rule: name.clone(), name: named.to_owned() };
            self.party(named).ok_or_else(unknown)
        };
        let from = if source.from == EVERYBODY { None } else { Some(find(&source.from)?) };
        let to = match source.to.as_str() {
            EVERYBODY => None,
            HOST_NAME => Some(Object::Host),
            party => Some(Object::Party(find(party)?)),
        };
        Ok(Rule { name, from, to, allow, deny, vouches: source.vouches })
    }

    /// The party of a name.
    #[must_use]
    pub fn party(&self, name: &str) -> Option<Party> {
        let index = self.parties.iter().position(|(known, _)| known == name)?;
        Some(Party(u16::try_from(index).ok()?))
    }

    /// All parties.
    pub fn parties(&self) -> impl Iterator<Item = Party> + use<> {
        // `new` has bounded their number.
        (0..self.parties.len() as u16).map(Party)
    }

    /// A party's name.
    #[must_use]
    pub fn name(&self, party: Party) -> &str {
        self.parties.get(usize::from(party.0)).map_or("nobody", |(name, _)| name)
    }

    /// An object's name.
    #[must_use]
    pub fn object_name(&self, object: Object) -> &str {
        match object {
            Object::Host => HOST_NAME,
            Object::Party(party) => self.name(party),
        }
    }

    pub(crate) fn limits(&self, party: Party) -> Limits {
        self.parties.get(usize::from(party.0)).map_or_else(Limits::default, |(_, limits)| *limits)
    }

    /// The first rule that denies a right.
    pub(crate) fn denies(&self, from: Party, to: Object, right: Rights) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.is_about(from, to) && rule.deny.has(right))
    }

    /// No fewer than [`Policy::grants`] has, without making them.
    fn count_grants(&self) -> usize {
        let parties = self.parties.len();
        let each = |rule: &Rule| {
            let from = if rule.from.is_none() { parties } else { 1 };
            from * if rule.to.is_none() { parties } else { 1 }
        };
        self.rules.iter().filter(|rule| rule.allow != Rights::NONE).map(each).sum()
    }

    /// What the rules give a party from the start, each with its object and its rule's number.
    pub(crate) fn grants(&self) -> Vec<(Party, Object, usize)> {
        let mut grants = Vec::new();
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.allow != Rights::NONE) {
            let objects = self.parties().map(Object::Party).chain([Object::Host]);
            for object in objects {
                // Nobody needs a right over itself that `*` happens to name.
                let is_self = |from: &Party| rule.to.is_none() && object == Object::Party(*from);
                let from = self.parties().filter(|from| rule.is_about(*from, object) && !is_self(from));
                grants.extend(from.map(|from| (from, object, index)));
            }
        }
        grants
    }

    pub(crate) fn rule_at(&self, index: usize) -> &Rule {
        &self.rules[index]
    }
}

fn check_name(name: &str) -> Result<&str, PolicyError> {
    let is_good = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if is_good { Ok(name) } else { Err(PolicyError::BadName { name: name.chars().take(80).collect() }) }
}

/// A policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// More parties or rules than there may be.
    TooMany {
        /// How many parties.
        parties: usize,
        /// How many rules.
        rules: usize,
    },
    /// The rules make more capabilities than there may be.
    TooManyGrants {
        /// How many.
        grants: usize,
    },
    /// The parties may have more leases out than there may be.
    TooManyLeases {
        /// How many, all parties together.
        leases: u64,
    },
    /// A name is empty, too long, or has control characters.
    BadName {
        /// The name, cut.
        name: String,
    },
    /// A name stands twice, or for something else.
    NameTaken {
        /// The name.
        name: String,
    },
    /// A rule names a party that there isn't.
    UnknownParty {
        /// The rule.
        rule: String,
        /// The name.
        name: String,
    },
    /// A rule allows and denies, or does neither.
    AllowOrDeny {
        /// The rule.
        rule: String,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { parties, rules } => write!(
                f,
                "the policy has {parties} parties and {rules} rules; {PARTIES_MAX} and {RULES_MAX} are the most"
            ),
            Self::TooManyGrants { grants } => write!(
                f,
                "the rules make {grants} capabilities, {GRANTS_MAX} are the most; name parties instead of `*`"
            ),
            Self::TooManyLeases { leases } => write!(
                f,
                "the parties' `leases_max` are {leases} together, {LEASES_MAX} are the most; lower some"
            ),
            Self::BadName { name } => {
                write!(f, "the name {name:?} does not have 1 to {NAME_BYTES_MAX} printable bytes")
            }
            Self::NameTaken { name } => write!(f, "the name `{name}` is taken already"),
            Self::UnknownParty { rule, name } => {
                write!(f, "rule `{rule}` names `{name}`, which is no party")
            }
            Self::AllowOrDeny { rule } => {
                write!(f, "rule `{rule}` must either allow something or deny something")
            }
        }
    }
}

impl std::error::Error for PolicyError {}
