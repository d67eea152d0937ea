//! Exit codes of the `ioi` command. 1 is unused, so that a crash of a language runtime is told apart.

/// Everything was done.
pub const OK: u8 = 0;
/// The command line, a configuration file or a named input can't be used.
pub const USAGE: u8 = 2;
/// The policy, or the lack of a rule, refused what was asked.
pub const REFUSED: u8 = 3;
/// Data that should verify does not.
pub const CORRUPT: u8 = 4;
/// Something needed is not there: a kernel feature, a process, a key, room on the disk.
pub const UNAVAILABLE: u8 = 5;
/// A fault of ours.
pub const INTERNAL: u8 = 6;
/// `run` and `mcp wrap`: any failure of our own, refusals included.
pub const RUN_FAILED: u8 = 125;
/// `run` and `mcp wrap`: the command was found and cannot be executed.
pub const RUN_NOT_EXECUTABLE: u8 = 126;
/// `run` and `mcp wrap`: there is no such command.
pub const RUN_NOT_FOUND: u8 = 127;
