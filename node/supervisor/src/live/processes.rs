//! Who was started in a run, and who lives.

use super::{Happening, Journal};
use crate::child::Exit;
use crate::regions::Owner;
use ioi_ipc::proto::public::{Process, process::State};
use ioi_ipc::proto::supervisor as wire;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Processes that are listed; of those that have ended the oldest is dropped first.
const LISTED_MAX: usize = 512;

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: Arc<str>,
    /// 0 for a process of the node, of which there is one of each name.
    pub(crate) instance: u32,
    pub(crate) digest: String,
    pub(crate) memory_bytes_max: u64,
    pub(crate) ended: Option<Exit>,
}

/// The processes of one run. Clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Processes {
    rows: Arc<Mutex<Vec<Row>>>,
    journal: Journal,
}

impl Processes {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { rows: Arc::default(), journal }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a process that was started, and sees to its end.
    pub(crate) fn add(
        &self,
        name: &str,
        instance: u32,
        process: &wire::Process,
        mut exit: watch::Receiver<Option<Exit>>,
    ) {
        let name: Arc<str> = name.into();
        self.list(Row {
            name: Arc::clone(&name),
            instance,
            digest: process.executable_digest.clone(),
            memory_bytes_max: process.memory_bytes_max,
            ended: None,
        });
        self.journal.add(Happening::Process { name: Arc::clone(&name), instance, ended: None });
        let table = self.clone();
        tokio::spawn(async move {
            let exit = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
            table.end(name, instance, exit.unwrap_or(Exit::KILLED));
        });
    }

    fn list(&self, row: Row) {
        let mut rows = self.rows();
        if rows.len() >= LISTED_MAX {
            let oldest = rows.iter().position(|row| row.ended.is_some()).unwrap_or(0);
            rows.remove(oldest);
        }
        rows.push(row);
    }

    fn end(&self, name: Arc<str>, instance: u32, exit: Exit) {
        let is_it = |row: &&mut Row| row.name == name && row.instance == instance;
        if let Some(row) = self.rows().iter_mut().find(is_it) {
            row.ended = Some(exit);
        }
        self.journal.add(Happening::Process { name, instance, ended: Some(exit) });
    }

    /// All of them, in the order of their start.
    pub(crate) fn all(&self) -> Vec<Row> {
        self.rows().clone()
    }

    /// The name and instance of whoever fills a region.
    pub(crate) fn owner(&self, owner: Owner) -> (String, u32) {
        let Owner::Plugin(instance) = owner else { return ("workload".into(), 0) };
        let rows = self.rows();
        let row = rows.iter().find(|row| row.instance == instance);
        (row.map_or_else(|| "plugin".into(), |row| row.name.to_string()), instance)
    }
}

impl Row {
    /// What it is called where regions are counted; `None` for one that may hold none.
    pub(crate) fn as_owner(&self) -> Option<Owner> {
        match (&*self.name, self.instance) {
            ("workload", 0) => Some(Owner::Workload),
            (_, 0) => None,
            (_, instance) => Some(Owner::Plugin(instance)),
        }
    }

    pub(crate) fn to_wire(&self) -> Process {
        let mut process = process(&self.name, self.instance, self.ended);
        process.executable_digest.clone_from(&self.digest);
        process.memory_bytes_max = self.memory_bytes_max;
        process
    }
}

/// A process as events tell of it.
pub(crate) fn process(name: &str, instance: u32, ended: Option<Exit>) -> Process {
    let state = if ended.is_some() { State::Ended } else { State::Serving };
    Process {
        name: name.to_owned(),
        instance,
        state: state.into(),
        exit_code: ended.map_or(0, |exit| exit.code),
        signal: ended.map_or(0, |exit| exit.signal),
        ..Process::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(instance: u32, ended: Option<Exit>) -> Row {
        Row { name: "plugin:files".into(), instance, digest: String::new(), memory_bytes_max: 0, ended }
    }

    #[test]
    fn the_living_stay_listed_however_many_have_ended() {
        let processes = Processes::default();
        processes.list(row(1, None));
        (2..2000).for_each(|instance| processes.list(row(instance, Some(Exit::KILLED))));
        processes.list(row(2000, None));
        let all = processes.all();
        assert_eq!(all.len(), LISTED_MAX);
        assert_eq!((all[0].instance, all[LISTED_MAX - 1].instance), (1, 2000));
        assert_eq!(processes.owner(Owner::Plugin(1)), ("plugin:files".to_owned(), 1));
        assert_eq!(processes.owner(Owner::Plugin(2)), ("plugin".to_owned(), 2), "it is no longer listed");
    }

    #[tokio::test]
    async fn an_end_is_listed_with_its_signal_also_where_nobody_reaped() {
        let processes = Processes::default();
        let (exited, exit) = watch::channel(None);
        let (unreaped, lost) = watch::channel(None);
        processes.add("plugin:files", 1, &wire::Process::default(), exit);
        processes.add("plugin:files", 2, &wire::Process::default(), lost);
        exited.send(Some(Exit { code: 3, signal: 0 })).unwrap();
        drop(unreaped);
        let mut reader = processes.journal.read_after(2);
        for _ in 0..2 {
            tokio::time::timeout(std::time::Duration::from_secs(10), reader.next()).await.unwrap();
        }
        let ends: Vec<_> = processes.all().iter().map(|row| row.ended.map(|exit| exit.code)).collect();
        assert_eq!(ends, [Some(3), Some(137)]);
    }
}
