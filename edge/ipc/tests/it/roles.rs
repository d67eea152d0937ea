//! What a channel serves is all that there is on it.

use super::calls::{Client, call, framed, health};
use super::process::Server;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::body::Body;
use ioi_ipc::tonic::codegen::Service;
use ioi_ipc::tonic::server::NamedService;
use ioi_ipc::tonic::{Code, Status};
use ioi_ipc::{DESCRIPTORS, Services, pair};
use ioi_types::ErrorCode;
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::task::{Context, Poll};
use tokio::net::UnixStream;

/// Every method of the contracts, as (service, path).
fn methods() -> Vec<(String, String)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let ours = set.file.iter().filter(|file| file.package().starts_with("ioi."));
    let services = ours.flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    services
        .flat_map(|(package, service)| {
            let service_name = format!("{package}.{}", service.name());
            let path = |method: &str| format!("/{service_name}/{method}");
            let paths: Vec<_> = service.method.iter().map(|method| path(method.name())).collect();
            paths.into_iter().map(move |path| (service_name.clone(), path))
        })
        .collect()
}

/// I82, I83: who calls is known by the channel, so the methods of other roles are not forbidden here: they do not
/// exist, whatever a header says.
#[tokio::test]
async fn a_method_of_another_role_does_not_exist_on_this_channel() {
    let server = Server::start();
    let (mut foreign, mut missing) = (0, 0);
    for (service, path) in methods() {
        let headers = [("authorization", "Bearer admin"), ("ioi-role", "supervisor")];
        let answer = call(server.connect().await, &path, &headers, framed(&[])).await.unwrap();
        let (code, ours, words) = answer.refusal();
        match service.as_str() {
            "ioi.control.v1.Workload" => continue,
            "ioi.blockchain.v1.Chain" => {
                missing += 1;
                assert_eq!((code, ours), (Code::Unimplemented, ErrorCode::PartMissing), "{path}");
                assert!(words.ends_with("is not part of local mode"), "{path}: {words}");
            }
            _ => {
                foreign += 1;
                assert_eq!((code, ours), (Code::Unimplemented, ErrorCode::ServiceUnknown), "{path}");
                assert!(words.contains(&path), "{path}: {words}");
            }
        }
    }
    assert_eq!(
        (foreign, missing),
        (41, 8),
        "the contracts have changed: is what they add served to one role?"
    );
    assert_eq!(health(server.connect().await).await, Ok(()));
}

/// Whatever is asked for, served or not: there is one answer to whoever proves nothing.
#[tokio::test]
async fn a_channel_that_asks_for_proof_shows_nothing_without_it() {
    let services = || {
        Services::new().without("ioi.blockchain.v1.Chain").proven_by(|headers| {
            let is_proven = headers.get("proof").is_some_and(|shown| shown == "right");
            if is_proven { Ok(()) } else { Err(refuse(ErrorCode::AuthenticationFailed, "no proof")) }
        })
    };
    let asked = async |path: &str, headers: &[(&str, &str)]| {
        let (near, far) = UnixStream::pair().unwrap();
        tokio::spawn(pair::serve(far.into_std().unwrap().into(), services()));
        call(near, path, headers, framed(&[])).await.unwrap()
    };
    let block = "/ioi.blockchain.v1.Chain/GetBlocksRange";
    for path in ["/grpc.health.v1.Health/Check", block, "/ioi.guardian.v1.Guardian/Sign", "/"] {
        for headers in [&[][..], &[("proof", "wrong")]] {
            let answer = asked(path, headers).await;
            let (code, ours, _) = answer.refusal();
            assert_eq!((code, ours), (Code::Unauthenticated, ErrorCode::AuthenticationFailed), "{path}");
        }
    }
    let proof = [("proof", "right")];
    assert_eq!(asked("/grpc.health.v1.Health/Check", &proof).await.refusal().0, Code::Ok);
    assert_eq!(asked(block, &proof).await.refusal().1, ErrorCode::PartMissing);
}

/// A service of a name that answers whatever reaches it.
#[derive(Clone)]
struct Answers<const INDEX: usize>;

macro_rules! answers {
    ($($index:literal = $name:literal,)*) => {
        $(impl NamedService for Answers<$index> {
            const NAME: &'static str = $name;
        })*

        /// A channel that serves this one alone.
        fn alone(service: &str) -> Services {
            match service {
                $($name => Services::new().with(Answers::<$index>),)*
                _ => panic!("{service} is in the contracts and not in this test"),
            }
        }
    };
}

answers! {
    0 = "ioi.blockchain.v1.Chain",
    1 = "ioi.control.v1.Workload",
    2 = "ioi.egress.v1.Egress",
    3 = "ioi.guardian.v1.Credentials",
    4 = "ioi.guardian.v1.Guardian",
    5 = "ioi.public.v1.Public",
    6 = "ioi.supervisor.v1.EgressHost",
    7 = "ioi.supervisor.v1.GuardianHost",
    8 = "ioi.supervisor.v1.OrchestratorHost",
    9 = "ioi.supervisor.v1.WorkloadHost",
}

impl<const INDEX: usize> Service<http::Request<Body>> for Answers<INDEX> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(Status::ok("it was reached").into_http()))
    }
}

/// The same for every service on a channel of its own: nobody meets a method that is not of its role.
#[tokio::test]
async fn each_service_is_alone_on_its_channel() {
    let methods = methods();
    let services: BTreeSet<&str> = methods.iter().map(|(service, _)| service.as_str()).collect();
    assert_eq!(services.len(), 10, "{services:?}");
    for service in services {
        let (ours, theirs) = pair::pair().unwrap();
        tokio::spawn(pair::serve(theirs, alone(service)));
        let ours = StdUnixStream::from(ours);
        ours.set_nonblocking(true).unwrap();
        let mut client = Client::new(UnixStream::from_std(ours).unwrap()).await;
        for (owner, path) in &methods {
            let answer = client.call(path, &[], framed(&[])).await.unwrap();
            let (code, ours, _) = answer.refusal();
            let at = (path, service, code, ours);
            if owner == service {
                assert!(code == Code::Ok || ours == ErrorCode::PartMissing, "{at:?}");
            } else {
                assert_eq!(ours, ErrorCode::ServiceUnknown, "{at:?}");
            }
        }
    }
}

#[tokio::test]
async fn paths_that_name_no_method_are_refused_by_name() {
    let server = Server::start();
    let long = format!("/ioi.control.v1.Workload/{}", "x".repeat(2000));
    let paths = [
        "/",
        "//",
        "/x",
        "/ioi.control.v1.Workload/",
        "/ioi.control.v1.Workload",
        "/ioi.control.v1.Workload/executeJob",
        &long,
    ];
    for path in paths {
        let answer = call(server.connect().await, path, &[], framed(&[])).await.unwrap();
        let (code, ours, words) = answer.refusal();
        assert_eq!((code, ours), (Code::Unimplemented, ErrorCode::ServiceUnknown), "{path}");
        assert!(words.len() < 200, "{words}");
    }
}

/// Reflection tells of the contracts, and lists what this channel serves and nothing else.
#[tokio::test]
async fn reflection_lists_the_services_of_this_channel() {
    let server = Server::start();
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    // list_services = 7, with any text.
    let answer = call(server.connect().await, path, &[], framed(&[0x3a, 1, b'*'])).await.unwrap();
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    let names = ["ioi.control.v1.Workload", "ioi.blockchain.v1.Chain", "grpc.health.v1.Health"];
    assert!(names.iter().all(|name| shown.contains(name)), "{shown}");
    assert!(!shown.contains("ioi.guardian") && !shown.contains("ioi.supervisor"), "{shown}");
    // file_containing_symbol = 4; the file names its package and imports.
    let symbol = b"\x22\x17ioi.control.v1.Workload";
    let answer = call(server.connect().await, path, &[], framed(symbol)).await.unwrap();
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(shown.contains("control.proto") && shown.contains("ExecuteJob"), "{shown}");
    // A name of another channel is unknown here: its contract, its service, its messages.
    for foreign in ["ioi.guardian.v1.Guardian", "ioi.supervisor.v1.OrchestratorHost", "ioi.egress.v1.Header"]
    {
        let symbol = [&[0x22, u8::try_from(foreign.len()).unwrap()], foreign.as_bytes()].concat();
        let answer = call(server.connect().await, path, &[], framed(&symbol)).await.unwrap();
        assert_eq!(answer.refusal().0, Code::NotFound, "{foreign}: {answer:?}");
    }
    for (kind, name) in [(0x1a, "guardian.proto"), (0x1a, "supervisor.proto")] {
        let file = [&[kind, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
        let answer = call(server.connect().await, path, &[], framed(&file)).await.unwrap();
        assert_eq!(answer.refusal().0, Code::NotFound, "{name}: {answer:?}");
    }
}
