//! What one channel serves: its services, and health and reflection beside them.

use crate::methods::DESCRIPTORS;
use std::convert::Infallible;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder as Reflection;

/// The services of one channel. What is not among them does not exist for the peer of that channel.
#[derive(Clone, Debug, Default)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
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

    /// Whether the path's service is among them.
    pub(crate) fn serve(&self, path: &str) -> bool {
        let service =
            path.strip_prefix('/').and_then(|path| path.split_once('/')).map(|(service, _)| service);
        service.is_some_and(|service| self.names.contains(&service))
    }

    /// The routes, with `grpc.health.v1` and `grpc.reflection.v1` that tell of these services alone.
    pub(crate) async fn finished(mut self) -> (Self, Routes) {
        let (health, reflection) = ("grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection");
        let reporter = HealthReporter::new();
        let mut listed = Reflection::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(health)
            .with_service_name(reflection);
        for name in &self.names {
            reporter.set_service_status(*name, ServingStatus::Serving).await;
            listed = listed.with_service_name(*name);
        }
        let health_server = HealthServer::new(HealthService::from_health_reporter(reporter));
        let mut routes = std::mem::take(&mut self.routes).add_service(health_server);
        // The descriptors are compiled in, so this can fail in no run if it does in none; a test asks for them.
        if let Ok(reflection) = listed.build_v1() {
            routes = routes.add_service(reflection);
        }
        self.names.extend([health, reflection]);
        (self, routes.prepare())
    }
}
