//! Hosts and URLs in their only spelling. Whatever another reader could take for another host is refused.

use std::net::{Ipv4Addr, Ipv6Addr};

const URL_BYTES_MAX: usize = 8 * 1024;

/// A URL of a call, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// `https://host` or `https://host:port`, without a default port.
    pub(crate) origin: &'a str,
    pub(crate) host: &'a str,
    /// From the first `/` up to `?`.
    pub(crate) path: &'a str,
    pub(crate) is_https: bool,
}

impl<'a> Url<'a> {
    /// Reads a canonical URL; the error says what is wrong with it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.len() > URL_BYTES_MAX {
            return Err("is longer than 8192 bytes");
        }
        let (is_https, after) = split_scheme(text)?;
        let authority_bytes = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(authority_bytes);
        let host = parse_authority(authority, is_https)?;
        let path_bytes = rest.find('?').unwrap_or(rest.len());
        let path = &rest[..path_bytes];
        check_rest(rest)?;
        check_path(path)?;
        let origin = &text[..text.len() - rest.len()];
        Ok(Self { origin, host, path, is_https })
    }
}

fn split_scheme(text: &str) -> Result<(bool, &str), &'static str> {
    if let Some(after) = text.strip_prefix("https://") {
        return Ok((true, after));
    }
    text.strip_prefix("http://")
        .map(|after| (false, after))
        .ok_or("does not start with `https://` or `http://`")
}

/// A canonical origin: a URL without path.
pub(crate) fn parse_origin(text: &str) -> Result<(&str, bool), &'static str> {
    let (is_https, authority) = split_scheme(text)?;
    parse_authority(authority, is_https).map(|host| (host, is_https))
}

fn parse_authority(authority: &str, is_https: bool) -> Result<&str, &'static str> {
    let host_bytes = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_bytes);
    check_host(host)?;
    if port.is_empty() {
        return Ok(host);
    }
    let default = if is_https { 443 } else { 80 };
    match port.strip_prefix(':').and_then(parse_port) {
        Some(port) if port != default => Ok(host),
        Some(_) => Err("names the scheme's own port"),
        None => Err("has a port that is not a number from 1 to 65535"),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port > 0 && port.to_string() == text).then_some(port)
}

/// Accepts a lowercase ASCII host name, a dotted-quad address or a bracketed IPv6 address.
pub(crate) fn check_host(host: &str) -> Result<(), &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("has a bracket without its pair")?;
        let address: Ipv6Addr = inner.parse().map_err(|_| "has an IPv6 address that can't be read")?;
        let canonical = address.to_string() == inner && address.to_ipv4_mapped().is_none();
        return if canonical { Ok(()) } else { Err("has an IPv6 address in another spelling") };
    }
    if host.is_empty() || host.len() > 253 {
        return Err("has no host of 1 to 253 bytes");
    }
    if !host.split('.').all(is_label) {
        return Err("has a host that is not lowercase ASCII labels joined by dots");
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if is_number(last) && host.parse::<Ipv4Addr>().is_err() {
        return Err("has an IPv4 address in another spelling");
    }
    Ok(())
}

/// RFC 1123 with the underscore that service names use.
fn is_label(label: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=63).contains(&label.len())
        && label.bytes().all(known)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The last labels that the WHATWG URL standard takes for part of an IPv4 address.
fn is_number(label: &str) -> bool {
    let hex =
        label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || label.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_rest(rest: &str) -> Result<(), &'static str> {
    if !rest.starts_with('/') {
        return Err("has no path after its host");
    }
    let refused = |byte: u8| !byte.is_ascii_graphic() || b"\"<>\\^`{|}#".contains(&byte);
    if rest.bytes().any(refused) {
        return Err("has a fragment or a character that a URL must escape");
    }
    let escapes = rest.split('%').skip(1);
    let digits =
        |text: &str| text.get(..2).is_some_and(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if escapes.clone().all(digits) { Ok(()) } else { Err("has a `%` without two hexadecimal digits") }
}

/// A path that every server reads alike: no dot segments, no empty ones but the last, and none
/// of `.`, `/`, `\`, `%` and control characters hidden in an escape.
fn check_path(path: &str) -> Result<(), &'static str> {
    let segments: Vec<&str> = path[1..].split('/').collect();
    let (last, before) = segments.split_last().expect("split gives one piece at least");
    if before.iter().any(|segment| segment.is_empty()) {
        return Err("has an empty path segment");
    }
    if before.iter().chain([last]).any(|segment| matches!(*segment, "." | "..")) {
        return Err("has a dot segment in its path");
    }
    let hidden = |text: &str| {
        let byte = u8::from_str_radix(&text[..2], 16).unwrap_or(0);
        byte < 0x20 || byte == 0x7f || b"./\\%".contains(&byte)
    };
    if path.split('%').skip(1).any(hidden) { Err("hides a separator in an escape") } else { Ok(()) }
}

/// A rule's host: itself, or every name beneath `*.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Exact(String),
    Beneath(String),
}

impl HostPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        check_host(name)?;
        let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        match (text.len() == name.len(), is_address) {
            (true, _) => Ok(Self::Exact(name.to_owned())),
            (false, true) => Err("has `*.` before an address"),
            (false, false) => Ok(Self::Beneath(name.to_owned())),
        }
    }

    pub(crate) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Beneath(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|before| before.ends_with('.'))
            }
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Beneath(name) => name,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Exact(name) => name.clone(),
            Self::Beneath(name) => format!("*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_url_is_taken_apart() {
        let url = Url::parse("https://api.example.com:8443/v1/chat?x=1").expect("canonical");
        assert_eq!((url.origin, url.host), ("https://api.example.com:8443", "api.example.com"));
        assert_eq!((url.path, url.is_https), ("/v1/chat", true));
        for good in
            ["http://127.0.0.1:8080/", "https://[2001:db8::1]/a/", "https://xn--bcher-kva.example/%C3%A9"]
        {
            assert!(Url::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn no_second_spelling_of_a_host_is_read() {
        for bad in [
            "https://EXAMPLE.COM/",
            "https://example.com./",
            "https://user@example.com/",
            "https://example.com:443/",
            "https://example.com@evil.org/",
            "https://example.com:x@evil/",
            "https://example.com\\@evil/",
            "https://2130706433/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://127.0.0.01/",
            "https://[::ffff:10.0.0.1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::1/",
            "https://::1/",
            "https://exa mple.com/",
            "https://example.com\0.evil/",
            "https://example.com\t/",
            "https://é.example/",
            "HTTPS://example.com/",
            "file:///etc/passwd",
            "gopher://x/",
            "https:/x/",
            "https:///",
            "https://a..b/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com:080/",
            "https://-a.b/",
            "https://example.com",
            "https://example.com?x",
            "https://example.com/#evil",
            "https://ｅxample.com/",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_path_hides_another() {
        for bad in [
            "/a/../b",
            "/./a",
            "/a//b",
            "/%2e%2e/b",
            "/a%2fb",
            "/a%5Cb",
            "/a%00",
            "/a%",
            "/a%g1",
            "/a\\b",
            "/a b",
            "/%252e",
            "/é",
        ] {
            assert!(Url::parse(&format!("https://example.com{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_pattern_is_by_label() {
        let beneath = HostPattern::parse("*.example.com").expect("a pattern");
        assert!(beneath.matches("a.example.com") && beneath.matches("a.b.example.com"));
        assert!(!beneath.matches("example.com") && !beneath.matches("evilexample.com"));
        let exact = HostPattern::parse("example.com").expect("a pattern");
        assert!(exact.matches("example.com") && !exact.matches("example.com.evil"));
        for bad in ["*", "*.", "*.1.2.3.4", "a.*.b", "Example.com", "example.com.", "http://x", "x:80", ""] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
