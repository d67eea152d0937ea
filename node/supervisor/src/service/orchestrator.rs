//! What the orchestrator may ask for. It has decided before it asks; this side
//! only does what no sandbox can: open, seal, send, start.

use super::transfer_id;
use crate::Refused;
use crate::listing::Entry;
use crate::regions::{Owner, Regions};
use crate::shared::Shared;
use ioi_ipc::proto::supervisor::{self as wire, orchestrator_host_server::OrchestratorHost};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::{ErrorCode, RegionId};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Long enough for the event loop to meet every signal that waits.
const HEARS_AFTER: Duration = Duration::from_millis(5);

pub(crate) struct OrchestratorService {
    pub(crate) run: Arc<Shared>,
}

/// Paths, releases and ids in one request.
const BATCH_MAX: usize = 1024;

fn batch<T>(items: Vec<T>) -> Result<Vec<T>, Status> {
    if items.len() > BATCH_MAX {
        return Err(Status::invalid_argument(format!(
            "{} items in one request, at most {BATCH_MAX}",
            items.len()
        )));
    }
    Ok(items)
}

impl OrchestratorService {
    fn open_one(&self, asked: &wire::OpenPath) -> wire::Opened {
        match self.run.roots().open_path(asked.root, &asked.path) {
            Ok((id, facts)) => wire::Opened {
                id,
                path: facts.path.into_os_string().into_encoded_bytes(),
                kind: facts.kind.name().into(),
                size: facts.size,
                device: facts.device,
                inode: facts.inode,
                ..Default::default()
            },
            Err(Refused { code, message }) => {
                wire::Opened { error_code: code.number(), error: message, ..Default::default() }
            }
        }
    }

    /// The digest is taken before the plugin has the descriptor, so that it can't depend on the plugin.
    async fn release_one(&self, instance: u32, asked: &wire::Release) -> Result<wire::Released, Status> {
        let id = transfer_id(&asked.transfer_id)?;
        let (descriptor, facts) = self.run.roots().release(asked.id)?;
        let unreadable =
            |error| refuse(ErrorCode::PathUnreadable, format!("the file can't be read: {error}"));
        let (descriptor, digest) = self.run.witness.look(descriptor, facts.size).await.map_err(unreadable)?;
        self.run.send_to_plugin(instance, id, descriptor).await?;
        let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
        Ok(wire::Released { size: facts.size, digest, ..Default::default() })
    }
}

impl OrchestratorService {
    /// Has a region made for a plugin and sends it; one that has ended gets none and holds none.
    async fn give(
        &self,
        asked: wire::AllocForRequest,
        make: impl FnOnce(&mut Regions, Owner, u64) -> Result<(RegionId, OwnedFd), Refused>,
    ) -> Result<Response<wire::AllocReply>, Status> {
        let wire::AllocForRequest { instance, bytes, transfer_id: id } = asked;
        let id = transfer_id(&id)?;
        let (region, descriptor) = make(&mut self.run.regions(), Owner::Plugin(instance), bytes)?;
        let sent = self.run.send_to_plugin(instance, id, descriptor).await;
        sent.inspect_err(|_| self.run.regions().forget(region))?;
        Ok(Response::new(wire::AllocReply { region: region.0, bytes }))
    }
}

fn entry(entry: Entry) -> wire::Entry {
    wire::Entry { name: entry.name, kind: entry.kind.name().into(), size: entry.size }
}

#[async_trait]
impl OrchestratorHost for OrchestratorService {
    async fn configure(
        &self,
        _: Request<wire::ConfigureRequest>,
    ) -> Result<Response<wire::OrchestratorConfiguration>, Status> {
        Ok(Response::new(self.run.orchestrator_configuration()))
    }

    async fn spawn_plugin(
        &self,
        request: Request<wire::SpawnPluginRequest>,
    ) -> Result<Response<wire::SpawnPluginReply>, Status> {
        let request = request.into_inner();
        let id = transfer_id(&request.transfer_id)?;
        let (instance, process, frames) = self.run.spawn_plugin(&request.plugin).await?;
        self.run.send_to_orchestrator(id, frames).await?;
        Ok(Response::new(wire::SpawnPluginReply { instance, process: Some(process) }))
    }

    async fn stop_plugin(
        &self,
        request: Request<wire::StopPluginRequest>,
    ) -> Result<Response<wire::StopPluginReply>, Status> {
        let exit = self.run.stop_plugin(request.into_inner().instance).await?;
        Ok(Response::new(wire::StopPluginReply { code: exit.code, signal: exit.signal }))
    }

    async fn open(&self, request: Request<wire::OpenRequest>) -> Result<Response<wire::OpenReply>, Status> {
        let paths = batch(request.into_inner().paths)?;
        let opened = paths.iter().map(|path| self.open_one(path)).collect();
        Ok(Response::new(wire::OpenReply { opened }))
    }

    async fn release(
        &self,
        request: Request<wire::ReleaseRequest>,
    ) -> Result<Response<wire::ReleaseReply>, Status> {
        let request = request.into_inner();
        let mut released = Vec::new();
        for asked in batch(request.releases)? {
            released.push(match self.release_one(request.instance, &asked).await {
                Ok(released) => released,
                Err(status) => wire::Released {
                    error_code: ioi_ipc::status::code(&status).number(),
                    error: status.message().to_owned(),
                    ..Default::default()
                },
            });
        }
        Ok(Response::new(wire::ReleaseReply { released }))
    }

    async fn list(&self, request: Request<wire::ListRequest>) -> Result<Response<wire::ListReply>, Status> {
        let request = request.into_inner();
        let (entries, next_cursor) = self.run.roots().list(request.id, request.cursor)?;
        let entries = entries.into_iter().map(entry).collect();
        Ok(Response::new(wire::ListReply { entries, next_cursor }))
    }

    async fn forget(
        &self,
        request: Request<wire::ForgetRequest>,
    ) -> Result<Response<wire::ForgetReply>, Status> {
        for id in batch(request.into_inner().ids)? {
            self.run.roots().forget(id);
        }
        Ok(Response::new(wire::ForgetReply {}))
    }

    async fn alloc_for(
        &self,
        request: Request<wire::AllocForRequest>,
    ) -> Result<Response<wire::AllocReply>, Status> {
        self.give(request.into_inner(), Regions::alloc).await
    }

    async fn seal_for(
        &self,
        request: Request<wire::SealForRequest>,
    ) -> Result<Response<wire::SealReply>, Status> {
        let request = request.into_inner();
        let owner = Owner::Plugin(request.instance);
        let bytes = self.run.regions().seal(owner, RegionId(request.region), request.used)?;
        Ok(Response::new(wire::SealReply { bytes }))
    }

    async fn arena_for(
        &self,
        request: Request<wire::AllocForRequest>,
    ) -> Result<Response<wire::AllocReply>, Status> {
        self.give(request.into_inner(), Regions::arena).await
    }

    async fn grant(
        &self,
        request: Request<wire::GrantRequest>,
    ) -> Result<Response<wire::GrantReply>, Status> {
        let request = request.into_inner();
        let owner = Owner::Plugin(request.instance);
        self.run.regions().grant(owner, RegionId(request.region))?;
        Ok(Response::new(wire::GrantReply {}))
    }

    async fn open_stream(
        &self,
        _: Request<wire::OpenStreamRequest>,
    ) -> Result<Response<wire::OpenStreamReply>, Status> {
        let stream = self.run.streams().open()?;
        Ok(Response::new(wire::OpenStreamReply { stream }))
    }

    async fn start_program(
        &self,
        _: Request<wire::StartProgramRequest>,
    ) -> Result<Response<wire::StartProgramReply>, Status> {
        let process = self.run.start_program().await?;
        let run = Arc::clone(&self.run);
        tokio::spawn(async move {
            // Signals that came while the program was being started are met first: it did not hear them.
            tokio::time::sleep(HEARS_AFTER).await;
            run.program_hears.store(true, Ordering::Release);
        });
        Ok(Response::new(wire::StartProgramReply { process: Some(process) }))
    }

    async fn wait_program(
        &self,
        _: Request<wire::WaitProgramRequest>,
    ) -> Result<Response<wire::WaitProgramReply>, Status> {
        let (code, signal) = self.run.wait_program().await?;
        Ok(Response::new(wire::WaitProgramReply { code, signal }))
    }

    async fn next_access(
        &self,
        _: Request<wire::NextAccessRequest>,
    ) -> Result<Response<wire::NextAccessReply>, Status> {
        let accesses = self.run.accesses.next().await;
        let end = accesses.is_empty();
        Ok(Response::new(wire::NextAccessReply { accesses, end }))
    }

    async fn answer_access(
        &self,
        request: Request<wire::AnswerAccessRequest>,
    ) -> Result<Response<wire::AnswerAccessReply>, Status> {
        let wire::AnswerAccessRequest { id, allowed } = request.into_inner();
        Ok(Response::new(self.run.accesses.answer(id, allowed).await?))
    }

    async fn next_question(
        &self,
        _: Request<wire::NextQuestionRequest>,
    ) -> Result<Response<wire::NextQuestionReply>, Status> {
        let question = self.run.next_question().await;
        let end = question.is_none();
        Ok(Response::new(wire::NextQuestionReply { question: question.unwrap_or_default(), end }))
    }

    async fn report(
        &self,
        request: Request<wire::ReportRequest>,
    ) -> Result<Response<wire::ReportReply>, Status> {
        if let Some(report) = request.into_inner().report {
            self.run.reports.called(report).await;
        }
        Ok(Response::new(wire::ReportReply {}))
    }
}
