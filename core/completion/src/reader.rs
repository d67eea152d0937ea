//! A model's answer, read as it comes. All of it is foreign: every size is bounded, and what is no answer is
//! said to be none.

use ioi_types::limits;
use serde::Deserialize;

/// Bytes of one line, and of an answer that is one JSON object.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes of the whole text: it travels inline.
const TEXT_BYTES_MAX: usize = limits::INLINE_BYTES_MAX;
/// Characters of a server's complaint that are shown.
const COMPLAINT_CHARS_MAX: usize = 300;

/// What is known after some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The text so far.
    pub text: String,
    /// Why it is no whole answer; the first reason.
    pub trouble: Option<String>,
}

/// The state of reading one answer.
#[derive(Default)]
pub struct Reader {
    read: Read,
    line: Vec<u8>,
    /// The last byte ended a line with a carriage return; a line feed then belongs to it.
    after_return: bool,
    /// The bytes so far, where they may be one JSON object.
    object: Option<Vec<u8>>,
    begun: bool,
    done: bool,
}

#[derive(Deserialize)]
struct Message {
    choices: Option<Vec<Choice>>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Content>,
    message: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
}

impl Reader {
    /// Takes the next bytes and returns the text that they added.
    pub fn take(&mut self, bytes: &[u8]) -> &str {
        let before = self.read.text.len();
        for &byte in bytes {
            if !self.begun && !byte.is_ascii_whitespace() {
                self.begun = true;
                self.object = (byte == b'{').then(Vec::new);
            }
            match &mut self.object {
                Some(object) if object.len() < LINE_BYTES_MAX => object.push(byte),
                Some(_) => self.trouble("the answer is longer than 1 MiB"),
                None => self.take_byte(byte),
            }
        }
        &self.read.text[before..]
    }

    /// True once the answer has said that it is whole; what follows is no part of it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The end of the bytes.
    pub fn finish(mut self) -> Read {
        if let Some(object) = self.object.take() {
            self.take_message(&object);
            self.done = true;
        } else if !self.line.is_empty() {
            self.end_line();
        }
        if !self.done {
            self.trouble("the answer broke off before its end");
        } else if self.read.text.is_empty() {
            self.trouble("the answer holds no text");
        }
        self.read
    }

    fn trouble(&mut self, why: &str) {
        self.read.trouble.get_or_insert_with(|| why.to_owned());
    }

    fn take_byte(&mut self, byte: u8) {
        let joined = std::mem::take(&mut self.after_return) && byte == b'\n';
        match byte {
            b'\n' | b'\r' if !joined => self.end_line(),
            b'\n' => {}
            _ if self.line.len() < LINE_BYTES_MAX => self.line.push(byte),
            _ => self.trouble("a line of the answer is longer than 1 MiB"),
        }
        self.after_return = byte == b'\r';
    }

    /// One field; servers put each event's data on one line.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some(data) = line.strip_prefix(b"data:") else { return };
        let data = data.strip_prefix(b" ").unwrap_or(data);
        if data == b"[DONE]" {
            self.done = true;
        } else if !self.done {
            self.take_message(data);
        }
    }

    fn take_message(&mut self, json: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Message>(json) else {
            return self.trouble("a part of the answer is not of the protocol");
        };
        if let Some(error) = message.error.filter(|error| !error.is_null()) {
            let said = error
                .get("message")
                .and_then(|m| m.as_str())
                .map_or_else(|| error.to_string(), str::to_owned);
            let said: String = said.chars().take(COMPLAINT_CHARS_MAX).collect();
            return self.trouble(&format!("the endpoint says: {said}"));
        }
        let Some(choice) = message.choices.unwrap_or_default().into_iter().next() else { return };
        let content = choice.delta.or(choice.message).and_then(|content| content.content).unwrap_or_default();
        if self.read.text.len() + content.len() > TEXT_BYTES_MAX {
            return self.trouble("the answer's text is longer than 64 KiB");
        }
        self.read.text.push_str(&content);
        match choice.finish_reason.as_deref() {
            None => {}
            Some("length") => self.trouble("the model stopped at its longest answer"),
            Some("content_filter") => self.trouble("the endpoint cut the answer by a filter of its own"),
            // Some servers send no `[DONE]` after it.
            Some(_) => self.done = true,
        }
    }
}

/// The numbers in brackets, as `[2]` or `[1, 3]`, that are numbers of passages; in order, each once.
pub fn cited(text: &str, passages: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = text
        .split('[')
        .skip(1)
        .filter_map(|after| after.split_once(']'))
        .filter(|(inside, _)| inside.len() <= 64)
        .flat_map(|(inside, _)| inside.split(',').filter_map(|number| number.trim().parse().ok()))
        .filter(|number| (1..=passages).contains(number))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Read {
        let mut reader = Reader::default();
        reader.take(bytes);
        reader.finish()
    }

    fn event(text: &str) -> String {
        format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
    }

    fn trouble(bytes: &str) -> String {
        read(bytes.as_bytes()).trouble.unwrap_or_default()
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_the_events_wherever_they_are_cut(
            tokens in prop::collection::vec("[a-z \u{1f426}\"\\\\\n]{1,12}", 1..20),
            crlf in any::<bool>(), comments in any::<bool>(), piece in 1_usize..40,
        ) {
            let mut sent: String = tokens.iter().map(|token| event(token)).collect();
            sent.push_str("data: [DONE]\n\n");
            if comments { sent = format!(": hello\nid: 7\nevent: message\n{sent}"); }
            if crlf { sent = sent.replace('\n', "\r\n"); }
            let (mut reader, mut streamed) = (Reader::default(), String::new());
            for bytes in sent.as_bytes().chunks(piece) {
                streamed.push_str(reader.take(bytes));
            }
            let read = reader.finish();
            prop_assert_eq!(&read.text, &tokens.concat());
            prop_assert_eq!(&streamed, &read.text);
            prop_assert_eq!(read.trouble, None);
        }

        #[test]
        fn arbitrary_bytes_are_bounded_and_never_a_whole_answer(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let read = read(&bytes);
            prop_assert!(read.trouble.is_some());
            prop_assert!(read.text.len() <= bytes.len());
        }
    }

    #[test]
    fn an_answer_is_done_when_it_says_so_and_what_follows_is_no_part_of_it() {
        for end in ["data: [DONE]\n", "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n"] {
            let mut reader = Reader::default();
            reader.take(event("whole").as_bytes());
            assert!(!reader.is_done());
            reader.take(end.as_bytes());
            assert!(reader.is_done());
            assert_eq!(reader.take(event(" more").as_bytes()), "");
            assert_eq!(reader.finish(), Read { text: "whole".into(), trouble: None });
        }
        let null = "data: {\"choices\":null}\n\ndata: [DONE]\n\n";
        assert!(trouble(&(event("x") + null)).is_empty());
    }

    #[test]
    fn one_json_object_is_an_answer_too() {
        let read = read(br#" {"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}"#);
        assert_eq!(read, Read { text: "whole".into(), trouble: None });
    }

    #[test]
    fn each_way_to_be_no_whole_answer_is_named() {
        assert!(trouble("").contains("broke off"));
        assert!(trouble(&event("half")).contains("broke off"));
        assert!(trouble("data: [DONE]\n\n").contains("no text"));
        assert!(trouble("data: {nonsense\n\n").contains("not of the protocol"));
        assert!(trouble("<html>502 Bad Gateway</html>").contains("broke off"));
        assert!(trouble(r#"{"error":{"message":"no such model"}}"#).contains("no such model"));
        assert!(trouble("data: {\"error\":\"overloaded\"}\n\n").contains("overloaded"));
        let cut = r#"{"choices":[{"message":{"content":"cut"},"finish_reason":"length"}]}"#;
        assert!(trouble(cut).contains("longest"));
        let filtered = r#"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#;
        assert!(trouble(filtered).contains("filter"));
    }

    #[test]
    fn a_line_without_end_and_a_text_without_end_stop_at_their_bounds() {
        assert!(trouble(&format!("data: {}", "x".repeat(LINE_BYTES_MAX + 10))).contains("1 MiB"));
        let long = event(&"y".repeat(30_000));
        let read = read(long.repeat(4).as_bytes());
        assert!(read.text.len() <= TEXT_BYTES_MAX && read.trouble.unwrap().contains("64 KiB"));
        assert!(trouble(&format!("{{{}", "x".repeat(LINE_BYTES_MAX + 10))).contains("1 MiB"));
    }

    #[test]
    fn only_numbers_of_passages_are_citations() {
        assert_eq!(cited("a [2], b [1][2] and [3, 1] but [9], [x], [0], [1.5], 2]", 3), [1, 2, 3]);
        assert_eq!(cited("nothing [", 3), [0_u32; 0]);
    }
}
