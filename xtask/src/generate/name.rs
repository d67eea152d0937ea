//! Names of the schemas (`inboxOffset`, `AgentContext`) in the spelling of each language.

/// Lower-case words of a camel-case name; digits belong to the word before them.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
}

/// `inbox_offset`
pub(crate) fn snake(name: &str) -> String {
    words(name).join("_")
}

/// `INBOX_OFFSET`
pub(crate) fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// `InboxOffset`
pub(crate) fn pascal(name: &str) -> String {
    let mut pascal = name.to_owned();
    if let Some(first) = pascal.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    pascal
}

/// The first word, by which neighbours belong together.
pub(crate) fn first_word(name: &str) -> String {
    words(name).into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_spelt_as_each_language_spells_it() {
        assert_eq!(snake("byteRingRecordAlignBytes"), "byte_ring_record_align_bytes");
        assert_eq!(screaming("AgentContext"), "AGENT_CONTEXT");
        assert_eq!(pascal("inboxOffset"), "InboxOffset");
        assert_eq!((snake("bf16"), first_word("epochInbox")), ("bf16".into(), "epoch".into()));
        assert_eq!((snake(""), pascal("")), (String::new(), String::new()));
    }
}
