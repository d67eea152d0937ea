//! The command line.

use ioi_hostile::{TARGETS, Target};

pub(crate) const USAGE: &str = "\
ioi-hostile [--cases N] [--seed N] [--target NAME] [--wrap] [--json]
ioi-hostile --target NAME --seed N --episode N     one episode again

  --cases N    lies to tell, shared out among the targets (default: 10000000)
  --seed N     from which all of them follow (default: 1)
  --target     ring-receiver, ring-sender, byte-reader, byte-writer, lender or borrower (default: all)
  --wrap       2^32 honest messages through a ring first, past the wrap of its indices
  --json       one object a line on standard output
";

/// What one command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) cases: u64,
    pub(crate) seed: u64,
    pub(crate) targets: Vec<Target>,
    pub(crate) episode: Option<u64>,
    pub(crate) wrap: bool,
    pub(crate) json: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            cases: 10_000_000,
            seed: 1,
            targets: TARGETS.to_vec(),
            episode: None,
            wrap: false,
            json: false,
        };
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "--cases" => options.cases = number(argument, arguments.next())?,
                "--seed" => options.seed = number(argument, arguments.next())?,
                "--episode" => options.episode = Some(number(argument, arguments.next())?),
                "--target" => options.targets = vec![target(arguments.next())?],
                "--wrap" => options.wrap = true,
                "--json" => options.json = true,
                other => return Err(format!("there is no option `{other}`")),
            }
        }
        if options.episode.is_some() && options.targets.len() != 1 {
            return Err("--episode wants --target".to_owned());
        }
        Ok(options)
    }
}

fn number(flag: &str, value: Option<&str>) -> Result<u64, String> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("{flag} wants a number"))
}

fn target(name: Option<&str>) -> Result<Target, String> {
    let found = TARGETS.into_iter().find(|target| Some(target.name()) == name);
    found.ok_or_else(|| format!("--target wants one of {}", TARGETS.map(Target::name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_with_anything_unknown_is_refused() {
        let parsed =
            |line: &str| Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        for line in ["--case 1", "--cases", "--cases x", "--target lendre", "--episode 3", "peer"] {
            assert!(parsed(line).is_err(), "{line}");
        }
        let options = parsed("--cases 5 --seed 7 --target lender --episode 3 --json").ok();
        let wanted = Options {
            cases: 5,
            seed: 7,
            targets: vec![Target::Lender],
            episode: Some(3),
            wrap: false,
            json: true,
        };
        assert_eq!(options, Some(wanted));
    }
}
