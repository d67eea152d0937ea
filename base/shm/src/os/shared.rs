//! Memory that one process goes on writing while others read it.
//!
//! The seal `FUTURE_WRITE` lets the mapping that exists go on and refuses every new
//! one for writing, every `write`, and with `SHRINK`, `GROW` and `SEAL` every change of
//! size; holes can't be punched either. So a reader's pages stay where they are, and
//! the only thing that the writer can do to its readers is to write lies.

use super::inspect::{Facts, RejectError, allocated, check_present};
use super::mapping::Mapping;
use super::region::{allocate_range, make_file};
use super::{REGION_BYTES_MAX, RangeError, RegionError, SystemError};
use crate::page::CONTROL_WORDS;
use crate::sync::{AtomicU32, AtomicU64};
use crate::{OwnPage, PeerPage, Word, Words};
use rustix::fs::{Mode, OFlags, SealFlags, fcntl_add_seals, ftruncate, open};
use rustix::io::Errno;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// What keeps everybody else's hands off, and the size as it is.
const SHARED_SEALS: SealFlags =
    SealFlags::FUTURE_WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

/// Bytes of a page's control words.
const CONTROL_BYTES: u64 = CONTROL_WORDS as u64 * 4;
/// Control words start on lines of their own.
const CONTROL_ALIGN: u64 = 128;

/// Memory that this process alone writes.
///
/// Its parts are given out once each, so no two owners write the same words.
#[derive(Debug)]
pub struct OwnMemory {
    mapping: Arc<Mapping>,
    file: OwnedFd,
    claimed: Mutex<Vec<Range<u64>>>,
}

impl OwnMemory {
    /// Makes `bytes` bytes of which the first `allocated` are allocated and present,
    /// maps them and shuts everybody else out.
    ///
    /// # Errors
    /// [`RegionError::Size`] for 0 or more than [`REGION_BYTES_MAX`] bytes or when
    /// `allocated` is more than `bytes`; [`RegionError::NoMemory`].
    pub fn create(bytes: u64, allocated: u64) -> Result<OwnMemory, RegionError> {
        if bytes == 0 || bytes > REGION_BYTES_MAX || allocated > bytes {
            return Err(RegionError::Size { bytes: bytes.max(allocated), bytes_max: REGION_BYTES_MAX });
        }
        let file = make_file("ioi-shared")?;
        ftruncate(&file, bytes).map_err(SystemError::of("ftruncate"))?;
        let mapping = Arc::new(Mapping::for_writing(file.as_fd(), bytes)?);
        let memory = OwnMemory { mapping, file, claimed: Mutex::default() };
        memory.allocate(0..allocated)?;
        fcntl_add_seals(&memory.file, SHARED_SEALS).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        Ok(memory)
    }

    /// Maps memory that a broker made for this process to write; the broker seals it
    /// when it hears that this was done, with [`PeerMemory::seal`].
    ///
    /// # Errors
    /// [`RejectError`] unless it is an unsealed memory file of that size, open for
    /// reading and writing and mapped like this by nobody before.
    pub fn adopt(file: OwnedFd, bytes: u64) -> Result<OwnMemory, RejectError> {
        let facts = Facts::of(file.as_fd())?;
        if !facts.writable {
            return Err(RejectError::NotWritable);
        }
        if facts.seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE) {
            return Err(RejectError::WriteSealed);
        }
        if facts.bytes != bytes || bytes == 0 {
            return Err(RejectError::WrongSize { bytes: facts.bytes, bytes_agreed: bytes });
        }
        let mapping = Arc::new(Mapping::for_writing(file.as_fd(), bytes)?);
        fcntl_add_seals(&file, SealFlags::FUTURE_WRITE).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        Ok(OwnMemory { mapping, file, claimed: Mutex::default() })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.mapping.bytes() as u64
    }

    /// How many of its bytes are allocated.
    ///
    /// # Errors
    /// [`SystemError`] when the kernel doesn't say.
    pub fn allocated(&self) -> Result<u64, SystemError> {
        allocated(self.file.as_fd())
    }

    /// Allocates a part that isn't yet and touches it, so that memory runs out here
    /// and never as a SIGBUS.
    ///
    /// # Errors
    /// [`RegionError::NoMemory`]; [`RegionError::Size`] outside the memory.
    pub fn allocate(&self, range: Range<u64>) -> Result<(), RegionError> {
        if range.start > range.end || range.end > self.bytes() {
            return Err(RegionError::Size { bytes: range.end, bytes_max: self.bytes() });
        }
        allocate_range(&self.file, range.clone())?;
        Ok(self.mapping.populate(range)?)
    }

    /// A descriptor for a reader, open for reading only.
    ///
    /// # Errors
    /// [`RejectError::NoProc`], or [`RejectError::System`] when descriptors run out.
    pub fn reader_descriptor(&self) -> Result<OwnedFd, RejectError> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let reader =
            open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR => RejectError::NoProc,
                errno => SystemError { call: "open(/proc/self/fd)", errno }.into(),
            })?;
        let identity = |file| Facts::of(file).map(|facts| facts.identity);
        if identity(reader.as_fd())? != identity(self.file.as_fd())? {
            return Err(RejectError::NoProc);
        }
        Ok(reader)
    }

    /// A ring's page: its control words at `control`, its data in `data`. Once each.
    ///
    /// # Errors
    /// [`RangeError`] when a part lies outside, is misaligned or was given out before.
    pub fn page(&self, control: u64, data: Range<u64>) -> Result<OwnSection, RangeError> {
        let place = Place::new(self.bytes(), control, data)?;
        self.claim(control..control + CONTROL_BYTES)?;
        self.claim(place.data.clone())?;
        Ok(OwnSection(Section { mapping: Arc::clone(&self.mapping), place }))
    }

    /// Control words without data, in `range`. Once each.
    ///
    /// # Errors
    /// [`RangeError`] when they lie outside, are misaligned or were given out before.
    pub fn words(&self, range: Range<u64>) -> Result<OwnWords, RangeError> {
        check_words(&range, self.bytes())?;
        self.claim(range.clone())?;
        Ok(OwnWords { mapping: Arc::clone(&self.mapping), range })
    }

    /// Marks a range as given out.
    pub(crate) fn claim(&self, range: Range<u64>) -> Result<(), RangeError> {
        let wrong = range_error(&range, self.bytes());
        if range.start > range.end || range.end > self.bytes() {
            return Err(wrong);
        }
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
        if claimed.iter().any(overlaps) {
            return Err(wrong);
        }
        claimed.push(range);
        Ok(())
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }
}

/// Memory that a peer writes and this process only reads.
#[derive(Debug)]
pub struct PeerMemory {
    mapping: Arc<Mapping>,
    file: OwnedFd,
}

impl PeerMemory {
    /// Checks a descriptor that the writer sent, then maps it for reading.
    ///
    /// # Errors
    /// [`RejectError`] unless it is a memory file of exactly `bytes` bytes with the
    /// seals FUTURE_WRITE (or WRITE), SHRINK, GROW and SEAL, whose first `allocated`
    /// bytes are present.
    pub fn accept(file: OwnedFd, bytes: u64, allocated: u64) -> Result<PeerMemory, RejectError> {
        let facts = Facts::of(file.as_fd())?;
        facts.check_shared_seals()?;
        if facts.bytes != bytes || bytes == 0 {
            return Err(RejectError::WrongSize { bytes: facts.bytes, bytes_agreed: bytes });
        }
        check_present(file.as_fd(), 0..allocated)?;
        let mapping = Arc::new(Mapping::for_reading(file.as_fd(), bytes)?);
        Ok(PeerMemory { mapping, file })
    }

    /// For the broker that made the memory: seals it after the peer has mapped it
    /// ([`OwnMemory::adopt`]), then as [`PeerMemory::accept`].
    ///
    /// # Errors
    /// As `accept`, and when the peer has put a seal of its own on it.
    pub fn seal(file: OwnedFd, bytes: u64, allocated: u64) -> Result<PeerMemory, RejectError> {
        fcntl_add_seals(&file, SHARED_SEALS).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        PeerMemory::accept(file, bytes, allocated)
    }

    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.mapping.bytes() as u64
    }

    /// How many of its bytes its writer has allocated so far.
    ///
    /// # Errors
    /// [`SystemError`] when the kernel doesn't say.
    pub fn allocated(&self) -> Result<u64, SystemError> {
        allocated(self.file.as_fd())
    }

    /// Whether the writer has allocated a range: reading a hole would allocate it at
    /// this process's charge. Present once is present for good.
    ///
    /// # Errors
    /// [`RejectError::Sparse`] when there is a hole; [`RejectError::TooBig`] outside the memory.
    pub fn check_present(&self, range: Range<u64>) -> Result<(), RejectError> {
        if range.end > self.bytes() {
            return Err(RejectError::TooBig { bytes: range.end, bytes_max: self.bytes() });
        }
        check_present(self.file.as_fd(), range)
    }

    /// A ring's page: its control words at `control`, its data in `data`.
    ///
    /// # Errors
    /// [`RangeError`] when a part lies outside or is misaligned.
    pub fn page(&self, control: u64, data: Range<u64>) -> Result<PeerSection, RangeError> {
        let place = Place::new(self.bytes(), control, data)?;
        Ok(PeerSection(Section { mapping: Arc::clone(&self.mapping), place }))
    }

    /// Words in `range`.
    ///
    /// # Errors
    /// [`RangeError`] when they lie outside or are misaligned.
    pub fn words(&self, range: Range<u64>) -> Result<PeerWords, RangeError> {
        check_words(&range, self.bytes())?;
        Ok(PeerWords { mapping: Arc::clone(&self.mapping), range })
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }
}

/// Memory that a broker has made for a peer to write, before it is sealed.
///
/// The order is: make it, send the peer [`WriterDraft::writer_descriptor`], hear that
/// the peer has mapped it ([`OwnMemory::adopt`]), [`WriterDraft::seal`].
#[derive(Debug)]
pub struct WriterDraft {
    file: OwnedFd,
    bytes: u64,
}

impl WriterDraft {
    /// Makes `bytes` bytes of which `ranges` are allocated and present.
    ///
    /// # Errors
    /// As [`OwnMemory::create`].
    pub fn create(bytes: u64, ranges: &[Range<u64>]) -> Result<WriterDraft, RegionError> {
        let allocated = ranges.iter().map(|range| range.end).max().unwrap_or(0);
        if bytes == 0 || bytes > REGION_BYTES_MAX || allocated > bytes {
            return Err(RegionError::Size { bytes: bytes.max(allocated), bytes_max: REGION_BYTES_MAX });
        }
        let file = make_file("ioi-shared")?;
        ftruncate(&file, bytes).map_err(SystemError::of("ftruncate"))?;
        let mapping = Mapping::for_writing(file.as_fd(), bytes)?;
        for range in ranges {
            allocate_range(&file, range.clone())?;
            mapping.populate(range.clone())?;
        }
        Ok(WriterDraft { file, bytes })
    }

    /// For the peer, open for reading and writing.
    ///
    /// # Errors
    /// [`RegionError::System`] when descriptors run out.
    pub fn writer_descriptor(&self) -> Result<OwnedFd, RegionError> {
        Ok(rustix::io::fcntl_dupfd_cloexec(&self.file, 0).map_err(SystemError::of("fcntl(F_DUPFD)"))?)
    }

    /// The peer has mapped it: shuts everybody else out and checks that `ranges` are present.
    ///
    /// # Errors
    /// As [`PeerMemory::accept`].
    pub fn seal(self, ranges: &[Range<u64>]) -> Result<PeerMemory, RejectError> {
        let memory = PeerMemory::seal(self.file, self.bytes, 0)?;
        ranges.iter().try_for_each(|range| memory.check_present(range.clone()))?;
        Ok(memory)
    }
}

/// Words of a table or a line of flags that this process writes.
///
/// Each range is used in words of one size, the one its layout names.
#[derive(Debug)]
pub struct OwnWords {
    mapping: Arc<Mapping>,
    range: Range<u64>,
}

/// Words of a table or a line of flags that a peer writes.
#[derive(Debug)]
pub struct PeerWords {
    mapping: Arc<Mapping>,
    range: Range<u64>,
}

impl OwnWords {
    /// As words of 4 bytes.
    #[must_use]
    pub fn u32s(&self) -> &[AtomicU32] {
        // SAFETY: see `words_of`; `words` has checked the range.
        unsafe { words_of(&self.mapping, &self.range) }
    }

    /// As words of 8 bytes.
    #[must_use]
    pub fn u64s(&self) -> &[AtomicU64] {
        // SAFETY: see `words_of`; `words` has checked the range.
        unsafe { words_of(&self.mapping, &self.range) }
    }
}

impl PeerWords {
    /// Word `index` of 4 bytes.
    ///
    /// # Panics
    /// When there is no such word.
    #[must_use]
    pub fn u32(&self, index: usize) -> Word<'_> {
        // SAFETY: see `words_of`; `words` has checked the range.
        Word::new(&unsafe { words_of::<AtomicU32>(&self.mapping, &self.range) }[index])
    }

    /// As words of 8 bytes.
    #[must_use]
    pub fn u64s(&self) -> Words<'_> {
        // SAFETY: see `words_of`; `words` has checked the range.
        Words::new(unsafe { words_of(&self.mapping, &self.range) })
    }
}

/// Words start and end at a multiple of 8 bytes within the memory.
fn check_words(range: &Range<u64>, bytes: u64) -> Result<(), RangeError> {
    let is_aligned = range.start.is_multiple_of(8) && range.end.is_multiple_of(8);
    if range.start > range.end || range.end > bytes || !is_aligned {
        return Err(range_error(range, bytes));
    }
    Ok(())
}

/// # Safety
/// The range lies within the mapping, from and to multiples of 8, and is only ever
/// accessed atomically by this process; `T` is an atomic of 4 or 8 bytes.
unsafe fn words_of<'memory, T>(mapping: &'memory Mapping, range: &Range<u64>) -> &'memory [T] {
    let count = (range.end - range.start) as usize / size_of::<T>();
    // SAFETY: the caller upholds the range; the borrow keeps it mapped.
    unsafe {
        let start = mapping.start().as_ptr().add(range.start as usize);
        std::slice::from_raw_parts(start.cast(), count)
    }
}

/// The words of a page that this process writes.
#[derive(Debug)]
pub struct OwnSection(Section);

/// The words of a page that a peer writes.
#[derive(Debug)]
pub struct PeerSection(Section);

#[derive(Debug)]
struct Section {
    mapping: Arc<Mapping>,
    place: Place,
}

/// Where a page lies: checked to be inside the mapping and aligned.
#[derive(Clone, Debug)]
struct Place {
    control: u64,
    data: Range<u64>,
}

impl Place {
    fn new(bytes: u64, control: u64, data: Range<u64>) -> Result<Place, RangeError> {
        let end = control.checked_add(CONTROL_BYTES);
        if end.is_none_or(|end| end > bytes) || !control.is_multiple_of(CONTROL_ALIGN) {
            return Err(RangeError { offset: control, length: CONTROL_BYTES, bytes });
        }
        let is_aligned = data.start.is_multiple_of(8) && data.end.is_multiple_of(8);
        if data.start > data.end || data.end > bytes || !is_aligned {
            return Err(range_error(&data, bytes));
        }
        Ok(Place { control, data })
    }
}

fn range_error(range: &Range<u64>, bytes: u64) -> RangeError {
    RangeError { offset: range.start, length: range.end.saturating_sub(range.start), bytes }
}

impl Section {
    #[inline]
    fn control(&self) -> &[AtomicU32; CONTROL_WORDS] {
        // SAFETY: `Place::new` found the words inside the mapping and aligned; it stays
        // mapped as long as this borrow. Everybody, here and elsewhere, is to access
        // them atomically, and this process never makes a plain reference of them:
        // sections are claimed once and a lender claims its arena.
        unsafe { &*self.mapping.start().as_ptr().add(self.place.control as usize).cast() }
    }

    #[inline]
    fn data(&self) -> &[AtomicU64] {
        let count = (self.place.data.end - self.place.data.start) as usize / size_of::<AtomicU64>();
        // SAFETY: as in `control`.
        unsafe {
            let start = self.mapping.start().as_ptr().add(self.place.data.start as usize);
            std::slice::from_raw_parts(start.cast(), count)
        }
    }
}

impl OwnPage for OwnSection {
    #[inline]
    fn control(&self) -> &[AtomicU32; CONTROL_WORDS] {
        self.0.control()
    }

    #[inline]
    fn data(&self) -> &[AtomicU64] {
        self.0.data()
    }
}

impl PeerPage for PeerSection {
    #[inline]
    fn control(&self, index: usize) -> Word<'_> {
        Word::new(&self.0.control()[index])
    }

    #[inline]
    fn data(&self) -> Words<'_> {
        Words::new(self.0.data())
    }
}
