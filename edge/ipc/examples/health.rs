//! Asks a live run what it serves and how that goes, by gRPC's own reflection and health services.
//!
//! `cargo run -p ioi-ipc --example health -- <data folder>/live/<log>.sock`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it reports on standard output")]

use ioi_ipc::pair;
use ioi_ipc::tonic::Request;
use ioi_ipc::tonic::metadata::{Ascii, MetadataValue};
use ioi_ipc::tonic::service::Interceptor;
use std::error::Error;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServiceResponse};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket: PathBuf = std::env::args_os().nth(1).ok_or("name the socket of a live run")?.into();
    let proof = proof(&socket)?;
    let channel = pair::client(UnixStream::connect(&socket)?.into()).await?;
    let mut reflection = ServerReflectionClient::with_interceptor(channel.clone(), proof.clone());
    let mut health = HealthClient::with_interceptor(channel, proof);

    let list = MessageRequest::ListServices(String::new());
    let question = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let answers = reflection.server_reflection_info(tokio_stream::iter([question])).await?;
    let answer = answers.into_inner().message().await?.and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        return Err("the run does not say what it serves".into());
    };
    for ServiceResponse { name } in list.service {
        match health.check(HealthCheckRequest { service: name.clone() }).await {
            Ok(reply) => println!("{name}: {}", reply.into_inner().status().as_str_name()),
            Err(status) => println!("{name}: {}", status.message()),
        }
    }
    Ok(())
}

/// Puts the key that lies beside the socket into every call: without it nothing is answered.
fn proof(socket: &Path) -> Result<impl Interceptor + Clone + use<>, Box<dyn Error>> {
    let key = std::fs::read_to_string(socket.with_extension("key"))?;
    let mut bearer: MetadataValue<Ascii> = format!("Bearer {key}").parse()?;
    bearer.set_sensitive(true);
    Ok(move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", bearer.clone());
        Ok(request)
    })
}
