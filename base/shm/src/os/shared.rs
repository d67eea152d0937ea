//! Memory that one process goes on writing while others read it.
//!
//! The seal `FUTURE_WRITE` lets the mapping that exists go on and refuses every new
//! one for writing, every `write`, and with `SHRINK`, `GROW` and `SEAL` every change of
//! size; holes can't be punched either. So a reader's pages stay where they are, and
//! the only thing that the writer can do to its readers is to write lies.

use super::inspect::{Facts, RejectError, allocated, check_present, reopen_for_reading};
use super::mapping::Mapping;
use super::peer::map_as_only_writer;
use super::region::{allocate_mapped, make_file};
use super::{REGION_BYTES_MAX, RangeError, RegionError, SystemError};
use crate::page::CONTROL_WORDS;
use crate::sync::{AtomicU32, AtomicU64};
use crate::{OwnBytes, OwnPage, PeerPage, Word, Words};
use rustix::fs::{SealFlags, fcntl_add_seals, ftruncate};
use std::marker::PhantomData;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
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
    /// All of it was allocated when it was mapped.
    is_whole: bool,
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
        let memory = OwnMemory { mapping, file, claimed: Mutex::default(), is_whole: false };
        memory.allocate(0..allocated)?;
        fcntl_add_seals(&memory.file, SHARED_SEALS).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        Ok(memory)
    }

    /// Maps memory that a broker made for this process to write; the broker seals it
    /// when it hears that this was done, with [`PeerMemory::seal`].
    ///
    /// To call this is to vouch that the broker doesn't write it: a mapping that the
    /// broker made before stays writable whatever the seals say, and what a
    /// [`Lender`](super::Lender) fills is a plain `&mut [u8]`. It is for the parent that
    /// started this process.
    ///
    /// # Errors
    /// [`RejectError`] unless it is an unsealed memory file of that size, open for
    /// reading and writing and mapped like this by nobody before.
    pub fn adopt(file: OwnedFd, bytes: u64) -> Result<OwnMemory, RejectError> {
        let mapping = Arc::new(map_as_only_writer(file.as_fd(), bytes, |_| Ok(()))?);
        Ok(OwnMemory { mapping, file, claimed: Mutex::default(), is_whole: false })
    }

    /// As [`OwnMemory::adopt`], for memory of which the broker has allocated every byte: a
    /// process that may not allocate files lends it as it is.
    ///
    /// # Errors
    /// As `adopt`, and [`RejectError::Sparse`] when it isn't all there.
    pub fn adopt_whole(file: OwnedFd, bytes: u64) -> Result<OwnMemory, RejectError> {
        let mapping = Arc::new(map_as_only_writer(file.as_fd(), bytes, Facts::check_allocated)?);
        Ok(OwnMemory { mapping, file, claimed: Mutex::default(), is_whole: true })
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
        allocate_mapped(&self.file, &self.mapping, range)
    }

    /// A descriptor for a reader, open for reading only.
    ///
    /// # Errors
    /// [`RejectError::NoProc`], or [`RejectError::System`] when descriptors run out.
    pub fn reader_descriptor(&self) -> Result<OwnedFd, RejectError> {
        reopen_for_reading(self.file.as_fd())
    }

    /// A ring's page: its control words at `control`, its data in `data`. Once each.
    ///
    /// # Errors
    /// [`RangeError`] when a part lies outside, is misaligned or was given out before.
    pub fn page(&self, control: u64, data: Range<u64>) -> Result<OwnSection, RangeError> {
        let place = Place::new(self.bytes(), control, data)?;
        self.claim(&[control..control + CONTROL_BYTES, place.data.clone()])?;
        Ok(OwnSection(Section { mapping: Arc::clone(&self.mapping), place }))
    }

    /// Words of 4 or of 8 bytes, in `range`, whose size is chosen here and stays. Once each.
    ///
    /// # Errors
    /// [`RangeError`] when they lie outside, are misaligned or were given out before.
    pub fn words<T: WordSize>(&self, range: Range<u64>) -> Result<OwnWords<T>, RangeError> {
        check_words(&range, self.bytes())?;
        self.claim(std::slice::from_ref(&range))?;
        Ok(OwnWords(TypedWords::new(&self.mapping, range)))
    }

    /// Marks ranges as given out: all of them, or none if one was given out before.
    pub(crate) fn claim(&self, ranges: &[Range<u64>]) -> Result<(), RangeError> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, range) in ranges.iter().enumerate() {
            let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
            let is_outside = range.start > range.end || range.end > self.bytes();
            if is_outside || claimed.iter().chain(&ranges[..at]).any(overlaps) {
                return Err(range_error(range, self.bytes()));
            }
        }
        claimed.extend_from_slice(ranges);
        Ok(())
    }

    /// Whether nothing of it is left to be allocated.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
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

    /// Where in a range, which lies within the memory, the first hole is; `None` if it has none.
    pub(crate) fn first_hole(&self, range: Range<u64>) -> Option<u64> {
        match check_present(self.file.as_fd(), range.clone()) {
            Ok(()) => None,
            Err(RejectError::Sparse { bytes_present, .. }) => Some(bytes_present),
            // What can't be looked at counts as a hole.
            Err(_) => Some(range.start),
        }
    }

    /// Words of 4 or of 8 bytes, in `range`.
    ///
    /// # Errors
    /// [`RangeError`] when they lie outside or are misaligned.
    pub fn words<T: WordSize>(&self, range: Range<u64>) -> Result<PeerWords<T>, RangeError> {
        check_words(&range, self.bytes())?;
        Ok(PeerWords(TypedWords::new(&self.mapping, range)))
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }
}

/// Memory that a broker has made for a peer to write, before it is sealed.
///
/// The order is: make it, send the peer [`WriterDraft::writer_descriptor`], hear that
/// the peer has mapped it ([`OwnMemory::adopt`]), [`WriterDraft::seal`], or [`WriterDraft::share`] to
/// hand it on and map nothing.
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
        // From the start: its writer may hold a descriptor for long before it is sealed.
        let size_seals = SealFlags::SHRINK | SealFlags::GROW;
        fcntl_add_seals(&file, size_seals).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        let mapping = Mapping::for_writing(file.as_fd(), bytes)?;
        for range in ranges {
            allocate_mapped(&file, &mapping, range.clone())?;
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

    /// The peer has mapped it: shuts everybody else out, for a broker that reads nothing of it
    /// itself and only hands it on. Nothing is mapped here. A peer that hasn't mapped it by now
    /// can't do so any more.
    ///
    /// # Errors
    /// As [`PeerMemory::accept`], of which all must be present, and when the peer has put a
    /// seal of its own on it.
    pub fn share(self) -> Result<SharedFile, RejectError> {
        let WriterDraft { file, bytes } = self;
        fcntl_add_seals(&file, SHARED_SEALS).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
        let facts = Facts::of(file.as_fd())?;
        facts.check_shared_seals()?;
        if facts.bytes != bytes {
            return Err(RejectError::WrongSize { bytes: facts.bytes, bytes_agreed: bytes });
        }
        check_present(file.as_fd(), 0..bytes)?;
        Ok(SharedFile { file, bytes })
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

/// Memory that a peer goes on writing, with a broker that hands it to readers and maps nothing.
#[derive(Debug)]
pub struct SharedFile {
    file: OwnedFd,
    bytes: u64,
}

impl SharedFile {
    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A descriptor for a reader ([`PeerMemory::accept`]), open for reading only.
    ///
    /// # Errors
    /// [`RejectError::NoProc`], or [`RejectError::System`] when descriptors run out.
    pub fn reader_descriptor(&self) -> Result<OwnedFd, RejectError> {
        reopen_for_reading(self.file.as_fd())
    }
}

/// Words of a table or a line of flags that this process writes, of 4 or of 8 bytes.
#[derive(Debug)]
pub struct OwnWords<T = AtomicU64>(TypedWords<T>);

/// Words of a table or a line of flags that a peer writes, of 4 or of 8 bytes.
///
/// Two views of one range may differ in size: they only read, and what the peer makes of
/// it are values.
#[derive(Debug)]
pub struct PeerWords<T = AtomicU64>(TypedWords<T>);

/// The sizes of words: [`AtomicU32`] and [`AtomicU64`], nothing else.
pub trait WordSize: sealed::WordSize {}
impl<T: sealed::WordSize> WordSize for T {}

mod sealed {
    /// Only for atomics of 4 and of 8 bytes, for which all bytes are values.
    pub trait WordSize {}
    impl WordSize for crate::sync::AtomicU32 {}
    impl WordSize for crate::sync::AtomicU64 {}
}

/// A checked range, all of it in words of one size. What is written is claimed once, so
/// this process never stores words of two sizes over the same bytes.
#[derive(Debug)]
struct TypedWords<T> {
    mapping: Arc<Mapping>,
    range: Range<u64>,
    size: PhantomData<fn() -> T>,
}

impl<T: WordSize> TypedWords<T> {
    /// The range went through `check_words`.
    fn new(mapping: &Arc<Mapping>, range: Range<u64>) -> Self {
        TypedWords { mapping: Arc::clone(mapping), range, size: PhantomData }
    }

    fn all(&self) -> &[T] {
        let count = (self.range.end - self.range.start) as usize / size_of::<T>();
        // SAFETY: the range lies within the mapping, from and to multiples of 8, and the
        // borrow keeps it mapped; this process accesses it by atomics of this size alone.
        unsafe {
            let start = self.mapping.start().as_ptr().add(self.range.start as usize);
            std::slice::from_raw_parts(start.cast(), count)
        }
    }
}

impl OwnWords<AtomicU32> {
    /// The words.
    #[must_use]
    pub fn u32s(&self) -> &[AtomicU32] {
        self.0.all()
    }
}

impl OwnWords<AtomicU64> {
    /// The words.
    #[must_use]
    pub fn u64s(&self) -> &[AtomicU64] {
        self.0.all()
    }
}

impl PeerWords<AtomicU32> {
    /// Word `index`.
    ///
    /// # Panics
    /// When there is no such word.
    #[must_use]
    pub fn u32(&self, index: usize) -> Word<'_> {
        Word::new(&self.0.all()[index])
    }
}

impl PeerWords<AtomicU64> {
    /// The words.
    #[must_use]
    pub fn u64s(&self) -> Words<'_> {
        Words::new(self.0.all())
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
        // them atomically, and this process makes a plain reference of them only where
        // none else is alive: sections are claimed once and a lender claims its arena.
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

impl OwnBytes for OwnSection {
    #[inline]
    fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        let place = &self.0.place.data;
        let length = (place.end - place.start) as usize;
        assert!(range.start <= range.end && range.end <= length, "the page has so many bytes");
        // SAFETY: `Place::new` found the data inside the mapping, and the borrow keeps them mapped. The
        // section was claimed once and is borrowed whole, so no other reference to them is alive in
        // this process, and no other process can write them (see `Lender::fill`).
        unsafe {
            let start = self.0.mapping.start().as_ptr().add(place.start as usize + range.start);
            std::slice::from_raw_parts_mut(start, range.end - range.start)
        }
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
