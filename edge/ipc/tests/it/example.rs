//! The example, against a socket that asks for proof as a live run's does.

use super::service::{Echo, services};
use ioi_ipc::pair;
use ioi_ipc::status::refuse;
use ioi_types::ErrorCode;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tokio::net::UnixListener;

/// Examples lie beside the directory of test binaries; `cargo test` builds both.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/health");
    assert!(path.exists(), "the example is not built: run `cargo build -p ioi-ipc --examples`");
    path
}

async fn ask(socket: &Path, key: &str) -> Output {
    fs::write(socket.with_extension("key"), key).unwrap();
    tokio::process::Command::new(example()).arg(socket).output().await.unwrap()
}

#[tokio::test]
async fn the_example_tells_the_services_of_a_socket_to_whoever_has_its_key() {
    let folder = std::env::temp_dir().join(format!("ioi-health-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let socket = folder.join("run.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let proven = services(&Echo::default()).proven_by(|headers| {
                let is_proven = headers.get("authorization").is_some_and(|shown| shown == "Bearer right");
                if is_proven { Ok(()) } else { Err(refuse(ErrorCode::AuthenticationFailed, "no proof")) }
            });
            tokio::spawn(pair::serve(stream.into_std().unwrap().into(), proven));
        }
    });
    let (right, wrong) = (ask(&socket, "right").await, ask(&socket, "wrong").await);
    fs::remove_dir_all(&folder).unwrap();
    let out = String::from_utf8(right.stdout).unwrap();
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    assert!(right.status.success(), "{out}{}", String::from_utf8_lossy(&right.stderr));
    let expected = [
        "grpc.health.v1.Health: service not registered",
        "grpc.reflection.v1.ServerReflection: service not registered",
        "ioi.blockchain.v1.Chain: SERVING",
        "ioi.control.v1.Workload: SERVING",
    ];
    assert_eq!(lines, expected);
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && wrong.stdout.is_empty() && said.contains("no proof"), "{said}");
}
