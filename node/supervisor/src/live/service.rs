//! What the user is told of a run.

use super::journal::{Change, Entry, Happening, Next, Reader};
use super::processes::{Row, process};
use crate::cells;
use crate::regions::{OWNER_BYTES_MAX, Summary};
use crate::shared::Shared;
use futures::stream::{self, BoxStream, StreamExt};
use ioi_cell::{HEALTH_STATE_DEGRADED, HEALTH_STATE_SERVING, HEALTH_STATE_STARTING, HEALTH_STATE_STOPPING};
use ioi_ipc::proto::common::Payload;
use ioi_ipc::proto::public::{self as wire, event::Event as Told, public_server::Public};
use ioi_ipc::proto::public::{cell::State as CellState, get_status_reply::Mode, region_changed};
use ioi_ipc::status::{missing_part, refuse};
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::{ErrorCode, LogId, limits};
use rustix::fs::{self, Mode as Permissions, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Regions in one reply.
const REGIONS_MAX: usize = 4096;
/// In the folder of a run that has ended.
const RECEIPT: &str = "receipt.json";
/// The generation of a lease that is the first and only one.
const ONLY: u32 = 1;

pub(crate) struct PublicService {
    pub(crate) run: Arc<Shared>,
}

fn invalid(message: impl Into<String>) -> Status {
    refuse(ErrorCode::ArgumentInvalid, message)
}

impl Shared {
    fn session(&self, ended: bool) -> wire::Session {
        wire::Session {
            session_id: self.session.to_vec(),
            command: self.job.command.into(),
            log_id: self.log.0.to_vec(),
            records: 0,
            ended,
        }
    }

    fn region(&self, summary: &Summary) -> wire::Region {
        let (owner, owner_instance) = self.live_processes.owner(summary.facts.owner);
        let readers = if summary.granted { vec!["workload".to_owned()] } else { Vec::new() };
        wire::Region {
            region: summary.facts.id.0,
            generation: ONLY,
            bytes: summary.facts.bytes,
            owner,
            sealed: summary.sealed,
            readers,
            leases: 0,
            owner_instance,
            arena: summary.facts.arena,
        }
    }

    fn quota(&self, row: &Row) -> wire::Quota {
        let quota = wire::Quota {
            process: row.name.to_string(),
            instance: row.instance,
            alive: row.ended.is_none(),
            ..wire::Quota::default()
        };
        let Some(owner) = row.as_owner() else { return quota };
        let (regions, bytes) = self.regions().held_by(owner);
        wire::Quota {
            bytes,
            bytes_max: OWNER_BYTES_MAX,
            regions: regions as u64,
            regions_max: limits::REGIONS_OPEN_MAX as u64,
            ..quota
        }
    }

    /// The outbox that is read: its epoch counts what was written, and the run what was taken.
    fn rings(&self) -> Vec<wire::Ring> {
        let summaries = self.cells.summaries();
        let read = summaries.iter().filter(|cell| cell.name == cells::ORCHESTRATOR && cell.health.is_some());
        let sent = |cell: &cells::Summary| {
            let outbox = cell.epochs.iter().find(|(name, _)| *name == "outbox");
            outbox.map_or(0, |(_, raised)| u64::from(*raised))
        };
        let ring = |cell: &cells::Summary| wire::Ring {
            sender: cell.name.to_owned(),
            receiver: "supervisor".into(),
            sent: sent(cell),
            returned: self.reports.taken(),
            poisoned: self.cells.lie().unwrap_or_default(),
        };
        read.map(ring).collect()
    }

    fn cells(&self) -> Vec<wire::Cell> {
        self.cells.summaries().into_iter().map(cell).collect()
    }

    fn told(&self, next: Next) -> wire::Event {
        let Entry { sequence, time_ms, happening } = match next {
            Next::Entry(entry) => entry,
            Next::Missed { count, last } => {
                let event = Some(Told::Missed(count));
                return wire::Event { sequence: last, time_ms: super::now_ms(), event };
            }
        };
        let event = match happening {
            Happening::Session { ended } => Told::Session(self.session(ended)),
            Happening::Process { name, instance, ended } => Told::Process(process(&name, instance, ended)),
            Happening::Region { facts, change } => {
                let sealed = change != Change::Made && !facts.arena;
                let granted = change == Change::Granted || (facts.arena && change == Change::Fetched);
                let region = self.region(&Summary { facts, sealed, granted });
                Told::Region(wire::RegionChanged { change: to_wire(change).into(), region: Some(region) })
            }
        };
        wire::Event { sequence, time_ms, event: Some(event) }
    }

    fn reader(&self, request: &wire::SubscribeEventsRequest) -> Result<Reader, Status> {
        if !request.session_id.is_empty() && request.session_id != self.session {
            return Err(invalid("this node runs no such session"));
        }
        let last = self.journal.last();
        match (request.kept, request.after) {
            (true, 0) => Ok(self.journal.read_kept()),
            (true, _) => Err(invalid("`kept` and `after` exclude one another")),
            (false, 0) => Ok(self.journal.read_after(last)),
            (false, after) if after > last => {
                Err(invalid(format!("event {after} is still to come; the newest is {last}")))
            }
            (false, after) => Ok(self.journal.read_after(after)),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn cell(summary: cells::Summary) -> wire::Cell {
    let cells::Summary { name, alive, health, silent, may_be, bytes, epochs } = summary;
    let epoch = |(name, raised): (&str, u32)| wire::CellEpoch { name: name.to_owned(), raised };
    wire::Cell {
        process: name.to_owned(),
        alive,
        taken: health.is_some(),
        heartbeat: health.map_or(0, |health| health.heartbeat),
        state: health.map_or(CellState::Starting, |health| state(health.state)).into(),
        silent_ms: millis(silent),
        silent_ms_max: millis(may_be),
        bytes_max: bytes.map_or(0, |bytes| bytes.mapped),
        bytes: bytes.map_or(0, |bytes| bytes.allocated),
        epochs: epochs.into_iter().map(epoch).collect(),
    }
}

fn state(number: u32) -> CellState {
    match number {
        HEALTH_STATE_STARTING => CellState::Starting,
        HEALTH_STATE_SERVING => CellState::Serving,
        HEALTH_STATE_DEGRADED => CellState::Degraded,
        HEALTH_STATE_STOPPING => CellState::Stopping,
        _ => CellState::Unspecified,
    }
}

fn to_wire(change: Change) -> region_changed::Change {
    match change {
        Change::Made => region_changed::Change::Made,
        Change::Sealed => region_changed::Change::Sealed,
        Change::Granted => region_changed::Change::Granted,
        Change::Fetched => region_changed::Change::Fetched,
        Change::Released => region_changed::Change::Released,
    }
}

/// The kinds that are asked for; none for all. One of which no event ever comes is refused.
fn kinds(numbers: &[i32]) -> Result<Vec<wire::EventKind>, Status> {
    let known = |number: &i32| match wire::EventKind::try_from(*number) {
        Ok(wire::EventKind::Unspecified) | Err(_) => Err(invalid(format!("there is no event kind {number}"))),
        Ok(wire::EventKind::Decision) => Err(missing_part("a stream of decisions")),
        Ok(wire::EventKind::Block | wire::EventKind::Transaction) => Err(missing_part("consensus")),
        Ok(kind) => Ok(kind),
    };
    numbers.iter().map(known).collect()
}

fn is_wanted(event: &wire::Event, kinds: &[wire::EventKind]) -> bool {
    let kind = match event.event {
        Some(Told::Session(_)) => wire::EventKind::Session,
        Some(Told::Process(_)) => wire::EventKind::Process,
        Some(Told::Region(_)) => wire::EventKind::DataPlane,
        // What was missed may have been of any kind.
        _ => return true,
    };
    kinds.is_empty() || kinds.contains(&kind)
}

/// The receipt in a run's folder, at most one byte more than a message takes. The orchestrator writes there, so
/// nothing in it is followed, waited for, or read without end.
fn read_receipt(folder: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let folder = fs::openat(fs::CWD, folder, flags | OFlags::DIRECTORY, Permissions::empty())?;
    let file = File::from(fs::openat(&folder, RECEIPT, flags, Permissions::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the receipt is no file"));
    }
    let mut bytes = Vec::new();
    file.take(limits::INLINE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[async_trait]
impl Public for PublicService {
    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusReply>, Status> {
        let ended = self.run.reports.is_finished();
        Ok(Response::new(wire::GetStatusReply {
            version: env!("CARGO_PKG_VERSION").into(),
            mode: Mode::Local.into(),
            started_ms: self.run.started_ms,
            processes: self.run.live_processes.all().iter().map(Row::to_wire).collect(),
            sessions: vec![self.run.session(ended)],
            chain: None,
        }))
    }

    async fn get_data_plane(
        &self,
        _: Request<wire::GetDataPlaneRequest>,
    ) -> Result<Response<wire::GetDataPlaneReply>, Status> {
        let regions = self.run.regions().summaries();
        let quotas = self.run.live_processes.all().iter().map(|row| self.run.quota(row)).collect();
        Ok(Response::new(wire::GetDataPlaneReply {
            regions_left_off: regions.len().saturating_sub(REGIONS_MAX) as u64,
            regions: regions.iter().take(REGIONS_MAX).map(|region| self.run.region(region)).collect(),
            rings: self.run.rings(),
            quotas,
            cells: self.run.cells(),
        }))
    }

    type SubscribeEventsStream = BoxStream<'static, Result<wire::Event, Status>>;

    async fn subscribe_events(
        &self,
        request: Request<wire::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        let request = request.into_inner();
        let (kinds, reader) = (kinds(&request.kinds)?, self.run.reader(&request)?);
        let start = (reader, Arc::clone(&self.run));
        let events = stream::unfold(start, move |(mut reader, run)| {
            let kinds = kinds.clone();
            async move {
                loop {
                    let event = run.told(reader.next().await?);
                    if is_wanted(&event, &kinds) {
                        return Some((Ok(event), (reader, run)));
                    }
                }
            }
        });
        Ok(Response::new(events.boxed()))
    }

    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Result<Response<wire::GetReceiptReply>, Status> {
        let id = request.into_inner().log_id;
        let log = <[u8; 16]>::try_from(id.as_slice()).map(LogId);
        let log = log.map_err(|_| invalid(format!("a log id has 16 bytes, not {}", id.len())))?;
        if log == self.run.log {
            return Err(invalid(format!(
                "the session of log {log} still runs; its receipt comes at its end"
            )));
        }
        let folder = self.run.settings.home.run(&log);
        let read = tokio::task::spawn_blocking(move || (read_receipt(&folder), folder));
        let (receipt, folder) = read.await.map_err(|_| refuse(ErrorCode::Internal, "the reader failed"))?;
        let bytes = receipt.map_err(|_| invalid(format!("there is no receipt of a log {log}")))?;
        if bytes.len() > limits::INLINE_BYTES_MAX {
            let (most, path) = (limits::INLINE_BYTES_MAX, folder.join(RECEIPT));
            let message = format!("the receipt has more than {most} bytes; read it from {}", path.display());
            return Err(refuse(ErrorCode::QuotaMemory, message));
        }
        Ok(Response::new(wire::GetReceiptReply { receipt: Some(Payload::of_bytes(bytes)) }))
    }

    async fn submit_transaction(
        &self,
        _: Request<wire::SubmitTransactionRequest>,
    ) -> Result<Response<wire::SubmitTransactionReply>, Status> {
        Err(missing_part("consensus"))
    }

    async fn get_transaction(
        &self,
        _: Request<wire::GetTransactionRequest>,
    ) -> Result<Response<wire::GetTransactionReply>, Status> {
        Err(missing_part("consensus"))
    }

    async fn query_state(
        &self,
        _: Request<wire::QueryStateRequest>,
    ) -> Result<Response<wire::QueryStateReply>, Status> {
        Err(missing_part("state"))
    }

    async fn get_block(
        &self,
        _: Request<wire::GetBlockRequest>,
    ) -> Result<Response<wire::GetBlockReply>, Status> {
        Err(missing_part("storage"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_ipc::status::code;
    use ioi_ipc::tonic::Code;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_receipt_is_a_file_of_its_folder_and_no_more_of_it_is_read_than_a_message_takes() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("run");
        let receipt = folder.join(RECEIPT);
        assert!(read_receipt(&folder).is_err(), "there is no folder");
        std::fs::create_dir(&folder).unwrap();
        assert!(read_receipt(&folder).is_err(), "there is no file");
        std::fs::write(&receipt, "{}").unwrap();
        assert_eq!(read_receipt(&folder).unwrap(), b"{}");
        std::fs::write(&receipt, vec![b' '; 3 * limits::INLINE_BYTES_MAX]).unwrap();
        assert_eq!(read_receipt(&folder).unwrap().len(), limits::INLINE_BYTES_MAX + 1);
        symlink(&folder, base.path().join("linked")).unwrap();
        assert!(read_receipt(&base.path().join("linked")).is_err(), "the folder is a link");
        let other = base.path().join("other");
        std::fs::write(&other, "{}").unwrap();
        for target in [Path::new("/dev/zero"), &other] {
            std::fs::remove_file(&receipt).unwrap();
            symlink(target, &receipt).unwrap();
            assert!(read_receipt(&folder).is_err(), "{} was read", target.display());
        }
        std::fs::remove_file(&receipt).unwrap();
        fs::mknodat(fs::CWD, &receipt, fs::FileType::Fifo, Permissions::RUSR | Permissions::WUSR, 0).unwrap();
        assert!(read_receipt(&folder).is_err(), "a pipe was read");
    }

    #[test]
    fn kinds_of_which_no_event_comes_are_refused_with_the_part_that_would_send_them() {
        let all: Vec<i32> = (1..=6).collect();
        let refused: Vec<i32> = all.iter().copied().filter(|kind| kinds(&[*kind]).is_err()).collect();
        assert_eq!(refused, [3, 4, 5]);
        for kind in refused {
            let status = kinds(&[1, kind]).unwrap_err();
            assert_eq!((status.code(), code(&status)), (Code::Unimplemented, ErrorCode::PartMissing));
        }
        assert_eq!(code(&kinds(&[7]).unwrap_err()), ErrorCode::ArgumentInvalid);
    }
}
