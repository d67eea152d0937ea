//! Licences and sources of everything in Cargo.lock, held against `deny.toml`.
//!
//! `cargo deny check` does this and looks into the advisory database; it runs where it is
//! installed. What can be known without it is checked here every time.

use crate::workspace::{Package, Workspace, cargo};
use anyhow::{Context, Result};
use std::process::{Command, Stdio};

/// How cargo names the one registry that packages come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `deny.toml` says, as far as it is checked here.
#[derive(Debug, Default)]
struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
}

/// Prints each objection; true when there is none.
pub(crate) fn run() -> Result<bool> {
    let workspace = Workspace::load(true)?;
    let text = std::fs::read_to_string(workspace.root.join("deny.toml")).context("deny.toml")?;
    let rules = Rules::parse(&text)?;
    let objections: Vec<_> = workspace.packages.values().flat_map(|package| rules.check(package)).collect();
    for objection in &objections {
        println!("{objection}");
    }
    println!("licences: {} objections to {} packages", objections.len(), workspace.packages.len());
    Ok(cargo_deny(&workspace)? && objections.is_empty())
}

fn cargo_deny(workspace: &Workspace) -> Result<bool> {
    let version = Command::new("cargo-deny").arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        println!("skipped: no cargo-deny (advisories not checked)");
        return Ok(true);
    }
    let manifest = workspace.root.join("Cargo.toml");
    let status = cargo().arg("deny").arg("--manifest-path").arg(manifest).arg("check").status()?;
    Ok(status.success())
}

impl Rules {
    fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().context("deny.toml is not TOML")?;
        let list = |section: &str, key: &str| {
            let found =
                table.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_array);
            found.cloned().with_context(|| format!("deny.toml holds no list {section}.{key}"))
        };
        let allowed = list("licenses", "allow")?;
        let allowed = allowed.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let banned = list("bans", "deny")?;
        let banned = banned.iter().filter_map(|ban| ban.get("crate")?.as_str().map(str::to_owned)).collect();
        Ok(Self { allowed, banned })
    }

    fn check(&self, package: &Package) -> Vec<String> {
        let mut objections = Vec::new();
        let licence = package.licence.as_deref();
        if !licence.is_some_and(|expression| is_allowed(expression, &self.allowed)) {
            let named = licence.unwrap_or("none named");
            objections.push(format!("its licence is not in deny.toml: {named}"));
        }
        match (package.source.as_deref(), &package.folder) {
            (Some(CRATES_IO), _) | (None, Some(_)) => {}
            (source, _) => {
                let source = source.unwrap_or("a folder outside the workspace");
                objections.push(format!("it comes from {source}, not from crates.io"));
            }
        }
        if self.banned.contains(&package.name) {
            objections.push("it is banned in deny.toml".into());
        }
        objections
            .iter()
            .map(|objection| format!("{} {}: {objection}", package.name, package.version))
            .collect()
    }
}

/// Evaluates an SPDX expression (annex D of SPDX 2.3; cargo's old `/` means OR): AND binds tighter
/// than OR, and `X WITH Y` must be allowed as such. What can't be read is not allowed.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut tokens = Tokens { rest: spaced.split_whitespace().collect(), at: 0, parentheses: 0, allowed };
    tokens.any() == Some(true) && tokens.at == tokens.rest.len()
}

struct Tokens<'a> {
    rest: Vec<&'a str>,
    at: usize,
    parentheses: usize,
    allowed: &'a [String],
}

impl Tokens<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.rest.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut value = self.all()?;
        while self.take("OR") {
            value |= self.all()?;
        }
        Some(value)
    }

    fn all(&mut self) -> Option<bool> {
        let mut value = self.one()?;
        while self.take("AND") {
            value &= self.one()?;
        }
        Some(value)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            self.parentheses += 1;
            // No real expression has this many; the stack must not depend on a stranger's manifest.
            let value = if self.parentheses <= 16 { self.any() } else { None };
            return value.filter(|_| self.take(")"));
        }
        let mut name = (*self.rest.get(self.at)?).to_owned();
        if ["OR", "AND", "WITH", ")"].contains(&name.as_str()) {
            return None;
        }
        self.at += 1;
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.rest.get(self.at)?);
            self.at += 1;
        }
        Some(self.allowed.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_exactly_when_one_of_its_choices_is() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "GPL-3.0 / MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "MIT AND Unicode-3.0 OR GPL-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "GPL-3.0 OR MIT AND GPL-3.0",
            "(MIT OR GPL-3.0) AND GPL-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "MIT MIT",
            "MIT OR",
            "OR MIT",
            "(MIT",
            "MIT)",
            "MIT WITH",
            "mit",
            &"(".repeat(100_000),
        ] {
            assert!(!is_allowed(bad, &allowed), "{}", &bad[..bad.len().min(40)]);
        }
    }

    #[test]
    fn a_package_is_refused_for_its_licence_its_source_or_its_name() {
        let rules = Rules { allowed: vec!["MIT".into()], banned: vec!["openssl".into()] };
        let good = Package {
            name: "good".into(),
            licence: Some("MIT".into()),
            source: Some(CRATES_IO.into()),
            ..Package::default()
        };
        assert!(rules.check(&good).is_empty());
        let own = Package { source: None, folder: Some("base/a".into()), ..good.clone() };
        assert!(rules.check(&own).is_empty());
        for bad in [
            Package { licence: None, ..good.clone() },
            Package { licence: Some("GPL-3.0-only".into()), ..good.clone() },
            Package { source: Some("git+https://github.com/a/b#0".into()), ..good.clone() },
            Package { source: None, ..good.clone() },
            Package { name: "openssl".into(), ..good.clone() },
        ] {
            assert_eq!(rules.check(&bad).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn the_workspaces_deny_toml_is_understood_and_a_list_less_is_not() {
        let text = include_str!("../../deny.toml");
        let rules = Rules::parse(text).unwrap();
        assert!(rules.allowed.iter().any(|name| name == "MIT"));
        assert!(rules.banned.iter().any(|name| name == "openssl-sys"));
        assert!(Rules::parse(&text.replace("[licenses]", "[other]")).is_err());
        assert!(Rules::parse("x = ").is_err());
    }
}
