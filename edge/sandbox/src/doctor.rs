//! The table that `ioi doctor` prints.

use crate::kernel::Kernel;
use crate::plan::{Missing, draft, missing};
use crate::{Layer, Profile, Property};

/// What this machine gives for one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The property.
    pub property: Property,
    /// True if a sandbox here holds it.
    pub met: bool,
    /// The layers that give it.
    pub layers: Vec<Layer>,
    /// If it isn't met, why; empty otherwise.
    pub missing: String,
    /// If it isn't met, what to do; empty otherwise.
    pub remedy: String,
}

/// One row for each property, for a plugin with limits on memory and processes.
pub fn doctor(kernel: &Kernel) -> Vec<Row> {
    let mut profile = Profile::new("doctor", "/");
    profile.limits.memory_bytes = Some(1 << 30);
    profile.limits.pids = Some(64);
    let plan = draft(kernel, &profile, &[]);
    let row = |property| match plan.given.iter().find(|given| given.property == property) {
        Some(given) => Row {
            property,
            met: true,
            layers: given.layers.clone(),
            missing: String::new(),
            remedy: String::new(),
        },
        None => {
            let Missing { property, why, remedy } = missing(kernel, &profile, property);
            Row { property, met: false, layers: Vec::new(), missing: why, remedy }
        }
    };
    Property::ALL.into_iter().map(row).collect()
}
