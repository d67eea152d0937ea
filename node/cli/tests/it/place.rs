//! One test's own folders, and commands that run in them.

use crate::started::{Outcome, Started};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A command that has not ended by then hangs. Debug builds on a loaded machine stay far below.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A program of the product.
pub(crate) fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("IOI_BIN_DIR") {
        Some(folder) => folder.into(),
        // Test programs lie in `deps`, beside the programs that they test.
        None => std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned(),
    });
    let path = folder.join(name);
    assert!(path.is_file(), "{} isn't built; `cargo build --workspace` builds it", path.display());
    path
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a test proves nothing here.
pub(crate) fn skip(why: &str) {
    println!("skipped: {why}");
}

/// A folder with what one test needs: IOI's home, the user's home, documents, a working folder, `/tmp`.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        for name in ["home", "user", "docs", "work", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        // Canonical, since a rule about `./` is about the path without links.
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs `ioi` in the working folder, with a home of its own and nothing on standard input.
    pub(crate) fn ioi<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call {
        let mut call = self.other(&program("ioi"));
        call.command.args(arguments);
        call
    }

    /// `ioi --json ask docs question`.
    pub(crate) fn ask(&self, question: &str) -> Call {
        self.ioi([OsStr::new("--json"), "ask".as_ref(), self.path("docs").as_ref(), question.as_ref()])
    }

    /// `ioi --json ask docs`, with the questions to come.
    pub(crate) fn converse(&self) -> Call {
        self.ioi([OsStr::new("--json"), "ask".as_ref(), self.path("docs").as_ref()])
    }

    /// `ioi run -- words`.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Call {
        let mut call = self.ioi(["run", "--"]);
        call.command.args(words);
        call
    }

    /// Any program with the same surroundings.
    pub(crate) fn other(&self, program: &Path) -> Call {
        let mut command = Command::new(program);
        let foreign = [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "IOI_TEST_WITHOUT_LAYERS",
            "IOI_TEST_BOUNDS",
            "IOI_CALLED_AS",
        ];
        for name in foreign {
            command.env_remove(name);
        }
        let programs = self::program("ioi").parent().unwrap().to_owned();
        command.env("IOI_BIN_DIR", programs).env("IOI_HOME", self.path("home"));
        command.env("HOME", self.path("user")).env("TMPDIR", self.path("tmp"));
        command.current_dir(self.path("work")).stdin(Stdio::null());
        Call { command, timeout: TIMEOUT }
    }

    /// The receipts of all finished runs.
    pub(crate) fn receipts(&self) -> Vec<PathBuf> {
        let runs = fs::read_dir(self.path("home/runs")).into_iter().flatten();
        let receipts = runs.map(|run| run.unwrap().path().join("receipt.json"));
        receipts.filter(|receipt| receipt.exists()).collect()
    }

    /// Asserts that our verifier, with the keys of this home, accepts a receipt.
    pub(crate) fn assert_verifies(&self, receipt: &Path) {
        let verified = self.ioi([OsStr::new("verify"), receipt.as_ref()]).outcome();
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// A command that is not yet started.
pub(crate) struct Call {
    pub(crate) command: Command,
    timeout: Duration,
}

impl Call {
    pub(crate) fn arguments<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Starts it with nothing to read.
    pub(crate) fn start(self) -> Started {
        Started::new(self.command, self.timeout)
    }

    /// Starts it with a pipe to read from, which stays open.
    pub(crate) fn start_with_pipe(mut self) -> Started {
        self.command.stdin(Stdio::piped());
        self.start()
    }

    /// Runs it to its end; a command that hangs is killed and fails the test.
    pub(crate) fn outcome(self) -> Outcome {
        self.start().outcome()
    }

    /// Runs it to its end with these bytes to read.
    pub(crate) fn outcome_with(self, input: &[u8]) -> Outcome {
        let mut started = self.start_with_pipe();
        started.send(input);
        started.outcome()
    }
}
