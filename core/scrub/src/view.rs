//! A text as it stands and in every reading of it, one inside of another.

use crate::code::{self, stretches};
use crate::fold::fold;
use crate::kind::Kinds;
use crate::origin::{Escape, Origin};
use crate::plain;
use crate::text::{Match, Rest, work};

/// So many readings are made one inside of another: JSON escapes in base64, base64 in hexadecimal.
pub(crate) const DEPTH: usize = 2;

/// Buffers of one depth, used again.
#[derive(Debug, Default)]
struct Level {
    folded: Vec<u8>,
    escapes: Vec<Escape>,
    codes: code::Buffers,
    found: Vec<Match>,
}

/// Buffers for all depths.
#[derive(Debug, Default)]
pub(crate) struct Levels([Level; DEPTH]);

/// Finds everything of these kinds, in any reading, by its place in the text. Findings may overlap, come
/// twice and in no order.
pub(crate) fn find_all(text: &[u8], kinds: Kinds, levels: &mut Levels, found: &mut Vec<Match>) {
    find_in(text, None, kinds, &mut levels.0, found);
}

/// Whether decoded text can hold any finding: the shortest are an address of six bytes and a number of eight
/// digits; all others take more than twenty bytes or have as many digits.
fn may_hold(stretch: &[u8]) -> bool {
    const SHORT_BYTES: usize = 20;
    let digits = || stretch.iter().filter(|byte| byte.is_ascii_digit()).count();
    stretch.len() > SHORT_BYTES || memchr::memchr(b'@', stretch).is_some() || digits() >= 5
}

/// Whether an escape lies in a range of a folded text, or touches it.
fn touches(escapes: &[Escape], start: usize, end: usize) -> bool {
    let first = escapes.partition_point(|escape| escape.to + escape.to_bytes < start);
    escapes.get(first).is_some_and(|escape| escape.to <= end)
}

/// `escapes` are those of a folded text. Letters without one were read before it was folded.
fn find_in(
    text: &[u8],
    escapes: Option<&[Escape]>,
    kinds: Kinds,
    levels: &mut [Level],
    found: &mut Vec<Match>,
) {
    work::add(text.len());
    plain::find_all(text, kinds, found);
    let Some((level, deeper)) = levels.split_first_mut() else { return };
    let Level { folded, escapes: made, codes, found: inside } = level;
    if fold(text, folded, made) {
        inside.clear();
        find_in(folded, Some(made), kinds, deeper, inside);
        let origin = Origin::Escapes(made);
        found.extend(inside.iter().map(|found| placed(found, 0, &origin, found.rest)));
    }
    let wanted = |start, end| escapes.is_none_or(|escapes| touches(escapes, start, end));
    code::read_all(text, codes, wanted, |reading| {
        let origin = Origin::Letters { letters: reading.letters, bits: reading.bits, first: reading.first };
        for (at, stretch) in stretches(reading.decoded).filter(|(_, stretch)| may_hold(stretch)) {
            inside.clear();
            find_in(stretch, None, kinds, deeper, inside);
            // What has no end in decoded text goes on as long as letters do.
            let rest = |found: &Match| if found.rest == Rest::None { Rest::None } else { Rest::Code };
            found.extend(inside.iter().map(|found| placed(found, at, &origin, rest(found))));
        }
    });
}

fn placed(found: &Match, offset: usize, origin: &Origin<'_>, rest: Rest) -> Match {
    let (start, end) = origin.range(offset + found.start, offset + found.end);
    Match { start, end, rest, ..*found }
}
