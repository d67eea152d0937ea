//! Shared memory that the supervisor made for others: who fills it, who may fetch it.
//!
//! A region is *filling* (its owner may write it), then *sealed* (nobody may),
//! then fetched once and forgotten, so that its memory is freed as soon as its
//! reader unmaps it. An *arena* is written by its owner as long as that lives: before
//! its reader may fetch it, it is closed to every writer but the mapping that its owner
//! has. Each change is told to the journal of the run.

use crate::Refused;
use crate::live::{Change, Happening, Journal};
use ioi_shm::{Region, RegionError, SealError, Sealed, SharedFile, WriterDraft};
use ioi_types::{ErrorCode, RegionId, limits};
use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::OwnedFd;

/// Bytes that one process may hold in regions that are not fetched yet.
pub(crate) const OWNER_BYTES_MAX: u64 = 1 << 30;

/// Who asked for a region and fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The workload.
    Workload,
    /// A plugin, by its instance.
    Plugin(u32),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload => f.write_str("the workload"),
            Self::Plugin(instance) => write!(f, "plugin {instance}"),
        }
    }
}

enum State {
    Filling(Region),
    Sealed {
        sealed: Sealed,
        granted: bool,
    },
    /// An arena that its owner maps meanwhile.
    Draft(WriterDraft),
    /// An arena that its reader may fetch.
    Shared(SharedFile),
    /// It could not be sealed. Its owner may still have it mapped, so it counts until that ends.
    Refused,
}

/// What is said of a region, whatever its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) id: RegionId,
    pub(crate) owner: Owner,
    pub(crate) bytes: u64,
    pub(crate) arena: bool,
}

struct Held {
    facts: Facts,
    state: State,
}

/// One region, as its user may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) facts: Facts,
    pub(crate) sealed: bool,
    /// The workload may fetch it.
    pub(crate) granted: bool,
}

/// A region on its way to its reader.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) reader: OwnedFd,
    pub(crate) bytes: u64,
    pub(crate) arena: bool,
}

/// The regions of one run.
#[derive(Default)]
pub(crate) struct Regions {
    held: BTreeMap<RegionId, Held>,
    last: u64,
    journal: Journal,
}

fn refused(code: ErrorCode, message: String) -> Refused {
    Refused { code, message }
}

fn no_memory(bytes: u64, error: &RegionError) -> Refused {
    refused(ErrorCode::QuotaMemory, format!("{bytes} bytes can't be allocated: {error}"))
}

impl Held {
    fn is_own(&self, owner: Owner) -> bool {
        self.facts.owner == owner
    }

    fn is_granted(&self) -> bool {
        match self.state {
            State::Filling(_) | State::Draft(_) | State::Refused => false,
            State::Shared(_) => true,
            State::Sealed { granted, .. } => granted || self.is_own(Owner::Workload),
        }
    }
}

impl Regions {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { journal, ..Self::default() }
    }

    fn tell(&self, facts: Facts, change: Change) {
        self.journal.add(Happening::Region { facts, change });
    }

    /// How many regions the owner holds that are not fetched yet, and their bytes.
    pub(crate) fn held_by(&self, owner: Owner) -> (usize, u64) {
        let own = self.held.values().filter(|held| held.is_own(owner));
        own.fold((0, 0), |(count, bytes), held| (count + 1, bytes.saturating_add(held.facts.bytes)))
    }

    /// All of them, by number.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let summary = |held: &Held| {
            let sealed = matches!(held.state, State::Sealed { .. });
            Summary { facts: held.facts, sealed, granted: held.is_granted() }
        };
        self.held.values().map(summary).collect()
    }

    /// Makes and allocates a region for `owner`; the descriptor lets it be written.
    ///
    /// # Errors
    /// `quota.memory` when the owner holds too much, or memory runs out.
    pub(crate) fn alloc(&mut self, owner: Owner, bytes: u64) -> Result<(RegionId, OwnedFd), Refused> {
        self.within_quota(owner, bytes)?;
        let region = Region::create(bytes).map_err(|error| no_memory(bytes, &error))?;
        let writer = region.writer_descriptor().map_err(|error| no_memory(bytes, &error))?;
        Ok((self.hold(owner, bytes, State::Filling(region)), writer))
    }

    /// Makes and allocates an arena for `owner`; the descriptor lets it be mapped for writing until
    /// it is granted to its reader.
    ///
    /// # Errors
    /// As [`alloc`](Self::alloc).
    pub(crate) fn arena(&mut self, owner: Owner, bytes: u64) -> Result<(RegionId, OwnedFd), Refused> {
        self.within_quota(owner, bytes)?;
        let arenas = self.held.values().filter(|held| held.is_own(owner) && held.facts.arena);
        let held: u64 = arenas.map(|held| held.facts.bytes).sum();
        let (one, all) = (limits::ARENA_BYTES_MAX, limits::ARENAS_BYTES_MAX);
        if bytes > one || bytes > all - held {
            let message =
                format!("an arena has at most {one} bytes, all of one process {all}, not {held} and {bytes}");
            return Err(refused(ErrorCode::QuotaMemory, message));
        }
        let whole = 0..bytes;
        let draft = WriterDraft::create(bytes, std::slice::from_ref(&whole));
        let draft = draft.map_err(|error| no_memory(bytes, &error))?;
        let writer = draft.writer_descriptor().map_err(|error| no_memory(bytes, &error))?;
        Ok((self.hold(owner, bytes, State::Draft(draft)), writer))
    }

    fn within_quota(&self, owner: Owner, bytes: u64) -> Result<(), Refused> {
        if bytes == 0 || bytes > limits::REGION_BYTES_MAX {
            let most = limits::REGION_BYTES_MAX;
            return Err(refused(
                ErrorCode::QuotaMemory,
                format!("a region has 1 to {most} bytes, not {bytes}"),
            ));
        }
        let (count, held) = self.held_by(owner);
        let total = held.saturating_add(bytes);
        if count >= limits::REGIONS_OPEN_MAX || total > OWNER_BYTES_MAX {
            let message = format!("{count} regions and {total} bytes are more than this process may hold");
            return Err(refused(ErrorCode::QuotaMemory, message));
        }
        Ok(())
    }

    fn hold(&mut self, owner: Owner, bytes: u64, state: State) -> RegionId {
        self.last += 1;
        let id = RegionId(self.last);
        let facts = Facts { id, owner, bytes, arena: matches!(state, State::Draft(_)) };
        self.held.insert(id, Held { facts, state });
        self.tell(facts, Change::Made);
        id
    }

    /// Cuts the region to `used` bytes and seals it; afterwards nobody can change it.
    ///
    /// # Errors
    /// `region.unknown` for another's region and for an arena, `slice.range` for a wrong length,
    /// `region.busy` while it is still mapped for writing.
    pub(crate) fn seal(&mut self, owner: Owner, id: RegionId, used: u64) -> Result<u64, Refused> {
        let is_sealable = |held: &&mut Held| held.is_own(owner) && matches!(held.state, State::Filling(_));
        let unknown = || refused(ErrorCode::RegionUnknown, format!("region {id} is not yours to seal"));
        let held = self.held.get_mut(&id).filter(is_sealable).ok_or_else(unknown)?;
        let State::Filling(region) = std::mem::replace(&mut held.state, State::Refused) else {
            return Err(unknown());
        };
        let sealed = cut_and_seal(region, used, held.facts.bytes)?;
        held.state = State::Sealed { sealed, granted: false };
        held.facts.bytes = used;
        let facts = held.facts;
        self.tell(facts, Change::Sealed);
        Ok(used)
    }

    /// Lets the workload fetch a region that `owner` has filled and had sealed, or an arena, which
    /// is closed to further writers first.
    ///
    /// # Errors
    /// `region.unknown` for another's region, and one that is not sealed or not there;
    /// `region.invalid` for an arena whose owner has put seals of its own on it, or holes into it.
    pub(crate) fn grant(&mut self, owner: Owner, id: RegionId) -> Result<(), Refused> {
        let refused = |message| refused(ErrorCode::RegionUnknown, message);
        let none = || refused(format!("{owner} has no region {id}, so it is not handed on"));
        let held = self.held.get_mut(&id).filter(|held| held.is_own(owner)).ok_or_else(none)?;
        match &mut held.state {
            State::Sealed { granted, .. } => *granted = true,
            State::Shared(_) => return Ok(()),
            State::Draft(_) => {
                let State::Draft(draft) = std::mem::replace(&mut held.state, State::Refused) else {
                    return Err(none());
                };
                held.state = State::Shared(share(draft)?);
            }
            State::Filling(_) | State::Refused => {
                return Err(refused(format!("region {id} is not sealed, so it is not handed on")));
            }
        }
        let facts = held.facts;
        self.tell(facts, Change::Granted);
        Ok(())
    }

    /// Hands a granted region (or the workload's own) over, read-only, and forgets it, unless it
    /// is an arena.
    ///
    /// # Errors
    /// `region.unknown` when it was not granted or was fetched before.
    pub(crate) fn fetch(&mut self, id: RegionId) -> Result<Fetched, Refused> {
        let unknown = || {
            refused(ErrorCode::RegionUnknown, format!("region {id} was not granted, or was fetched before"))
        };
        let held = self.held.get(&id).filter(|held| held.is_granted()).ok_or_else(unknown)?;
        let reader = match &held.state {
            State::Sealed { sealed, .. } => sealed.reader_descriptor(),
            State::Shared(shared) => shared.reader_descriptor(),
            State::Filling(_) | State::Draft(_) | State::Refused => return Err(unknown()),
        };
        let reader = reader.map_err(|error| refused(ErrorCode::RegionInvalid, error.to_string()))?;
        let facts = held.facts;
        if !facts.arena {
            self.held.remove(&id);
        }
        self.tell(facts, Change::Fetched);
        Ok(Fetched { reader, bytes: facts.bytes, arena: facts.arena })
    }

    /// Takes back a region that its owner never got.
    pub(crate) fn forget(&mut self, id: RegionId) {
        if let Some(held) = self.held.remove(&id) {
            self.tell(held.facts, Change::Released);
        }
    }

    /// Frees what a process that ended has left behind.
    pub(crate) fn release_owner(&mut self, owner: Owner) {
        let goes =
            |held: &Held| held.is_own(owner) && !matches!(held.state, State::Sealed { granted: true, .. });
        let gone: Vec<_> = self.held.extract_if(.., |_, held| goes(held)).collect();
        for (_, held) in gone {
            self.tell(held.facts, Change::Released);
        }
    }
}

/// Closes an arena to every writer but the mapping that its owner has.
fn share(draft: WriterDraft) -> Result<SharedFile, Refused> {
    draft.share().map_err(|error| refused(ErrorCode::RegionInvalid, error.to_string()))
}

/// Cuts a region to the bytes that were used, and seals it.
fn cut_and_seal(mut region: Region, used: u64, bytes: u64) -> Result<Sealed, Refused> {
    if used == 0 || used > bytes {
        let message = format!("{used} of {bytes} bytes can't have been used");
        return Err(refused(ErrorCode::SliceRange, message));
    }
    let sealed = region.shrink_to(used).map_err(SealError::from).and_then(|()| region.seal());
    sealed.map_err(|error| refused(ErrorCode::RegionBusy, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_shm::{OwnMemory, PeerMemory};

    /// A region that `owner` has filled and sealed.
    fn sealed(regions: &mut Regions, owner: Owner) -> RegionId {
        let (id, writer) = regions.alloc(owner, 4096).unwrap();
        drop(writer);
        regions.seal(owner, id, 4096).unwrap();
        id
    }

    fn code<T>(result: Result<T, Refused>) -> ErrorCode {
        result.err().expect("must be refused").code
    }

    #[test]
    fn only_the_owners_region_is_granted() {
        let mut regions = Regions::default();
        let id = sealed(&mut regions, Owner::Plugin(1));
        for other in [Owner::Plugin(2), Owner::Workload] {
            assert_eq!(code(regions.grant(other, id)), ErrorCode::RegionUnknown);
            assert_eq!(code(regions.fetch(id)), ErrorCode::RegionUnknown, "{other} granted it");
        }
        regions.grant(Owner::Plugin(1), id).unwrap();
        assert_eq!(regions.fetch(id).unwrap().bytes, 4096);
        assert_eq!(code(regions.fetch(id)), ErrorCode::RegionUnknown, "fetched twice");
    }

    #[test]
    fn an_unsealed_region_is_not_granted() {
        let mut regions = Regions::default();
        let (id, _writer) = regions.alloc(Owner::Plugin(1), 4096).unwrap();
        assert_eq!(code(regions.grant(Owner::Plugin(1), id)), ErrorCode::RegionUnknown);
    }

    #[test]
    fn anothers_attempt_to_seal_changes_nothing() {
        let mut regions = Regions::default();
        let (id, writer) = regions.alloc(Owner::Plugin(1), 4096).unwrap();
        drop(writer);
        assert_eq!(code(regions.seal(Owner::Plugin(2), id, 4096)), ErrorCode::RegionUnknown);
        assert_eq!(regions.seal(Owner::Plugin(1), id, 4096).unwrap(), 4096);
    }

    #[test]
    fn an_arena_is_its_owners_until_it_ends_and_takes_no_other_writer_once_it_is_granted() {
        let mut regions = Regions::default();
        let owner = Owner::Plugin(1);
        let (id, writer) = regions.arena(owner, 8192).unwrap();
        let again = writer.try_clone().unwrap();
        let memory = OwnMemory::adopt_whole(writer, 8192).unwrap();
        assert_eq!(code(regions.fetch(id)), ErrorCode::RegionUnknown, "it was not granted");
        assert_eq!(code(regions.grant(Owner::Plugin(2), id)), ErrorCode::RegionUnknown);
        assert_eq!(code(regions.seal(owner, id, 8192)), ErrorCode::RegionUnknown, "an arena isn't sealed");
        for _ in 0..2 {
            regions.grant(owner, id).unwrap();
            let Fetched { reader, bytes, arena } = regions.fetch(id).unwrap();
            assert_eq!((bytes, arena), (8192, true));
            PeerMemory::accept(reader, 8192, 8192).expect("sealed for sharing, and whole");
        }
        assert!(OwnMemory::adopt(again, 8192).is_err(), "a second writer");
        assert_eq!(regions.held_by(owner), (1, 8192));
        regions.release_owner(owner);
        assert_eq!((regions.held_by(owner), code(regions.fetch(id))), ((0, 0), ErrorCode::RegionUnknown));
        drop(memory);
    }

    #[test]
    fn an_arena_that_its_owner_has_cut_holes_into_or_sealed_itself_is_handed_to_nobody() {
        use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals};
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let attacks: [fn(&OwnedFd, FallocateFlags); 2] = [
            |writer, hole| fallocate(writer, hole, 4096, 4096).unwrap(),
            |writer, _| fcntl_add_seals(writer, SealFlags::SEAL).unwrap(),
        ];
        for attack in attacks {
            let mut regions = Regions::default();
            let (id, writer) = regions.arena(Owner::Plugin(1), 8192).unwrap();
            attack(&writer, hole);
            assert_eq!(code(regions.grant(Owner::Plugin(1), id)), ErrorCode::RegionInvalid);
            assert_eq!(code(regions.fetch(id)), ErrorCode::RegionUnknown);
            // Its owner may still have it mapped.
            assert_eq!(regions.held_by(Owner::Plugin(1)), (1, 8192));
            regions.release_owner(Owner::Plugin(1));
            assert_eq!(regions.held_by(Owner::Plugin(1)), (0, 0));
        }
    }

    #[test]
    fn a_region_that_could_not_be_sealed_counts_until_its_owner_ends() {
        let mut regions = Regions::default();
        let owner = Owner::Plugin(1);
        for used in [0, 4097] {
            let (id, _kept) = regions.alloc(owner, 4096).unwrap();
            assert_eq!(code(regions.seal(owner, id, used)), ErrorCode::SliceRange);
            assert_eq!(code(regions.seal(owner, id, 4096)), ErrorCode::RegionUnknown, "a second try");
            assert_eq!(code(regions.grant(owner, id)), ErrorCode::RegionUnknown);
        }
        assert_eq!(regions.held_by(owner), (2, 8192));
        let sealed = sealed(&mut regions, owner);
        assert_eq!(code(regions.seal(owner, sealed, 4096)), ErrorCode::RegionUnknown, "sealed twice");
        regions.grant(owner, sealed).expect("it is as good as it was");
        regions.release_owner(owner);
        assert_eq!(regions.held_by(owner), (1, 4096), "what was granted is its reader's");
    }

    #[test]
    fn all_arenas_of_one_owner_together_have_a_bound() {
        let mut regions = Regions::default();
        let (one, all) = (limits::ARENA_BYTES_MAX, limits::ARENAS_BYTES_MAX);
        for _ in 0..all / one {
            drop(regions.arena(Owner::Plugin(1), one).unwrap());
        }
        assert_eq!(code(regions.arena(Owner::Plugin(1), 4096)), ErrorCode::QuotaMemory);
        assert!(regions.alloc(Owner::Plugin(1), 4096).is_ok(), "a region is no arena");
        assert!(regions.arena(Owner::Plugin(2), 4096).is_ok());
    }

    #[test]
    fn arenas_and_regions_of_one_owner_count_against_one_quota() {
        let mut regions = Regions::default();
        for at in 0..limits::REGIONS_OPEN_MAX {
            let made = if at % 2 == 0 {
                regions.arena(Owner::Plugin(1), 4096)
            } else {
                regions.alloc(Owner::Plugin(1), 4096)
            };
            drop(made.unwrap());
        }
        assert_eq!(code(regions.arena(Owner::Plugin(1), 4096)), ErrorCode::QuotaMemory);
        assert!(regions.arena(Owner::Plugin(2), 4096).is_ok());
        for bytes in [0, limits::ARENA_BYTES_MAX + 1, limits::REGION_BYTES_MAX + 1, u64::MAX] {
            assert_eq!(code(regions.arena(Owner::Plugin(3), bytes)), ErrorCode::QuotaMemory);
        }
    }
}
