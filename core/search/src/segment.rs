//! Segments: the inverted index of up to a million postings, sealed once full.
//!
//! While a segment is open it logs one word per (passage, term) pair. When it
//! is closed the log is sorted by term and packed, so an index never holds more
//! than one segment's worth of loose postings, and merging indexes only joins
//! lists of segments.
//!
//! ```text
//! dictionary  entries in ascending order of fingerprint, in blocks of 32
//! entry       varint (fingerprint − previous) · 2 + one
//!             one = 1:  one posting
//!             one = 0:  varint passages, varint bytes, then the postings
//! posting     varint (passage − previous) · 2 + many;  many = 1: varint times
//! ```
//!
//! The first entry of a block has the difference 0 to the block's fingerprint,
//! and the first posting counts from passage 0 of the segment.

use crate::passage::{Passage, Span};
use crate::term::{TermId, Token};

/// Postings a segment may hold; with the next limits this bounds what an open one takes.
const POSTINGS_MAX: usize = 1 << 20;
/// Distinct terms a segment may hold.
const TERMS_MAX: usize = 1 << 17;
/// Passages a segment may hold: their numbers fit 16 bits.
const PASSAGES_MAX: usize = 1 << 16;
/// No passage has more tokens, its heading included: half its bytes.
pub(crate) const PASSAGE_TOKENS_MAX: usize = 600;
const BLOCK_ENTRIES: usize = 32;
/// In the log a term's number is followed by this many bits of its count.
const TIMES_BITS: u32 = 15;

/// What is kept of a passage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) document: u32,
    offset: u32,
    heading_offset: u32,
    length: u16,
    heading_length: u16,
    /// Tokens in it, its heading's included.
    pub(crate) terms: u16,
}

impl Entry {
    fn new(document: u32, passage: Passage) -> Self {
        let heading = passage.heading.unwrap_or_default();
        let narrow = |length: u32| u16::try_from(length).expect("passages and headings are short");
        Self {
            document,
            offset: passage.span.offset,
            heading_offset: heading.offset,
            length: narrow(passage.span.length),
            heading_length: narrow(heading.length),
            terms: 0,
        }
    }

    pub(crate) fn span(&self) -> Span {
        Span { offset: self.offset, length: self.length.into() }
    }

    pub(crate) fn heading(&self) -> Option<Span> {
        let heading = Span { offset: self.heading_offset, length: self.heading_length.into() };
        (heading.length > 0).then_some(heading)
    }
}

/// A segment that still takes passages.
#[derive(Debug, Default)]
pub(crate) struct OpenSegment {
    /// Open addressing by fingerprint: `fingerprint << 24 | number + 1`, 0 for a free slot.
    slots: Vec<u64>,
    /// For each term its last entry in the log, plus one.
    last: Vec<u32>,
    /// `term << TIMES_BITS | times`, passage after passage.
    log: Vec<u32>,
    /// Where each passage's entries end in the log.
    log_ends: Vec<u32>,
    entries: Vec<Entry>,
}

impl OpenSegment {
    /// Whether the next passage may find no room.
    pub(crate) fn is_full(&self) -> bool {
        self.log.len() + PASSAGE_TOKENS_MAX > POSTINGS_MAX
            || self.last.len() + PASSAGE_TOKENS_MAX > TERMS_MAX
            || self.entries.len() == PASSAGES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Starts a passage; the tokens that follow are its own.
    pub(crate) fn begin(&mut self, document: u32, passage: Passage) {
        assert!(!self.is_full(), "a full segment is closed before the next passage");
        self.entries.push(Entry::new(document, passage));
    }

    /// Counts one token of the passage that was begun last.
    #[inline]
    pub(crate) fn token(&mut self, token: Token) {
        let begun = self.log_ends.last().copied().unwrap_or(0);
        let term = self.number(token.term);
        let last = &mut self.last[term as usize];
        if *last > begun {
            self.log[*last as usize - 1] += 1;
        } else {
            self.log.push(term << TIMES_BITS | 1);
            *last = self.log.len() as u32;
        }
        if let Some(entry) = self.entries.last_mut() {
            entry.terms += 1;
        }
    }

    /// Ends the passage; returns its count of tokens.
    pub(crate) fn end(&mut self) -> u64 {
        self.log_ends.push(self.log.len() as u32);
        self.entries.last().map_or(0, |entry| entry.terms.into())
    }

    /// The number of a term in this segment, given at its first sight.
    #[inline]
    fn number(&mut self, term: TermId) -> u32 {
        if (self.last.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = term.0 as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot >> 24 == term.0 && slot != 0 {
                return (slot & 0xff_ffff) as u32 - 1;
            }
            if slot == 0 {
                self.last.push(0);
                self.slots[at] = term.0 << 24 | self.last.len() as u64;
                return self.last.len() as u32 - 1;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(1024);
        let old = std::mem::replace(&mut self.slots, vec![0; length]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = (slot >> 24) as usize & (length - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            self.slots[at] = slot;
        }
    }

    /// Sorts and packs what was logged.
    pub(crate) fn close(mut self) -> Segment {
        let (starts, postings) = self.by_term();
        self.log = Vec::new();
        self.slots.retain(|slot| *slot != 0);
        self.slots.sort_unstable();
        let mut dictionary = Dictionary::default();
        let mut scratch = Vec::new();
        for slot in &self.slots {
            let number = (slot & 0xff_ffff) as usize - 1;
            let own = starts[number] as usize..starts[number + 1] as usize;
            dictionary.push(slot >> 24, &postings[own], &mut scratch);
        }
        dictionary.data.shrink_to_fit();
        dictionary.blocks.shrink_to_fit();
        self.entries.shrink_to_fit();
        Segment { entries: self.entries, dictionary }
    }

    /// The postings (`passage << 16 | times`) term after term, each term's by
    /// ascending passage, and where each term's start: a counting sort.
    fn by_term(&self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0u32; self.last.len() + 1];
        for logged in &self.log {
            starts[(logged >> TIMES_BITS) as usize + 1] += 1;
        }
        for term in 1..starts.len() {
            starts[term] += starts[term - 1];
        }
        let mut next = starts.clone();
        let mut postings = vec![0u32; self.log.len()];
        let mut at = 0;
        for (passage, end) in self.log_ends.iter().enumerate() {
            for logged in &self.log[at..*end as usize] {
                let place = &mut next[(logged >> TIMES_BITS) as usize];
                postings[*place as usize] = (passage as u32) << 16 | logged & ((1 << TIMES_BITS) - 1);
                *place += 1;
            }
            at = *end as usize;
        }
        (starts, postings)
    }
}

/// A closed segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) entries: Vec<Entry>,
    dictionary: Dictionary,
}

impl Segment {
    /// The postings of a term; none if no passage holds it.
    pub(crate) fn postings(&self, term: TermId) -> Postings<'_> {
        self.dictionary.find(term.0).unwrap_or(Postings { rest: &[], left: 0, passage: 0 })
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.dictionary.data.capacity()
            + self.dictionary.blocks.capacity() * size_of::<Block>()
    }
}

/// The first fingerprint of a block, and in the lower 24 bits where it starts.
#[derive(Clone, Copy, Debug)]
struct Block(u64);

impl Block {
    fn new(first: u64, at: usize) -> Self {
        assert!(at >> 24 == 0, "a segment's dictionary is shorter than 16 MiB");
        Self(first << 24 | at as u64)
    }

    fn first(self) -> u64 {
        self.0 >> 24
    }

    fn at(self) -> usize {
        (self.0 & 0xff_ffff) as usize
    }
}

#[derive(Debug, Default)]
struct Dictionary {
    data: Vec<u8>,
    blocks: Vec<Block>,
    entries: usize,
    last: u64,
}

impl Dictionary {
    /// Appends an entry; `fingerprint` is above all before it.
    fn push(&mut self, fingerprint: u64, postings: &[u32], scratch: &mut Vec<u8>) {
        if self.entries.is_multiple_of(BLOCK_ENTRIES) {
            self.blocks.push(Block::new(fingerprint, self.data.len()));
            self.last = fingerprint;
        }
        let step = (fingerprint - self.last) << 1;
        if let [single] = postings {
            put_varint(&mut self.data, step | 1);
            put_posting(&mut self.data, 0, *single);
        } else {
            scratch.clear();
            let mut before = 0;
            for posting in postings {
                put_posting(scratch, before, *posting);
                before = posting >> 16;
            }
            put_varint(&mut self.data, step);
            put_varint(&mut self.data, postings.len() as u64);
            put_varint(&mut self.data, scratch.len() as u64);
            self.data.extend_from_slice(scratch);
        }
        self.last = fingerprint;
        self.entries += 1;
    }

    fn find(&self, fingerprint: u64) -> Option<Postings<'_>> {
        let index = self.blocks.partition_point(|block| block.first() <= fingerprint).checked_sub(1)?;
        let end = self.blocks.get(index + 1).map_or(self.data.len(), |block| block.at());
        let mut rest = &self.data[self.blocks[index].at()..end];
        let mut current = self.blocks[index].first();
        while current <= fingerprint && !rest.is_empty() {
            let step = take_varint(&mut rest);
            current += step >> 1;
            let postings = take_list(&mut rest, step & 1 == 1);
            if current == fingerprint {
                return Some(postings);
            }
        }
        None
    }
}

/// Reads an entry's postings off `rest`, which is left behind them.
fn take_list<'s>(rest: &mut &'s [u8], single: bool) -> Postings<'s> {
    if single {
        let postings = Postings { rest, left: 1, passage: 0 };
        let mut after = postings.clone();
        after.next();
        *rest = after.rest;
        return postings;
    }
    let left = take_varint(rest);
    let length = take_varint(rest) as usize;
    let (own, after) = rest.split_at(length);
    *rest = after;
    Postings { rest: own, left, passage: 0 }
}

/// The passages that hold a term, in ascending order, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Postings<'s> {
    rest: &'s [u8],
    left: u64,
    passage: u64,
}

impl Postings<'_> {
    /// How many passages are still to come.
    pub(crate) fn count_left(&self) -> u64 {
        self.left
    }
}

impl Iterator for Postings<'_> {
    /// The passage's number in its segment, and the term's count in it.
    type Item = (usize, u64);

    #[inline]
    fn next(&mut self) -> Option<(usize, u64)> {
        self.left = self.left.checked_sub(1)?;
        let step = take_varint(&mut self.rest);
        self.passage += step >> 1;
        let times = if step & 1 == 1 { take_varint(&mut self.rest) } else { 1 };
        Some((self.passage as usize, times))
    }
}

fn put_posting(out: &mut Vec<u8>, before: u32, posting: u32) {
    let (step, times) = ((posting >> 16) - before, posting & 0xffff);
    put_varint(out, u64::from(step) << 1 | u64::from(times > 1));
    if times > 1 {
        put_varint(out, times.into());
    }
}

/// Seven bits a byte, lowest first; the top bit says that more follow (LEB128).
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads one varint that this module wrote.
#[inline]
fn take_varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for (at, byte) in rest.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return value;
        }
    }
    unreachable!("every varint that was written ends")
}
