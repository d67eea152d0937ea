//! Keys and tokens of providers: by prefix, or by the name that stands before them.

use crate::kind::Kind;
use crate::text::{Match, Rest, before, byte_at, is_token, run};
use Body::{Alnum, Base32, Base64, Dashed, Dotted, Hex, Word};

/// What a key is made of behind its prefix.
#[derive(Clone, Copy, Debug)]
enum Body {
    Alnum,
    Hex,
    /// Capital letters and digits.
    Base32,
    Base64,
    /// And `_`.
    Word,
    /// And `_`, `-`.
    Dashed,
    /// And `_`, `-`, `.`.
    Dotted,
}

impl Body {
    const fn has(self, byte: u8) -> bool {
        match self {
            Alnum => byte.is_ascii_alphanumeric(),
            Hex => byte.is_ascii_hexdigit(),
            Base32 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Dashed => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
        }
    }
}

/// One form of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) prefix: &'static str,
    body: Body,
    bytes_min: usize,
    /// No longer than `bytes_min`, and no letter or digit may follow or come before.
    exact: bool,
    /// The prefix is a piece of ordinary words, too: no letter or digit may come before it, and at least
    /// two digits stand in the body.
    common: bool,
}

const fn rule(prefix: &'static str, body: Body, bytes_min: usize) -> Rule {
    Rule { prefix, body, bytes_min, exact: false, common: false }
}

const fn common(prefix: &'static str, body: Body, bytes_min: usize) -> Rule {
    Rule { prefix, body, bytes_min, exact: false, common: true }
}

const fn exact(prefix: &'static str, body: Body, bytes: usize) -> Rule {
    Rule { prefix, body, bytes_min: bytes, exact: true, common: false }
}

/// Every known form. Of two that begin alike, the first that fits counts; all are looked at.
pub(crate) const RULES: &[Rule] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek and others that copied the form.
    common("sk-", Dashed, 20),
    rule("sk_live_", Alnum, 16),
    rule("sk_test_", Alnum, 16),
    rule("rk_live_", Alnum, 16),
    rule("rk_test_", Alnum, 16),
    common("whsec_", Base64, 24),
    rule("ghp_", Alnum, 36),
    rule("gho_", Alnum, 36),
    rule("ghu_", Alnum, 36),
    rule("ghs_", Alnum, 36),
    rule("ghr_", Alnum, 36),
    rule("github_pat_", Word, 40),
    exact("AKIA", Base32, 16),
    exact("ASIA", Base32, 16),
    common("xoxb-", Dashed, 20),
    common("xoxp-", Dashed, 20),
    common("xoxa-", Dashed, 20),
    common("xoxr-", Dashed, 20),
    common("xoxs-", Dashed, 20),
    common("xoxe-", Dashed, 20),
    common("xoxe.", Dotted, 20),
    common("xapp-", Dashed, 20),
    rule("AIza", Dashed, 35),
    common("ya29.", Dashed, 20),
    common("GOCSPX-", Dashed, 24),
    rule("npm_", Alnum, 36),
    common("pypi-", Dashed, 40),
    common("glpat-", Dotted, 20),
    common("gldt-", Dotted, 20),
    common("glrt-", Dotted, 20),
    common("hf_", Alnum, 30),
    common("gsk_", Alnum, 40),
    common("xai-", Alnum, 60),
    common("pplx-", Alnum, 40),
    common("r8_", Alnum, 37),
    rule("SG.", Dotted, 60),
    rule("dop_v1_", Hex, 64),
    rule("shpat_", Hex, 32),
    rule("shpss_", Hex, 32),
    common("dapi", Hex, 32),
    common("dckr_pat_", Dashed, 20),
    common("lin_api_", Alnum, 32),
    common("tskey-", Dashed, 20),
    common("hvs.", Dashed, 24),
    common("PMAK-", Dashed, 40),
    exact("AGE-SECRET-KEY-1", Base32, 58),
];

/// Names that stand before the secret half of an AWS key, which has no form of its own.
pub(crate) const AWS_NAMES: &[&str] = &[
    "aws_secret",
    "AWS_SECRET",
    "secret_access_key",
    "SECRET_ACCESS_KEY",
    "secretAccessKey",
    "SecretAccessKey",
];

/// The bytes of an AWS secret key.
const AWS_BYTES: usize = 40;
/// And so many stand at most between its name and it.
const AWS_GAP_BYTES_MAX: usize = 40;

/// A finding has a bound; where letters of a token go on beyond it, they belong to it without one.
pub(crate) const TOKEN_BYTES_MAX: usize = 512;

/// The key of this form whose prefix stands at `at`.
pub(crate) fn find(text: &[u8], at: usize, rule: &Rule) -> Option<Match> {
    if (rule.exact || rule.common) && before(text, at).is_ascii_alphanumeric() {
        return None;
    }
    let body = at + rule.prefix.len();
    let limit = if rule.exact { rule.bytes_min + 1 } else { TOKEN_BYTES_MAX };
    let bytes = run(text, body, limit, |byte| rule.body.has(byte));
    let long_enough = bytes >= rule.bytes_min;
    let too_long = rule.exact && (bytes > rule.bytes_min || is_letter(text, body + bytes));
    if !long_enough || too_long || (rule.common && digits(&text[body..body + bytes]) < 2) {
        return None;
    }
    Some(token(Kind::ApiKey, text, at, body + bytes))
}

/// Where a token is so long that it reached the bound, the rest of it belongs to it.
pub(crate) fn token(kind: Kind, text: &[u8], start: usize, end: usize) -> Match {
    let goes_on = end - start >= TOKEN_BYTES_MAX && is_token(byte_at(text, end));
    Match { kind, start, end, rest: if goes_on { Rest::Token } else { Rest::None } }
}

fn is_letter(text: &[u8], at: usize) -> bool {
    byte_at(text, at).is_ascii_alphanumeric()
}

fn digits(text: &[u8]) -> usize {
    text.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// The secret behind a name that ends at `at`: forty letters of base64, after a sign or two.
pub(crate) fn find_aws(text: &[u8], at: usize) -> Option<Match> {
    let named = at + run(text, at, 16, |byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_gap = |byte: u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b':' | b'=' | b'>' | b'\\');
    let gap = run(text, named, AWS_GAP_BYTES_MAX, is_gap);
    let start = named + gap;
    let bytes = run(text, start, AWS_BYTES + 1, |byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    let secret = text.get(start..start + AWS_BYTES)?;
    let mixed = digits(secret) > 0 && secret.iter().any(u8::is_ascii_alphabetic);
    (gap > 0 && bytes == AWS_BYTES && mixed).then(|| Match::new(Kind::ApiKey, start, start + AWS_BYTES))
}
