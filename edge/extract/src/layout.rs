//! Lines and words of a page, told from where its text is shown.
//!
//! PDF places strings; it has no lines, words or paragraphs. Here a move up or
//! down by half the font's size ends the line, one by more than
//! [`PARAGRAPH_SPACING`] sizes, or upwards, the paragraph, and a gap of more
//! than [`WORD_GAP`] sizes parts words. (ISO 32000-1, 9.4: text objects.)

use lopdf::Object;

const PARAGRAPH_SPACING: f32 = 1.8;
const WORD_GAP: f32 = 0.18;
/// Deeper saved states are not kept apart.
const SAVED_MAX: usize = 64;

/// A matrix `[a b c d e f]` that maps (x, y) to (ax + cy + e, bx + dy + f).
#[derive(Clone, Copy, Debug)]
struct Matrix([f32; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn moved(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// `self` first, then `after`.
    fn then(self, after: Self) -> Self {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (self.0, after.0);
        Self([
            a * g + b * i,
            a * h + b * j,
            c * g + d * i,
            c * h + d * j,
            e * g + f * i + k,
            e * h + f * j + l,
        ])
    }

    /// Where the origin goes.
    fn origin(self) -> (f32, f32) {
        (self.0[4], self.0[5])
    }

    /// How much heights and widths grow.
    fn scales(self) -> (f32, f32) {
        (self.0[2].hypot(self.0[3]), self.0[0].hypot(self.0[1]))
    }
}

/// The text read so far, and the state of the page being read.
#[derive(Debug)]
pub(crate) struct Layout {
    text: String,
    page: Matrix,
    saved: Vec<Matrix>,
    line: Matrix,
    /// How far along the line the next string starts, in text space.
    advance: f32,
    size: f32,
    leading: f32,
    letter_spacing: f32,
    word_spacing: f32,
    /// Where the last string ended, on the page.
    end: Option<(f32, f32)>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            text: String::new(),
            page: Matrix::IDENTITY,
            saved: Vec::new(),
            line: Matrix::IDENTITY,
            advance: 0.0,
            size: 12.0,
            leading: 0.0,
            letter_spacing: 0.0,
            word_spacing: 0.0,
            end: None,
        }
    }
}

impl Layout {
    /// Forgets the last page's state and starts a paragraph.
    pub(crate) fn begin_page(&mut self) {
        let text = std::mem::take(&mut self.text);
        *self = Self { text, ..Self::default() };
        self.break_lines(2);
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The text, ended by one line feed unless it is empty.
    pub(crate) fn finish(mut self) -> String {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        if end > 0 {
            self.text.push('\n');
        }
        self.text
    }

    /// Carries out an operation that shows nothing.
    pub(crate) fn step(&mut self, operator: &str, operands: &[Object]) {
        let number =
            |index: usize| operands.get(index).and_then(|value| value.as_float().ok()).unwrap_or(0.0);
        let matrix = || Matrix(std::array::from_fn(number));
        match operator {
            "q" if self.saved.len() < SAVED_MAX => self.saved.push(self.page),
            "Q" => self.page = self.saved.pop().unwrap_or(self.page),
            "cm" => self.page = matrix().then(self.page),
            "BT" => self.set_line(Matrix::IDENTITY),
            "Tm" => self.set_line(matrix()),
            "Td" => self.move_line(number(0), number(1)),
            "TD" => {
                self.leading = -number(1);
                self.move_line(number(0), number(1));
            }
            "TL" => self.leading = number(0),
            "T*" => self.next_line(),
            "Tf" => self.size = number(1),
            "Tc" => self.letter_spacing = number(0),
            "Tw" => self.word_spacing = number(0),
            _ => {}
        }
    }

    pub(crate) fn next_line(&mut self) {
        self.move_line(0.0, -self.leading);
    }

    fn set_line(&mut self, line: Matrix) {
        (self.line, self.advance) = (line, 0.0);
    }

    fn move_line(&mut self, x: f32, y: f32) {
        self.set_line(Matrix::moved(x, y).then(self.line));
    }

    /// Moves to the left by thousandths of the font's size.
    pub(crate) fn kern(&mut self, thousandths: f32) {
        self.advance -= thousandths / 1000.0 * self.size;
    }

    /// Shows `text`, which is `width` thousandths of the font's size wide and
    /// made of `codes` characters.
    pub(crate) fn show(&mut self, text: &str, width: f32, codes: usize) {
        let here = Matrix::moved(self.advance, 0.0).then(self.line).then(self.page);
        let (height, stretch) = here.scales();
        self.part(here.origin(), (self.size * height).abs(), (self.size * stretch).abs());
        let visible = text.chars().filter(|character| !character.is_control() || *character == '\t');
        self.text.extend(visible);
        let spaces = text.matches(' ').count() as f32;
        self.advance +=
            width / 1000.0 * self.size + codes as f32 * self.letter_spacing + spaces * self.word_spacing;
        self.end = Some(Matrix::moved(self.advance, 0.0).then(self.line).then(self.page).origin());
    }

    /// Parts what is shown at `start` from what was shown before it.
    fn part(&mut self, (x, y): (f32, f32), height: f32, width: f32) {
        let Some((end_x, end_y)) = self.end else { return };
        let down = end_y - y;
        if down > PARAGRAPH_SPACING * height || down < -0.5 * height {
            self.break_lines(2);
        } else if down > 0.5 * height {
            self.break_lines(1);
        } else if (x - end_x > WORD_GAP * width || x < end_x - width) && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn break_lines(&mut self, breaks: usize) {
        let end = self.text.trim_end_matches([' ', '\t']).len();
        self.text.truncate(end);
        let have = self.text.bytes().rev().take(2).take_while(|byte| *byte == b'\n').count();
        if end > 0 {
            self.text.push_str(&"\n\n"[..breaks.saturating_sub(have)]);
        }
    }
}
