//! The C reader of `sdk/c` over the golden vectors: once as a user compiles it, once with sanitizers.

use super::Session;
use anyhow::Result;
use std::ffi::OsString;
use std::process::{Command, Stdio};

const STRICT: &[&str] = &[
    "-std=c11",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
    "-I",
    "sdk/c/include",
];
const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Compiles and runs the test program in both ways.
pub(super) fn run(session: &mut Session) -> Result<bool> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    if !succeeds(Command::new(&compiler).arg("--version")) {
        println!("skipped: no cc");
        session.tally.skip("no cc");
        return Ok(true);
    }
    let plain = build_and_run(session, &compiler, "c", &[])?;
    if !has_sanitizers(session, &compiler) {
        println!("skipped: no sanitizers of cc");
        session.tally.skip("no sanitizers of cc");
        return Ok(plain);
    }
    Ok(build_and_run(session, &compiler, "c-sanitized", SANITIZERS)? && plain)
}

fn build_and_run(session: &mut Session, compiler: &OsString, name: &str, flags: &[&str]) -> Result<bool> {
    let program = session.log_path(name)?.with_extension("test");
    let mut compile = Command::new(compiler);
    compile.args(STRICT).args(flags).arg("sdk/c/tests/test.c").arg("-o").arg(&program);
    let (succeeded, output) = session.capture(&format!("{name} compile"), &mut compile)?;
    if !succeeded {
        println!("{output}");
        return Ok(false);
    }
    session.count_tests(name, Command::new(program).arg("schema/vectors/data"))
}

/// Some compilers know the flags and have not got the library.
fn has_sanitizers(session: &Session, compiler: &OsString) -> bool {
    let Ok(program) = session.log_path("c-sanitizers") else { return false };
    let program = program.with_extension("test");
    let mut probe = Command::new("sh");
    let script = "echo 'int main(void) { return 0; }' | \"$0\" \"$@\" -x c - ";
    probe.args(["-c", &format!("{script} && \"$IOI_PROBE\"")]).arg(compiler).args(SANITIZERS);
    succeeds(probe.arg("-o").arg(&program).env("IOI_PROBE", &program))
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
