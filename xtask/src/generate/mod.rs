//! What is made from the schemas: constants of every language, the Rust types, the C accessors.
//!
//! Everything is made from the committed requests (`schema/*.capnp.req`), so no `capnp` is needed.
//! Where there is one, the requests are held against what it makes from the schemas.

mod constants;
mod frozen;
mod identity;
mod lens_c;
mod name;
mod rkyv;
mod schema;
mod show_c;
mod validate_c;

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use schema::Schema;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Schemas with a committed request.
const SCHEMAS: &[&str] = &["cell", "data"];

/// What one command line asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Write nothing, and fail where something would have changed.
    pub(crate) check: bool,
    /// Write the golden vectors too.
    pub(crate) vectors: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.to_str() {
                Some("--check") => options.check = true,
                Some("--vectors") => options.vectors = true,
                _ => bail!("generate takes nothing but --check or --vectors, not {argument:?}"),
            }
        }
        ensure!(!(options.check && options.vectors), "--check writes nothing, --vectors does");
        Ok(options)
    }
}

/// True when every file is current, or has been written; and whether there was no `capnp`.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let workspace = Workspace::load(false)?;
    let is_good = generate(&workspace.root, options.check, has_capnp())?;
    if options.vectors {
        write_vectors(&workspace.root)?;
    }
    Ok(is_good)
}

/// What is skipped where it is not installed.
pub(crate) fn has_capnp() -> bool {
    let version = Command::new("capnp").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Writes or checks the requests, then everything that is made from them.
pub(crate) fn generate(root: &Path, check: bool, with_capnp: bool) -> Result<bool> {
    let mut is_good = true;
    if !with_capnp {
        println!("skipped: no capnp (the compiled requests are taken as they are)");
    }
    for name in SCHEMAS.iter().filter(|_| with_capnp) {
        let (path, request) = (format!("schema/{name}.capnp.req"), compile(root, name)?);
        let current = fs::read(root.join(&path)).unwrap_or_default();
        if !is_of_another_capnp(&current, &request) {
            is_good &= settle(root, &path, &request, check)?;
        }
    }
    for name in SCHEMAS {
        let released = parse(root, &format!("schema/frozen/{name}.capnp.req"))?;
        let current = parse(root, &format!("schema/{name}.capnp.req"))?;
        for violation in frozen::violations(&released, &current) {
            println!("schema/{name}.capnp: {violation}, and what was released is only ever added to");
            is_good = false;
        }
    }
    for (path, text) in files(root)? {
        is_good &= settle(root, path, text.as_bytes(), check)?;
    }
    Ok(is_good)
}

/// Every generated file and what belongs into it.
fn files(root: &Path) -> Result<Vec<(&'static str, String)>> {
    let (cell, data) = (parse(root, "schema/cell.capnp.req")?, parse(root, "schema/data.capnp.req")?);
    let identities = identity::identities(&data)?;
    let constants = constants::all(&cell, &data, &identities);
    let languages = constants::LANGUAGES.iter();
    let mut files: Vec<_> = languages.map(|language| (language.path, language.write(&constants))).collect();
    files.push((rkyv::TYPES_PATH, rkyv::write_types(&data)?));
    files.push((rkyv::MESSAGES_PATH, rkyv::write_messages(&data, &identities)?));
    files.push((lens_c::PATH, lens_c::write(&data)?));
    files.push((validate_c::PATH, validate_c::write(&data)?));
    files.push((show_c::PATH, show_c::write(&data)?));
    Ok(files)
}

fn parse(root: &Path, path: &str) -> Result<Schema> {
    let request = fs::read(root.join(path)).context(path.to_owned())?;
    Schema::parse(&request).context(path.to_owned())
}

fn compile(root: &Path, name: &str) -> Result<Vec<u8>> {
    let mut command = Command::new("capnp");
    command.args(["compile", "-I.", "-o-"]).arg(format!("{name}.capnp")).current_dir(root.join("schema"));
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "capnp compile {name}.capnp failed:\n{complaint}");
    Ok(output.stdout)
}

/// Whether two requests say the same and differ only since two versions of `capnp` made them.
fn is_of_another_capnp(current: &[u8], request: &[u8]) -> bool {
    let parsed = [current, request].map(Schema::parse);
    let [Ok(current), Ok(request)] = parsed else { return false };
    current.capnp != request.capnp && Schema { capnp: request.capnp, ..current } == request
}

/// Whether the file holds these bytes, after writing them unless it is only to be checked.
fn settle(root: &Path, path: &str, content: &[u8], check: bool) -> Result<bool> {
    let place = root.join(path);
    if fs::read(&place).is_ok_and(|current| current == content) {
        return Ok(true);
    }
    if check {
        println!("{path}: stale; `cargo xtask generate` makes it anew");
        return Ok(false);
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&place, content).with_context(|| place.display().to_string())?;
    println!("{path}: written");
    Ok(true)
}

/// The types' own crate writes them, so that this one need not link it.
fn write_vectors(root: &Path) -> Result<()> {
    let mut command = crate::workspace::cargo();
    command.args(["run", "--quiet", "--package", "ioi-data", "--example", "vectors", "--"]);
    let status = command.arg(root.join("schema/vectors/data")).current_dir(root).status()?;
    ensure!(status.success(), "the vectors could not be written");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::Scratch;

    /// The requests, the released ones and these further files of `schema/`.
    fn copy(own: &Path, to: &Path, more: &[&str]) {
        fs::create_dir_all(to.join("schema/frozen")).unwrap();
        let requests = ["cell.capnp.req", "data.capnp.req", "frozen/cell.capnp.req", "frozen/data.capnp.req"];
        for name in requests.iter().chain(more) {
            fs::copy(own.join("schema").join(name), to.join("schema").join(name)).unwrap();
        }
    }

    #[test]
    fn a_stale_or_missing_file_fails_the_check_and_generating_mends_it() {
        let scratch = Scratch::create("xtask-generate").unwrap();
        let own = Workspace::load(false).unwrap().root;
        copy(&own, scratch.path(), &[]);
        let generated = |check| generate(scratch.path(), check, false).unwrap();
        assert!(!generated(true), "nothing is there yet");
        assert!(generated(false) && generated(true));
        for (path, text) in files(scratch.path()).unwrap() {
            let place = scratch.path().join(path);
            fs::write(&place, text.replacen("4096", "4095", 1) + " ").unwrap();
            assert!(!generated(true), "{path} was changed");
            assert!(generated(false) && generated(true), "{path} was not mended");
        }
    }

    #[test]
    fn a_request_that_the_schema_no_longer_makes_fails_the_check() {
        if !has_capnp() {
            println!("skipped: no capnp");
            return;
        }
        let scratch = Scratch::create("xtask-request").unwrap();
        let own = Workspace::load(false).unwrap().root;
        copy(&own, scratch.path(), &["cell.capnp", "data.capnp", "go.capnp"]);
        let generated = |check| generate(scratch.path(), check, true).unwrap();
        assert!(generated(false) && generated(true));
        let schema = scratch.path().join("schema/cell.capnp");
        let changed = fs::read_to_string(&schema)
            .unwrap()
            .replace("epochCount :UInt32 = 32", "epochCount :UInt32 = 33");
        fs::write(&schema, changed).unwrap();
        assert!(!generated(true));
    }
}
