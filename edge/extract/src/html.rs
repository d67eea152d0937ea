//! HTML: the text that a reader of the page sees, without its navigation.
//!
//! Headings become Markdown headings, paragraphs stand apart, list items start
//! with `- `, cells are parted by ` | `, `<pre>` is kept between ``` fences.
//! Left out are scripts, styles, templates, drawings, form controls, and what
//! is marked as navigation: `<nav>`, `role=navigation|search`, `hidden`,
//! `aria-hidden=true`, and the classes in [`ASIDE_CLASSES`]. A page without a
//! heading gets its title as one.
//!
//! The tokenizer follows WHATWG's; no tree is built, so memory is that of the
//! text, and nesting has no depth. An element that is left out ends where its
//! start and end tags balance; if one never ends, the page is read again
//! without leaving out anything but scripts and styles.

use crate::Limits;
use crate::error::ExtractError;
use crate::sniff::Media;
use crate::writer::{Mark, Writer};
use html5gum::{Emitter, Error, State, Tokenizer, emitters::naive_next_state};

/// Class names that documentation generators give to navigation.
const ASIDE_CLASSES: [&[u8]; 10] = [
    b"sphinxsidebar",
    b"related",
    b"navheader",
    b"navfooter",
    b"headerlink",
    b"anchor",
    b"doc-anchor",
    b"breadcrumb",
    b"breadcrumbs",
    b"skip-link",
];
/// A title is kept up to here, in bytes.
const TITLE_BYTES_MAX: usize = 512;
/// Names and attribute values are kept up to here, in bytes: no word that matters is longer.
const WORD_BYTES_MAX: usize = 256;

pub(crate) fn text(page: &str, limits: Limits) -> Result<String, ExtractError> {
    let mut reader = read(page, limits, true);
    if reader.aside.as_ref().is_some_and(|aside| !aside.is_raw) {
        reader = read(page, limits, false);
    }
    let title = reader.title.trim_ascii().to_vec();
    if reader.out.is_full() {
        return Err(ExtractError::bomb(Media::Html, limits.text_bytes_max));
    }
    let body = reader.out.finish();
    if reader.has_heading || title.is_empty() {
        return Ok(body);
    }
    let mut out = Writer::new(limits.text_bytes_max);
    out.mark(Mark::Heading(1));
    out.words(&title);
    out.line_break(2);
    out.verbatim(body.as_bytes());
    Ok(out.finish())
}

fn read(page: &str, limits: Limits, drops_asides: bool) -> PageReader {
    let mut tokenizer =
        Tokenizer::new_with_emitter(page, PageReader::new(limits.text_bytes_max, drops_asides));
    // The reader yields one token at most: the end, or that it is full.
    match tokenizer.next() {
        Some(Ok(reader)) => reader,
        Some(Err(never)) => match never {},
        None => PageReader::new(limits.text_bytes_max, drops_asides),
    }
}

/// An element that is left out, and how many of its name are open.
#[derive(Debug)]
struct Aside {
    name: Vec<u8>,
    depth: u64,
    /// A script or style, whose content is never text.
    is_raw: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Start,
    End,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Class,
    Role,
    Hidden,
    AriaHidden,
    Other,
}

#[derive(Debug)]
struct PageReader {
    out: Writer,
    drops_asides: bool,
    aside: Option<Aside>,
    title: Vec<u8>,
    in_title: bool,
    pre_depth: u32,
    pre_fresh: bool,
    in_heading: bool,
    has_heading: bool,
    ended: bool,
    tag: Tag,
    name: Vec<u8>,
    last_start: Vec<u8>,
    attribute_name: Vec<u8>,
    attribute_value: Vec<u8>,
    /// The tag being read is marked as an aside.
    is_aside: bool,
}

impl PageReader {
    fn new(bytes_max: usize, drops_asides: bool) -> Self {
        Self {
            out: Writer::new(bytes_max),
            drops_asides,
            aside: None,
            title: Vec::new(),
            in_title: false,
            pre_depth: 0,
            pre_fresh: false,
            in_heading: false,
            has_heading: false,
            ended: false,
            tag: Tag::Other,
            name: Vec::new(),
            last_start: Vec::new(),
            attribute_name: Vec::new(),
            attribute_value: Vec::new(),
            is_aside: false,
        }
    }

    /// Takes in the attribute that was read last.
    fn end_attribute(&mut self) {
        let kind = match self.attribute_name.as_slice() {
            b"class" => Attribute::Class,
            b"role" => Attribute::Role,
            b"hidden" => Attribute::Hidden,
            b"aria-hidden" => Attribute::AriaHidden,
            _ => Attribute::Other,
        };
        let value = self.attribute_value.as_slice();
        self.is_aside |= match kind {
            Attribute::Class => {
                value.split(u8::is_ascii_whitespace).any(|class| ASIDE_CLASSES.contains(&class))
            }
            Attribute::Role => value == b"navigation" || value == b"search",
            Attribute::Hidden => value != b"until-found",
            Attribute::AriaHidden => value == b"true",
            Attribute::Other => false,
        };
        self.attribute_name.clear();
        self.attribute_value.clear();
    }

    fn start_element(&mut self) {
        if let Some(aside) = &mut self.aside {
            aside.depth += u64::from(aside.name == self.name);
            return;
        }
        let is_raw = matches!(self.name.as_slice(), b"script" | b"style");
        let is_dropped =
            self.drops_asides && (self.is_aside || is_never_read(&self.name)) && !is_void(&self.name);
        if is_raw || is_dropped {
            self.aside = Some(Aside { name: self.name.clone(), depth: 1, is_raw });
            return;
        }
        self.open_block();
    }

    fn open_block(&mut self) {
        if breaks_around(&self.name) == 2 {
            self.in_heading = false;
        }
        self.break_for_block();
        match self.name.as_slice() {
            b"title" => self.in_title = true,
            [b'h', level @ b'1'..=b'6'] => {
                self.out.mark(Mark::Heading(level - b'0'));
                (self.in_heading, self.has_heading) = (true, true);
            }
            b"li" => self.out.mark(Mark::Item),
            b"td" | b"th" => self.out.mark(Mark::Cell),
            b"pre" => {
                if self.pre_depth == 0 {
                    self.out.mark(Mark::Fence);
                }
                (self.pre_depth, self.pre_fresh) = (self.pre_depth + 1, true);
            }
            _ => {}
        }
    }

    fn end_element(&mut self) {
        if let Some(aside) = &mut self.aside {
            aside.depth -= u64::from(aside.name == self.name);
            if aside.depth == 0 {
                self.aside = None;
            }
            return;
        }
        match self.name.as_slice() {
            b"title" => self.in_title = false,
            b"pre" if self.pre_depth > 0 => {
                self.pre_depth -= 1;
                if self.pre_depth == 0 {
                    self.out.close_fence();
                }
            }
            [b'h', b'1'..=b'6'] => self.in_heading = false,
            // A definition follows its term closely.
            b"dt" if self.pre_depth == 0 => return self.out.line_break(1),
            _ => {}
        }
        self.break_for_block();
    }

    /// Parts the block from its surroundings. A heading stays on one line, and
    /// preformatted text keeps its own breaks.
    fn break_for_block(&mut self) {
        let breaks = breaks_around(&self.name);
        if breaks == 0 || self.pre_depth > 0 {
            if self.pre_depth > 0 && self.name == b"br" {
                self.out.verbatim(b"\n");
            }
        } else if self.in_heading {
            self.out.space();
        } else {
            self.out.line_break(breaks);
        }
    }
}

/// Elements whose content is never read.
fn is_never_read(name: &[u8]) -> bool {
    matches!(
        name,
        b"nav"
            | b"template"
            | b"svg"
            | b"math"
            | b"noscript"
            | b"iframe"
            | b"object"
            | b"button"
            | b"select"
            | b"canvas"
            | b"dialog"
            | b"audio"
            | b"video"
    )
}

/// Elements without an end tag.
fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"source"
            | b"track"
            | b"wbr"
            | b"html"
            | b"body"
    )
}

/// Line breaks before and after an element.
fn breaks_around(name: &[u8]) -> u8 {
    match name {
        b"p"
        | b"pre"
        | b"blockquote"
        | b"table"
        | b"ul"
        | b"ol"
        | b"dl"
        | b"dt"
        | b"section"
        | b"article"
        | b"main"
        | b"header"
        | b"footer"
        | b"aside"
        | b"figure"
        | b"hr"
        | b"details"
        | b"form"
        | b"fieldset"
        | b"body"
        | [b'h', b'1'..=b'6'] => 2,
        b"div" | b"li" | b"tr" | b"dd" | b"br" | b"caption" | b"figcaption" | b"summary" | b"address"
        | b"option" | b"legend" | b"thead" | b"tbody" | b"title" => 1,
        _ => 0,
    }
}

/// Appends what fits.
fn push_bounded(word: &mut Vec<u8>, more: &[u8], bytes_max: usize) {
    let room = bytes_max.saturating_sub(word.len());
    word.extend_from_slice(&more[..more.len().min(room)]);
}

impl Emitter for PageReader {
    type Token = Self;

    fn set_last_start_tag(&mut self, last_start_tag: Option<&[u8]>) {
        self.last_start = last_start_tag.unwrap_or_default().to_vec();
    }

    fn emit_eof(&mut self) {
        self.ended = true;
    }

    fn emit_error(&mut self, _: Error) {}

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Self> {
        if !self.ended && !self.out.is_full() {
            return None;
        }
        if self.pre_depth > 0 && !self.out.is_full() {
            self.out.close_fence();
        }
        Some(std::mem::replace(self, Self::new(usize::MAX, false)))
    }

    fn emit_string(&mut self, text: &[u8]) {
        if self.aside.is_some() {
        } else if self.in_title {
            push_bounded(&mut self.title, text, TITLE_BYTES_MAX);
        } else if self.pre_depth > 0 {
            let text = if self.pre_fresh { text.strip_prefix(b"\n").unwrap_or(text) } else { text };
            self.pre_fresh = false;
            self.out.verbatim(text);
        } else {
            self.out.words(text);
        }
    }

    fn init_start_tag(&mut self) {
        self.tag = Tag::Start;
        self.name.clear();
        self.is_aside = false;
    }

    fn init_end_tag(&mut self) {
        self.tag = Tag::End;
        self.name.clear();
    }

    fn init_comment(&mut self) {
        self.tag = Tag::Other;
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.end_attribute();
        if self.tag == Tag::End {
            self.end_element();
            return None;
        }
        self.start_element();
        self.last_start.clone_from(&self.name);
        naive_next_state(&self.name)
    }

    fn emit_current_comment(&mut self) {}
    fn emit_current_doctype(&mut self) {}
    fn set_self_closing(&mut self) {}
    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, more: &[u8]) {
        push_bounded(&mut self.name, more, WORD_BYTES_MAX);
    }

    fn push_comment(&mut self, _: &[u8]) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn init_doctype(&mut self) {
        self.tag = Tag::Other;
    }

    fn init_attribute(&mut self) {
        self.end_attribute();
    }

    fn push_attribute_name(&mut self, more: &[u8]) {
        push_bounded(&mut self.attribute_name, more, WORD_BYTES_MAX);
    }

    fn push_attribute_value(&mut self, more: &[u8]) {
        push_bounded(&mut self.attribute_value, more, WORD_BYTES_MAX);
    }

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag == Tag::End && !self.last_start.is_empty() && self.name == self.last_start
    }
}
