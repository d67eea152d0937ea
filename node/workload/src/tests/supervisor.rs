//! A supervisor as far as the workload needs one: regions, and a stream on which nothing is ever said.

use ioi_ipc::proto::supervisor::{
    AllocReply, AllocRequest, ConfigureRequest, FetchReply, FetchRequest, SealReply, SealRequest,
    TakeStreamReply, TakeStreamRequest, WorkloadConfiguration,
    workload_host_client::WorkloadHostClient,
    workload_host_server::{WorkloadHost, WorkloadHostServer},
};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_ipc::{Services, pair};
use ioi_port::Transfers;
use ioi_shm::{DescriptorChannel, Lender, OwnMemory, Quota, Region, Sealed, SharedFile, WriterDraft};
use ioi_types::ErrorCode;
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use crate::memory::Memory;

enum Held {
    Filling(Region),
    Sealed(Sealed),
    Arena(SharedFile),
}

#[derive(Clone)]
pub(super) struct Supervisor {
    channel: Arc<DescriptorChannel>,
    held: Arc<Mutex<BTreeMap<u64, Held>>>,
    /// Our end of each stream, which stays open.
    streams: Arc<Mutex<Vec<UnixStream>>>,
}

impl Supervisor {
    /// Serves, and what the workload needs to ask it.
    pub(super) async fn start() -> (Self, Memory) {
        let (ours, theirs) = DescriptorChannel::pair().unwrap();
        let (served, asking) = pair::pair().unwrap();
        let made = Self { channel: Arc::new(ours), held: Arc::default(), streams: Arc::default() };
        tokio::spawn(pair::serve(served, Services::new().with(WorkloadHostServer::new(made.clone()))));
        let host = WorkloadHostClient::new(pair::client(asking).await.unwrap());
        (made, Memory::new(host, Transfers::start(theirs.into()).unwrap()))
    }

    /// A sealed region with these bytes, as a plugin would have filled it.
    pub(super) fn hold(&self, bytes: &[u8]) -> u64 {
        let mut region = Region::create(bytes.len() as u64).unwrap();
        region.map_writer().unwrap()[..bytes.len()].copy_from_slice(bytes);
        let mut held = self.held.lock().unwrap();
        let number = 1000 + held.len() as u64;
        held.insert(number, Held::Sealed(region.seal().unwrap()));
        number
    }

    /// An arena of `bytes` bytes, and the side that lends from it.
    pub(super) fn arena(&self, bytes: u64) -> (u64, Lender) {
        let draft = WriterDraft::create(bytes, std::slice::from_ref(&(0..bytes))).unwrap();
        let memory = OwnMemory::adopt_whole(draft.writer_descriptor().unwrap(), bytes).unwrap();
        let mut held = self.held.lock().unwrap();
        let number = 1000 + held.len() as u64;
        held.insert(number, Held::Arena(draft.share().unwrap()));
        let quota = Quota { leases_max: 8, bytes_max: bytes };
        (number, Lender::new(Arc::new(memory), number, 0..bytes, quota).unwrap())
    }

    fn send(&self, id: &[u8], descriptor: impl AsFd) {
        assert!(self.channel.try_send(id.try_into().unwrap(), descriptor.as_fd()).unwrap());
    }
}

fn unknown() -> Status {
    refuse(ErrorCode::RegionUnknown, "no such region")
}

#[async_trait]
impl WorkloadHost for Supervisor {
    async fn configure(
        &self,
        _: Request<ConfigureRequest>,
    ) -> Result<Response<WorkloadConfiguration>, Status> {
        Ok(Response::new(WorkloadConfiguration { threads: 1 }))
    }

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<FetchReply>, Status> {
        let request = request.into_inner();
        let mut held = self.held.lock().unwrap();
        let (reader, bytes, arena) = match held.get(&request.region) {
            Some(Held::Sealed(sealed)) => (sealed.reader_descriptor().unwrap(), sealed.bytes(), false),
            Some(Held::Arena(shared)) => (shared.reader_descriptor().unwrap(), shared.bytes(), true),
            Some(Held::Filling(_)) | None => return Err(unknown()),
        };
        if !arena {
            held.remove(&request.region);
        }
        self.send(&request.transfer_id, reader);
        Ok(Response::new(FetchReply { bytes, arena }))
    }

    async fn alloc(&self, request: Request<AllocRequest>) -> Result<Response<AllocReply>, Status> {
        let AllocRequest { bytes, transfer_id } = request.into_inner();
        let region = Region::create(bytes).unwrap();
        self.send(&transfer_id, region.writer_descriptor().unwrap());
        let mut held = self.held.lock().unwrap();
        let number = 1 + held.range(..1000).count() as u64;
        held.insert(number, Held::Filling(region));
        Ok(Response::new(AllocReply { region: number, bytes }))
    }

    async fn seal(&self, request: Request<SealRequest>) -> Result<Response<SealReply>, Status> {
        let SealRequest { region: number, used } = request.into_inner();
        let mut held = self.held.lock().unwrap();
        let Some(Held::Filling(mut region)) = held.remove(&number) else { return Err(unknown()) };
        region.shrink_to(used).unwrap();
        held.insert(number, Held::Sealed(region.seal().unwrap()));
        Ok(Response::new(SealReply { bytes: used }))
    }

    async fn take_stream(
        &self,
        request: Request<TakeStreamRequest>,
    ) -> Result<Response<TakeStreamReply>, Status> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.send(&request.into_inner().transfer_id, theirs);
        self.streams.lock().unwrap().push(ours);
        Ok(Response::new(TakeStreamReply {}))
    }
}
