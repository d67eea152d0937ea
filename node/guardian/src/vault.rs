//! What the user asks of the vault: keep a credential, forget one, name them all.

use crate::keystore::{KeyStore, KeyStoreError};
use ioi_ipc::proto::supervisor::{Credential, VaultDoneRequest, vault_task::Task};
use ioi_types::ErrorCode;
use zeroize::Zeroizing;

/// Does it, and says what came of it.
pub(crate) fn perform(keys: &KeyStore, task: Task) -> VaultDoneRequest {
    let done = match task {
        Task::Store(Credential { name, secret }) => {
            keys.store(&name, &Zeroizing::new(secret)).map(|()| Vec::new())
        }
        Task::Remove(name) => keys.remove(&name).map(|()| Vec::new()),
        Task::List(_) => keys.names(),
    };
    match done {
        Ok(names) => VaultDoneRequest { names, ..VaultDoneRequest::default() },
        Err(error) => VaultDoneRequest {
            error_code: code(&error).number(),
            error: error.to_string(),
            names: Vec::new(),
        },
    }
}

const fn code(error: &KeyStoreError) -> ErrorCode {
    match error {
        KeyStoreError::Name(_) | KeyStoreError::SecretSize | KeyStoreError::SecretText => {
            ErrorCode::ArgumentInvalid
        }
        KeyStoreError::NoCredential(_) => ErrorCode::CredentialMissing,
        _ => ErrorCode::GuardianRefused,
    }
}
