//! `ioi policy check | test | explain | show`.

use crate::args::{Builtin, PolicyCommand};
use crate::failure::Failure;
use crate::node;
use crate::policies;
use crate::render::Screen;
use crate::text::{counted, printable};
use ioi_canon::{Map, Value};
use ioi_firewall::{Call, Facts, Object, ObjectKind, Source, Suite, Tested, bytes_value};
use ioi_node_supervisor::{Home, wire::PolicySource};
use ioi_types::{Verdict, exit};
use serde_json::json;
use std::path::{Path, PathBuf};

impl Builtin {
    const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Run => "run",
            Self::Demo => "demo",
        }
    }

    fn text(self) -> String {
        ioi_firewall::builtin(self.name()).unwrap_or_default().to_owned()
    }

    fn source(self) -> PolicySource {
        PolicySource { name: format!("built-in ({})", self.name()), text: self.text() }
    }
}

pub(crate) fn run(command: PolicyCommand, screen: &Screen) -> Result<(), Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    home.check()?;
    match command {
        PolicyCommand::Show { command } => {
            show(&applying(command, &home)?, screen);
            Ok(())
        }
        PolicyCommand::Check { file, root } => {
            let policies = match file {
                Some(file) => vec![policies::read(&file)?],
                None => policies_here(&home, screen)?,
            };
            policies.iter().try_for_each(|policy| check(policy, &home, root.as_deref(), screen))
        }
        PolicyCommand::Test { tests, policy, root } => {
            test(tests.as_deref(), policy.as_deref(), root.as_deref(), &home, screen)
        }
        PolicyCommand::Explain { action, arguments, principal, size, label, policy, command, root } => {
            ioi_firewall::check_action(&action).map_err(|unknown| Failure::usage(unknown.to_string()))?;
            let policy = policies::find(policy.as_deref(), &home, || command.text())?;
            let context = policies::context(&home, &[root_folder(root.as_deref())?]);
            let compiled = policies::compile(&policy, &context)?;
            let call = Call::new(principal, action, parse_arguments(&arguments)?);
            let object = Object { kind: ObjectKind::File, size, device: 0, inode: 0 };
            let has_object = call.action.starts_with("fs::");
            label.iter().try_for_each(|name| compiled.check_label(name)).map_err(Failure::usage)?;
            let labels = label.into_iter().zip(0..).collect();
            let facts = Facts { time_ms: 0, object: has_object.then_some(object), labels };
            let explanation = compiled.explain(&call, &facts);
            if screen.is_json() {
                let decision = &explanation.decision;
                let rule = decision.rule.as_ref().map(|rule| json!({"id": rule.id, "line": rule.line}));
                screen.line(
                    &json!({"verdict": decision.verdict.name(), "reason": decision.reason, "rule": rule,
                    "would_allow": decision.would_allow})
                    .to_string(),
                );
            } else {
                screen.line(explanation.to_string().trim_end());
            }
            match explanation.decision.verdict {
                Verdict::Allow => Ok(()),
                verdict => {
                    Err(Failure::new(exit::REFUSED, "policy", format!("the call is not allowed ({verdict})")))
                }
            }
        }
    }
}

/// The policy that a command uses here. The demo's is always the built-in one.
fn applying(command: Builtin, home: &Home) -> Result<PolicySource, Failure> {
    let of_user = if matches!(command, Builtin::Demo) { None } else { policies::of_user(home)? };
    Ok(of_user.unwrap_or_else(|| command.source()))
}

fn show(policy: &PolicySource, screen: &Screen) {
    if screen.is_json() {
        screen.line(&json!({"name": policy.name, "text": policy.text}).to_string());
    } else {
        // Beside the text, so that the text alone can go into a file.
        screen.note(&format!("{}:", policy.name));
        screen.line(policy.text.trim_end());
    }
}

/// The user's policy; where there is none, the built-in ones, which apply then.
fn policies_here(home: &Home, screen: &Screen) -> Result<Vec<PolicySource>, Failure> {
    if let Some(policy) = policies::of_user(home)? {
        return Ok(vec![policy]);
    }
    screen.note(&format!("There is no {}, so the built-in policies apply:", home.policy().display()));
    Ok([Builtin::Ask, Builtin::Run, Builtin::Demo].map(Builtin::source).into())
}

fn root_folder(root: Option<&Path>) -> Result<PathBuf, Failure> {
    node::folder(root.unwrap_or(Path::new(".")))
}

fn check(policy: &PolicySource, home: &Home, root: Option<&Path>, screen: &Screen) -> Result<(), Failure> {
    let compiled = policies::compile(policy, &policies::context(home, &[root_folder(root)?]))?;
    let warnings: Vec<_> = compiled.check().iter().map(ToString::to_string).collect();
    if screen.is_json() {
        screen.line(&json!({"policy": policy.name, "rules": compiled.rule_count(), "hash": compiled.hash().to_string(),
            "warnings": warnings}).to_string());
    } else {
        warnings.iter().for_each(|warning| screen.line(warning));
        let (rules, warned) = (compiled.rule_count() as u64, warnings.len() as u64);
        let (rules, warned) = (counted(rules, "rule"), counted(warned, "warning"));
        screen.line(&format!("{}: {rules}, no errors, {warned}", policy.name));
    }
    Ok(())
}

/// Runs a file of tests; any that fails ends the command with 3.
fn test(
    tests: Option<&Path>,
    policy: Option<&Path>,
    root: Option<&Path>,
    home: &Home,
    screen: &Screen,
) -> Result<(), Failure> {
    let no_policy =
        || Failure::usage(format!("there is no {}; name one with --policy", home.policy().display()));
    let policy = match policy {
        Some(file) => policies::read(file)?,
        None => policies::of_user(home)?.ok_or_else(no_policy)?,
    };
    let beside = || Path::new(&policy.name).with_extension("test.toml");
    let tests = policies::read(&tests.map_or_else(beside, Path::to_owned))?;
    let context = policies::context(home, &[root_folder(root)?]);
    let compiled = policies::compile(&policy, &context)?;
    let suite = Suite::read(&Source::new(tests.name, tests.text), &context).map_err(|findings| {
        let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
        Failure::new(exit::USAGE, "policy", all.join("\n"))
    })?;
    let report = suite.run(&compiled);
    report.tests.iter().for_each(|tested| tell(tested, screen));
    let failed = report.tests.iter().filter(|tested| tested.failure.is_some()).count();
    let untested: Vec<_> =
        report.untested.iter().map(|rule| json!({"id": rule.id, "line": rule.line})).collect();
    if screen.is_json() {
        let passed = report.tests.len() - failed;
        screen.line(&json!({"passed": passed, "failed": failed, "untested": untested}).to_string());
    } else {
        for rule in &report.untested {
            screen.line(&format!("{}:{}: no test touches the rule `{}`", policy.name, rule.line, rule.id));
        }
        let of = counted(report.tests.len() as u64, "test");
        screen.line(&format!("{of}, {failed} failed, {} untested", counted(untested.len() as u64, "rule")));
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(
            exit::REFUSED,
            "policy.tests",
            format!("{failed} of {} tests failed", report.tests.len()),
        )),
    }
}

fn tell(tested: &Tested, screen: &Screen) {
    let Tested { name, place, failure } = tested;
    if screen.is_json() {
        let line = json!({"name": name, "place": place, "passed": failure.is_none(), "failure": failure});
        screen.line(&line.to_string());
    } else if let Some(failure) = failure {
        screen.line(&format!("{place}: failed: {}\n  {failure}", printable(name)));
    }
}

/// `name=value` pairs; a relative path is meant from the current folder.
fn parse_arguments(pairs: &[String]) -> Result<Map, Failure> {
    let mut map = Map::new();
    for pair in pairs {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{pair}` is not an argument; write it as name=value")))?;
        let value = match name {
            "path" | "executable" => bytes_value(absolute(value)?.as_os_str().as_encoded_bytes()),
            "argv" => Value::List(value.split(' ').map(|word| bytes_value(word.as_bytes())).collect()),
            "port" => Value::from(
                value.parse::<u32>().map_err(|_| Failure::usage(format!("`{value}` is no port")))?,
            ),
            _ => Value::from(value),
        };
        if map.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("the argument `{name}` is given twice")));
        }
    }
    Ok(map)
}

fn absolute(path: &str) -> Result<PathBuf, Failure> {
    if path.starts_with('/') {
        return Ok(path.into());
    }
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let here = here.map_err(|error| Failure::usage(format!("the current folder can't be used: {error}")))?;
    Ok(here.join(path.strip_prefix("./").unwrap_or(path)))
}
