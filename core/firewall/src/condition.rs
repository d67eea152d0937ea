//! The keys of `when` and `unless`: reading them, and testing a call against them.

use crate::action::{Action, Kind};
use crate::call::{Target, is_method};
use crate::facts::Facts;
use crate::glob::{Anchors, Glob, GlobError};
use crate::label::{Labels, UNTRUSTED, is_guarded, is_never_accepted};
use crate::path::CallPath;
use crate::rate::Rate;
use crate::section::{Section, Text};
use crate::source::Findings;
use crate::token::TextPattern;
use crate::url::{HostPattern, parse_origin};
use ioi_types::{Digest, DigestAlgorithm};

/// The keys of this version.
pub(crate) const KEYS: [&str; 10] = [
    "path",
    "size_max",
    "rate",
    "host",
    "executable",
    "digest",
    "argv",
    "labels_any",
    "labels_all",
    "labels_none",
];
/// Keys of the language that this version can't decide.
pub(crate) const KEYS_LATER: [&str; 6] = ["amount_max", "per", "payee", "bind", "time", "untrusted"];

/// What a call has to be for a rule to apply. All keys that are there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) path: Option<Vec<Glob>>,
    pub(crate) size_max: Option<u64>,
    pub(crate) rate: Option<Rate>,
    pub(crate) host: Option<Vec<HostPattern>>,
    pub(crate) executable: Option<Vec<Glob>>,
    pub(crate) digest: Option<Vec<String>>,
    pub(crate) argv: Option<Argv>,
    pub(crate) request: Option<Request>,
    pub(crate) labels_any: Option<Vec<String>>,
    pub(crate) labels_all: Option<Vec<String>>,
    pub(crate) labels_none: Option<Vec<String>>,
}

/// One pattern an argument, and whether any further ones may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argv {
    pub(crate) patterns: Vec<TextPattern>,
    pub(crate) open: bool,
}

/// What an `[[egress]]` entry lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) methods: Vec<String>,
    pub(crate) paths: Vec<Glob>,
}

/// Whether a condition holds. A fact that is missing makes it neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No(&'static str),
    Unknown(&'static str),
}

/// What a condition is tested on.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) action: &'a str,
    pub(crate) target: &'a Target<'a>,
    pub(crate) facts: &'a Facts,
    /// The labels of what the call is about.
    pub(crate) own: &'a [String],
}

impl Subject<'_> {
    /// Whether the session has taken in what is labelled so, or is about to.
    pub(crate) fn has_label(&self, name: &str) -> bool {
        self.facts.labels.contains_key(name) || self.own.iter().any(|own| own == name)
    }

    /// Whether only a rule that accepts untrusted data allows it.
    pub(crate) fn is_guarded(&self) -> bool {
        self.facts.labels.contains_key(UNTRUSTED) && is_guarded(self.action)
    }

    /// Whether no rule allows it.
    pub(crate) fn needs_a_human(&self) -> bool {
        self.is_guarded() && is_never_accepted(self.action)
    }
}

impl Conditions {
    /// The keys that are there, in the order in which they are tested.
    pub(crate) fn keys(&self) -> Vec<&'static str> {
        let there = [
            (self.path.is_some(), "path"),
            (self.host.is_some(), "host"),
            (self.executable.is_some(), "executable"),
            (self.digest.is_some(), "digest"),
            (self.argv.is_some(), "argv"),
            (self.request.is_some(), "origin"),
            (self.labels_any.is_some(), "labels_any"),
            (self.labels_all.is_some(), "labels_all"),
            (self.labels_none.is_some(), "labels_none"),
            (self.size_max.is_some(), "size_max"),
            (self.rate.is_some(), "rate"),
        ];
        there.into_iter().filter_map(|(is_there, key)| is_there.then_some(key)).collect()
    }

    /// Tests every key but `rate`. `wide`: names that are equal after NFC are equal.
    pub(crate) fn test(&self, subject: Subject<'_>, wide: bool) -> Holds {
        let has = |name: &String| subject.has_label(name);
        let checks = [
            ("path", self.test_path(subject.target, wide)),
            ("host", self.test_host(subject.target)),
            ("executable", self.test_executable(subject.target, wide)),
            ("digest", self.test_digest(subject.target)),
            ("argv", self.test_argv(subject.target)),
            ("origin", self.test_request(subject.target)),
            ("labels_any", self.labels_any.iter().all(|names| names.iter().any(has))),
            ("labels_all", self.labels_all.iter().all(|names| names.iter().all(has))),
            ("labels_none", self.labels_none.iter().all(|names| !names.iter().any(has))),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((key, _)) => Holds::No(key),
            None => self.test_size(subject),
        }
    }

    /// The keys that look at labels.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let keys = ["labels_any", "labels_all", "labels_none"];
        let lists = [&self.labels_any, &self.labels_all, &self.labels_none];
        keys.into_iter().zip(lists).filter_map(|(key, list)| Some((key, list.as_deref()?)))
    }

    /// The first label for which it holds.
    pub(crate) fn label_met(&self, subject: Subject<'_>) -> Option<&str> {
        let names = self.labels_any.iter().chain(&self.labels_all).flatten();
        names.map(String::as_str).find(|name| subject.has_label(name))
    }

    fn test_path(&self, target: &Target<'_>, wide: bool) -> bool {
        let Some(globs) = &self.path else { return true };
        matches!(target, Target::File(path) if any_glob(globs, path, wide))
    }

    fn test_executable(&self, target: &Target<'_>, wide: bool) -> bool {
        let Some(globs) = &self.executable else { return true };
        matches!(target, Target::Exec { executable, .. } if any_glob(globs, executable, wide))
    }

    fn test_digest(&self, target: &Target<'_>) -> bool {
        let Some(digests) = &self.digest else { return true };
        matches!(target, Target::Exec { digest, .. } if digests.iter().any(|known| known == digest))
    }

    fn test_argv(&self, target: &Target<'_>) -> bool {
        let Some(wanted) = &self.argv else { return true };
        let Target::Exec { argv, .. } = target else { return false };
        let enough =
            argv.len() == wanted.patterns.len() || (wanted.open && argv.len() > wanted.patterns.len());
        enough && wanted.patterns.iter().zip(argv).all(|(pattern, argument)| pattern.matches(argument))
    }

    fn test_host(&self, target: &Target<'_>) -> bool {
        let Some(patterns) = &self.host else { return true };
        let host = match target {
            Target::Fetch { url, .. } => url.host,
            Target::Connect { host } => host,
            _ => return false,
        };
        patterns.iter().any(|pattern| pattern.matches(host))
    }

    fn test_request(&self, target: &Target<'_>) -> bool {
        let Some(wanted) = &self.request else { return true };
        let Target::Fetch { method, url } = target else { return false };
        wanted.origin == url.origin
            && wanted.methods.iter().any(|known| known == method)
            && wanted.paths.iter().any(|glob| glob.matches_url_path(url.path))
    }

    /// A listing reads no file, so the bound on a file's size holds for it.
    fn test_size(&self, subject: Subject<'_>) -> Holds {
        let Some(size_max) = self.size_max else { return Holds::Yes };
        match (subject.action, &subject.facts.object) {
            ("fs::list", _) => Holds::Yes,
            ("fs::read", Some(object)) if object.size <= size_max => Holds::Yes,
            ("fs::read", None) => Holds::Unknown("size_max"),
            _ => Holds::No("size_max"),
        }
    }
}

fn any_glob(globs: &[Glob], path: &CallPath<'_>, wide: bool) -> bool {
    globs.iter().any(|glob| if wide { glob.matches_widely(path) } else { glob.matches(&path.bytes) })
}

/// True if calls of the action have what the key looks at.
pub(crate) fn applies_to(key: &str, action: &Action) -> bool {
    let has = |name: &str, wanted: Kind| action.parameters.contains(&(name, wanted));
    match key {
        "path" => has("path", Kind::Path),
        "size_max" => matches!(action.name, "fs::read" | "fs::list"),
        "host" => has("host", Kind::Host) || has("url", Kind::Url),
        "executable" | "digest" | "argv" => has("executable", Kind::Path),
        "origin" => has("url", Kind::Url),
        _ => true,
    }
}

/// Reads a `when` or `unless` table.
pub(crate) fn read(
    section: &Section<'_, '_>,
    anchors: &Anchors<'_>,
    known: &Labels,
    findings: &mut Findings<'_>,
) -> Conditions {
    section.check_keys(findings, &KEYS, &KEYS_LATER);
    if section.is_empty() {
        findings.error(section.at, format!("{} has no key", section.what), None);
    }
    let mut lists = |key| section.get(key).and_then(|item| item.texts(findings));
    let (path, host, executable) = (lists("path"), lists("host"), lists("executable"));
    let (digest, argv) = (lists("digest"), lists("argv"));
    let labels = ["labels_any", "labels_all", "labels_none"].map(&mut lists);
    let [labels_any, labels_all, labels_none] =
        labels.map(|texts| texts.map(|texts| each(&texts, findings, |text| known.named(text))));
    Conditions {
        path: path.map(|texts| globs(&texts, anchors, findings)),
        host: host.map(|texts| each(&texts, findings, host_pattern)),
        executable: executable.map(|texts| globs(&texts, anchors, findings)),
        digest: digest.map(|texts| each(&texts, findings, digest_text)),
        argv: argv.map(|texts| arguments(&texts, findings)),
        size_max: section.get("size_max").and_then(|item| item.size(findings)),
        rate: rate(section, findings),
        request: None,
        labels_any,
        labels_all,
        labels_none,
    }
}

/// Reads each text; what can't be read becomes a finding.
pub(crate) fn each<T>(
    texts: &[Text<'_>],
    findings: &mut Findings<'_>,
    parse: impl Fn(&str) -> Result<T, (String, Option<String>)>,
) -> Vec<T> {
    let mut parsed = Vec::with_capacity(texts.len());
    for (at, text) in texts {
        match parse(text) {
            Ok(value) => parsed.push(value),
            Err((message, help)) => findings.error(*at, message, help),
        }
    }
    parsed
}

pub(crate) fn globs(texts: &[Text<'_>], anchors: &Anchors<'_>, findings: &mut Findings<'_>) -> Vec<Glob> {
    let parse =
        |text: &str| Glob::parse(text, anchors).map_err(|error| (error.to_string(), glob_help(&error)));
    each(texts, findings, parse).into_iter().flatten().collect()
}

fn glob_help(error: &GlobError) -> Option<String> {
    match error {
        GlobError::Anchor(text) if text == "." => Some("write `./**`".to_owned()),
        GlobError::Anchor(text) if text.starts_with("**/") => Some(format!("write `/{text}` or `./{text}`")),
        GlobError::Anchor(text) => Some(format!("write `./{text}` for the folders that the user named")),
        GlobError::TrailingSlash(text) => Some(format!("write `{text}**` for everything in the folder")),
        GlobError::DeepInside(_) => {
            Some("`**` stands alone between two `/`; within a name write `*`".to_owned())
        }
        GlobError::Unsupported(_, character) => {
            Some(format!("write one pattern for each case, or `\\{character}` for the character itself"))
        }
        GlobError::Escape(_) => Some(
            "after `\\` comes a punctuation character, or `x` and two hex digits from 80 to ff".to_owned(),
        ),
        _ => None,
    }
}

fn host_pattern(text: &str) -> Result<HostPattern, (String, Option<String>)> {
    HostPattern::parse(text).map_err(|why| {
        let lower = text.to_ascii_lowercase();
        let simple = lower.trim_end_matches('.');
        let help = HostPattern::parse(simple).is_ok().then(|| format!("write `{simple}`"));
        (format!("the host `{}` {why}", text.escape_debug()), help)
    })
}

fn digest_text(text: &str) -> Result<String, (String, Option<String>)> {
    let digest: Digest =
        text.parse().map_err(|error| (format!("`{}`: {error}", text.escape_debug()), None))?;
    // A call carries the BLAKE3 digest; a deny by another would never match and so fail open.
    if digest.algorithm == DigestAlgorithm::Blake3 {
        Ok(digest.to_string())
    } else {
        let help = "write `blake3:` and the digest that `b3sum FILE` prints".to_owned();
        Err((format!("`{}`: programs are known by their BLAKE3 digest", text.escape_debug()), Some(help)))
    }
}

fn arguments(texts: &[Text<'_>], findings: &mut Findings<'_>) -> Argv {
    let open = texts.last().is_some_and(|(_, text)| *text == "**");
    let fixed = &texts[..texts.len() - usize::from(open)];
    let parse = |text: &str| {
        let help = "`**` stands alone as the last argument, for any further ones; within one write `*`";
        TextPattern::parse(text).map_err(|error| (error.to_string(), Some(help.to_owned())))
    };
    Argv { patterns: each(fixed, findings, parse), open }
}

fn rate(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Rate> {
    let item = section.get("rate")?;
    let text = item.text(findings)?;
    let help = "a rate is a count and `/sec`, `/min`, `/hour` or `/day`, as `100/min`";
    Rate::parse(text).map_err(|why| findings.error(item.at, why, Some(help.to_owned()))).ok()
}

/// Reads the keys of an `[[egress]]` entry that say what it lets through.
pub(crate) fn read_request(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Request> {
    let origin = section.require(findings, "origin")?;
    let text = origin.text(findings)?;
    let host = match parse_origin(text) {
        Ok((host, _)) => host.to_owned(),
        Err(why) => {
            let help =
                "an origin is `https://host` or `https://host:port` in lowercase, and nothing after it";
            findings.error(
                origin.at,
                format!("the origin `{}` {why}", text.escape_debug()),
                Some(help.to_owned()),
            );
            return None;
        }
    };
    let methods = section.require(findings, "methods")?.texts(findings)?;
    let paths = section.require(findings, "paths")?.texts(findings)?;
    let method = |text: &str| match is_method(text) {
        true => Ok(text.to_owned()),
        false => Err((format!("`{}` is not a method in capitals", text.escape_debug()), None)),
    };
    let url_path = |text: &str| match text.starts_with('/') {
        true => Glob::parse(text, &Anchors { roots: &[], home: None })
            .map_err(|error| (error.to_string(), glob_help(&error))),
        false => Err((format!("the URL path `{}` does not start with `/`", text.escape_debug()), None)),
    };
    let methods = each(&methods, findings, method);
    let paths = each(&paths, findings, url_path).into_iter().flatten().collect();
    Some(Request { origin: text.to_owned(), host, methods, paths })
}
