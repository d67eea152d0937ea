//! The search of one answer: its bytes, and the text that a reader of it would see.

use ioi_completion::Reader;
use ioi_scrub::{LeakFilter, Leaked};

/// So much of a spelling may be shown before it is known to be none. The text is shown piece by piece, and a
/// letter or two begin some spelling all the time.
const SHOWN_MAX: usize = 3;

/// Lets an answer pass in pieces, if it doesn't hold the secret. Where it is a model's, the text of its events
/// is searched too, as one text: in any spelling, however it was cut and whatever stands between the pieces.
pub(crate) struct Search {
    bytes: LeakFilter,
    text: LeakFilter,
    reader: Reader,
    held: Vec<u8>,
}

impl Search {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let (bytes, text) = (LeakFilter::new(secret), LeakFilter::new(secret));
        Self { bytes, text, reader: Reader::default(), held: Vec::new() }
    }

    /// What of this piece, and of those before, may pass now.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Result<Vec<u8>, Leaked> {
        self.text.pass(self.reader.take(piece).as_bytes())?;
        self.held.extend(self.bytes.pass(piece)?);
        Ok(if self.text.matched() > SHOWN_MAX { Vec::new() } else { std::mem::take(&mut self.held) })
    }

    /// The end: what was held back passes, since nothing follows it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.held.extend(self.bytes.finish());
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "sk-0123456789\"abc\\def";

    fn pass(bytes: &[u8], piece: usize) -> Result<Vec<u8>, Leaked> {
        let mut search = Search::new(SECRET.as_bytes());
        let mut passed = Vec::new();
        for piece in bytes.chunks(piece) {
            passed.extend(search.pass(piece)?);
        }
        passed.extend(search.finish());
        Ok(passed)
    }

    fn events(text: &str, token: usize, write: impl Fn(&str) -> String) -> String {
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(token).map(|token| write(&token.iter().collect::<String>())).collect()
    }

    proptest! {
        #[test]
        fn a_secret_in_pieces_over_the_events_is_found_in_every_spelling_and_disguise(
            token in 1_usize..6, piece in 1_usize..90, spelling in 0_usize..4, disguise in 0_usize..4,
        ) {
            let spelled = match spelling {
                0 => SECRET.to_owned(),
                1 => ioi_types::hex::encode(SECRET.as_bytes()),
                2 => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, SECRET),
                _ => SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            };
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let write = |token: &str| {
                let token = quoted(token);
                let json = match disguise {
                    0 => format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{token}\"}}}}]}}"),
                    1 => format!("{{\"choices\":[{{\"delta\":{{\"\\u0063ontent\":\"{token}\"}}}}]}}"),
                    2 => format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{token}\"}}}}],\"z\":{{\"content\":\"!\"}}}}"),
                    _ => format!("{{\"a\":1,\"choices\" : [ {{\"message\" : {{ \"content\" : \"{token}\" }} }} ] }}"),
                };
                format!("data: {json}\n\n")
            };
            let text = events(&format!("It is {spelled}."), token, write);
            prop_assert_eq!(pass(text.as_bytes(), piece), Err(Leaked));
        }

        #[test]
        fn an_answer_without_the_secret_passes_whole(
            text in "[sk0-9 -]{0,60}", token in 1_usize..6, piece in 1_usize..90,
        ) {
            let write = |token: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{token}\"}}}}]}}\n\n");
            let text = events(&text, token, write) + "data: [DONE]\n\n";
            prop_assert_eq!(pass(text.as_bytes(), piece), Ok(text.clone().into_bytes()));
        }
    }

    #[test]
    fn no_more_than_the_first_letters_of_the_secret_are_let_through() {
        let write =
            |token: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{token}\"}}}}]}}\n\n");
        let mut search = Search::new(SECRET.as_bytes());
        let (mut passed, mut reader) = (Vec::new(), Reader::default());
        for token in ["Key: ", "s", "k-", "01", "23", "456789"] {
            passed.extend(search.pass(write(token).as_bytes()).unwrap());
        }
        let shown = reader.take(&passed).to_owned();
        assert_eq!(shown, "Key: sk-");
    }
}
