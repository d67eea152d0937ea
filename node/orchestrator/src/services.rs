//! What a plugin may ask of its host: files through the gate, memory under quota.

use crate::failure::Failure;
use crate::gate::{Gate, Permit};
use crate::host::Host;
use crate::link::Services;
use futures::FutureExt;
use futures::future::BoxFuture;
use ioi_audit::Witnessed;
use ioi_firewall::{Call, Object, ObjectKind};
use ioi_ipc::proto::supervisor as wire;
use ioi_plugin::CallError;
use ioi_plugin::message::{Request, Response};
use ioi_plugin::services::{
    ALLOC, ARENA, AllocAnswer, AllocArguments, Entry, Kind, LIST, ListArguments, Page, READ, ReadAnswer,
    ReadArguments, SEAL, SealAnswer, SealArguments, Shape,
};
use ioi_types::{Digest, ErrorCode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The services of one plugin instance. Who calls is known by which instance
/// this is, never from what the plugin says.
pub(crate) struct PluginServices {
    gate: Arc<Gate>,
    host: Host,
    instance: u32,
    /// The chain, outermost first.
    principals: Vec<String>,
    /// Folders whose listing goes on: pages of one folder come from one reading
    /// of it. `None` when the plugin has ended.
    listings: Mutex<Option<Listings>>,
    /// Files that were handed out and what they hold, until the plugin says what it made of them.
    reads: Mutex<BTreeMap<Vec<u8>, Option<Digest>>>,
    names_listed: AtomicU64,
    /// Arenas of this plugin, and whether the workload may fetch them.
    arenas: Mutex<BTreeMap<u64, bool>>,
}

type Listings = BTreeMap<(u32, Vec<u8>), wire::Opened>;

/// Files handed out of which the plugin has not spoken yet.
const READS_MAX: usize = 1024;

/// Listings under way at once; the oldest path gives way to the newest.
const LISTINGS_MAX: usize = 64;

impl Services for PluginServices {
    fn call(self: Arc<Self>, request: Request) -> BoxFuture<'static, Result<Response, CallError>> {
        async move {
            let answered = match request.name.as_str() {
                LIST => self.list(&request).await,
                READ => self.read(&request).await,
                ALLOC => self.alloc(&request).await,
                SEAL => self.seal(&request).await,
                ARENA => self.arena(&request).await,
                other => {
                    Err(Failure::new(ErrorCode::ServiceUnknown, format!("there is no service `{other}`")))
                }
            };
            let failed = |failure: Failure| CallError::new(failure.code, clipped(failure.message));
            answered.map(Response::new).map_err(failed)
        }
        .boxed()
    }
}

/// A sentence within the protocol's bound on messages.
fn clipped(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(ioi_plugin::message::MESSAGE_BYTES_MAX));
    message
}

fn arguments<S: Shape>(request: &Request) -> Result<S, Failure> {
    S::from_bytes(&request.arguments)
        .map_err(|error| Failure::new(ErrorCode::ArgumentInvalid, error.to_string()))
}

fn transfer(request: &Request) -> Result<Vec<u8>, Failure> {
    let missing =
        || Failure::new(ErrorCode::ArgumentInvalid, "the request names no transfer id for its descriptor");
    request.transfer().map(|id| id.0.to_vec()).ok_or_else(missing)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn object(opened: &wire::Opened) -> Object {
    let kind = ObjectKind::from_name(&opened.kind).unwrap_or(ObjectKind::Other);
    Object { kind, size: opened.size, device: opened.device, inode: opened.inode }
}

impl PluginServices {
    /// The services of plugin `instance`, which calls in the name of `principals`, outermost first.
    pub(crate) fn new(gate: Arc<Gate>, host: Host, instance: u32, principals: Vec<String>) -> Self {
        Self {
            gate,
            host,
            instance,
            principals,
            listings: Mutex::new(Some(Listings::new())),
            reads: Mutex::default(),
            names_listed: AtomicU64::new(0),
            arenas: Mutex::default(),
        }
    }

    /// Opens with `O_PATH`, so that the decision is on what the path really is.
    async fn open(&self, root: u32, path: Vec<u8>) -> Result<wire::Opened, Failure> {
        let asked = wire::OpenRequest { paths: vec![wire::OpenPath { root, path }] };
        let reply =
            self.host.client().open(asked).await.map_err(|status| Failure::node("supervisor", &status))?;
        let opened = reply.into_inner().opened.pop();
        let opened = opened.ok_or_else(|| Failure::internal("the supervisor answered without a path"))?;
        match ErrorCode::from_number(opened.error_code) {
            None if opened.error_code == 0 => Ok(opened),
            code => Err(Failure::new(code.unwrap_or(ErrorCode::Internal), opened.error)),
        }
    }

    async fn list(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let asked: ListArguments = arguments(request)?;
        let folder = (asked.root, asked.path.clone());
        let opened = match asked.cursor.and_then(|_| self.kept_listing(&folder)) {
            Some(opened) => opened,
            None => self.open(asked.root, asked.path).await?,
        };
        let call = Call::file(self.principals.clone(), LIST, &opened.path);
        let listed = match self.gate.pass(call, Some(object(&opened))).await {
            Ok(permit) => {
                let cursor = u32::try_from(asked.cursor.unwrap_or(0)).unwrap_or(u32::MAX);
                let listed = self.host.client().list(wire::ListRequest { id: opened.id, cursor }).await;
                let listed = listed.map_err(|status| Failure::node("supervisor", &status));
                settle(permit, &listed).await?;
                listed
            }
            Err(refused) => Err(refused),
        };
        let goes_on = listed.as_ref().is_ok_and(|listed| listed.get_ref().next_cursor != 0);
        let over = if goes_on { self.keep_listing(folder, opened) } else { Some(opened) };
        if let Some(over) = over {
            self.forget(over.id).await;
        }
        let page = page(listed?.into_inner())?;
        self.names_listed.fetch_add(page.entries.len() as u64, Ordering::Relaxed);
        Ok(page.to_bytes())
    }

    fn kept_listing(&self, folder: &(u32, Vec<u8>)) -> Option<wire::Opened> {
        lock(&self.listings).as_mut()?.remove(folder)
    }

    /// Keeps a listing for its next page; returns one that has to go instead.
    fn keep_listing(&self, folder: (u32, Vec<u8>), opened: wire::Opened) -> Option<wire::Opened> {
        let mut listings = lock(&self.listings);
        let Some(listings) = listings.as_mut() else { return Some(opened) };
        let pushed_out = if listings.len() >= LISTINGS_MAX { listings.pop_first() } else { None };
        let replaced = listings.insert(folder, opened);
        replaced.or(pushed_out.map(|(_, opened)| opened))
    }

    async fn read(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let asked: ReadArguments = arguments(request)?;
        let transfer_id = transfer(request)?;
        let opened = self.open(asked.root, asked.path.clone()).await?;
        let call = Call::file(self.principals.clone(), READ, &opened.path);
        let permit = match self.gate.pass(call, Some(object(&opened))).await {
            Ok(permit) => permit,
            Err(refused) => {
                self.forget(opened.id).await;
                return Err(refused);
            }
        };
        let release = wire::Release { id: opened.id, transfer_id };
        let request = wire::ReleaseRequest { releases: vec![release], instance: self.instance };
        let released = self.host.client().release(request).await;
        let released = released.map_err(|status| Failure::node("supervisor", &status)).and_then(released_one);
        match released {
            Ok((size, digest)) => {
                let document = |digest| Witnessed {
                    what: "document".into(),
                    digest,
                    bytes: size,
                    by: "supervisor".into(),
                };
                permit.done(digest.map(document).into_iter().collect()).await?;
                self.remember(asked.path, digest);
                Ok(ReadAnswer { path: opened.path, size }.to_bytes())
            }
            Err(failure) => {
                permit.failed(failure.code).await?;
                Err(failure)
            }
        }
    }

    /// Remembers what a file holds that the plugin has now; the first name gives way to the newest.
    fn remember(&self, path: Vec<u8>, digest: Option<Digest>) {
        let mut reads = lock(&self.reads);
        if reads.len() >= READS_MAX {
            reads.pop_first();
        }
        reads.insert(path, digest);
    }

    /// What a file holds that was handed out: `Some(None)` for one that was not
    /// hashed, `None` for one that the plugin was never given. Answers once for each reading.
    pub(crate) fn take_read(&self, path: &str) -> Option<Option<Digest>> {
        lock(&self.reads).remove(path.as_bytes())
    }

    /// How many names the plugin has been told.
    pub(crate) fn names_listed(&self) -> u64 {
        self.names_listed.load(Ordering::Relaxed)
    }

    /// Gives up what was kept for the plugin's next call: there is none.
    pub(crate) async fn end(&self) {
        let Some(listings) = lock(&self.listings).take() else { return };
        for opened in listings.into_values() {
            self.forget(opened.id).await;
        }
    }

    async fn alloc(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let asked: AllocArguments = arguments(request)?;
        let transfer_id = transfer(request)?;
        let asked = wire::AllocForRequest { instance: self.instance, bytes: asked.bytes, transfer_id };
        let reply = self.host.client().alloc_for(asked).await;
        let reply = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        Ok(AllocAnswer { region: reply.region, bytes: reply.bytes }.to_bytes())
    }

    async fn arena(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let asked: AllocArguments = arguments(request)?;
        let transfer_id = transfer(request)?;
        let asked = wire::AllocForRequest { instance: self.instance, bytes: asked.bytes, transfer_id };
        let reply = self.host.client().arena_for(asked).await;
        let reply = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner();
        lock(&self.arenas).insert(reply.region, false);
        Ok(AllocAnswer { region: reply.region, bytes: reply.bytes }.to_bytes())
    }

    /// Lets the workload fetch a region of this plugin; an arena once for all its leases.
    pub(crate) async fn grant(&self, region: u64) -> Result<(), Failure> {
        if lock(&self.arenas).get(&region) == Some(&true) {
            return Ok(());
        }
        let granted = self.host.client().grant(wire::GrantRequest { region, instance: self.instance }).await;
        granted.map_err(|status| Failure::node("supervisor", &status))?;
        if let Some(is_granted) = lock(&self.arenas).get_mut(&region) {
            *is_granted = true;
        }
        Ok(())
    }

    /// Whether a region is an arena of this plugin, so that its leases go back.
    pub(crate) fn is_arena(&self, region: u64) -> bool {
        lock(&self.arenas).contains_key(&region)
    }

    /// Those that the workload may have mapped are among them.
    pub(crate) fn arenas(&self) -> Vec<u64> {
        lock(&self.arenas).keys().copied().collect()
    }

    async fn seal(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let SealArguments { region, used } = arguments(request)?;
        let asked = wire::SealForRequest { instance: self.instance, region, used };
        let reply = self.host.client().seal_for(asked).await;
        let bytes = reply.map_err(|status| Failure::node("supervisor", &status))?.into_inner().bytes;
        Ok(SealAnswer { bytes }.to_bytes())
    }

    async fn forget(&self, id: u64) {
        // An error means that the supervisor is gone, which the next call meets.
        let _ = self.host.client().forget(wire::ForgetRequest { ids: vec![id] }).await;
    }
}

async fn settle<T>(permit: Permit, result: &Result<T, Failure>) -> Result<(), Failure> {
    match result {
        Ok(_) => permit.done(Vec::new()).await,
        Err(failure) => permit.failed(failure.code).await,
    }
}

/// The file's size, and what the supervisor says that it holds.
fn released_one(
    reply: ioi_ipc::tonic::Response<wire::ReleaseReply>,
) -> Result<(u64, Option<Digest>), Failure> {
    let released = reply.into_inner().released.pop();
    let released = released.ok_or_else(|| Failure::internal("the supervisor released nothing"))?;
    match ErrorCode::from_number(released.error_code) {
        None if released.error_code == 0 && released.digest.is_empty() => Ok((released.size, None)),
        None if released.error_code == 0 => {
            let digest = released.digest.parse();
            let digest = digest.map_err(|error| Failure::internal(format!("the file's digest: {error}")))?;
            Ok((released.size, Some(digest)))
        }
        code => Err(Failure::new(code.unwrap_or(ErrorCode::Internal), released.error)),
    }
}

fn page(listed: wire::ListReply) -> Result<Page, Failure> {
    let entry = |entry: wire::Entry| {
        let kind = Kind::from_name(&entry.kind);
        let kind =
            kind.ok_or_else(|| Failure::internal(format!("the supervisor knows a kind `{}`", entry.kind)))?;
        Ok(Entry { name: entry.name, kind, size: if kind == Kind::File { entry.size } else { 0 } })
    };
    let entries = listed.entries.into_iter().map(entry).collect::<Result<_, Failure>>()?;
    Ok(Page { entries, next: (listed.next_cursor != 0).then_some(listed.next_cursor.into()) })
}
