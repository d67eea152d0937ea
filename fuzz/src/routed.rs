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
