//! Writes flowing text: white space collapsed, blocks apart, bounded.

/// Marks that stand before the next text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    /// `#` so many times.
    Heading(u8),
    Item,
    Cell,
    /// The start of preformatted text.
    Fence,
}

/// Text being written. Breaks, spaces and marks wait for the text that needs
/// them, so none stands at the end, and none is doubled.
#[derive(Debug)]
pub(crate) struct Writer {
    text: Vec<u8>,
    breaks: u8,
    space: bool,
    mark: Mark,
    bytes_max: usize,
}

impl Writer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { text: Vec::new(), breaks: 0, space: false, mark: Mark::None, bytes_max }
    }

    /// Whether more was written than may be.
    pub(crate) fn is_full(&self) -> bool {
        self.text.len() > self.bytes_max
    }

    /// Asks for at least `breaks` line breaks before the next text.
    pub(crate) fn line_break(&mut self, breaks: u8) {
        self.breaks = self.breaks.max(breaks);
        self.space = false;
    }

    pub(crate) fn space(&mut self) {
        self.space = true;
    }

    /// Asks for a mark before the next text, in place of one that found none.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// Writes what waits.
    fn settle(&mut self) {
        if self.text.is_empty() {
            self.breaks = 0;
            self.space = false;
        }
        if self.breaks > 0 {
            let have = self.text.iter().rev().take(2).take_while(|byte| **byte == b'\n').count();
            let missing = usize::from(self.breaks).saturating_sub(have);
            self.text.extend_from_slice(&b"\n\n"[..missing.min(2)]);
        } else if self.mark == Mark::Cell {
            self.text.extend_from_slice(b" | ");
        } else if self.space {
            self.text.push(b' ');
        }
        match self.mark {
            Mark::Heading(level) => {
                self.text.extend_from_slice(&b"######"[..usize::from(level.clamp(1, 6))]);
                self.text.push(b' ');
            }
            Mark::Item => self.text.extend_from_slice(b"- "),
            Mark::Fence => self.text.extend_from_slice(b"```\n"),
            Mark::Cell | Mark::None => {}
        }
        (self.breaks, self.space, self.mark) = (0, false, Mark::None);
    }

    /// Writes words; every run of ASCII white space is one space.
    pub(crate) fn words(&mut self, words: &[u8]) {
        let mut rest = words;
        loop {
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            self.space |= start > 0;
            rest = &rest[start..];
            if rest.is_empty() || self.is_full() {
                return;
            }
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            if self.breaks > 0 || self.mark != Mark::None || self.text.is_empty() {
                self.settle();
            } else if self.space {
                self.text.push(b' ');
                self.space = false;
            }
            self.text.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
    }

    /// Writes text as it is.
    pub(crate) fn verbatim(&mut self, text: &[u8]) {
        if text.is_empty() || self.is_full() {
            return;
        }
        self.settle();
        self.text.extend_from_slice(text);
    }

    /// Closes the fence, unless no text came since it was asked for.
    pub(crate) fn close_fence(&mut self) {
        if self.mark == Mark::Fence {
            self.mark = Mark::None;
        } else {
            if !self.text.ends_with(b"\n") {
                self.text.push(b'\n');
            }
            self.text.extend_from_slice(b"```");
        }
        self.line_break(2);
    }

    /// The text, ended by one line feed unless it is empty.
    pub(crate) fn finish(mut self) -> String {
        let end = self.text.trim_ascii_end().len();
        self.text.truncate(end);
        if end > 0 {
            self.text.push(b'\n');
        }
        String::from_utf8(self.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}
