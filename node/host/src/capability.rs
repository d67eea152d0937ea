//! The table of capabilities.
//!
//! An entry says who holds what right over what object, and of which entry it was made.
//! It is used by its number, but the number opens nothing: every use is held against the
//! holder, whom the host knows by the channel. A revocation takes an entry out with all
//! that came of it, so what is in the table is alive. A place's generation goes up when
//! its entry goes, so that an old number never names a new entry.

use ioi_port::routed::{CapabilityId, Object, Party, Reason, Rights};
use std::collections::{BTreeMap, BTreeSet};

/// How often a capability can be handed on, one after the other.
pub const DEPTH_MAX: u8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    pub(crate) rights: Rights,
    pub(crate) holder: Party,
    /// The number of the rule that its root stems from.
    pub(crate) rule: usize,
    parent: Option<CapabilityId>,
    /// Who made it of its parent.
    giver: Option<Party>,
    depth: u8,
}

impl Entry {
    /// Whether a rule gave it to its holder, so that it also has what the rule says of whom it names.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none()
    }
}

#[derive(Clone, Debug, Default)]
struct Place {
    /// From 1, so that no number is 0.
    generation: u32,
    entry: Option<Entry>,
    /// What was made of it and is there.
    children: BTreeSet<CapabilityId>,
}

/// An entry that is gone, with those to whom that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) id: CapabilityId,
    pub(crate) holder: Party,
    pub(crate) giver: Option<Party>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Capabilities {
    places: Vec<Place>,
    free: Vec<u32>,
    /// What each party holds, so that nobody searches through what others hold.
    held: BTreeMap<Party, Vec<CapabilityId>>,
    /// Goes up with every revocation.
    epoch: u64,
}

impl Capabilities {
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes a root.
    pub(crate) fn mint(
        &mut self,
        holder: Party,
        object: Object,
        rights: Rights,
        rule: usize,
    ) -> CapabilityId {
        self.insert(Entry { object, rights, holder, rule, parent: None, giver: None, depth: 0 })
    }

    /// Makes an entry for `to` of one that `by` holds: never more than that.
    pub(crate) fn delegate(
        &mut self,
        id: CapabilityId,
        by: Party,
        to: Party,
        rights: Rights,
    ) -> Result<CapabilityId, Reason> {
        let parent = self.held(id, by)?;
        if !parent.rights.has(rights.and(Rights::DELEGATE)) || rights == Rights::NONE {
            return Err(Reason::Right);
        }
        if parent.depth >= DEPTH_MAX {
            return Err(Reason::Depth);
        }
        let depth = parent.depth + 1;
        Ok(self.insert(Entry { rights, holder: to, parent: Some(id), giver: Some(by), depth, ..parent }))
    }

    /// Ends an entry and all that came of it. For its holder, and for the holders of those it came of.
    pub(crate) fn revoke(&mut self, id: CapabilityId, by: Party) -> Result<Vec<Gone>, Reason> {
        self.alive(id)?;
        let mut line = std::iter::successors(Some(id), |id| self.entry(*id).and_then(|entry| entry.parent));
        if !line.any(|id| self.entry(id).is_some_and(|entry| entry.holder == by)) {
            return Err(Reason::NoCapability);
        }
        Ok(self.end(id))
    }

    /// Ends an entry and all that came of it, whoever holds it.
    pub(crate) fn end(&mut self, id: CapabilityId) -> Vec<Gone> {
        self.epoch += 1;
        let (mut gone, mut left) = (Vec::new(), vec![id]);
        while let Some(id) = left.pop() {
            left.extend(self.entry(id).iter().flat_map(|_| &self.places[parts(id).0 as usize].children));
            gone.extend(self.remove(id));
        }
        gone
    }

    /// The entry, if `by` holds it.
    pub(crate) fn held(&self, id: CapabilityId, by: Party) -> Result<Entry, Reason> {
        match self.alive(id)? {
            entry if entry.holder == by => Ok(entry),
            _ => Err(Reason::NoCapability),
        }
    }

    /// All that a party holds, by their numbers.
    pub(crate) fn of(&self, holder: Party) -> impl Iterator<Item = (CapabilityId, Entry)> {
        let held = self.held.get(&holder).into_iter().flatten();
        held.filter_map(|id| Some((*id, self.alive(*id).ok()?)))
    }

    pub(crate) fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn alive(&self, id: CapabilityId) -> Result<Entry, Reason> {
        self.entry(id).ok_or_else(|| self.missing(id))
    }

    fn entry(&self, id: CapabilityId) -> Option<Entry> {
        let (index, generation) = parts(id);
        let place = self.places.get(index as usize)?;
        place.entry.filter(|_| place.generation == generation)
    }

    /// Whether there once was such an entry.
    fn missing(&self, id: CapabilityId) -> Reason {
        let (index, generation) = parts(id);
        let place = self.places.get(index as usize);
        let was = place.is_some_and(|place| (1..place.generation).contains(&generation));
        if was { Reason::Revoked } else { Reason::NoCapability }
    }

    fn insert(&mut self, entry: Entry) -> CapabilityId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 1, ..Place::default() });
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        place.entry = Some(entry);
        let id = id(index, place.generation);
        self.held.entry(entry.holder).or_default().push(id);
        if let Some(parent) = entry.parent {
            self.places[parts(parent).0 as usize].children.insert(id);
        }
        id
    }

    fn remove(&mut self, id: CapabilityId) -> Option<Gone> {
        let (index, _) = parts(id);
        let entry = self.entry(id)?;
        let place = &mut self.places[index as usize];
        place.entry = None;
        place.children.clear();
        self.held.entry(entry.holder).or_default().retain(|held| *held != id);
        if let Some(parent) = entry.parent.filter(|parent| self.entry(*parent).is_some()) {
            self.places[parts(parent).0 as usize].children.remove(&id);
        }
        // A place whose generations are used up is never used again.
        let place = &mut self.places[index as usize];
        if let Some(next) = place.generation.checked_add(1) {
            place.generation = next;
            self.free.push(index);
        }
        Some(Gone { id, holder: entry.holder, giver: entry.giver })
    }
}

fn id(index: u32, generation: u32) -> CapabilityId {
    CapabilityId(u64::from(generation) << 32 | u64::from(index))
}

fn parts(id: CapabilityId) -> (u32, u32) {
    (id.0 as u32, (id.0 >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Party = Party(0);
    const B: Party = Party(1);
    const C: Party = Party(2);
    const SEND_ON: Rights = Rights::SEND.and(Rights::DELEGATE);

    #[test]
    fn a_number_is_good_for_its_holder_alone() {
        let mut table = Capabilities::default();
        let root = table.mint(A, Object::Party(C), SEND_ON, 0);
        assert!(table.held(root, A).is_ok());
        assert_eq!(table.held(root, B), Err(Reason::NoCapability));
        assert_eq!(table.delegate(root, B, B, Rights::SEND), Err(Reason::NoCapability));
        assert_eq!(table.revoke(root, B), Err(Reason::NoCapability));
        for guess in [0, 1, u64::MAX, root.0 + 1, root.0 ^ 1 << 63] {
            assert_eq!(table.held(CapabilityId(guess), A), Err(Reason::NoCapability), "{guess}");
        }
    }

    #[test]
    fn nobody_hands_on_what_it_has_not() {
        let mut table = Capabilities::default();
        let root = table.mint(A, Object::Host, SEND_ON, 0);
        let wrong = [Rights::SHUTDOWN, Rights::SHUTDOWN.and(Rights::SEND), Rights::NONE];
        for rights in wrong {
            assert_eq!(table.delegate(root, A, B, rights), Err(Reason::Right), "{rights:?}");
        }
        let child = table.delegate(root, A, B, Rights::SEND).unwrap();
        assert_eq!(table.delegate(child, B, C, Rights::SEND), Err(Reason::Right), "without DELEGATE");
    }

    #[test]
    fn a_line_is_bounded_also_when_it_goes_in_circles() {
        let mut table = Capabilities::default();
        let mut last = table.mint(A, Object::Party(C), SEND_ON, 0);
        for step in 0..DEPTH_MAX {
            let (by, to) = if step % 2 == 0 { (A, B) } else { (B, A) };
            last = table.delegate(last, by, to, SEND_ON).unwrap();
        }
        assert_eq!(table.delegate(last, A, B, SEND_ON), Err(Reason::Depth));
    }

    #[test]
    fn a_place_that_is_used_again_gives_nothing_to_old_numbers() {
        let mut table = Capabilities::default();
        let old = table.mint(A, Object::Party(C), SEND_ON, 0);
        let child = table.delegate(old, A, B, Rights::SEND).unwrap();
        let gone = table.revoke(old, A).unwrap();
        assert_eq!(gone.iter().map(|gone| gone.id).collect::<Vec<_>>(), [old, child]);
        let (new, other) = (table.mint(A, Object::Host, SEND_ON, 0), table.mint(B, Object::Host, SEND_ON, 0));
        assert_eq!(
            [parts(new).0, parts(other).0].map(|place| place < 2),
            [true; 2],
            "the places are used again"
        );
        assert_eq!((table.held(old, A), table.held(child, B)), (Err(Reason::Revoked), Err(Reason::Revoked)));
    }

    #[test]
    fn a_place_whose_generations_are_used_up_is_left_alone() {
        let mut table = Capabilities::default();
        let first = table.mint(A, Object::Host, SEND_ON, 0);
        table.places[0].generation = u32::MAX;
        let last = id(0, u32::MAX);
        table.revoke(last, A).unwrap();
        let next = table.mint(A, Object::Host, SEND_ON, 0);
        assert_eq!(parts(next).0, 1);
        assert!(table.held(last, A).is_err() && table.held(first, A).is_err());
    }
}
