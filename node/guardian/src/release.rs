//! What may leave the machine, decided a second time, and the credential that goes with it.
//!
//! The orchestrator says which request it decided; the guardian decides it again with the policy that the
//! supervisor gave it. The egress process then asks for exactly that request, once. So neither of the two
//! can have a credential alone, and none is released for a request that the policy doesn't bind it to.

use crate::keystore::KeyStore;
use ioi_firewall::{Call, Context, Decision, Facts, Policy, RateState, Source};
use ioi_ipc::proto::guardian as wire;
use ioi_ipc::proto::guardian::credentials_server::Credentials;
use ioi_ipc::proto::supervisor::GuardianConfiguration;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::{ErrorCode, Verdict};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Requests that are authorized and not sent yet.
const WAITING_MAX: usize = 64;

/// One request that was allowed.
struct Authorized {
    method: String,
    url: String,
    credential: Option<String>,
}

struct State {
    rates: RateState,
    waiting: HashMap<[u8; 16], Authorized>,
}

/// Decides requests and releases credentials; both of the guardian's services share one.
pub(crate) struct Releases {
    /// Why there is none is told to whoever asks.
    policy: Result<Policy, String>,
    keys: KeyStore,
    state: Mutex<State>,
}

fn policy(configuration: &GuardianConfiguration) -> Result<Policy, String> {
    let source = configuration.policy.as_ref().ok_or("this run lets nothing leave the machine")?;
    let context = Context {
        roots: configuration.roots.clone(),
        home: (!configuration.home.is_empty()).then(|| configuration.home.clone()),
        protected: configuration.protected_paths.clone(),
    };
    Policy::compile(&Source::new(source.name.clone(), source.text.clone()), &context)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Releases {
    pub(crate) fn new(configuration: &GuardianConfiguration, keys: KeyStore) -> Arc<Self> {
        let state = State { rates: RateState::new(), waiting: HashMap::new() };
        Arc::new(Self { policy: policy(configuration), keys, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides one request; an allowed one waits for the egress process.
    pub(crate) fn authorize(&self, request: wire::AuthorizeRequest) -> Result<wire::AuthorizeReply, Status> {
        let id = request_id(&request.request_id)?;
        let policy = self.policy.as_ref().map_err(|why| refuse(ErrorCode::GuardianRefused, why))?;
        let call = Call::fetch(request.principals, &request.method, &request.url);
        let mut state = self.state();
        if state.waiting.len() >= WAITING_MAX || state.waiting.contains_key(&id) {
            let message = format!("{WAITING_MAX} requests wait already, or this one does");
            return Err(refuse(ErrorCode::GuardianRefused, message));
        }
        // Which record brought them stands in the log; the decision is the same.
        let labels = request.labels.into_iter().map(|label| (label, 0)).collect();
        let facts = Facts { time_ms: now_ms(), object: None, labels };
        let decision = policy.decide(&call, &facts, &mut state.rates);
        let Decision { verdict: Verdict::Allow, credential, .. } = decision else {
            let message = format!("the guardian decided again and refused: {}", decision.reason);
            return Err(refuse(ErrorCode::PolicyDenied, message));
        };
        // Said now rather than when the request is on its way.
        if let Some(name) = &credential {
            if !is_private(&request.url) {
                let message = format!("the credential `{name}` is not sent over plain http; use https");
                return Err(refuse(ErrorCode::GuardianRefused, message));
            }
            self.secret(name)?;
        }
        let reply = wire::AuthorizeReply { credential: credential.clone().unwrap_or_default() };
        state.waiting.insert(id, Authorized { method: request.method, url: request.url, credential });
        Ok(reply)
    }

    /// Gives the credential of one authorized request and forgets the request, whatever comes of it.
    fn release(&self, request: &wire::ReleaseCredentialRequest) -> Result<Vec<u8>, Status> {
        let id = request_id(&request.request_id)?;
        let authorized = self.state().waiting.remove(&id);
        let same = |a: &Authorized| a.method == request.method && a.url == request.url;
        let refused = || refuse(ErrorCode::GuardianRefused, "no such request was authorized");
        let authorized = authorized.filter(same).ok_or_else(refused)?;
        authorized.credential.map_or(Ok(Vec::new()), |name| self.secret(&name))
    }

    fn secret(&self, name: &str) -> Result<Vec<u8>, Status> {
        let found =
            self.keys.load(name).map_err(|error| refuse(ErrorCode::GuardianRefused, error.to_string()))?;
        let missing = || {
            let message = format!(
                "the policy binds the credential `{name}`, and there is none of that name; store it with: \
                 ioi credential set {name}"
            );
            refuse(ErrorCode::CredentialMissing, message)
        };
        found.map(|secret| secret.to_vec()).ok_or_else(missing)
    }
}

/// Whether nobody on the way can read it: TLS, or a server on this machine by its address.
fn is_private(url: &str) -> bool {
    let Some(plain) = url.strip_prefix("http://") else { return true };
    let host = plain.split(['/', '?']).next().unwrap_or_default();
    let host = if host.starts_with('[') { host.split(']').next() } else { host.split(':').next() };
    let host = host.unwrap_or_default().trim_start_matches('[');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn request_id(bytes: &[u8]) -> Result<[u8; 16], Status> {
    bytes.try_into().map_err(|_| {
        refuse(ErrorCode::ArgumentInvalid, format!("a request id has 16 bytes, not {}", bytes.len()))
    })
}

/// What the egress process sees of the guardian.
pub(crate) struct CredentialsService(pub(crate) Arc<Releases>);

#[async_trait]
impl Credentials for CredentialsService {
    async fn release(
        &self,
        request: Request<wire::ReleaseCredentialRequest>,
    ) -> Result<Response<wire::ReleaseCredentialReply>, Status> {
        let secret = self.0.release(&request.into_inner())?;
        Ok(Response::new(wire::ReleaseCredentialReply { secret }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_ipc::proto::supervisor::PolicySource;
    use ioi_ipc::status::code;
    use std::os::fd::AsFd;

    const URL: &str = "https://api.example.com/v1/chat/completions";

    fn releases(folder: &std::path::Path, credential: Option<&str>) -> Arc<Releases> {
        let rule = ioi_firewall::with_model("https://api.example.com", "/v1/chat/completions", credential);
        let text = ioi_firewall::builtin("ask").unwrap().to_owned() + &rule.unwrap();
        let policy = Some(PolicySource { name: "test".into(), text });
        let roots = vec![b"/docs".to_vec()];
        let configuration = GuardianConfiguration { policy, roots, ..GuardianConfiguration::default() };
        let keys = KeyStore::open(std::fs::File::open(folder).unwrap().as_fd()).unwrap();
        Releases::new(&configuration, keys)
    }

    fn asked(url: &str, principal: &str) -> wire::AuthorizeRequest {
        wire::AuthorizeRequest {
            labels: vec!["untrusted".into()],
            request_id: vec![7; 16],
            principals: vec![principal.into()],
            method: "POST".into(),
            url: url.into(),
        }
    }

    fn taken(url: &str, method: &str) -> wire::ReleaseCredentialRequest {
        wire::ReleaseCredentialRequest { request_id: vec![7; 16], method: method.into(), url: url.into() }
    }

    #[test]
    fn an_authorized_request_gets_its_credential_once() {
        let folder = tempfile::tempdir().unwrap();
        let releases = releases(folder.path(), Some("openai"));
        releases.keys.store("openai", b"sk-0123456789").unwrap();
        assert_eq!(releases.authorize(asked(URL, "session:ask")).unwrap().credential, "openai");
        assert_eq!(releases.release(&taken(URL, "POST")).unwrap(), b"sk-0123456789");
        assert_eq!(code(&releases.release(&taken(URL, "POST")).unwrap_err()), ErrorCode::GuardianRefused);
    }

    #[test]
    fn another_request_than_the_authorized_one_gets_nothing_and_uses_it_up() {
        let folder = tempfile::tempdir().unwrap();
        let releases = releases(folder.path(), Some("openai"));
        releases.keys.store("openai", b"sk-0123456789").unwrap();
        for other in [taken("https://evil.example/v1/chat/completions", "POST"), taken(URL, "GET")] {
            releases.authorize(asked(URL, "session:ask")).unwrap();
            assert_eq!(code(&releases.release(&other).unwrap_err()), ErrorCode::GuardianRefused);
            assert!(releases.release(&taken(URL, "POST")).is_err());
        }
    }

    #[test]
    fn what_the_policy_does_not_allow_is_refused_whatever_the_orchestrator_says() {
        let folder = tempfile::tempdir().unwrap();
        let releases = releases(folder.path(), None);
        for (url, principal) in [
            ("https://evil.example/v1/chat/completions", "session:ask"),
            ("https://api.example.com/v1/files", "session:ask"),
            ("http://api.example.com/v1/chat/completions", "session:ask"),
            (URL, "plugin:files"),
        ] {
            let refused = releases.authorize(asked(url, principal)).unwrap_err();
            assert_eq!(code(&refused), ErrorCode::PolicyDenied, "{url} {principal}");
            assert!(releases.release(&taken(url, "POST")).is_err());
        }
        assert_eq!(releases.authorize(asked(URL, "session:ask")).unwrap().credential, "");
    }

    #[test]
    fn a_credential_that_is_not_there_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let missing =
            releases(folder.path(), Some("openai")).authorize(asked(URL, "session:ask")).unwrap_err();
        assert_eq!(code(&missing), ErrorCode::CredentialMissing);
        assert!(missing.message().contains("ioi credential set openai"));
    }

    #[test]
    fn a_credential_leaves_unencrypted_only_for_this_machine() {
        for url in [
            "https://a.example/",
            "http://127.0.0.1/",
            "http://127.0.0.1:80/x",
            "http://[::1]:8080/",
            "http://localhost/",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://a.example/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://[::2]/",
            "http://10.0.0.1/",
        ] {
            assert!(!is_private(url), "{url}");
        }
        let folder = tempfile::tempdir().unwrap();
        let rule = ioi_firewall::with_model("http://a.example", "/v1", Some("key")).unwrap();
        let policy = Some(PolicySource { name: "test".into(), text: format!("version = 1\n{rule}") });
        let configuration = GuardianConfiguration { policy, ..GuardianConfiguration::default() };
        let keys = KeyStore::open(std::fs::File::open(folder.path()).unwrap().as_fd()).unwrap();
        keys.store("key", b"sk-0123456789").unwrap();
        let refused =
            Releases::new(&configuration, keys).authorize(asked("http://a.example/v1", "session:ask"));
        assert_eq!(code(&refused.unwrap_err()), ErrorCode::GuardianRefused);
    }

    #[test]
    fn without_a_policy_nothing_is_authorized() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyStore::open(std::fs::File::open(folder.path()).unwrap().as_fd()).unwrap();
        let releases = Releases::new(&GuardianConfiguration::default(), keys);
        assert!(releases.authorize(asked(URL, "session:ask")).is_err());
    }

    #[test]
    fn no_more_requests_wait_than_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let releases = releases(folder.path(), None);
        for number in 0..WAITING_MAX {
            let request_id = (number as u128).to_le_bytes().to_vec();
            releases.authorize(wire::AuthorizeRequest { request_id, ..asked(URL, "session:ask") }).unwrap();
        }
        assert!(releases.authorize(asked(URL, "session:ask")).is_err());
    }
}
