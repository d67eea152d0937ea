//! A model elsewhere writes the answer: the request goes out through the gate, the guardian and egress; the
//! answer goes from egress to the workload, and only its tokens and digests pass here.

use crate::ask::record_slice;
use crate::failure::Failure;
use crate::gate::Permit;
use crate::session::Session;
use crate::workload::{Told, Workload};
use ioi_audit::Witnessed;
use ioi_firewall::Call;
use ioi_ipc::proto::common::Payload;
use ioi_ipc::proto::control::{self, execute_job_request::Job, job_result::Result as Done};
use ioi_ipc::proto::egress::{self, egress_client::EgressClient};
use ioi_ipc::proto::guardian::AuthorizeRequest;
use ioi_ipc::proto::supervisor::{self as wire, report_request::Report};
use ioi_ipc::tonic::transport::Channel;
use ioi_types::{Digest, ErrorCode};
use std::time::Duration;

const METHOD: &str = "POST";
/// Longer than egress takes at most; more than this and it is stuck.
const DEADLINE: Duration = Duration::from_secs(630);
const PASSAGES_MAX: u32 = 8;

/// The endpoint, and the way to it.
pub(crate) struct Model {
    pub(crate) endpoint: wire::ModelEndpoint,
    pub(crate) egress: EgressClient<Channel>,
}

/// What a model wrote, and what it was given.
pub(crate) struct Written {
    pub(crate) text: String,
    /// The passages that it cites, with their numbers.
    pub(crate) citations: Vec<(u32, control::Citation)>,
    pub(crate) slice_digest: String,
    pub(crate) request_digest: String,
    pub(crate) answer_digest: String,
}

/// Both ends' account of one exchange.
struct Exchange {
    fetched: egress::SecureEgressReply,
    composed: control::ComposeResult,
}

impl Model {
    /// How answers name their author.
    pub(crate) fn by(&self) -> String {
        match self.endpoint.name.as_str() {
            "" => self.endpoint.url.clone(),
            name => format!("{name} at {}", self.endpoint.url),
        }
    }

    /// Has the model answer from what the workload finds.
    pub(crate) async fn ask(
        &self,
        session: &Session,
        workload: &Workload,
        question: &str,
    ) -> Result<Written, Failure> {
        let job = Job::Prompt(control::PromptJob {
            question: question.to_owned(),
            passages_max: PASSAGES_MAX,
            model: self.endpoint.name.clone(),
        });
        let Done::Prompt(prompt) = workload.execute(job).await? else { return Err(Workload::other_result()) };
        if let Some(slice) = prompt.slice {
            record_slice(session, slice, &prompt.slice_digest, "workload", "workload").await?;
        }
        let call = Call::fetch([session.principal()], METHOD, &self.endpoint.url);
        let permit = session.gate.pass(call, None).await?;
        let passages = u32::try_from(prompt.passages.len()).unwrap_or(0);
        let exchange = self.exchange(session, workload, &permit, prompt.body, passages).await;
        let checked = match exchange.and_then(|exchange| Ok((witnessed(&exchange)?, exchange))) {
            Ok((results, exchange)) => permit.done(results).await.map(|()| exchange)?,
            Err(failure) => {
                permit.failed(failure.code).await?;
                return Err(failure);
            }
        };
        let Exchange { fetched, composed } = checked.whole()?;
        let passage = |number: u32| Some((number, prompt.passages.get(number as usize - 1)?.clone()));
        Ok(Written {
            text: composed.text,
            citations: composed.cited.into_iter().filter_map(passage).collect(),
            slice_digest: prompt.slice_digest,
            request_digest: fetched.request_digest,
            answer_digest: fetched.digest,
        })
    }

    async fn exchange(
        &self,
        session: &Session,
        workload: &Workload,
        permit: &Permit,
        body: Option<Payload>,
        passages: u32,
    ) -> Result<Exchange, Failure> {
        let mut request_id = [0; 16];
        getrandom::fill(&mut request_id)
            .map_err(|error| Failure::internal(format!("no random bytes: {error}")))?;
        let authorize = AuthorizeRequest {
            request_id: request_id.to_vec(),
            principals: vec![session.principal()],
            method: METHOD.into(),
            url: self.endpoint.url.clone(),
            labels: permit.labels().to_vec(),
        };
        let authorized = session.guardian.clone().authorize(authorize).await;
        let bound = authorized.map_err(|status| Failure::guardian(&status))?.into_inner().credential;
        let asked = &self.endpoint.credential;
        if !asked.is_empty() && *asked != bound {
            let bound =
                if bound.is_empty() { "no credential".into() } else { format!("the credential `{bound}`") };
            let message =
                format!("the policy binds {bound} to this address, not `{asked}`; nothing was sent");
            return Err(Failure::new(ErrorCode::PolicyDenied, message));
        }
        let opened = session.host.client().open_stream(wire::OpenStreamRequest {}).await;
        let stream = opened.map_err(|status| Failure::node("supervisor", &status))?.into_inner().stream;
        let header = |name: &str, value: &str| egress::Header { name: name.into(), value: value.into() };
        let fetch = egress::SecureEgressRequest {
            request_id: request_id.to_vec(),
            method: METHOD.into(),
            url: self.endpoint.url.clone(),
            headers: vec![
                header("accept", "text/event-stream, application/json"),
                header("content-type", "application/json"),
            ],
            body,
            stream,
        };
        let fetched = async {
            let fetched = self.egress.clone().secure_egress(fetch).await;
            fetched.map(|reply| reply.into_inner()).map_err(|status| Failure::node("egress", &status))
        };
        let both = async { tokio::try_join!(fetched, compose(session, workload, stream, passages)) };
        let late = |_| Failure::new(ErrorCode::DeadlineExceeded, "the way out does not answer");
        let (fetched, composed) = tokio::time::timeout(DEADLINE, both).await.map_err(late)??;
        Ok(Exchange { fetched, composed })
    }
}

/// Follows the answer while it is read, and shows its tokens.
async fn compose(
    session: &Session,
    workload: &Workload,
    stream: u64,
    passages: u32,
) -> Result<control::ComposeResult, Failure> {
    let mut running = workload.begin(Job::Compose(control::ComposeJob { stream, passages })).await?;
    loop {
        match running.next().await? {
            Told::Token(text) => session.host.report(Report::Token(wire::Token { text })).await,
            Told::Done(Done::Compose(composed)) => return Ok(composed),
            Told::Done(_) => return Err(Workload::other_result()),
        }
    }
}

/// What goes into the outcome: digests by the egress process, which the workload's must equal.
fn witnessed(exchange: &Exchange) -> Result<Vec<Witnessed>, Failure> {
    let Exchange { fetched, composed } = exchange;
    if fetched.digest != composed.digest || fetched.bytes != composed.bytes {
        let message = "the workload read other bytes than the egress process passed on";
        return Err(Failure::new(ErrorCode::SliceDigest, message));
    }
    let witnessed = |what: &str, digest: &str, bytes: u64| {
        let digest = digest.parse::<Digest>();
        let digest =
            digest.map_err(|error| Failure::internal(format!("the egress process's digest: {error}")))?;
        Ok(Witnessed { what: what.into(), digest, bytes, by: "egress".into() })
    };
    let mut results = vec![
        witnessed("request", &fetched.request_digest, fetched.request_bytes)?,
        witnessed("answer", &fetched.digest, fetched.bytes)?,
    ];
    if !fetched.certificate_digest.is_empty() {
        results.push(witnessed("certificate", &fetched.certificate_digest, fetched.certificate_bytes)?);
    }
    Ok(results)
}

impl Exchange {
    /// Only a whole answer is one.
    fn whole(self) -> Result<Self, Failure> {
        let trouble = match self.composed.trouble.as_str() {
            "" => "an answer with this status is not used",
            trouble => trouble,
        };
        let remedy = match self.fetched.status {
            200 if self.composed.trouble.is_empty() => return Ok(self),
            300..=399 => "; redirects are not followed",
            401 | 403 if !self.fetched.authorized => {
                "; if it wants a key: ioi credential set NAME, and --credential NAME"
            }
            404 => "; --model takes the address that ends in /v1, and --model-name names the model",
            _ => "",
        };
        let message = format!("the model's endpoint answered {}: {trouble}{remedy}", self.fetched.status);
        Err(Failure::new(ErrorCode::EgressFailed, message))
    }
}
