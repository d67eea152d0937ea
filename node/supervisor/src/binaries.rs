//! Where the node's own programs are.

use ioi_sandbox::Measured;
use ioi_types::Digest;
use std::io;
use std::path::{Path, PathBuf};

/// The programs of one installation, found beside `ioi` (a build folder) or in
/// `../libexec/ioi` (an installation). `IOI_BIN_DIR` names another folder.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

/// A program is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error("{name} is missing: looked in {}; install IOI again, or set IOI_BIN_DIR", looked.join(", "))]
pub struct MissingBinary {
    name: &'static str,
    looked: Vec<String>,
}

impl Binaries {
    /// Finds the folder that holds `ioi-init`.
    ///
    /// # Errors
    /// With every folder that was looked in.
    pub fn find() -> Result<Self, MissingBinary> {
        let name = "ioi-init";
        let mut candidates: Vec<PathBuf> = Vec::new();
        match std::env::var_os("IOI_BIN_DIR") {
            Some(folder) => candidates.push(folder.into()),
            None => {
                let own = std::env::current_exe().ok();
                if let Some(folder) = own.as_deref().and_then(Path::parent) {
                    candidates.extend([folder.to_owned(), folder.join("../libexec/ioi")]);
                }
            }
        }
        let found = candidates.iter().find(|folder| folder.join(name).is_file());
        match found.and_then(|folder| folder.canonicalize().ok()) {
            Some(folder) => Ok(Self { folder }),
            None => {
                let looked = candidates.iter().map(|folder| folder.display().to_string()).collect();
                Err(MissingBinary { name, looked })
            }
        }
    }

    /// The folder that holds them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of one program.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// BLAKE3 over a program file, and the state of the file that was read.
///
/// # Errors
/// Those of reading it, and `ResourceBusy` if it changed meanwhile.
pub fn measure(path: &Path) -> io::Result<(Digest, Measured)> {
    Measured::read(path, |file| {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file)?;
        Ok(Digest::blake3(*hasher.finalize().as_bytes()))
    })
}
