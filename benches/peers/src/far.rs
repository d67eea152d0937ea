//! What the far side does with a message, whatever it came by.

use crate::archive::{Private, Show, hashed_aside, is_aligned, pieces_of, validate};
use crate::cell::{BULK_BYTES, Cell, Pattern};
use crate::link::Link;
use crate::measure::now;
use crate::payload::{Answer, Head, head, sum};
use anyhow::Result;
use std::hint::black_box;

/// Sees each message and says what to answer.
pub struct Reactor {
    cell: Cell,
    /// Where a message is copied to, if the transport leaves it where its sender can write.
    private: Option<Private>,
    link: Link,
    /// The near side's, which sleeps while a message is examined.
    core_aside: usize,
    sum: u64,
    count: u64,
    answer: Option<Answer>,
    is_done: bool,
}

impl Reactor {
    /// `is_private`: a message lies where only this process can write.
    pub fn new(cell: Cell, is_private: bool, link: Link, core_aside: usize) -> Self {
        let private = (cell.pattern.is_untrusted() && !is_private).then(|| Private::new(BULK_BYTES));
        Self { cell, private, link, core_aside, sum: 0, count: 0, answer: None, is_done: false }
    }

    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether it takes more messages before it answers.
    pub fn is_waiting(&self) -> bool {
        !self.is_done && self.answer.is_none()
    }

    pub fn answer_bytes(&self) -> usize {
        self.cell.answer_bytes()
    }

    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    #[inline]
    pub fn react(&mut self, message: &[u8]) {
        let head = head(message);
        if head == Head::Stop as u64 {
            self.is_done = true;
            return;
        }
        match self.cell.pattern {
            Pattern::RoundTrip | Pattern::ColdRoundTrip => {
                self.answer = Some(Answer { sum: sum(message), echo: true, ..Answer::default() });
            }
            Pattern::OneWay | Pattern::InPlace => self.count(message, head),
            Pattern::HandOver => {
                self.answer = Some(Answer { time: now(), count: 1, sum: head, ..Answer::default() });
            }
            Pattern::Killed => self.hold(message),
            _ => self.examine(message),
        }
    }

    #[inline]
    fn count(&mut self, message: &[u8], head: u64) {
        self.sum = self.sum.wrapping_add(sum(message));
        self.count += 1;
        if head == Head::Answer as u64 {
            self.answer = Some(Answer { sum: self.sum, count: self.count, ..Answer::default() });
            (self.sum, self.count) = (0, 0);
        }
    }

    /// A message that lies where its sender can still write it, by a transport that has a copying
    /// call of its own: only the private copy is looked at.
    pub fn react_to_copy(&mut self, bytes: usize, copy: impl FnOnce(&mut [u8], Show<'_>)) {
        let private = self.private.get_or_insert_with(|| Private::new(BULK_BYTES));
        let texts = examine_copy(private, bytes, copy, self.cell.pattern, self.core_aside);
        // The last message is copied like any other before its head can be believed.
        self.is_done = private.head() == Head::Stop as u64;
        if !self.is_done {
            self.answer_texts(texts);
        }
    }

    fn examine(&mut self, message: &[u8]) {
        // A private buffer may still lie where rkyv can't look at it.
        if self.private.is_some() || !is_aligned(message) {
            return self.react_to_copy(message.len(), pieces_of(message));
        }
        let texts = match self.cell.pattern {
            Pattern::Untrusted => validate(message),
            Pattern::UntrustedHashed => {
                black_box(blake3::hash(message));
                validate(message)
            }
            _ => hashed_aside(message, self.core_aside, validate).and_then(|(texts, hash)| {
                black_box(hash);
                texts
            }),
        };
        self.answer_texts(texts);
    }

    /// An answer without texts tells the near side that the message was not valid.
    fn answer_texts(&mut self, texts: Result<u64>) {
        self.answer = Some(Answer { sum: texts.unwrap_or(0), count: 1, time: now(), echo: false });
    }

    /// Keeps the message until the process is killed.
    fn hold(&mut self, message: &[u8]) {
        let _ = self.link.say(&sum(message).to_string());
        loop {
            std::thread::park();
        }
    }
}

fn examine_copy(
    private: &mut Private,
    bytes: usize,
    copy: impl FnOnce(&mut [u8], Show<'_>),
    pattern: Pattern,
    core_aside: usize,
) -> Result<u64> {
    let mut hasher = blake3::Hasher::new();
    match pattern {
        Pattern::Untrusted => validate(private.copy(bytes, copy, |_| ())?),
        Pattern::UntrustedHashed => {
            let texts = validate(private.copy(bytes, copy, |piece| _ = hasher.update(piece))?);
            black_box(hasher.finalize());
            texts
        }
        _ => black_box(private.copy_hashed_aside(bytes, copy, core_aside, validate)?).0,
    }
}
