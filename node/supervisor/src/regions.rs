//! Shared memory that the supervisor made for others: who fills it, who may fetch it.
//!
//! A region is *filling* (its owner may write it), then *sealed* (nobody may),
//! then fetched once and forgotten, so that its memory is freed as soon as its
//! reader unmaps it. Each change is told to the journal of the run.

use crate::Refused;
use crate::live::{Change, Happening, Journal};
use ioi_shm::{Region, SealError, Sealed};
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
    Sealed { sealed: Sealed, granted: bool },
}

struct Held {
    owner: Owner,
    bytes: u64,
    state: State,
}

/// One region, as its user may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) id: RegionId,
    pub(crate) owner: Owner,
    pub(crate) bytes: u64,
    pub(crate) sealed: bool,
    /// The workload may fetch it.
    pub(crate) granted: bool,
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

impl Regions {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { journal, ..Self::default() }
    }

    fn tell(&self, id: RegionId, owner: Owner, bytes: u64, change: Change) {
        self.journal.add(Happening::Region { id: id.0, owner, bytes, change });
    }

    /// How many regions the owner holds that are not fetched yet, and their bytes.
    pub(crate) fn held_by(&self, owner: Owner) -> (usize, u64) {
        let own = self.held.values().filter(|held| held.owner == owner);
        own.fold((0, 0), |(count, bytes), held| (count + 1, bytes.saturating_add(held.bytes)))
    }

    /// All of them, by number.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let summary = |(id, held): (&RegionId, &Held)| {
            let (sealed, granted) = match held.state {
                State::Filling(_) => (false, false),
                State::Sealed { granted, .. } => (true, granted || held.owner == Owner::Workload),
            };
            Summary { id: *id, owner: held.owner, bytes: held.bytes, sealed, granted }
        };
        self.held.iter().map(summary).collect()
    }

    /// Makes and allocates a region for `owner`; the descriptor lets it be written.
    ///
    /// # Errors
    /// `quota.memory` when the owner holds too much, or memory runs out.
    pub(crate) fn alloc(&mut self, owner: Owner, bytes: u64) -> Result<(RegionId, OwnedFd), Refused> {
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
        let no_memory =
            |error| refused(ErrorCode::QuotaMemory, format!("{bytes} bytes can't be allocated: {error}"));
        let region = Region::create(bytes).map_err(no_memory)?;
        let writer = region.writer_descriptor().map_err(no_memory)?;
        self.last += 1;
        let id = RegionId(self.last);
        self.held.insert(id, Held { owner, bytes, state: State::Filling(region) });
        self.tell(id, owner, bytes, Change::Made);
        Ok((id, writer))
    }

    /// Cuts the region to `used` bytes and seals it; afterwards nobody can change it.
    ///
    /// # Errors
    /// `region.unknown` for another's region, `slice.range` for a wrong length,
    /// `region.busy` while it is still mapped for writing.
    pub(crate) fn seal(&mut self, owner: Owner, id: RegionId, used: u64) -> Result<u64, Refused> {
        let own = self.held.get(&id).is_some_and(|held| held.owner == owner);
        let held = if own { self.held.remove(&id) } else { None };
        let unknown = || refused(ErrorCode::RegionUnknown, format!("region {id} is not yours to seal"));
        let Held { bytes, state, .. } = held.ok_or_else(unknown)?;
        let State::Filling(region) = state else {
            self.tell(id, owner, bytes, Change::Released);
            return Err(unknown());
        };
        let sealed = cut_and_seal(region, used, bytes);
        let sealed = sealed.inspect_err(|_| self.tell(id, owner, bytes, Change::Released))?;
        self.held.insert(id, Held { owner, bytes: used, state: State::Sealed { sealed, granted: false } });
        self.tell(id, owner, used, Change::Sealed);
        Ok(used)
    }

    /// Lets the workload fetch a region that `owner` has filled and had sealed.
    ///
    /// # Errors
    /// `region.unknown` for another's region, and one that is not sealed or not there.
    pub(crate) fn grant(&mut self, owner: Owner, id: RegionId) -> Result<(), Refused> {
        let held = self.held.get_mut(&id).filter(|held| held.owner == owner);
        let refused = |message| refused(ErrorCode::RegionUnknown, message);
        match held {
            Some(Held { bytes, state: State::Sealed { granted, .. }, .. }) => {
                *granted = true;
                let bytes = *bytes;
                self.tell(id, owner, bytes, Change::Granted);
                Ok(())
            }
            Some(_) => Err(refused(format!("region {id} is not sealed, so it is not handed on"))),
            None => Err(refused(format!("{owner} has no region {id}, so it is not handed on"))),
        }
    }

    /// Hands a granted region (or the workload's own) over, read-only, and forgets it.
    ///
    /// # Errors
    /// `region.unknown` when it was not granted or was fetched before.
    pub(crate) fn fetch(&mut self, id: RegionId) -> Result<(OwnedFd, u64), Refused> {
        let own = |held: &Held| held.owner == Owner::Workload;
        let may = self.held.get(&id).is_some_and(|held| match held.state {
            State::Sealed { granted, .. } => granted || own(held),
            State::Filling(_) => false,
        });
        let unknown = || {
            refused(ErrorCode::RegionUnknown, format!("region {id} was not granted, or was fetched before"))
        };
        let held = if may { self.held.remove(&id) } else { None }.ok_or_else(unknown)?;
        let State::Sealed { sealed, .. } = held.state else { return Err(unknown()) };
        let reader = sealed
            .reader_descriptor()
            .map_err(|error| refused(ErrorCode::RegionInvalid, error.to_string()))?;
        self.tell(id, held.owner, held.bytes, Change::Fetched);
        Ok((reader, held.bytes))
    }

    /// Frees what a process that ended has left behind.
    pub(crate) fn release_owner(&mut self, owner: Owner) {
        let goes =
            |held: &Held| held.owner == owner && !matches!(held.state, State::Sealed { granted: true, .. });
        let gone: Vec<_> = self.held.extract_if(.., |_, held| goes(held)).collect();
        for (id, held) in gone {
            self.tell(id, owner, held.bytes, Change::Released);
        }
    }
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
        assert_eq!(regions.fetch(id).unwrap().1, 4096);
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
}
