//! `IOI_FDS`: each descriptor has one name, each name one descriptor, and each list one spelling.

use ioi_ipc::Inherited;
use std::collections::BTreeSet;

/// The input is the variable's value.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(inherited) = Inherited::parse(text) else { return };
    let read: BTreeSet<String> =
        inherited.numbers().map(|(name, number)| format!("{name}:{number}")).collect();
    let written: Vec<&str> = text.split(',').filter(|item| !item.is_empty()).collect();
    assert_eq!(read.len(), written.len(), "a name stands twice");
    assert!(written.iter().all(|item| read.contains(*item)), "a second spelling");
    let numbers: BTreeSet<i32> = inherited.numbers().map(|(_, number)| number).collect();
    assert_eq!(numbers.len(), written.len(), "a descriptor has two names");
    assert!(numbers.iter().all(|number| (5..1024).contains(number)));
}
