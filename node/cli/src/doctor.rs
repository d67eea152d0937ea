//! `ioi doctor`: what this kernel enforces, property by property.

use crate::failure::Failure;
use crate::render::Screen;
use ioi_node_supervisor::{Binaries, Home};
use ioi_sandbox::{Kernel, Property, Row, doctor};
use ioi_types::exit;
use serde_json::json;

pub(crate) fn run(screen: &Screen) -> Result<(), Failure> {
    let kernel = Kernel::probe();
    let rows = doctor(&kernel);
    let unusable = rows.iter().any(|row| !row.met && (Property::NEVER_LOWERED.contains(&row.property)));
    let home = Home::from_environment(|name| std::env::var_os(name));
    let programs = Binaries::find();
    if screen.is_json() {
        let event = json!({
            "landlock_abi": kernel.landlock_abi(), "properties": rows,
            "home": home.as_ref().map(|home| home.data.clone()).map_err(ToString::to_string),
            "programs": programs.as_ref().map(|_| "found").map_err(ToString::to_string),
            "keys": "unlock = none", "usable": !unusable});
        screen.line(&event.to_string());
    } else {
        print(screen, &kernel, &rows);
        match &home {
            Ok(home) => screen.line(&format!("\nKeys, logs and receipts: {}", home.data.display())),
            Err(error) => screen.line(&format!("\nKeys, logs and receipts: {error}")),
        }
        screen.line(
            "Guardian keys: unlock = none (the key file is 0600; it protects from nobody who has the disk)",
        );
        if let Err(error) = &programs {
            screen.line(&format!("Programs: {error}"));
        }
    }
    if unusable {
        let missing: Vec<_> = rows.iter().filter(|row| !row.met).map(|row| row.property.name()).collect();
        let message = format!("nothing can be started here: {} can't be enforced", missing.join(", "));
        return Err(Failure::new(exit::UNAVAILABLE, "sandbox.unavailable", message));
    }
    Ok(())
}

fn print(screen: &Screen, kernel: &Kernel, rows: &[Row]) {
    let namespaces = kernel.has(ioi_sandbox::Layer::PidNamespace).is_ok();
    let tier = if namespaces { "with namespaces" } else { "without namespaces" };
    screen.heading(&format!("Sandbox on this kernel ({tier}, Landlock ABI {})", kernel.landlock_abi()));
    for row in rows {
        let layers: Vec<_> = row.layers.iter().map(|layer| layer.name()).collect();
        let state = if row.met { layers.join(", ") } else { format!("MISSING: {}", row.missing) };
        screen.line(&format!("  {:<20} {state}", row.property.name()));
        if !row.met {
            screen.line(&format!("  {:<20} remedy: {}", "", row.remedy));
        }
    }
}
