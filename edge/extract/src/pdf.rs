//! PDF: the text that pages show, in the order in which they show it.
//!
//! Columns, tables and ligatures come out as the file orders them. Text inside
//! form objects, annotations and images is not read.
//!
//! Every stream is unfolded within what is left of one budget for the whole
//! document, so a page that is shown ten thousand times is paid for each time.

use crate::Limits;
use crate::cmap::CharacterMap;
use crate::error::ExtractError;
use crate::layout::Layout;
use crate::sniff::Media;
use lopdf::content::{Content, Operation};
use lopdf::{DecompressError, Dictionary, Document, Encoding, Error, LoadOptions, Object, ObjectId};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A font's table of characters may unfold to this many bytes.
const CHARACTER_MAP_BYTES_MAX: usize = 4 << 20;
/// What a page or a font costs of the budget beside its streams, which bounds their number.
const ENTRY_BYTES: usize = 256;
/// The width of a character whose font gives none, in thousandths of the font's size.
const WIDTH_DEFAULT: f32 = 500.0;

pub(crate) fn text(bytes: &[u8], limits: Limits) -> Result<String, ExtractError> {
    let options = LoadOptions::with_max_decompressed_size(limits.unfolded_bytes_max);
    let document = Document::load_mem_with_options(bytes, options).map_err(|error| named(&error, limits))?;
    if document.is_encrypted() {
        return Err(encrypted());
    }
    let mut reader = Reader {
        document: &document,
        limits,
        left: limits.unfolded_bytes_max,
        fonts: BTreeMap::new(),
        layout: Layout::default(),
    };
    for page in document.page_iter() {
        reader.page(page)?;
    }
    let text = reader.layout.finish();
    if text.is_empty() {
        return Err(ExtractError::failed(Media::Pdf, "its pages show no text, as in a scan"));
    }
    Ok(text)
}

fn encrypted() -> ExtractError {
    ExtractError::failed(Media::Pdf, "it is encrypted with a password")
}

/// What went wrong, in our words.
fn named(error: &Error, limits: Limits) -> ExtractError {
    match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => {
            ExtractError::bomb(Media::Pdf, limits.unfolded_bytes_max)
        }
        Error::InvalidPassword | Error::Decryption(_) => encrypted(),
        Error::Unimplemented(_) => {
            ExtractError::failed(Media::Pdf, "it uses a feature that is not supported")
        }
        other => ExtractError::failed(Media::Pdf, other.to_string().chars().take(200).collect::<String>()),
    }
}

/// A font, as far as text needs it.
struct Font<'d> {
    /// Comes first, since it was made for reading text.
    map: CharacterMap,
    encoding: Option<Encoding<'d>>,
    code_bytes: usize,
    first: usize,
    widths: Vec<f32>,
}

type Fonts<'d> = BTreeMap<Vec<u8>, Rc<Font<'d>>>;

struct Reader<'d> {
    document: &'d Document,
    limits: Limits,
    /// Bytes that may still be unfolded.
    left: usize,
    /// By the address of their dictionaries, which the document holds in place.
    fonts: BTreeMap<usize, Rc<Font<'d>>>,
    layout: Layout,
}

impl<'d> Reader<'d> {
    fn spend(&mut self, bytes: usize) -> Result<(), ExtractError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| ExtractError::bomb(Media::Pdf, self.limits.unfolded_bytes_max))?;
        Ok(())
    }

    fn page(&mut self, page: ObjectId) -> Result<(), ExtractError> {
        let content = self.document.get_page_content_with_limit(page, self.left);
        let content = content.map_err(|error| named(&error, self.limits))?;
        self.spend(content.len() + ENTRY_BYTES)?;
        let fonts = self.page_fonts(page)?;
        self.layout.begin_page();
        let mut font = None;
        // What follows a broken operation can't be told from garbage.
        for operation in Content::decode_iter(&content).map_while(Result::ok) {
            if operation.operator == "Tf" {
                let name = operation.operands.first().and_then(|name| name.as_name().ok());
                font = name.and_then(|name| fonts.get(name)).map(Rc::as_ref);
            }
            self.step(&operation, font);
            if self.layout.text_bytes() > self.limits.text_bytes_max {
                return Err(ExtractError::bomb(Media::Pdf, self.limits.text_bytes_max));
            }
        }
        Ok(())
    }

    fn page_fonts(&mut self, page: ObjectId) -> Result<Fonts<'d>, ExtractError> {
        let mut fonts = Fonts::new();
        for (name, dictionary) in self.document.get_page_fonts(page).unwrap_or_default() {
            self.spend(ENTRY_BYTES)?;
            let address = std::ptr::from_ref(dictionary).addr();
            let font = match self.fonts.get(&address) {
                Some(known) => Rc::clone(known),
                None => Rc::new(self.font(dictionary)?),
            };
            self.fonts.insert(address, Rc::clone(&font));
            fonts.insert(name, font);
        }
        Ok(fonts)
    }

    fn font(&mut self, dictionary: &'d Dictionary) -> Result<Font<'d>, ExtractError> {
        let map = self.character_map(dictionary)?;
        let is_wide = dictionary.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Type0");
        let encoding = if is_wide && !map.is_empty() {
            None
        } else {
            let bytes_max = self.left.min(CHARACTER_MAP_BYTES_MAX);
            let encoding = dictionary.get_font_encoding_with_limit(self.document, bytes_max);
            Some(encoding.map_err(|error| named(&error, self.limits))?)
        };
        let number = |object: &Object| object.as_float().unwrap_or(WIDTH_DEFAULT);
        let widths = dictionary.get_deref(b"Widths", self.document).and_then(Object::as_array);
        let first = dictionary.get_deref(b"FirstChar", self.document).and_then(Object::as_i64);
        Ok(Font {
            code_bytes: map.code_bytes().unwrap_or(if is_wide { 2 } else { 1 }),
            map,
            encoding,
            first: first.ok().and_then(|first| usize::try_from(first).ok()).unwrap_or(0),
            widths: widths.map(|widths| widths.iter().take(256).map(number).collect()).unwrap_or_default(),
        })
    }

    /// The font's map to Unicode; empty if it has none that can be read.
    fn character_map(&mut self, font: &Dictionary) -> Result<CharacterMap, ExtractError> {
        let bytes_max = self.left.min(CHARACTER_MAP_BYTES_MAX);
        let stream = font.get_deref(b"ToUnicode", self.document).and_then(Object::as_stream);
        match stream.and_then(|stream| stream.get_plain_content_with_limit(bytes_max)) {
            Ok(unfolded) => {
                self.spend(unfolded.len())?;
                Ok(CharacterMap::parse(&unfolded))
            }
            Err(error @ Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                Err(named(&error, self.limits))
            }
            Err(_) => Ok(CharacterMap::default()),
        }
    }

    /// Carries out one operation: shows its strings, else moves.
    fn step(&mut self, operation: &Operation, font: Option<&Font<'_>>) {
        let Operation { operator, operands } = operation;
        if matches!(operator.as_str(), "'" | "\"") {
            self.layout.next_line();
        }
        match (operator.as_str(), operands.last()) {
            ("Tj" | "'" | "\"", Some(string)) => self.show(string, font),
            ("TJ", Some(Object::Array(parts))) => parts.iter().for_each(|part| self.show(part, font)),
            _ => self.layout.step(operator, operands),
        }
    }

    /// Shows a string, or moves by a number between strings.
    fn show(&mut self, part: &Object, font: Option<&Font<'_>>) {
        match (part, font) {
            (Object::String(codes, _), Some(font)) => {
                self.layout.show(&font.text(codes), font.width(codes), codes.len() / font.code_bytes);
            }
            (Object::String(..), None) => {}
            _ => self.layout.kern(part.as_float().unwrap_or(0.0)),
        }
    }
}

impl Font<'_> {
    /// The text of a string; a character that the font can't decode is left out.
    fn text(&self, codes: &[u8]) -> String {
        let mut text = String::new();
        if self.map.is_empty() {
            let encoding = self.encoding.as_ref();
            return encoding.and_then(|encoding| encoding.bytes_to_string(codes).ok()).unwrap_or_default();
        }
        for code in codes.chunks(self.code_bytes) {
            if !self.map.write(code, &mut text) && self.code_bytes == 1 {
                let encoding = self.encoding.as_ref();
                let other = encoding.and_then(|encoding| encoding.bytes_to_string(code).ok());
                text.push_str(&other.unwrap_or_default());
            }
        }
        text
    }

    /// The width of a string, in thousandths of the font's size.
    fn width(&self, codes: &[u8]) -> f32 {
        if self.code_bytes > 1 {
            return (codes.len() / self.code_bytes) as f32 * WIDTH_DEFAULT;
        }
        let width = |code: &u8| {
            let index = usize::from(*code).checked_sub(self.first);
            index.and_then(|index| self.widths.get(index)).copied().unwrap_or(WIDTH_DEFAULT)
        };
        codes.iter().map(width).sum()
    }
}
