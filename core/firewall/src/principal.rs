//! Who calls: `session:<command>`, `plugin:<id>` or `program`.

const NAME_BYTES_MAX: usize = 64;
/// The longest chain of callers.
pub(crate) const CHAIN_MAX: usize = 16;

/// The principals of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principals {
    /// `*`, or no `principal` at all.
    Every,
    /// These.
    Listed(Vec<String>),
}

impl Principals {
    pub(crate) fn holds(&self, principal: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Listed(names) => names.iter().any(|name| name == principal),
        }
    }
}

/// True for a principal in its only spelling.
pub(crate) fn is_principal(text: &str) -> bool {
    match text.split_once(':') {
        Some(("plugin" | "session", name)) => is_name(name),
        _ => text == "program",
    }
}

/// Lowercase ASCII letters, digits, `-`, `_`, `.`, and a letter or digit first.
pub(crate) fn is_name(name: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let known = |byte: u8| first(byte) || b"-_.".contains(&byte);
    name.len() <= NAME_BYTES_MAX && name.bytes().next().is_some_and(first) && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_one_spelling() {
        for good in ["program", "plugin:files", "session:ask", "plugin:a.b-c_1"] {
            assert!(is_principal(good), "{good}");
        }
        let long = format!("plugin:{}", "a".repeat(65));
        for bad in
            ["", "*", "plugin:", "plugin:../x", "plugin:Files", "plugin:fіles", "user:me", "program:x", &long]
        {
            assert!(!is_principal(bad), "{bad}");
        }
    }
}
