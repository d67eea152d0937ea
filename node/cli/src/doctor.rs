//! `ioi doctor`: what this kernel enforces, property by property.

use crate::failure::Failure;
use crate::render::Screen;
use ioi_node_supervisor::{Binaries, Home, HomeError};
use ioi_sandbox::{Kernel, Layer, Property, Row, doctor};
use ioi_types::exit;
use serde_json::{Value, json};

pub(crate) fn run(screen: &Screen) -> Result<(), Failure> {
    let kernel = Kernel::probe();
    let rows = doctor(&kernel);
    let unusable = rows.iter().any(|row| !row.met && (Property::NEVER_LOWERED.contains(&row.property)));
    let home = home();
    let programs = Binaries::find();
    if screen.is_json() {
        let event = json!({
            "event": "doctor", "usable": !unusable, "tier": tier(&kernel), "landlock_abi": kernel.landlock_abi(),
            "properties": rows.iter().map(property).collect::<Vec<_>>(),
            "home": found("path", home.as_ref().map(|home| home.data.display().to_string())),
            "programs": found("folder", programs.as_ref().map(|programs| programs.folder().display().to_string())),
            "keys_unlock": "none"});
        screen.line(&event.to_string());
    } else {
        print(screen, &kernel, &rows);
        match &home {
            Ok(home) => screen.line(&format!("\nKeys, logs and receipts: {}", home.data.display())),
            // The reason is what the command ends with.
            Err(_) => screen.line("\nKeys, logs and receipts: no place that can be used"),
        }
        screen.line("Guardian keys: not encrypted (0600; whoever has the disk has them)");
        if programs.is_err() {
            screen.line("Programs: not all of them are there");
        }
    }
    if unusable {
        let missing: Vec<_> = rows.iter().filter(|row| !row.met).map(|row| row.property.name()).collect();
        let message = format!("nothing can be started here: {} can't be enforced", missing.join(", "));
        return Err(Failure::new(exit::UNAVAILABLE, "sandbox.unavailable", message));
    }
    // The kernel's report is worth having without a home; every other command needs one.
    home.map_err(Failure::from)?;
    programs.map(|_| ()).map_err(Failure::from)
}

fn home() -> Result<Home, HomeError> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    home.check().map(|()| home)
}

/// One property: which layers hold it, or what is missing and the remedy.
fn property(row: &Row) -> Value {
    let name = row.property.name();
    if row.met {
        let layers: Vec<_> = row.layers.iter().map(|layer| layer.name()).collect();
        json!({"name": name, "holds": true, "layers": layers})
    } else {
        json!({"name": name, "holds": false, "missing": row.missing, "remedy": row.remedy})
    }
}

/// Something that is there under `key`, or why it is not.
fn found(key: &str, place: Result<String, impl ToString>) -> Value {
    match place {
        Ok(place) => json!({"holds": true, key: place}),
        Err(missing) => json!({"holds": false, "missing": missing.to_string()}),
    }
}

fn tier(kernel: &Kernel) -> &'static str {
    match kernel.has(Layer::PidNamespace) {
        Ok(()) => "with namespaces",
        Err(_) => "without namespaces",
    }
}

/// Where the second column begins, from the first.
const COLUMN: usize = 21;

fn print(screen: &Screen, kernel: &Kernel, rows: &[Row]) {
    let (tier, abi) = (tier(kernel), kernel.landlock_abi());
    screen.heading(&format!("Sandbox on this kernel ({tier}, Landlock ABI {abi})"));
    for row in rows {
        let layers: Vec<_> = row.layers.iter().map(|layer| layer.name()).collect();
        let state = if row.met { layers.join(", ") } else { format!("MISSING: {}", row.missing) };
        screen.prose(&format!("  {:<20} {state}", row.property.name()), COLUMN);
        if !row.met {
            screen.prose(&format!("  {:<20} remedy: {}", "", row.remedy), 0);
        }
    }
}
