//! `ioi help` and the manual page, both from the command line's own definition.

use crate::args::Cli;
use crate::called;
use crate::failure::Failure;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io::{self, Write};

/// Where things are and what changes them, for the manual page.
const PLACES: &str = r#".SH ENVIRONMENT
.TP
\fBIOI_HOME\fR
Folder of everything that follows, instead of the places below.
.TP
\fBXDG_CONFIG_HOME\fR, \fBXDG_DATA_HOME\fR, \fBHOME\fR
As usual; one of them or \fBIOI_HOME\fR must be set.
.TP
\fBNO_COLOR\fR
Any value: no colours. There are none off a terminal either.
.SH FILES
.TP
\fI$XDG_CONFIG_HOME/ioi/policy.toml\fR
The user's policy, which replaces the built\-in ones of \fBask\fR and \fBrun\fR.
.TP
\fI$XDG_DATA_HOME/ioi/guardian/\fR
Keys and the state of logs.
.TP
\fI$XDG_DATA_HOME/ioi/guardian.pub\fR
The public key that \fBverify\fR trusts.
.TP
\fI$XDG_DATA_HOME/ioi/runs/\fR
Records and receipts, a folder for each run.
.TP
\fI$XDG_DATA_HOME/ioi/live/\fR
The sockets of live runs and their keys, for \fBipc ls\fR and \fBipc tap\fR.
"#;

/// Help on one command, on all (`all`), or an overview.
///
/// # Errors
/// Exit 2 for a command that there is not.
pub(crate) fn text(topic: &[String]) -> Result<String, Failure> {
    if topic.first().is_some_and(|first| first == "all") {
        return Ok(all());
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for name in topic {
        found = found.find_subcommand_mut(name).ok_or_else(|| {
            Failure::usage(format!("there is no command `{name}`; `{} help all` lists them", called::ioi()))
        })?;
    }
    Ok(found.render_help().to_string())
}

fn all() -> String {
    let mut command = whole();
    let overview = command.render_help().to_string();
    let each = commands(&command).into_iter().map(|mut one| {
        let name = one.get_bin_name().unwrap_or_default().to_owned();
        format!("\n\n{name}\n{}\n{}", "-".repeat(name.len()), one.render_help().to_string().trim_end())
    });
    overview.trim_end().to_owned() + &each.collect::<String>() + "\n"
}

/// The manual page, in roff.
pub(crate) fn manual() -> Vec<u8> {
    let mut page = Vec::new();
    // Writing to memory can't fail.
    let _ = write_manual(&mut page);
    page
}

fn write_manual(page: &mut Vec<u8>) -> io::Result<()> {
    let command = whole();
    let commands = commands(&command);
    let man = Man::new(command).manual("IOI");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for command in commands {
        writeln!(page, ".SS \"{}\"", command.get_bin_name().unwrap_or_default())?;
        let usage = command.clone().render_usage().to_string();
        let man = Man::new(command);
        let mut parts = Vec::new();
        man.render_description_section(&mut parts)?;
        writeln!(parts, ".PP\n{}", usage.trim_start_matches("Usage: ").replace('-', "\\-"))?;
        man.render_options_section(&mut parts)?;
        page.extend(without_headings(&parts));
    }
    let mut exits = Vec::new();
    man.render_extra_section(&mut exits)?;
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    page.extend(without_headings(&exits));
    page.extend(PLACES.bytes());
    Ok(())
}

fn without_headings(roff: &[u8]) -> Vec<u8> {
    let lines = roff.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b".SH")).flatten().copied().collect()
}

/// The definition with no command hidden, each of them knowing its whole name.
fn whole() -> Command {
    let mut command = unhidden(Cli::command());
    command.build();
    command
}

fn unhidden(command: Command) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let show = |command: Command, name| command.mut_subcommand(name, |sub| unhidden(sub.hide(false)));
    names.into_iter().fold(command, show)
}

/// Every command that does something, in order, without the options that all of them have.
fn commands(command: &Command) -> Vec<Command> {
    let mut found = Vec::new();
    for sub in command.get_subcommands() {
        match sub.has_subcommands() {
            true => found.extend(commands(sub)),
            false => found.push(["json", "help"].into_iter().fold(sub.clone(), without_option)),
        }
    }
    found
}

fn without_option(command: Command, id: &str) -> Command {
    let has = command.get_arguments().any(|argument| argument.get_id() == id);
    if has { command.mut_arg(id, |argument| argument.hide(true)) } else { command }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every option and every argument of every command, hidden commands included.
    fn names() -> Vec<(String, String)> {
        let mut names = Vec::new();
        for command in commands(&whole()) {
            let full = command.get_bin_name().unwrap().to_owned();
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let name = match argument.get_long() {
                    Some(long) => format!("--{long}"),
                    None => argument.get_value_names().unwrap()[0].to_string(),
                };
                names.push((full.clone(), name));
            }
        }
        names
    }

    #[test]
    fn help_on_all_has_every_option_under_its_command_and_fits_a_terminal() {
        let text = all();
        assert!(names().contains(&("ioi policy check".into(), "--root".into())));
        assert!(names().contains(&("ioi receipt redact".into(), "--remove".into())));
        for (command, name) in names() {
            let after = text.split(&format!("\n\n{command}\n")).nth(1);
            let section = after.unwrap_or_else(|| panic!("no {command}")).split("\n\nioi ").next().unwrap();
            assert!(section.contains(&format!("Usage: {command}")), "{command}: {section}");
            assert!(section.contains(&name), "{command} {name}: {section}");
        }
        let long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "longer than 80 columns: {long:#?}");
    }

    #[test]
    fn the_manual_page_has_every_option_under_its_command() {
        let page = String::from_utf8(manual()).unwrap().replace("\\-", "-");
        for (command, name) in names() {
            let after = page.split(&format!(".SS \"{command}\"\n")).nth(1);
            let section = after.unwrap_or_else(|| panic!("no {command}")).split("\n.S").next().unwrap();
            assert!(section.contains(&name), "{command} {name}: {section}");
        }
    }

    #[test]
    fn a_nested_command_is_shown_with_its_whole_name() {
        let topic = ["policy".to_owned(), "check".to_owned()];
        assert!(text(&topic).unwrap().contains("Usage: ioi policy check "));
        assert_eq!(text(&["nothing".to_owned()]).unwrap_err().exit, 2);
    }
}
