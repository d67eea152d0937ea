//! Cuts a text into passages: the units that are indexed, scored and handed on.
//!
//! Passages cover every character that is not white space, in order, without
//! overlap, and none is longer than [`PASSAGE_BYTES_MAX`]. A passage ends, in
//! order of preference: before a heading, once it holds [`PASSAGE_BYTES_MIN`];
//! else within its last half at the last blank line, the last end of a
//! sentence, the last line break, the last white space; else at the last
//! character boundary.
//!
//! A heading is a line of one to six `#`, a space and a text, after a blank
//! line or at the start, outside ``` fences. HTML and PDF reach this crate with
//! their headings written that way.

/// No passage is longer, in bytes.
pub const PASSAGE_BYTES_MAX: usize = 900;
/// A heading ends a passage that already holds this many bytes.
pub const PASSAGE_BYTES_MIN: usize = 240;
/// Other cuts are looked for from here on, in bytes from the passage's start.
const CUT_BYTES_MIN: usize = 480;
/// More of a heading than this many bytes is not kept as context.
const HEADING_BYTES_MAX: usize = 160;

/// A range of bytes of one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it starts, in bytes from the text's start.
    pub offset: u32,
    /// How many bytes it holds.
    pub length: u32,
}

impl Span {
    /// `text[from..to]`, both on character boundaries.
    pub(crate) fn new(from: usize, to: usize) -> Self {
        let narrow = |value: usize| u32::try_from(value).expect("texts are shorter than 4 GiB");
        Self { offset: narrow(from), length: narrow(to - from) }
    }

    /// The bytes that it names, or `None` if they are not part of `text`.
    #[must_use]
    pub fn of(self, text: &str) -> Option<&str> {
        let start = self.offset as usize;
        text.get(start..start.checked_add(self.length as usize)?)
    }
}

/// One passage of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The passage itself, without white space at its ends.
    pub span: Span,
    /// The nearest heading at or before its start, without the `#`.
    pub heading: Option<Span>,
}

/// Iterates over the passages of one text of less than 4 GiB.
#[derive(Clone, Debug)]
pub struct Passages<'t> {
    text: &'t str,
    at: usize,
    outline: Outline,
}

impl<'t> Passages<'t> {
    /// Starts at the beginning of `text`. Bytes beyond `u32::MAX` are left out.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let text = &text[..text.floor_char_boundary(u32::MAX as usize)];
        Self { text, at: 0, outline: Outline::default() }
    }

    /// Where the passage that starts at `start` ends; more than `start`.
    fn cut(&self, start: usize, outline: Outline) -> usize {
        let limit = self.text.floor_char_boundary(start + PASSAGE_BYTES_MAX);
        let low = start + CUT_BYTES_MIN;
        let mut blank = None;
        let mut outline = outline;
        for line in Lines::new(self.text, start, limit) {
            if outline.step(self.text, line) && line.start >= start + PASSAGE_BYTES_MIN {
                return line.start;
            }
            if line.is_blank(self.text) && line.start >= low {
                blank = Some(line.start);
            }
        }
        if limit == self.text.len() {
            return limit;
        }
        blank.unwrap_or_else(|| cut_inside(self.text, low, limit))
    }
}

impl Iterator for Passages<'_> {
    type Item = Passage;

    fn next(&mut self) -> Option<Passage> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        if start == self.text.len() {
            return None;
        }
        self.outline.skip(&self.text.as_bytes()[self.at..start], self.at == 0);
        let cut = self.cut(start, self.outline);
        let end = start + self.text[start..cut].trim_end().len();
        let before = self.outline.heading;
        let mut heading = None;
        for line in Lines::new(self.text, start, end) {
            if self.outline.step(self.text, line) && line.start == start {
                heading = self.outline.heading;
            }
        }
        self.at = end;
        Some(Passage { span: Span::new(start, end), heading: heading.or(before) })
    }
}

/// What the lines before a position say about it.
#[derive(Clone, Copy, Debug, Default)]
struct Outline {
    heading: Option<Span>,
    fenced: bool,
    /// The next line starts at a line's start.
    fresh: bool,
    /// The line before the next one is blank, a heading, or there is none.
    open: bool,
}

impl Outline {
    /// Takes in the white space between two passages.
    fn skip(&mut self, space: &[u8], first: bool) {
        let breaks = space.iter().filter(|byte| **byte == b'\n').take(2).count();
        self.fresh = first || breaks > 0;
        self.open = first || breaks > 1 || (breaks == 1 && self.open);
    }

    /// Takes in one line; whether it is a heading.
    fn step(&mut self, text: &str, line: Line) -> bool {
        let bytes = line.bytes(text);
        let (fresh, open) = (self.fresh, self.open);
        self.fresh = true;
        self.open = bytes.is_empty() || line.is_blank(text);
        if !fresh {
            return false;
        }
        match bytes.first() {
            Some(b'`') if bytes.starts_with(b"```") => self.fenced = !self.fenced,
            Some(b'#') if open && !self.fenced => {
                if let Some(heading) = heading_of(text, line) {
                    self.heading = Some(heading);
                    self.open = true;
                    return true;
                }
            }
            _ => {}
        }
        false
    }
}

/// The text of a heading line, bounded.
fn heading_of(text: &str, line: Line) -> Option<Span> {
    let bytes = line.bytes(text);
    let level = bytes.iter().take(7).take_while(|byte| **byte == b'#').count();
    if level > 6 || bytes.get(level) != Some(&b' ') {
        return None;
    }
    let end = text.floor_char_boundary(line.end.min(line.start + HEADING_BYTES_MAX));
    let title = text[line.start + level..end].trim();
    let start = title.as_ptr().addr() - text.as_ptr().addr();
    (!title.is_empty()).then(|| Span::new(start, start + title.len()))
}

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    end: usize,
}

impl Line {
    fn bytes(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start..self.end]
    }

    fn is_blank(self, text: &str) -> bool {
        self.bytes(text).iter().all(u8::is_ascii_whitespace)
    }
}

/// The lines of `text[at..end]`; the last one may be cut short by `end`.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, at: usize, end: usize) -> Self {
        Self { text, at, end }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.at >= self.end {
            return None;
        }
        let start = self.at;
        let rest = &self.text.as_bytes()[start..self.end];
        let end = start + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.at = end + 1;
        Some(Line { start, end })
    }
}

/// The best cut in `text[low..limit]` where no blank line lies.
fn cut_inside(text: &str, low: usize, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let last = |wanted: &dyn Fn(usize) -> bool| (low..limit).rev().find(|at| wanted(*at));
    let sentence = |at: usize| {
        bytes[at].is_ascii_whitespace() && ends_sentence(bytes[at - 1]) || ends_wide(&bytes[..at])
    };
    last(&sentence)
        .or_else(|| last(&|at| bytes[at] == b'\n'))
        .or_else(|| last(&|at| bytes[at].is_ascii_whitespace()))
        .unwrap_or(limit)
}

fn ends_sentence(byte: u8) -> bool {
    matches!(byte, b'.' | b'!' | b'?')
}

/// Whether the bytes end with an ideographic full stop.
fn ends_wide(bytes: &[u8]) -> bool {
    bytes.ends_with("。".as_bytes())
}
