//! `ioi verify` and `ioi receipt redact`: offline, with the keys that the user trusts.

use crate::args::VerifyArgs;
use crate::failure::Failure;
use crate::render::Screen;
use crate::text::counted;
use ioi_audit::{
    PUBLIC_KEY_FILE_BYTES_MAX, RECEIPT_BYTES_MAX, Selector, Trust, VerifyFailure, parse_public_key, verify,
};
use ioi_crypto::KeyId;
use ioi_node_supervisor::Home;
use ioi_types::exit;
use rustix::fs::{Mode, OFlags};
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) fn run(args: &VerifyArgs, screen: &Screen) -> Result<(), Failure> {
    let receipt = read(&args.receipt, RECEIPT_BYTES_MAX as u64, "receipt")?;
    let trust = trust(args.key.as_deref())?;
    match verify(&receipt, &trust) {
        Ok(report) => {
            match screen.is_json() {
                true => screen.line(&report.to_value().to_text()),
                false => screen.prose(report.to_string().trim_end(), 2),
            }
            Ok(())
        }
        Err(failure) => Err(explain(&failure)),
    }
}

fn explain(failure: &VerifyFailure) -> Failure {
    let hint = match failure {
        VerifyFailure::UnknownKey { .. } => "; if you know that fingerprint, pass it with --key",
        _ => "",
    };
    Failure::new(failure.exit_code(), failure.name(), format!("{failure}{hint}"))
}

/// The keys named by the user, or this machine's guardian.
fn trust(named: Option<&str>) -> Result<Trust, Failure> {
    if let Some(fingerprint) = named.and_then(|named| named.parse::<KeyId>().ok()) {
        return Ok(Trust::keys([fingerprint]));
    }
    let path = match named {
        Some(path) => path.into(),
        None => match Home::from_environment(|name| std::env::var_os(name)) {
            Ok(home) => {
                home.check()?;
                home.public_key()
            }
            Err(_) => return Ok(Trust::default()),
        },
    };
    if named.is_none() && !path.exists() {
        return Ok(Trust::default());
    }
    let bytes = read(&path, PUBLIC_KEY_FILE_BYTES_MAX as u64, "key")?;
    let key =
        parse_public_key(&bytes).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(Trust::keys([key.id()]))
}

fn read(path: &Path, bytes_max: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("the {what} {} can't be read: {error}", path.display()))
    };
    // A FIFO is not waited for: it is opened at once and refused below.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| unreadable(errno.into()))?;
    let file = File::from(opened);
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Failure::usage(format!("the {what} {} is not a regular file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::new(
            exit::CORRUPT,
            "corrupt",
            format!("the {what} is longer than {bytes_max} bytes"),
        ));
    }
    Ok(bytes)
}

fn selector(name: &str) -> Result<Selector, Failure> {
    match name {
        "all" => Ok(Selector::All),
        "args" | "task" | "answer" | "citations" | "policy" => Ok(Selector::Field(name.to_owned())),
        other => match (other.parse(), other.parse()) {
            (Ok(intent), _) => Ok(Selector::Intent(intent)),
            (_, Ok(commitment)) => Ok(Selector::Commitment(commitment)),
            _ => Err(Failure::usage(format!(
                "`{other}` is neither `all`, `args`, `task`, `answer`, `citations`, `policy`, the number of an intent nor a commitment"
            ))),
        },
    }
}

/// Writes a copy of a receipt without some of its openings.
pub(crate) fn redact(
    receipt: &Path,
    remove: &[String],
    output: &Path,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut bytes = read(receipt, RECEIPT_BYTES_MAX as u64, "receipt")?;
    let mut removed: u64 = 0;
    for name in remove {
        let selector = selector(name)?;
        let (shorter, count) = ioi_audit::redact(&bytes, &selector)
            .map_err(|error| Failure::new(exit::CORRUPT, "corrupt", error.to_string()))?;
        bytes = shorter;
        removed += count as u64;
    }
    std::fs::write(output, &bytes)
        .map_err(|error| Failure::unavailable(format!("{} can't be written: {error}", output.display())))?;
    let place = output.display();
    if screen.is_json() {
        let event = json!({"event": "redacted", "openings": removed, "path": place.to_string()});
        screen.line(&event.to_string());
    } else {
        screen.line(&format!("{} removed; the copy lies at {place}", counted(removed, "opening")));
    }
    Ok(())
}
