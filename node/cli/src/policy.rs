//! `ioi policy check | explain | show`.

use crate::args::{Builtin, PolicyCommand};
use crate::failure::Failure;
use crate::node;
use crate::policies;
use crate::render::Screen;
use ioi_canon::{Map, Value};
use ioi_firewall::{Call, Facts, Object, ObjectKind, bytes_value};
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
}

pub(crate) fn run(command: PolicyCommand, screen: &Screen) -> Result<(), Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    match command {
        PolicyCommand::Show { command } => {
            let policy = policies::find(None, &home, || command.text())?;
            if screen.is_json() {
                screen.line(&json!({"name": policy.name, "text": policy.text}).to_string());
            } else {
                screen.line(policy.text.trim_end());
            }
            Ok(())
        }
        PolicyCommand::Check { file, root } => {
            let file = file.unwrap_or_else(|| home.policy());
            check(&policies::read(&file)?, &home, root.as_deref(), screen)
        }
        PolicyCommand::Explain { action, arguments, principal, size, policy, command, root } => {
            let policy = policies::find(policy.as_deref(), &home, || command.text())?;
            let context = policies::context(&home, &[root_folder(root.as_deref())?]);
            let compiled = policies::compile(&policy, &context)?;
            let call = Call::new(principal, action, parse_arguments(&arguments)?);
            let object = Object { kind: ObjectKind::File, size, device: 0, inode: 0 };
            let has_object = call.action.starts_with("fs::");
            let facts = Facts { time_ms: 0, object: has_object.then_some(object) };
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
        screen.line(&format!(
            "{}: {} rules, no errors, {} warnings",
            policy.name,
            compiled.rule_count(),
            warnings.len()
        ));
    }
    Ok(())
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
