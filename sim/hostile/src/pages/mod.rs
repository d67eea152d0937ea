//! The peer's page, changed at any moment while the victim looks at it.

pub(crate) mod byte_reader;
pub(crate) mod byte_writer;
pub(crate) mod ring_receiver;
pub(crate) mod ring_sender;

use ioi_shm::sync::Ordering;
use ioi_shm::{LocalPage, OwnPage, PeerPage, Word, Words};
use std::cell::Cell;

/// The first control word: the index of the page's owner.
pub(crate) const INDEX: usize = 0;
/// A byte ring's capacity.
pub(crate) const CAPACITY: usize = 1;
/// Where the owner wants to be woken.
pub(crate) const WAKE_AT: usize = 32;

/// A word of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Control(usize),
    Data(usize),
}

/// A change that waits for the victim's `look`th look at the page, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ambush {
    pub(crate) look: u32,
    pub(crate) place: Place,
    pub(crate) value: u64,
}

/// A page whose owner is the liar.
///
/// The victim asks for a control word, or for the data, each time that it looks, so a
/// change can be put between any two of its looks, and what it must have read is known.
/// Between two reads of the data within one look nothing is changed here: that is done
/// by the shuttle tests of `base/shm`, which switch threads at every load.
#[derive(Debug)]
pub(crate) struct HostilePage {
    page: LocalPage,
    looks: Cell<u32>,
    ambush: Cell<Option<Ambush>>,
    watched: Cell<usize>,
    /// What the watched data word was at the first two looks at the data.
    data_seen: [Cell<u64>; 2],
    data_looks: Cell<usize>,
    /// What the index was at the last look at it.
    index_seen: Cell<u32>,
    capacity_seen: Cell<u32>,
    wake_at_seen: Cell<u32>,
}

impl HostilePage {
    pub(crate) fn new(page: LocalPage) -> HostilePage {
        HostilePage {
            page,
            looks: Cell::new(0),
            ambush: Cell::new(None),
            watched: Cell::new(0),
            data_seen: Default::default(),
            data_looks: Cell::new(0),
            index_seen: Cell::new(0),
            capacity_seen: Cell::new(0),
            wake_at_seen: Cell::new(0),
        }
    }

    /// Before a step of the victim.
    #[inline]
    pub(crate) fn lie_in_wait(&self, ambush: Option<Ambush>, watched: usize) {
        self.looks.set(0);
        self.data_looks.set(0);
        self.ambush.set(ambush);
        self.watched.set(watched);
    }

    #[inline]
    pub(crate) fn store(&self, place: Place, value: u64) {
        match place {
            Place::Control(at) => OwnPage::control(&self.page)[at].store(value as u32, Ordering::Relaxed),
            Place::Data(at) => OwnPage::data(&self.page)[at].store(value, Ordering::Relaxed),
        }
    }

    #[inline]
    pub(crate) fn load(&self, place: Place) -> u64 {
        match place {
            Place::Control(at) => OwnPage::control(&self.page)[at].load(Ordering::Relaxed).into(),
            Place::Data(at) => OwnPage::data(&self.page)[at].load(Ordering::Relaxed),
        }
    }

    #[inline]
    pub(crate) fn data_seen(&self, look: usize) -> u64 {
        self.data_seen[look].get()
    }

    #[inline]
    pub(crate) fn index_seen(&self) -> u32 {
        self.index_seen.get()
    }

    #[inline]
    pub(crate) fn capacity_seen(&self) -> u32 {
        self.capacity_seen.get()
    }

    #[inline]
    pub(crate) fn wake_at_seen(&self) -> u32 {
        self.wake_at_seen.get()
    }

    #[inline]
    fn spring(&self) {
        let look = self.looks.replace(self.looks.get() + 1);
        if let Some(ambush) = self.ambush.get()
            && ambush.look == look
        {
            self.store(ambush.place, ambush.value);
            self.ambush.set(None);
        }
    }
}

impl PeerPage for HostilePage {
    #[inline]
    fn control(&self, index: usize) -> Word<'_> {
        self.spring();
        let word = &OwnPage::control(&self.page)[index];
        match index {
            INDEX => self.index_seen.set(word.load(Ordering::Relaxed)),
            CAPACITY => self.capacity_seen.set(word.load(Ordering::Relaxed)),
            WAKE_AT => self.wake_at_seen.set(word.load(Ordering::Relaxed)),
            _ => {}
        }
        Word::new(word)
    }

    #[inline]
    fn data(&self) -> Words<'_> {
        self.spring();
        let words = OwnPage::data(&self.page);
        let look = self.data_looks.replace(self.data_looks.get() + 1);
        if let (Some(seen), Some(word)) = (self.data_seen.get(look), words.get(self.watched.get())) {
            seen.set(word.load(Ordering::Relaxed));
        }
        Words::new(words)
    }
}

/// Makes a page all zeros again, as a new one is.
pub(crate) fn wipe(page: &LocalPage, data: bool) {
    for at in [INDEX, CAPACITY, WAKE_AT] {
        OwnPage::control(page)[at].store(0, Ordering::Relaxed);
    }
    if data {
        OwnPage::data(page).iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

/// A control word of the victim's own page, as a peer sees it.
#[inline]
pub(crate) fn shown(page: &LocalPage, at: usize) -> u32 {
    OwnPage::control(page)[at].load(Ordering::Relaxed)
}
