//! The search in a stream: what was found in the whole of it, whatever its pieces are.
//!
//! The last bytes are searched again each time some come, together with a few that were let through before, as
//! context. A finding counts once, in the round in which its beginning is *settled*: when nothing that may still
//! come can change whether it is one. That is so for all that begins
//!
//! - more than [`HOLD_BYTES_MAX`] before the end, since no finding is spelled in more bytes than that;
//! - before a blank that no finding goes across ([`is_break`]).
//!
//! Three things have no longest length: a PEM key, the letters of a long token, and those of an encoded text in
//! which one of both began. What makes them certain has; once it is settled, the rest belongs to the finding as it
//! comes, and is not held.

use crate::code::is_code;
use crate::kind::{Kind, Kinds};
use crate::pem;
use crate::phrase;
use crate::text::{Match, Rest, is_token, work};
use crate::view::{self, Levels};
use std::cmp::Reverse;

/// So many bytes at the end of a stream are held back at most, until more come or it ends. A finding that is
/// spelled in more bytes than this is not seen.
pub const HOLD_BYTES_MAX: usize = 8 << 10;
/// A finding's bytes, with what must be seen behind it.
const SPELLING_BYTES_MAX: usize = HOLD_BYTES_MAX - 64;
/// Bytes before the settled ones that are searched again: words of context, in their longest spelling.
const BEHIND_BYTES: usize = 4 << 10;
/// So many bytes are searched at once.
const BLOCK_BYTES: usize = 64 << 10;
/// A round begins when this part of what it searches is new, so that each byte is searched so many times at most.
const ROUNDS_MAX: usize = 16;
/// A break is looked for in so many last bytes.
const BREAK_BYTES: usize = 1 << 10;

/// What happens to the bytes, in their order. Places are counted from the beginning of the stream.
pub(crate) trait Sink {
    /// Something was found; false if it is to stay as it is. Findings here may overlap.
    fn seen(&mut self, kind: Kind, start: u64, end: u64) -> bool;
    /// These bytes are part of no finding.
    fn pass(&mut self, bytes: &[u8]);
    /// A finding begins with these bytes. Those that come before it overlap it nowhere.
    fn begin(&mut self, kind: Kind, start: u64, bytes: &[u8], is_bounded: bool);
    /// It ends here.
    fn end(&mut self, end: u64);
}

/// A finding that is settled and not yet told.
#[derive(Clone, Copy, Debug)]
struct Settled {
    found: Match,
    /// The end of a PEM key is looked for from here on.
    searched: usize,
    is_bounded: bool,
}

/// The last bytes of a stream.
#[derive(Debug)]
pub(crate) struct Window {
    kinds: Kinds,
    bytes: Vec<u8>,
    /// Where `bytes` begins in the stream.
    base: u64,
    /// What begins before this is settled.
    settled: usize,
    /// What lies before this was told.
    told: usize,
    /// Up to here all was searched at least once.
    searched: usize,
    /// A finding that was begun and goes on.
    open: Option<Settled>,
    /// At most one of each [`Rest`] between two rounds: those that go on behind the open one.
    waiting: Vec<Settled>,
    found: Vec<Match>,
    levels: Levels,
}

impl Window {
    pub(crate) fn new(kinds: Kinds) -> Self {
        Self {
            kinds,
            bytes: Vec::new(),
            base: 0,
            settled: 0,
            told: 0,
            searched: 0,
            open: None,
            waiting: Vec::new(),
            found: Vec::new(),
            levels: Levels::default(),
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, piece: &[u8], sink: &mut impl Sink) {
        for block in piece.chunks(BLOCK_BYTES) {
            self.bytes.extend_from_slice(block);
            let from = self.settled.saturating_sub(BEHIND_BYTES);
            if (self.bytes.len() - self.searched) * ROUNDS_MAX >= self.bytes.len() - from {
                self.round(false, sink);
            }
        }
    }

    /// The end: nothing follows what came.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink) {
        self.round(true, sink);
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.bytes.len() - self.told
    }

    fn round(&mut self, is_end: bool, sink: &mut impl Sink) {
        let before = self.settled;
        self.settled = if is_end { self.bytes.len() } else { settle(&self.bytes, before) };
        self.searched = self.bytes.len();
        self.search(before, sink);
        self.tell(is_end, sink);
        self.forget();
    }

    /// Searches, and keeps what begins in the bytes that became settled.
    fn search(&mut self, before: usize, sink: &mut impl Sink) {
        let from = before.saturating_sub(BEHIND_BYTES);
        self.found.clear();
        view::find_all(&self.bytes[from..], self.kinds, &mut self.levels, &mut self.found);
        for found in &mut self.found {
            (found.start, found.end) = (found.start + from, found.end + from);
        }
        let now = before..self.settled;
        self.found.retain(|f| now.contains(&f.start) && f.end - f.start <= SPELLING_BYTES_MAX);
        self.found.sort_unstable_by_key(|f| (f.start, Reverse(f.end), f.kind, Reverse(f.rest)));
        self.found.dedup();
        let place = |at: usize| self.base + at as u64;
        for found in &self.found {
            if sink.seen(found.kind, place(found.start), place(found.end)) {
                let is_bounded = found.rest == Rest::None;
                self.waiting.push(Settled { found: *found, searched: found.end, is_bounded });
            }
        }
        // A stable sort: those that wait since an earlier round begin earlier.
        self.waiting.sort_by_key(|f| f.found.start);
    }

    /// Tells all that is settled, each byte once.
    fn tell(&mut self, is_end: bool, sink: &mut impl Sink) {
        // Up to where a finding with such a rest reaches: one that begins later and ends before is part of it.
        let mut reach = [0; 4];
        if let Some(mut open) = self.open.take() {
            let rest = open.found.rest as usize;
            let goes_on = grow(&mut open, &self.bytes, is_end);
            reach[rest] = open.found.end;
            self.told = open.found.end;
            self.close_or_keep(open, goes_on, sink);
        }
        for mut settled in std::mem::take(&mut self.waiting) {
            let rest = settled.found.rest as usize;
            if rest != 0 && settled.found.end <= reach[rest] {
                continue;
            }
            let goes_on = grow(&mut settled, &self.bytes, is_end);
            reach[rest] = reach[rest].max(settled.found.end);
            let start = settled.found.start.max(self.told);
            if self.open.is_none() && start < settled.found.end {
                sink.pass(&self.bytes[self.told..start]);
                let value = &self.bytes[start..settled.found.end];
                sink.begin(settled.found.kind, self.base + start as u64, value, settled.is_bounded);
                self.told = settled.found.end;
                self.close_or_keep(settled, goes_on, sink);
            } else if goes_on {
                self.waiting.push(settled);
            }
        }
        if self.told < self.settled {
            sink.pass(&self.bytes[self.told..self.settled]);
            self.told = self.settled;
        }
    }

    fn close_or_keep(&mut self, settled: Settled, goes_on: bool, sink: &mut impl Sink) {
        if goes_on {
            self.open = Some(settled);
        } else {
            sink.end(self.base + self.told as u64);
        }
    }

    /// Drops bytes that no later round looks at.
    fn forget(&mut self) {
        let done = self.settled.min(self.told).saturating_sub(BEHIND_BYTES);
        if done < BLOCK_BYTES / 2 {
            return;
        }
        self.bytes.drain(..done);
        self.base += done as u64;
        for place in [&mut self.settled, &mut self.told, &mut self.searched] {
            *place -= done;
        }
        for settled in self.open.iter_mut().chain(&mut self.waiting) {
            settled.found.start = settled.found.start.saturating_sub(done);
            settled.found.end = settled.found.end.saturating_sub(done);
            settled.searched = settled.searched.saturating_sub(done);
        }
    }
}

/// Takes what belongs to a finding beyond its end. True if it may go on in bytes that are still to come.
fn grow(settled: &mut Settled, bytes: &[u8], is_end: bool) -> bool {
    let end = settled.found.end;
    let row = |class: fn(u8) -> bool| end + bytes[end..].iter().take_while(|byte| class(**byte)).count();
    settled.found.end = match settled.found.rest {
        Rest::None => return false,
        Rest::Token => row(is_token),
        Rest::Code => row(is_code),
        Rest::Pem => match pem::end(bytes, settled.searched) {
            Some(end) => {
                settled.found.end = end;
                return false;
            }
            None => bytes.len(),
        },
    };
    work::add(settled.found.end - end);
    settled.searched = settled.searched.max(bytes.len().saturating_sub(pem::END_BYTES_MAX));
    settled.found.end == bytes.len() && !is_end
}

/// Up to where everything that begins is settled.
fn settle(bytes: &[u8], before: usize) -> usize {
    let least = before.max(bytes.len().saturating_sub(HOLD_BYTES_MAX));
    let near = least.max(bytes.len().saturating_sub(BREAK_BYTES));
    (near..bytes.len()).rev().find(|at| is_break(bytes, *at)).unwrap_or(least)
}

/// Letters of a word before a break.
const BREAK_LETTERS_MAX: usize = 20;

/// A blank behind an ordinary word: of letters, some of them small, with nothing but punctuation around it, and
/// not of a seed phrase. No recogniser takes such a word and a blank into a finding.
fn is_break(bytes: &[u8], at: usize) -> bool {
    if bytes[at] != b' ' {
        return false;
    }
    let backward = |end: usize, limit: usize, class: fn(u8) -> bool| {
        bytes[..end].iter().rev().take(limit).take_while(|byte| class(**byte)).count()
    };
    let end =
        at - backward(at, 3, |byte| matches!(byte, b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b'"'));
    let letters = backward(end, BREAK_LETTERS_MAX + 1, |byte| byte.is_ascii_alphabetic());
    let start = end - letters;
    let alone = start > 0 && matches!(bytes[start - 1], b' ' | b'\n' | b'(' | b'"');
    let word = &bytes[start..end];
    alone
        && (2..=BREAK_LETTERS_MAX).contains(&letters)
        && word.iter().any(u8::is_ascii_lowercase)
        && !phrase::is_word(word)
}

#[cfg(test)]
mod tests;
