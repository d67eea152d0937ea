//! Canonical bytes to values. Whatever is not canonical is refused where it stands.

use crate::{INTEGER_MAX, Map, Value, write::short_escape};
use std::fmt;

/// Bounds on foreign input.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest accepted input.
    pub bytes_max: usize,
    /// The deepest nesting of lists and objects.
    pub depth_max: usize,
}

impl Default for Limits {
    /// 64 KiB and 16 levels: what a call's arguments may be.
    fn default() -> Self {
        Self { bytes_max: 64 * 1024, depth_max: 16 }
    }
}

/// Why bytes are not a canonical value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The offset of the first byte that can't stand.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ParseErrorKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The input is longer than the limit.
    TooLong,
    /// Lists and objects are nested deeper than the limit.
    TooDeep,
    /// The input ends inside a value.
    Truncated,
    /// A byte that can't start or continue a value here; white space too.
    Unexpected,
    /// Bytes after the value.
    Trailing,
    /// A key that is not greater than the one before it: unsorted or duplicate.
    KeyOrder,
    /// A key with a character outside printable ASCII.
    KeyCharacter,
    /// A float, an exponent, a leading zero, `-0`, or a magnitude above 2⁵³ − 1.
    Number,
    /// An escape that the canonical form does not use, or a bare control character.
    Escape,
    /// Bytes that are not UTF-8.
    Utf8,
    /// `null`, which the encoding does not have.
    Null,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ParseErrorKind::TooLong => "is longer than the limit",
            ParseErrorKind::TooDeep => "is nested deeper than the limit",
            ParseErrorKind::Truncated => "ends inside a value",
            ParseErrorKind::Unexpected => "has a byte that can't stand here",
            ParseErrorKind::Trailing => "has bytes after its value",
            ParseErrorKind::KeyOrder => "has keys that are unsorted or duplicate",
            ParseErrorKind::KeyCharacter => "has a key outside printable ASCII",
            ParseErrorKind::Number => "has a number that is not a canonical integer within 2^53",
            ParseErrorKind::Escape => "has an escape or control character that is not canonical",
            ParseErrorKind::Utf8 => "is not UTF-8",
            ParseErrorKind::Null => "has a null",
        };
        write!(f, "the text {what} (at byte {})", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Reads one canonical value that fills `bytes` exactly.
///
/// # Errors
/// The first offset at which the bytes differ from a canonical form.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, ParseError> {
    if bytes.len() > limits.bytes_max {
        return Err(ParseError { offset: limits.bytes_max, kind: ParseErrorKind::TooLong });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ParseError { offset: error.valid_up_to(), kind: ParseErrorKind::Utf8 })?;
    let mut reader = Reader { text, at: 0, depth_left: limits.depth_max };
    let value = reader.value()?;
    if reader.at != bytes.len() {
        return reader.fail(ParseErrorKind::Trailing);
    }
    Ok(value)
}

/// Reads a file's bytes: one canonical value and one newline.
///
/// # Errors
/// As [`parse`]; a missing newline is `Truncated` at the end.
pub fn parse_file(bytes: &[u8], limits: Limits) -> Result<Value, ParseError> {
    let Some((b'\n', body)) = bytes.split_last() else {
        return Err(ParseError { offset: bytes.len(), kind: ParseErrorKind::Truncated });
    };
    parse(body, limits)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth_left: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, kind: ParseErrorKind) -> Result<T, ParseError> {
        Err(ParseError { offset: self.at, kind })
    }

    fn peek(&self) -> Result<u8, ParseError> {
        match self.text.as_bytes().get(self.at) {
            Some(&byte) => Ok(byte),
            None => self.fail(ParseErrorKind::Truncated),
        }
    }

    fn expect(&mut self, literal: &str) -> Result<(), ParseError> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(literal.as_bytes()) {
            self.at += literal.len();
            Ok(())
        } else if literal.as_bytes().starts_with(rest) {
            self.fail(ParseErrorKind::Truncated)
        } else {
            self.fail(ParseErrorKind::Unexpected)
        }
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        match self.peek()? {
            b't' => self.expect("true").map(|()| Value::Bool(true)),
            b'f' => self.expect("false").map(|()| Value::Bool(false)),
            b'n' => self.fail(ParseErrorKind::Null),
            b'"' => self.string().map(Value::String),
            b'-' | b'0'..=b'9' => self.number(),
            b'[' => self.nested(Self::list),
            b'{' => self.nested(Self::object),
            _ => self.fail(ParseErrorKind::Unexpected),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Value, ParseError>) -> Result<Value, ParseError> {
        if self.depth_left == 0 {
            return self.fail(ParseErrorKind::TooDeep);
        }
        self.depth_left -= 1;
        self.at += 1;
        let value = inner(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    /// After an element: true at the closing byte, false after a comma.
    fn closes(&mut self, close: u8) -> Result<bool, ParseError> {
        let byte = self.peek()?;
        if byte != close && byte != b',' {
            return self.fail(ParseErrorKind::Unexpected);
        }
        self.at += 1;
        Ok(byte == close)
    }

    fn list(&mut self) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.closes(b']')? {
                return Ok(Value::List(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value, ParseError> {
        let mut map = Map::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            let start = self.at;
            let key = self.string()?;
            if !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                return Err(ParseError { offset: start, kind: ParseErrorKind::KeyCharacter });
            }
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(ParseError { offset: start, kind: ParseErrorKind::KeyOrder });
            }
            self.expect(":")?;
            let value = self.value()?;
            map.insert(key, value);
            if self.closes(b'}')? {
                return Ok(Value::Map(map));
            }
        }
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
        let digits = &rest[..length];
        match digits.parse::<i64>() {
            Ok(number)
                if number.unsigned_abs() <= INTEGER_MAX.unsigned_abs() && number.to_string() == digits =>
            {
                self.at += length;
                Ok(Value::Integer(number))
            }
            _ => self.fail(ParseErrorKind::Number),
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        if self.peek()? != b'"' {
            return self.fail(ParseErrorKind::Unexpected);
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain =
                rest.bytes().take_while(|&byte| byte != b'"' && byte != b'\\' && byte >= 0x20).count();
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => out.push(self.escape()?),
                _ => return self.fail(ParseErrorKind::Escape),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let Some(&letter) = rest.first() else {
            return self.fail(ParseErrorKind::Truncated);
        };
        if let Some(byte) = (0..0x80u8).find(|&byte| short_escape(byte) == Some(letter)) {
            self.at += 2;
            return Ok(byte as char);
        }
        let digits = rest.get(1..5).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| letter == b'u').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (code, digits) {
            (Some(byte), Some(digits))
                if byte < 0x20 && short_escape(byte).is_none() && format!("{byte:04x}") == digits =>
            {
                self.at += 6;
                Ok(byte as char)
            }
            _ => self.fail(ParseErrorKind::Escape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParseErrorKind as Kind;

    #[track_caller]
    fn refused(text: &[u8], kind: Kind) {
        match parse(text, Limits::default()) {
            Err(error) => assert_eq!(error.kind, kind, "{:?}", String::from_utf8_lossy(text)),
            Ok(value) => panic!("{:?} was read as {value:?}", String::from_utf8_lossy(text)),
        }
    }

    #[test]
    fn every_non_canonical_spelling_is_refused_by_name() {
        refused(b"", Kind::Truncated);
        refused(b"{\"a\":1", Kind::Truncated);
        refused(b"tru", Kind::Truncated);
        refused(b"{\"a\" :1}", Kind::Unexpected);
        refused(b" 1", Kind::Unexpected);
        refused(b"1 ", Kind::Trailing);
        refused(b"{\"b\":1,\"a\":1}", Kind::KeyOrder);
        refused(b"{\"a\":1,\"a\":1}", Kind::KeyOrder);
        refused("{\"é\":1}".as_bytes(), Kind::KeyCharacter);
        refused(b"null", Kind::Null);
        for number in
            ["1.0", "1e2", "01", "-0", "+1", "9007199254740992", "-9007199254740992", "99999999999999999999"]
        {
            let kind = if number.starts_with('+') { Kind::Unexpected } else { Kind::Number };
            refused(number.as_bytes(), kind);
        }
        for text in [
            r#""\/""#,
            r#""\u0041""#,
            r#""\u000A""#,
            r#""\u000a""#,
            r#""\u001F""#,
            r#""\x""#,
            r#""\u00""#,
            r#""\u+01f""#,
        ] {
            refused(text.as_bytes(), Kind::Escape);
        }
        refused(b"\"\n\"", Kind::Escape);
        refused(b"\"\xff\"", Kind::Utf8);
        refused("[".repeat(17).as_bytes(), Kind::TooDeep);
        refused(&vec![b' '; 65537], Kind::TooLong);
        refused(b"[1,]", Kind::Unexpected);
        refused(b"[1 2]", Kind::Unexpected);
    }

    #[test]
    fn a_file_is_one_value_and_one_newline() {
        assert_eq!(parse_file(b"1\n", Limits::default()), Ok(Value::Integer(1)));
        for bytes in [&b"1"[..], b"1\n\n", b"\n", b""] {
            assert!(parse_file(bytes, Limits::default()).is_err());
        }
    }
}
