//! Where the last panic of this thread began.

use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::sync::Once;

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(true) };
}

/// Whether the last panic of this thread began outside of the library that parses PDF. Before
/// [`remember`] was called every panic counts as ours.
#[must_use]
pub fn last_is_ours() -> bool {
    OURS.get()
}

/// From now on panics are remembered, and those of that library are not printed.
pub fn remember() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            OURS.set(is_ours(panic));
            if is_ours(panic) {
                before(panic);
            }
        }));
    });
}

fn is_ours(panic: &PanicHookInfo<'_>) -> bool {
    panic.location().is_none_or(|place| !place.file().contains("/lopdf-"))
}
