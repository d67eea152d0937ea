//! Words for a terminal: foreign text made harmless, numbers with their nouns, lines that fit.

/// Foreign text for a terminal: control and direction-changing characters are
/// shown as escapes, so that a document can't move the cursor or hide text.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        let bidi =
            matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (letter.is_control() && letter != '\n' && letter != '\t') || bidi {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

/// A foreign name for a terminal: one line, whatever is in it.
pub(crate) fn name(text: &str) -> String {
    let line = |letter: char| {
        matches!(letter, '\n' | '\t' | '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
    };
    let mut out = String::new();
    for letter in printable(text).chars() {
        if line(letter) { out.extend(letter.escape_unicode()) } else { out.push(letter) }
    }
    out
}

/// A size for people, in powers of 1024.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// `1 document`, `2 documents`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("{count} {one}") } else { format!("{count} {one}s") }
}

/// Breaks lines longer than `columns` between words. What goes on in the next line stands where the first
/// word of the line stands, `hanging` further to the right. A word that is too long stays whole.
pub(crate) fn folded(text: &str, columns: usize, hanging: usize) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| folded_line(line, columns, hanging)).collect();
    lines.join("\n")
}

fn folded_line(line: &str, columns: usize, hanging: usize) -> String {
    let indent = line.chars().take_while(|letter| *letter == ' ').count() + hanging;
    let (mut out, mut column) = (String::new(), 0);
    // Each word with the spaces before it.
    for (index, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > columns {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\nd");
    }

    #[test]
    fn a_file_name_cannot_print_a_line_of_its_own() {
        assert_eq!(name("x\nReceipt: fine\u{200b}"), "x\\u{a}Receipt: fine\\u{200b}");
    }

    #[test]
    fn one_is_singular_and_none_is_not() {
        let all = [0, 1, 2].map(|count| counted(count, "document"));
        assert_eq!(all, ["0 documents", "1 document", "2 documents"]);
    }

    #[test]
    fn sizes_are_in_powers_of_1024() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
    }

    #[test]
    fn lines_are_broken_between_words_and_nothing_is_lost() {
        assert_eq!(folded("one two three", 7, 0), "one two\nthree");
        assert_eq!(folded("  a  word and more", 12, 2), "  a  word\n    and more");
        assert_eq!(folded("/a/long/path/that/stays whole", 10, 0), "/a/long/path/that/stays\nwhole");
        assert_eq!(folded("short\n\nlines", 80, 4), "short\n\nlines");
        let text = "The quick brown fox jumps over the lazy dog, and does it again.\n  And again.";
        for columns in 1..100 {
            let folded = folded(text, columns, 1);
            assert!(folded.split_whitespace().eq(text.split_whitespace()), "{folded}");
            let fits = |line: &str| line.trim().chars().count() <= columns || !line.trim().contains(' ');
            assert!(folded.lines().all(fits), "{columns}: {folded}");
        }
    }
}
