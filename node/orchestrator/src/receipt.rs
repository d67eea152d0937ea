//! The receipt: every record of the session and the guardian's signed head over them.

use crate::failure::Failure;
use crate::session::{Session, create};
use ioi_audit::{Closing, Entry, LINE_BYTES_MAX, ReceiptWriter};
use ioi_canon::Map;
use ioi_crypto::{PublicKey, Signature};
use ioi_ipc::proto::guardian::SignHeadRequest;
use ioi_ipc::proto::supervisor::{Finished, report_request::Report};
use ioi_types::{ErrorCode, hex};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

/// Closes the session, has its head signed, writes `receipt.json` and reports where it lies.
///
/// # Errors
/// The log's, the guardian's, or those of writing the file.
pub(crate) async fn finish(session: &Session, closing: Closing, exit_code: i32) -> Result<(), Failure> {
    let (receipt, leaves) = make(session, closing).await?;
    let key_id = session.hello.key_id.clone();
    session.host.report(Report::Finished(Finished { receipt, leaves, key_id, exit_code })).await;
    Ok(())
}

/// A session that ended early: why, and what its receipt says besides.
pub(crate) struct CutShort {
    pub(crate) failure: Failure,
    /// What was asked and answered until then, where something was.
    pub(crate) until_then: Option<Closing>,
}

impl From<Failure> for CutShort {
    fn from(failure: Failure) -> Self {
        Self { failure, until_then: None }
    }
}

/// The receipt of a session that ended early: what happened until then, and why it ended.
///
/// # Errors
/// As [`finish`].
pub(crate) async fn of_cut_short(session: &Session, cut: CutShort) -> Result<String, Failure> {
    session.stop_plugins().await;
    let CutShort { failure, until_then } = cut;
    let mut closing = until_then.unwrap_or_else(|| Closing {
        task: Map::from([("command".to_owned(), session.configuration.command.as_str().into())]),
        answer: None,
        citations: Vec::new(),
        policy: session.policy_source.clone(),
        context: session.policy_context.clone(),
    });
    closing.task.insert("failed".to_owned(), failure.code.name().into());
    closing.task.insert("reason".to_owned(), failure.message.as_str().into());
    make(session, closing).await.map(|(receipt, _)| receipt)
}

async fn make(session: &Session, closing: Closing) -> Result<(String, u64), Failure> {
    let leaves = session.log.close(closing).await?;
    let mut guardian = session.guardian.clone();
    let head = guardian
        .sign_head(SignHeadRequest {})
        .await
        .map_err(|status| Failure::guardian(&status))?
        .into_inner();
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::new(ErrorCode::GuardianRefused, error.to_string());
    let key = PublicKey::from_bytes(&session.hello.public_key).map_err(|error| unreadable(&error))?;
    let signature = Signature::from_bytes(&head.signature).map_err(|error| unreadable(&error))?;
    let heads = create(&session.directory, "heads.jsonl")?;
    let line = format!(
        "{{\"head\":\"{}\",\"signature\":\"{}\"}}\n",
        hex::encode(&head.statement),
        hex::encode(&head.signature)
    );
    let directory = session.directory.try_clone().map_err(|error| failed(&error))?;
    // A long log takes seconds to copy; this process must be heard of meanwhile.
    let writing = move || {
        (&heads).write_all(line.as_bytes())?;
        heads.sync_all()?;
        write(&directory, &head.statement, &key, &signature)
    };
    let written =
        tokio::task::spawn_blocking(writing).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(|error| failed(&error))?;
    Ok((format!("{}/receipt.json", session.configuration.directory), leaves))
}

fn failed(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::AuditUnavailable,
    };
    Failure::new(
        code,
        format!("the receipt can't be written: {error}; the log is complete and holds every record"),
    )
}

/// Copies the log's records into the receipt, one at a time, so that a long
/// session needs no more memory than a short one. The name appears only when
/// the file is whole.
fn write(directory: &OwnedFd, head: &[u8], key: &PublicKey, signature: &Signature) -> io::Result<()> {
    let records = rustix::fs::openat(
        directory,
        "records.jsonl",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let mut records = BufReader::new(File::from(records));
    records.seek(SeekFrom::Start(0))?;
    let file = create(directory, "receipt.json.new").map_err(io::Error::other)?;
    let mut writer = ReceiptWriter::begin(BufWriter::with_capacity(1 << 20, file), head, key)?;
    let mut line = Vec::new();
    while records.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? > 0 {
        let (entry, _) = Entry::parse_line(&line).map_err(io::Error::other)?;
        writer.entry(&entry)?;
        line.clear();
    }
    let mut out = writer.finish(signature)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    rustix::fs::renameat(directory, "receipt.json.new", directory, "receipt.json")?;
    rustix::fs::fsync(directory)?;
    Ok(())
}
