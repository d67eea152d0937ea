//! What one channel serves: its services, and health and reflection beside them.

use crate::methods::DESCRIPTORS;
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder as Reflection;

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

/// Whether the headers of a call prove that its caller may call.
type Proof = dyn Fn(&http::HeaderMap) -> Result<(), Status> + Send + Sync;

/// Who may call, where the channel alone does not say it.
#[derive(Clone, Default)]
struct Door(Option<Arc<Proof>>);

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Door(by proof)" } else { "Door(by channel)" })
    }
}

/// The services of one channel. What is not among them does not exist for the peer of that channel.
#[derive(Clone, Debug, Default)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
    door: Door,
}

impl Services {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Adds one whose parts do not exist: its methods answer UNIMPLEMENTED and name the part, as its contract
    /// has it.
    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.names.push(name);
        self
    }

    /// Has every call prove itself by its headers before anything of it is looked at, health and reflection
    /// included: for a socket with a name, where the channel does not say who calls.
    #[must_use]
    pub fn proven_by(
        mut self,
        proof: impl Fn(&http::HeaderMap) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        self.door = Door(Some(Arc::new(proof)));
        self
    }

    /// The routes, with `grpc.health.v1` and `grpc.reflection.v1` that tell of these services alone.
    pub(crate) async fn finished(mut self) -> Served {
        let reporter = HealthReporter::new();
        for name in &self.names {
            reporter.set_service_status(*name, ServingStatus::Serving).await;
        }
        let health = HealthServer::new(HealthService::from_health_reporter(reporter));
        self.names.extend([HEALTH, REFLECTION]);
        let routes = self.routes.add_service(health).prepare();
        Served { routes, names: self.names, door: self.door, reflection: OnceLock::new() }
    }
}

/// Services that are being served.
#[derive(Debug)]
pub(crate) struct Served {
    routes: Routes,
    names: Vec<&'static str>,
    door: Door,
    /// Made when it is first asked for: reading all contracts takes a millisecond and more, and hardly anybody asks.
    reflection: OnceLock<Routes>,
}

impl Served {
    /// Whether the caller may call at all.
    pub(crate) fn admits(&self, headers: &http::HeaderMap) -> Result<(), Status> {
        self.door.0.as_ref().map_or(Ok(()), |proof| proof(headers))
    }

    /// Where a path leads; `None` where its service is not among them.
    pub(crate) fn route(&self, path: &str) -> Option<Routes> {
        let (service, _) = path.strip_prefix('/')?.split_once('/')?;
        let name = self.names.iter().find(|name| **name == service)?;
        Some(if *name == REFLECTION { self.reflection() } else { self.routes.clone() })
    }

    fn reflection(&self) -> Routes {
        let made = self.reflection.get_or_init(|| {
            let sets = [DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET];
            let sets = sets.into_iter().filter_map(|set| only(&self.names, set));
            let builder = sets.fold(Reflection::configure(), Reflection::register_file_descriptor_set);
            let builder = self.names.iter().fold(builder, |builder, name| builder.with_service_name(*name));
            // The descriptors are compiled in, so this fails always or never; a test asks for them.
            builder.build_v1().map(Routes::new).unwrap_or_default().prepare()
        });
        made.clone()
    }
}

/// What a set has of these services: the services themselves, their files, and what these import.
fn only(services: &[&str], encoded: &[u8]) -> Option<FileDescriptorSet> {
    let mut set = FileDescriptorSet::decode(encoded).ok()?;
    for file in &mut set.file {
        let package = file.package().to_owned();
        file.service.retain(|service| services.contains(&format!("{package}.{}", service.name()).as_str()));
    }
    let serving = set.file.iter().filter(|file| !file.service.is_empty());
    let mut left: Vec<String> = serving.map(|file| file.name().to_owned()).collect();
    let mut kept = BTreeSet::new();
    while let Some(name) = left.pop() {
        let imports = set.file.iter().filter(|file| file.name() == name).flat_map(|file| &file.dependency);
        left.extend(imports.filter(|import| !kept.contains(*import)).cloned());
        kept.insert(name);
    }
    set.file.retain(|file| kept.contains(file.name()));
    Some(set)
}
