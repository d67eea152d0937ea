//! A policy as it was understood: every default filled in, every pattern resolved.

use crate::condition::Conditions;
use crate::policy::Policy;
use crate::principal::Principals;
use crate::rule::Rule;
use crate::section::show_size;
use std::fmt::Write as _;

impl Policy {
    /// The compiled policy in words, one rule a paragraph, in the order of the file.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{} ({})", self.name, self.hash);
        let _ = writeln!(out, "where no rule applies: {}", self.default);
        let _ = writeln!(out, "sandbox: {}", self.require.join(", "));
        let limits = self.limits;
        let memory = limits.memory_bytes.map(|bytes| format!("memory {}", show_size(bytes)));
        let cpu = limits.cpu_percent.map(|percent| format!("cpu {percent}%"));
        let pids = limits.pids.map(|pids| format!("pids {pids}"));
        let limits: Vec<String> = [memory, cpu, pids].into_iter().flatten().collect();
        let _ = writeln!(
            out,
            "limits: {}",
            if limits.is_empty() { "none".to_owned() } else { limits.join(", ") }
        );
        self.labels.shown().for_each(|line| out.extend([line.as_str(), "\n"]));
        let mut rules: Vec<&Rule> = self.rules.iter().collect();
        rules.sort_by_key(|rule| rule.reference.line);
        for rule in rules {
            out.push_str(&show_rule(rule));
        }
        out
    }
}

fn show_rule(rule: &Rule) -> String {
    let mut out = format!("\nline {}: {} `{}`\n", rule.reference.line, rule.effect, rule.reference.id);
    let principals = match &rule.principals {
        Principals::Every => "*".to_owned(),
        Principals::Listed(names) => names.join(", "),
    };
    let actions: Vec<String> = rule.actions.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "  principal  {principals}\n  action     {}", actions.join(", "));
    if let Some(flow) = rule.flow {
        let _ = writeln!(out, "  flow       {}", flow.name());
    }
    show_conditions("when", &rule.when, &mut out);
    if let Some(unless) = &rule.unless {
        show_conditions("unless", unless, &mut out);
    }
    if let Some(credential) = &rule.credential {
        let _ = writeln!(out, "  credential {credential}");
    }
    if rule.accepts_untrusted {
        let _ = writeln!(out, "  untrusted  accept");
    }
    out
}

fn show_conditions(word: &str, conditions: &Conditions, out: &mut String) {
    let mut line = |key: &str, values: Vec<String>| {
        let values = if values.is_empty() { "nothing".to_owned() } else { values.join(", ") };
        let _ = writeln!(out, "  {word:<10} {key} {values}");
    };
    let globs = |globs: &[crate::glob::Glob]| globs.iter().map(|glob| glob.text().to_owned()).collect();
    if let Some(paths) = &conditions.path {
        line("path", globs(paths));
    }
    if let Some(hosts) = &conditions.host {
        line("host", hosts.iter().map(crate::url::HostPattern::text).collect());
    }
    if let Some(paths) = &conditions.executable {
        line("executable", globs(paths));
    }
    if let Some(digests) = &conditions.digest {
        line("digest", digests.clone());
    }
    if let Some(argv) = &conditions.argv {
        let rest = argv.open.then(|| "**".to_owned());
        line("argv", argv.patterns.iter().map(|pattern| pattern.text.clone()).chain(rest).collect());
    }
    if let Some(request) = &conditions.request {
        line("origin", vec![request.origin.clone()]);
        line("methods", request.methods.clone());
        line("paths", globs(&request.paths));
    }
    for (key, labels) in conditions.labels() {
        line(key, labels.to_vec());
    }
    if let Some(bytes) = conditions.size_max {
        line("size_max", vec![show_size(bytes)]);
    }
    if let Some(rate) = conditions.rate {
        line("rate", vec![rate.to_string()]);
    }
}
