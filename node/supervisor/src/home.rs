//! Where IOI keeps what outlives a run.
//!
//! `$IOI_HOME` replaces everything; else the XDG base directories; else `$HOME`.
//! With none of them set there is no place that a later run would find again,
//! so that is an error and not a guess.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folders of one user's installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// `policy.toml` and `projects/`.
    pub config: PathBuf,
    /// Keys, logs, runs and memory.
    pub data: PathBuf,
    /// Where `~/` in a policy points; `None` when HOME is not set.
    pub user: Option<PathBuf>,
}

/// Why there is no usable home.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Nothing says where to keep anything.
    #[error(
        "neither IOI_HOME nor HOME is set; set IOI_HOME to a folder that IOI may keep its keys and logs in"
    )]
    Unset,
    /// A variable holds a relative path.
    #[error("{name} is `{value}`, which is not an absolute path; write it from `/` on")]
    Relative {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A folder can't be used.
    #[error("the folder {path} can't be used: {source}; {}", remedy(source))]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder that isn't there can't be made.
    #[error("the folder {path} can't be made in {within}: {source}; {}", remedy(source))]
    Make {
        /// Which.
        path: PathBuf,
        /// The last folder on the way to it that is there.
        within: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder that others could have written to.
    #[error(
        "the folder {path} belongs to uid {owner} with mode {mode:03o}; it must be yours and writable by nobody else (chmod go-w), or IOI_HOME must name another"
    )]
    Permissions {
        /// Which.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
}

impl HomeError {
    /// True where there is no room on the disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Folder { source, .. } | Self::Make { source, .. } if is_full(source))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// IOI_HOME replaces every other place, so it helps wherever the folder was taken from.
fn remedy(error: &io::Error) -> &'static str {
    match is_full(error) {
        true => "free some room on that disk, or set IOI_HOME to a folder on another one",
        false => "set IOI_HOME to a folder that you may write to",
    }
}

impl Home {
    /// Finds the folders from the environment; creates nothing.
    ///
    /// # Errors
    /// [`HomeError::Unset`] and [`HomeError::Relative`].
    pub fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, HomeError> {
        let absolute = |name: &'static str| match get(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) if Path::new(&value).is_absolute() => Ok(Some(PathBuf::from(value))),
            Some(value) => Err(HomeError::Relative { name, value: value.to_string_lossy().into_owned() }),
        };
        let user = absolute("HOME")?;
        if let Some(root) = absolute("IOI_HOME")? {
            return Ok(Self { config: root.clone(), data: root, user });
        }
        let under = |variable: Option<PathBuf>, fallback: &str| {
            let base = variable.or_else(|| user.as_ref().map(|user| user.join(fallback)));
            base.map(|base| base.join("ioi")).ok_or(HomeError::Unset)
        };
        let config = under(absolute("XDG_CONFIG_HOME")?, ".config")?;
        let data = under(absolute("XDG_DATA_HOME")?, ".local/share")?;
        Ok(Self { config, data, user })
    }

    /// What is trusted because it lies here must be nobody else's to change.
    ///
    /// # Errors
    /// [`HomeError::Permissions`] for a folder of another owner, or that others may write to;
    /// [`HomeError::Folder`] for what is no folder.
    pub fn check(&self) -> Result<(), HomeError> {
        for path in [&self.config, &self.data] {
            match path.metadata() {
                Ok(meta) => check_folder(path, &meta)?,
                // One that is missing or closed is told of by whoever needs what is in it.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {}
                Err(source) => return Err(HomeError::Folder { path: path.clone(), source }),
            }
        }
        Ok(())
    }

    /// The user's policy, where one is looked for without `--policy`.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.config.join("policy.toml")
    }

    /// The guardian's own folder.
    #[must_use]
    pub fn guardian(&self) -> PathBuf {
        self.data.join("guardian")
    }

    /// The guardian's public key, for verifiers.
    #[must_use]
    pub fn public_key(&self) -> PathBuf {
        self.data.join("guardian.pub")
    }

    /// The sockets and keys of the runs that live now.
    #[must_use]
    pub fn live(&self) -> PathBuf {
        self.data.join("live")
    }

    /// The folder of one run.
    #[must_use]
    pub fn run(&self, log: &ioi_types::LogId) -> PathBuf {
        self.data.join("runs").join(log.to_string())
    }

    /// Paths that no policy opens: configuration, keys, logs.
    #[must_use]
    pub fn protected(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.config.clone(), self.data.clone()];
        folders.dedup();
        folders
    }
}

/// Makes `path` (and missing parents) as a 0700 folder of ours, and opens it.
///
/// # Errors
/// When it can't be made, is not a folder, or others may write to it.
pub fn private_folder(path: &Path) -> Result<File, HomeError> {
    let failed = |source| HomeError::Folder { path: path.to_owned(), source };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| not_made(path, source))?;
    let folder = File::open(path).map_err(failed)?;
    let meta = folder.metadata().map_err(failed)?;
    check_folder(path, &meta)?;
    Ok(folder)
}

fn not_made(path: &Path, source: io::Error) -> HomeError {
    let (path, mut above) = (path.to_owned(), path.ancestors().skip(1));
    match above.find(|folder| folder.is_dir()) {
        Some(within) if !path.exists() => HomeError::Make { within: within.to_owned(), path, source },
        _ => HomeError::Folder { path, source },
    }
}

fn check_folder(path: &Path, meta: &std::fs::Metadata) -> Result<(), HomeError> {
    if !meta.is_dir() {
        let source = io::Error::from_raw_os_error(rustix::io::Errno::NOTDIR.raw_os_error());
        return Err(HomeError::Folder { path: path.to_owned(), source });
    }
    let mode = meta.permissions().mode() & 0o777;
    if meta.uid() != rustix::process::geteuid().as_raw() || mode & 0o022 != 0 {
        return Err(HomeError::Permissions { path: path.to_owned(), owner: meta.uid(), mode });
    }
    Ok(())
}

/// Keeps the guardian's public key where verifiers look for it: written whole
/// under another name first, and only where it is not there already.
pub(crate) fn publish_key(home: &Home, public_key: &[u8]) -> io::Result<()> {
    let key = ioi_crypto::PublicKey::from_bytes(public_key).map_err(io::Error::other)?;
    let text = ioi_audit::encode_public_key(&key);
    let path = home.public_key();
    if std::fs::read(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let new = home.data.join(format!(".guardian.pub-{}", ioi_types::hex::encode(&random)));
    std::fs::write(&new, &text)?;
    File::open(&new)?.sync_all()?;
    std::fs::rename(&new, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(pairs: &[(&str, &str)]) -> Result<Home, HomeError> {
        Home::from_environment(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn ioi_home_replaces_everything_else() {
        let found = home(&[("IOI_HOME", "/x"), ("HOME", "/h"), ("XDG_DATA_HOME", "/d")]).unwrap();
        assert_eq!(found.guardian(), Path::new("/x/guardian"));
        assert_eq!(found.policy(), Path::new("/x/policy.toml"));
        assert_eq!(found.user, Some("/h".into()));
    }

    #[test]
    fn xdg_folders_come_before_those_of_home() {
        let found = home(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")]).unwrap();
        assert_eq!(found.data, Path::new("/d/ioi"));
        assert_eq!(found.config, Path::new("/h/.config/ioi"));
    }

    #[test]
    fn no_place_and_a_relative_place_are_errors() {
        assert!(matches!(home(&[]), Err(HomeError::Unset)));
        assert!(matches!(home(&[("HOME", "")]), Err(HomeError::Unset)));
        assert!(matches!(home(&[("HOME", "h")]), Err(HomeError::Relative { name: "HOME", .. })));
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_named_with_place_reason_and_remedy() {
        let error = private_folder(Path::new("/proc/x/guardian")).unwrap_err();
        let said = "the folder /proc/x/guardian can't be made in /proc: No such file or directory (os error 2); \
                    set IOI_HOME to a folder that you may write to";
        assert_eq!((error.to_string().as_str(), error.is_full()), (said, false));
        let full = io::Error::from(rustix::io::Errno::NOSPC);
        let error = HomeError::Folder { path: "/x".into(), source: full };
        assert!(
            error.is_full() && error.to_string().ends_with("IOI_HOME to a folder on another one"),
            "{error}"
        );
    }

    #[test]
    fn a_home_that_is_no_folder_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let home = Home { config: path.clone(), data: path.clone(), user: None };
            let error = home.check().unwrap_err();
            assert!(matches!(&error, HomeError::Folder { path: named, .. } if *named == path), "{error}");
            assert!(error.to_string().contains("Not a directory"), "{error}");
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        private_folder(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(matches!(private_folder(&path), Err(HomeError::Permissions { mode: 0o777, .. })));
    }
}
