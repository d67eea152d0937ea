//! A PDF font's map from character codes to Unicode (ISO 32000-1, 9.10.3).
//!
//! Only what such maps hold is read: code space ranges, `bfchar` and `bfrange`.
//! Everything else in the stream, PostScript around it included, is passed over.

/// The map of one font.
#[derive(Debug, Default)]
pub(crate) struct CharacterMap {
    /// Bytes of a code, 1 or 2; 0 if no code space was given.
    code_bytes: usize,
    /// Ascending by first code; where ranges overlap, the later one counts.
    ranges: Vec<Range>,
}

#[derive(Debug)]
struct Range {
    first: u32,
    last: u32,
    /// UTF-16 of the first code's text; the last unit grows with the code.
    text: Vec<u16>,
}

/// A string of code bytes or of UTF-16, from `<…>`; longer ones are cut.
type Hex = Vec<u8>;
const HEX_BYTES_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    None,
    Space,
    Chars,
    Ranges,
}

impl CharacterMap {
    /// Reads a map; what is broken in it is passed over.
    pub(crate) fn parse(stream: &[u8]) -> Self {
        let mut map = Self::default();
        let mut section = Section::None;
        let mut strings: Vec<Hex> = Vec::new();
        let mut in_list = false;
        let mut at = 0;
        while let Some(byte) = stream.get(at) {
            match byte {
                b'<' if stream.get(at + 1) != Some(&b'<') => {
                    let length =
                        stream[at..].iter().position(|byte| *byte == b'>').unwrap_or(stream.len() - at);
                    let string = hex(&stream[at + 1..at + length]);
                    if in_list {
                        map.add_listed(&mut strings, &string);
                    } else {
                        strings.push(string);
                        map.take(section, &mut strings);
                    }
                    at += length;
                }
                b'[' => in_list = section == Section::Ranges && strings.len() == 2,
                b']' => {
                    in_list = false;
                    strings.clear();
                }
                b'b' | b'e' => {
                    if let Some(next) = section_at(&stream[at..]) {
                        section = next;
                        strings.clear();
                    }
                }
                _ => {}
            }
            at += 1;
        }
        map.ranges.sort_by_key(|range| range.first);
        map
    }

    /// Uses up the strings of a complete entry.
    fn take(&mut self, section: Section, strings: &mut Vec<Hex>) {
        match (section, strings.as_slice()) {
            (Section::Space, [first, _]) => self.code_bytes = self.code_bytes.max(first.len().clamp(1, 2)),
            (Section::Chars, [code, text]) => self.add(code, code, text),
            (Section::Ranges, [first, last, text]) => self.add(first, last, text),
            (Section::Space | Section::Chars, [_]) | (Section::Ranges, [_] | [_, _]) => return,
            _ => {}
        }
        strings.clear();
    }

    /// Adds the next text of a list; `strings` holds the code it is for, and the last one.
    fn add_listed(&mut self, strings: &mut [Hex], text: &Hex) {
        if let [code, last] = strings
            && number(code) <= number(last)
        {
            self.add(code, code, text);
            let next = number(code).saturating_add(1).to_be_bytes();
            *code = next[4 - code.len().clamp(1, 4)..].to_vec();
            // Past the greatest code of its length nothing more is listed.
            if number(code) == 0 {
                last.clear();
                code.push(1);
            }
        }
    }

    fn add(&mut self, first: &Hex, last: &Hex, text: &Hex) {
        let text = text.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
        self.ranges.push(Range { first: number(first), last: number(last), text });
    }

    /// Whether it maps nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Bytes of a code, if the map says.
    pub(crate) fn code_bytes(&self) -> Option<usize> {
        (self.code_bytes > 0).then_some(self.code_bytes)
    }

    /// Appends a code's text; whether there is one.
    pub(crate) fn write(&self, code: &[u8], out: &mut String) -> bool {
        let code = number(code);
        let behind = self.ranges.partition_point(|range| range.first <= code);
        let Some(range) = self.ranges[..behind].last().filter(|range| range.last >= code) else {
            return false;
        };
        let step = (code - range.first) as u16;
        let last = range.text.len().wrapping_sub(1);
        let units = range.text.iter().enumerate();
        let units = units.map(|(at, unit)| if at == last { unit.wrapping_add(step) } else { *unit });
        out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
        true
    }
}

/// The section that a keyword at the start of `rest` begins or ends.
fn section_at(rest: &[u8]) -> Option<Section> {
    const KEYWORDS: [(&[u8], Section); 4] = [
        (b"begincodespacerange", Section::Space),
        (b"beginbfchar", Section::Chars),
        (b"beginbfrange", Section::Ranges),
        (b"end", Section::None),
    ];
    KEYWORDS.iter().find(|(word, _)| rest.starts_with(word)).map(|(_, section)| *section)
}

fn hex(digits: &[u8]) -> Hex {
    let digits = digits.iter().filter_map(|digit| char::from(*digit).to_digit(16));
    let digits: Vec<u8> = digits.take(2 * HEX_BYTES_MAX).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

/// The last four bytes as a number.
fn number(code: &[u8]) -> u32 {
    code.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(map: &CharacterMap, code: &[u8]) -> Option<String> {
        let mut out = String::new();
        map.write(code, &mut out).then_some(out)
    }

    #[test]
    fn characters_ranges_and_lists_are_mapped() {
        let map = CharacterMap::parse(
            b"/CIDInit /ProcSet findresource begin <</a 1>> 1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
            2 beginbfchar <0001> <0041> <00 02><D834DD1E> endbfchar\n\
            2 beginbfrange <0010> <0012> <0061>\n<0020> <0022> [<0078> <00790079>\n<007A>] endbfrange end",
        );
        assert_eq!(map.code_bytes(), Some(2));
        let expected = [(1, "A"), (2, "𝄞"), (0x10, "a"), (0x12, "c"), (0x20, "x"), (0x21, "yy"), (0x22, "z")];
        for (code, text) in expected {
            assert_eq!(read(&map, &[0, code]).as_deref(), Some(text), "{code}");
        }
        for code in [0, 3, 0x0f, 0x13, 0x23] {
            assert_eq!(read(&map, &[0, code]), None, "{code}");
        }
    }

    #[test]
    fn broken_maps_map_what_is_whole() {
        for (stream, mapped) in [
            (&b"beginbfchar <01> <0041> <02"[..], true),
            (b"beginbfrange <01> <01> [<0041>", true),
            (b"beginbfrange <ff> <ff> [<0041> <0042> <0043>]", false),
            (b"beginbfrange <05> <01> <0041>", false),
            (b"beginbfrange <01> [<0041>] <0041>", false),
            (b"<01> <0041>", false),
            (b"beginbfchar <> <> <", false),
        ] {
            let map = CharacterMap::parse(stream);
            assert_eq!(read(&map, &[1]).as_deref(), mapped.then_some("A"), "{}", stream.escape_ascii());
        }
    }
}
