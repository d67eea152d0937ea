//! `--model`: an address as people write it, and the rule that lets the session post to it.

use crate::failure::Failure;

const ENDPOINT: &str = "/chat/completions";

/// One endpoint of the chat-completions protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    origin: String,
    path: String,
}

/// Completes an address: `…/v1` becomes `…/v1/chat/completions`, an origin alone gets `/v1` first.
///
/// # Errors
/// An address that is no URL of a host; whether it is canonical the policy's compiler says.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, Failure> {
    let wrong = || {
        let shown: String = text.chars().take(200).collect();
        Failure::usage(format!(
            "--model takes an address like http://127.0.0.1:11434/v1 or https://api.example.com/v1, not `{shown}`"
        ))
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        return Err(wrong());
    }
    let path = match path.trim_end_matches('/') {
        "" => format!("/v1{ENDPOINT}"),
        path if path.ends_with(ENDPOINT) => path.to_owned(),
        path => format!("{path}{ENDPOINT}"),
    };
    Ok(Endpoint { origin: format!("{scheme}://{host}"), path })
}

impl Endpoint {
    /// What is posted to.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// The rule for the policy, with the credential that it binds.
    ///
    /// # Errors
    /// Exit 2 for an address or a name that can't be one.
    pub(crate) fn rule(&self, credential: Option<&str>) -> Result<String, Failure> {
        let rule = ioi_firewall::with_model(&self.origin, &self.path, credential);
        rule.map_err(|error| Failure::usage(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_types::exit;

    #[test]
    fn an_address_is_completed_to_its_endpoint() {
        for (text, url) in [
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1/chat/completions"),
            ("https://api.example.com", "https://api.example.com/v1/chat/completions"),
            ("https://a.example/x/chat/completions", "https://a.example/x/chat/completions"),
        ] {
            assert_eq!(endpoint(text).unwrap().url(), url);
            assert!(endpoint(text).unwrap().rule(Some("key")).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_or_not_canonical_is_a_usage_error() {
        for text in ["", "api.example.com", "ftp://a.example/v1", "https://", "file:///etc/passwd"] {
            assert_eq!(endpoint(text).unwrap_err().exit, exit::USAGE, "{text}");
        }
        for text in [
            "https://user@a.example/v1",
            "https://A.example/v1",
            "https://a.example:443/v1",
            "http://127.1/v1",
            "https://a.example/v1?x=1",
            "https://a.example\\@b.example/v1",
            "https://a.example/../v1",
        ] {
            assert_eq!(endpoint(text).unwrap().rule(None).unwrap_err().exit, exit::USAGE, "{text}");
        }
        assert!(endpoint("https://a.example/v1").unwrap().rule(Some("a b")).is_err());
    }
}
