//! Standard output, and whether all that was printed there got through.

use ioi_types::exit;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// Why something was lost, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Prints at once. A reader that went away early is no error; anything else makes the command fail
/// in the end.
pub(crate) fn print(text: impl AsRef<[u8]>) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            LOST.get_or_init(|| error.to_string());
        }
        _ => {}
    }
}

/// What the command ends with: `lossy` where it went well but for what was lost.
///
/// This is said on standard error also where errors are events on standard output.
pub(crate) fn checked(exit: u8, lossy: u8) -> u8 {
    let Some(cause) = LOST.get() else { return exit };
    eprintln!(
        "ioi: standard output is incomplete, it could not be written: {cause}; make room there or print elsewhere"
    );
    if exit == exit::OK { lossy } else { exit }
}
