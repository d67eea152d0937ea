//! A URL in its one spelling.

use crate::FetchError;
use std::net::IpAddr;
use url::{Host as UrlHost, Url};

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name in ASCII, to be resolved.
    Name(String),
    /// An address that the URL itself names.
    Address(IpAddr),
}

/// A URL that was parsed once, by the WHATWG URL standard; everything after works on these parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) https: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// What the `Host` header says: the host, and the port where it isn't the scheme's own.
    pub(crate) authority: String,
    /// From the first `/`, with the query.
    pub(crate) path: String,
}

impl Target {
    /// Parses an absolute `http` or `https` URL.
    ///
    /// # Errors
    /// Any other scheme, user information, a fragment, a host with a dot at its end, or a spelling that the
    /// standard would change: two readers could take it for two hosts.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let refused = |why: &'static str| FetchError::Url { url: text.chars().take(200).collect(), why };
        let url = Url::parse(text).map_err(|_| refused("is not a URL"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refused("is neither http nor https")),
        };
        if url.as_str() != text {
            return Err(refused("is not in its canonical spelling"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refused("has a user, a password or a fragment"));
        }
        let host = match url.host().ok_or_else(|| refused("has no host"))? {
            UrlHost::Domain(name) if name.ends_with('.') => return Err(refused("has a dot after its host")),
            UrlHost::Domain(name) => Host::Name(name.to_owned()),
            UrlHost::Ipv4(address) => Host::Address(address.into()),
            UrlHost::Ipv6(address) => Host::Address(address.into()),
        };
        let port = url.port_or_known_default().ok_or_else(|| refused("has no port"))?;
        let after_scheme = text.find("//").map_or(0, |at| at + 2);
        let path_start = text[after_scheme..].find(['/', '?']).map_or(text.len(), |at| after_scheme + at);
        let (authority, path) = (&text[after_scheme..path_start], &text[path_start..]);
        Ok(Self { https, host, port, authority: authority.to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_those_of_the_url() {
        let target = Target::parse("https://api.example.com:8443/v1/x?a=b").unwrap();
        assert_eq!(target.host, Host::Name("api.example.com".into()));
        assert_eq!((target.https, target.port), (true, 8443));
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("api.example.com:8443", "/v1/x?a=b"));
        let target = Target::parse("http://[::1]/").unwrap();
        assert_eq!((target.host, target.port), (Host::Address("::1".parse().unwrap()), 80));
        assert_eq!(target.authority, "[::1]");
    }

    #[test]
    fn a_url_that_two_readers_could_take_for_two_hosts_is_refused() {
        let urls = [
            "http://user@allowed.example@evil.example/",
            "http://allowed.example:80@evil.example/",
            "https://evil.example#.allowed.example",
            "https://evil.example\\.allowed.example/",
            "https://evil.example\t.allowed.example/",
            "https://evil.example%00.allowed.example/",
            "https://allowed.example./",
            "HTTPS://allowed.example/",
            "https://ALLOWED.example/",
            "https://b\u{fc}cher.example/",
            "https://allowed.example:443/",
            "https://allowed.example",
            "https://allowed.example/a/../b",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::ffff:127.0.0.1]/",
            "file:///etc/passwd",
            "gopher://allowed.example/",
            "//allowed.example/",
            "",
        ];
        for url in urls {
            assert!(matches!(Target::parse(url), Err(FetchError::Url { .. })), "{url:?}");
        }
    }
}
