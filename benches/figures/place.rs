//! Where the programs are and where a measurement may write.

use crate::Result;
use ioi_node_supervisor::{Binaries, Home, Settings};
use ioi_sandbox::Kernel;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// One run of the benchmark; its folder goes with it.
pub(crate) struct Place {
    folder: PathBuf,
    programs: PathBuf,
    pub(crate) settings: Settings,
}

impl Place {
    /// `None` where `IOI_BIN_DIR` is not set.
    ///
    /// # Errors
    /// No release programs, or no temporary folder.
    pub(crate) fn new() -> Result<Option<Self>> {
        if std::env::var_os("IOI_BIN_DIR").is_none() {
            return Ok(None);
        }
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("ioi-benches-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("home"))?;
        let home = folder.join("home").into_os_string();
        let home = Home::from_environment(|name| (name == "IOI_HOME").then(|| home.clone()))?;
        let binaries = Binaries::find()?;
        let settings = Settings { home, binaries, kernel: Arc::new(Kernel::probe()) };
        Ok(Some(Self { folder, programs, settings }))
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// `ioi` with a home of its own.
    pub(crate) fn ioi(&self) -> Command {
        let mut command = Command::new(self.program("ioi"));
        command.env("IOI_HOME", self.home()).env("IOI_BIN_DIR", &self.programs);
        command
    }

    /// A new folder of this name.
    pub(crate) fn make_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A folder with one small document.
    pub(crate) fn one_document(&self) -> Result<PathBuf> {
        let folder = self.make_folder("one")?;
        std::fs::write(folder.join("a.txt"), "Widgets are made of tin. Gadgets are made of wood.\n")?;
        Ok(folder)
    }

    /// Copies every program of the installation elsewhere.
    pub(crate) fn copy_programs(&self, to: &Path) -> Result<()> {
        for name in PROGRAMS {
            std::fs::copy(self.program(name), to.join(name))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const PROGRAMS: &[&str] = &[
    "ioi",
    "ioi-init",
    "ioi-guardian",
    "ioi-orchestrator",
    "ioi-workload",
    "ioi-egress",
    "ioi-plugin-files",
];

/// The folder of the release programs.
///
/// # Errors
/// One of them is not there.
pub(crate) fn programs() -> Result<PathBuf> {
    let folder = match std::env::var_os("IOI_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            // A bench program lies in `<target>/release/deps`.
            let own = std::env::current_exe()?;
            own.parent().and_then(Path::parent).map(Path::to_owned).ok_or("this program lies nowhere")?
        }
    };
    let folder = folder.canonicalize()?;
    match PROGRAMS.iter().find(|name| !folder.join(name).is_file()) {
        None => Ok(folder),
        Some(name) => {
            let shown = folder.display();
            Err(format!(
                "{name} is not in {shown}; run `cargo build --release --workspace` or set IOI_BIN_DIR"
            )
            .into())
        }
    }
}
