//! The table that `ioi doctor` prints.

use crate::kernel::Kernel;
use crate::plan::{draft, missing, remedy};
use crate::{Layer, Profile, Property};

/// What this machine gives for one property.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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
    let row = |property| {
        let given = plan.given.iter().find(|given| given.property == property);
        let unmet = given.is_none();
        Row {
            property,
            met: !unmet,
            layers: given.map(|given| given.layers.clone()).unwrap_or_default(),
            missing: unmet.then(|| missing(kernel, &profile, property).why).unwrap_or_default(),
            remedy: unmet.then(|| remedy(property).to_string()).unwrap_or_default(),
        }
    };
    Property::ALL.into_iter().map(row).collect()
}
