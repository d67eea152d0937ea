//! What an endpoint says to a host's router, and hears: each message has one form.

use ioi_port::routed::{BODY_BYTES_MAX, Notice, ROUTED_BYTES, Request};

/// The input is a message.
pub(crate) fn check(input: &[u8]) {
    let mut written = Vec::new();
    if let Some(request) = Request::read(input) {
        assert!(request.write(&mut written), "what was read fits");
        assert_eq!(written, input, "a second form of {request:?}");
        assert!(Notice::read(input).is_none(), "it is also a notice");
    }
    if let Some(notice) = Notice::read(input) {
        notice.write(&mut written);
        assert_eq!(written, input, "a second form of {notice:?}");
        if let Notice::Granted { name: text, .. } | Notice::Refused { text, .. } = notice {
            assert!(text.len() <= BODY_BYTES_MAX);
        }
    }
    assert!(written.len() <= ROUTED_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    /// After a change of the form, inputs of the older one would only be refused.
    #[test]
    fn the_inputs_have_each_request_and_each_notice() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/routed");
        let inputs: Vec<Vec<u8>> =
            fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        let read = |kind: u8| {
            let of_kind = |input: &&Vec<u8>| input.first() == Some(&kind);
            let is_read = |input: &Vec<u8>| Request::read(input).is_some() || Notice::read(input).is_some();
            inputs.iter().filter(of_kind).any(is_read)
        };
        let missing: Vec<u8> = (1..=5).chain(17..=23).filter(|kind| !read(*kind)).collect();
        assert_eq!(missing, [0; 0], "kinds of which no input is read");
    }
}
