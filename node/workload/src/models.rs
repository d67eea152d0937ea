//! The models of this process: the built-in reader, and names for what is not there.

use ioi_crypto::hash::blake3;
use ioi_ipc::proto::control::{LoadModelReply, LoadModelRequest, Placement, load_model_request::Model};
use ioi_ipc::status::{missing_part, refuse};
use ioi_ipc::tonic::Status;
use ioi_search::reader;
use ioi_types::{Digest, ErrorCode};
use std::sync::atomic::{AtomicBool, Ordering};

/// How the built-in reader is named.
const EXTRACTIVE: &str = "extractive";
const NAME_BYTES_MAX: usize = 128;
/// What a model with weights would need.
const INFERENCE: &str = "inference";

/// Which models were loaded: there is one that can be.
#[derive(Default)]
pub(crate) struct Models {
    extractive: AtomicBool,
}

fn invalid(message: String) -> Status {
    refuse(ErrorCode::ArgumentInvalid, message)
}

fn unknown(what: &str) -> Status {
    refuse(ErrorCode::ModelUnknown, format!("there is no model {what}; `{EXTRACTIVE}` is built in"))
}

/// The built-in reader's digest: it has no weights, so this is taken over its name and version.
pub(crate) fn extractive() -> String {
    blake3(reader::IDENTITY.as_bytes()).to_string()
}

impl Models {
    /// Makes a model ready.
    pub(crate) fn load(&self, request: LoadModelRequest) -> Result<LoadModelReply, Status> {
        let placement = Placement::try_from(request.placement)
            .map_err(|_| invalid(format!("{} is no placement that this version knows", request.placement)))?;
        match request.model {
            Some(Model::Name(name)) if name.len() > NAME_BYTES_MAX => {
                return Err(invalid(format!(
                    "a model's name has {} bytes, at most {NAME_BYTES_MAX}",
                    name.len()
                )));
            }
            Some(Model::Name(name)) if name != EXTRACTIVE => return Err(unknown(&format!("`{name}`"))),
            Some(Model::Digest(text)) => {
                let digest: Digest = text.parse().map_err(|error| invalid(format!("the model: {error}")))?;
                if digest.to_string() != extractive() {
                    return Err(unknown(&digest.to_string()));
                }
            }
            Some(Model::Name(_)) => {}
            None => return Err(invalid("the request names no model".into())),
        }
        if placement == Placement::Accelerator || request.weights.is_some() {
            return Err(missing_part(INFERENCE));
        }
        self.extractive.store(true, Ordering::Relaxed);
        let (digest, name) = (extractive(), EXTRACTIVE.to_owned());
        Ok(LoadModelReply { digest, name, bytes: 0, placement: Placement::Processor.into() })
    }

    /// The digests of what is loaded.
    pub(crate) fn loaded(&self) -> Vec<String> {
        if self.extractive.load(Ordering::Relaxed) { vec![extractive()] } else { Vec::new() }
    }

    /// A job may only use what is loaded.
    pub(crate) fn needs(&self, digest: &str) -> Result<(), Status> {
        if self.loaded().iter().any(|loaded| loaded == digest) {
            return Ok(());
        }
        Err(refuse(ErrorCode::ModelUnknown, format!("no model `{digest}` was loaded")))
    }

    /// Runs a model with weights, which nothing here can.
    pub(crate) fn infer() -> Status {
        missing_part(INFERENCE)
    }
}
