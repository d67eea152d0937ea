//! Which pages of a peer's memory were found present: once there, they stay.

use std::ops::Range;

/// A machine's pages are as large or larger, and come and go as a whole.
const PAGE_BYTES: u64 = 4096;

/// One bit a page. No page that was found is looked for again, so a peer that leaves holes
/// can't have the same pages walked over and over.
#[derive(Debug)]
pub(super) struct Present {
    bounds: Range<u64>,
    found: Vec<u64>,
    /// Every page from the bounds' start to this byte was found: most lenders allocate from the
    /// start on, and then a look costs the same at any size.
    found_to: u64,
}

impl Present {
    /// Nothing of `bounds` was found yet.
    pub(super) fn new(bounds: Range<u64>) -> Present {
        let words = pages(&bounds).end.div_ceil(64);
        let found_to = bounds.start;
        Present { bounds, found: vec![0; words], found_to }
    }

    /// Whether all of `range`, which lies within the bounds, is present; `first_hole`
    /// answers where in a range the first hole is, `None` if it has none.
    pub(super) fn check(
        &mut self,
        range: &Range<u64>,
        mut first_hole: impl FnMut(Range<u64>) -> Option<u64>,
    ) -> bool {
        if range.end <= self.found_to {
            return true;
        }
        let pages = pages(range);
        while let Some(missing) = self.first_missing(pages.clone()) {
            let start = missing.start as u64 * PAGE_BYTES;
            let end = (missing.end as u64 * PAGE_BYTES).min(self.bounds.end);
            match first_hole(start..end) {
                None => self.mark(missing),
                Some(hole) => {
                    self.mark(missing.start..(hole / PAGE_BYTES) as usize);
                    return false;
                }
            }
        }
        if range.start <= self.found_to {
            self.found_to = range.end;
        }
        true
    }

    /// The first run of pages that were not found yet.
    fn first_missing(&self, pages: Range<usize>) -> Option<Range<usize>> {
        let start = self.first(pages.clone(), |word| !word)?;
        let end = self.first(start..pages.end, |word| word).unwrap_or(pages.end);
        Some(start..end)
    }

    /// The first page whose bit is set in what `of` makes of its word.
    fn first(&self, pages: Range<usize>, of: impl Fn(u64) -> u64) -> Option<usize> {
        let mut at = pages.start;
        while at < pages.end {
            let rest = of(self.found[at / 64]) >> (at % 64);
            if rest != 0 {
                let page = at + rest.trailing_zeros() as usize;
                return (page < pages.end).then_some(page);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    fn mark(&mut self, pages: Range<usize>) {
        for page in pages {
            self.found[page / 64] |= 1 << (page % 64);
        }
    }
}

/// The pages that a range touches, by their numbers from the start of the memory.
fn pages(range: &Range<u64>) -> Range<usize> {
    (range.start / PAGE_BYTES) as usize..range.end.div_ceil(PAGE_BYTES) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGES: usize = 200;

    /// A file of pages that are there or not, and how many of them were walked over.
    struct File {
        is_there: Vec<bool>,
        walked: usize,
    }

    impl File {
        fn first_hole(&mut self, range: Range<u64>) -> Option<u64> {
            let found = pages(&range).find(|page| {
                self.walked += 1;
                !self.is_there[*page]
            });
            found.map(|page| (page as u64 * PAGE_BYTES).max(range.start))
        }
    }

    proptest! {
        #[test]
        fn it_answers_as_the_file_does_and_walks_over_no_page_twice(
            steps in prop::collection::vec((any::<bool>(), 0..PAGES, 1..PAGES), 1..200),
        ) {
            let mut file = File { is_there: vec![false; PAGES], walked: 0 };
            let mut present = Present::new(3 * PAGE_BYTES..PAGES as u64 * PAGE_BYTES - 64);
            let mut checks = 0;
            for (allocates, start, count) in steps {
                let range = start.max(3)..(start.max(3) + count).min(PAGES);
                if allocates {
                    file.is_there[range].fill(true);
                    continue;
                }
                let bytes = range.start as u64 * PAGE_BYTES + 64..range.end as u64 * PAGE_BYTES - 64;
                let expected = file.is_there[range].iter().all(|is_there| *is_there);
                prop_assert_eq!(present.check(&bytes, |part| file.first_hole(part)), expected);
                checks += 1;
            }
            prop_assert!(file.walked <= PAGES + checks, "{} pages in {checks} checks", file.walked);
        }
    }
}
