//! A fault of ours stops the process; whoever started it decides what follows.

/// From now on a panic on any thread is printed and ends the process. Node
/// processes call this first, so that no half-done task lives on behind one.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|fault| {
        eprintln!("{fault}");
        std::process::abort();
    }));
}
