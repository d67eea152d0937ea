//! Runs `verify.py`, which shares no code with this crate, over the same bytes.
//!
//! The interpreter is named by IOI_PYTHON and needs the package `cryptography` ≥ 48.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `main()` of verify.py for each line of standard input (a path) and prints its exit code.
/// Anything that escapes from it is printed as a word, which is no exit code.
const DRIVER: &str = r#"
import contextlib, importlib.util, io, sys
if sys.argv[3] == "without":
    sys.modules["cryptography"] = None
spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
key = sys.argv[2]
for line in sys.stdin:
    sys.argv = ["verify.py", line.strip(), "--key", key]
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = module.main()
        assert out.getvalue().isascii(), "the output holds foreign characters"
        assert out.getvalue().count("\n") <= 12, "the output holds foreign lines"
        print(code)
    except BaseException as error:
        print(type(error).__name__, str(error)[:100].replace("\n", " "))
"#;

/// An interpreter that can check both signatures.
pub(crate) struct Python(PathBuf);

impl Python {
    /// None, and says so, where there is no such interpreter.
    pub(crate) fn find() -> Option<Self> {
        let check = "import cryptography, sys; sys.exit(int(cryptography.__version__.split('.')[0]) < 48)";
        let path = std::env::var_os("IOI_PYTHON").map(PathBuf::from);
        let works =
            |path: &PathBuf| Command::new(path).args(["-c", check]).status().is_ok_and(|it| it.success());
        let found = path.filter(works);
        if found.is_none() {
            #[expect(clippy::print_stdout, reason = "who runs the tests must see what was not run")]
            {
                println!("skipped: no python with cryptography >= 48");
            }
        }
        found.map(Self)
    }

    pub(crate) fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verify.py")
    }

    /// The exit codes of `verify.py FILE --key FINGERPRINT`, one for each file.
    pub(crate) fn exit_codes(&self, files: &[PathBuf], key: &str, library: &str) -> Vec<String> {
        let list = scratch("list");
        let lines: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        std::fs::write(&list, lines.join("\n")).unwrap();
        let output = Command::new(&self.0)
            .args(["-c", DRIVER])
            .arg(Self::script())
            .args([key, library])
            .stdin(std::fs::File::open(list).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// One run of the program as a user starts it: exit code, output, errors.
    pub(crate) fn run(&self, arguments: &[&str], home: &Path) -> (i32, String, String) {
        let output = Command::new(&self.0)
            .arg(Self::script())
            .args(arguments)
            .env("IOI_HOME", home)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// A fresh path in the build's scratch folder.
pub(crate) fn scratch(name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{}-{name}", NEXT.fetch_add(1, Ordering::Relaxed)))
}
