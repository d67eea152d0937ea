//! A batch of 4 MB, and a document of 50 MB, from one process to another: sealed, lent, and over a
//! Unix stream socket.
//!
//! The writer fills from its own copy, hands over, and the reader has summed every
//! byte and answered. The ways alternate, so that a slow moment meets both.
//! `cargo bench -p ioi-shm` shows the steps of the sealed way one by one.

use crate::Result;
use crate::bare::{role, stdin};
use crate::node::milliseconds;
use crate::place::Place;
use crate::report::{Reporter, Samples};
use ioi_shm::{
    Borrower, DescriptorChannel, HANDLE_BYTES, Handle, Lender, OwnMemory, PeerMemory, Quota, Region, Sealed,
};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 21;
const SIZES: [usize; 2] = [4_000_000, 50_000_000];
const CHUNK_BYTES: usize = 256 << 10;
/// Whole pages that the largest fits into.
const ARENA_BYTES: u64 = 48 << 20;
/// The arena's number.
const REGION: u64 = 1;
/// One lease at a time.
const QUOTA: Quota = Quota { leases_max: 1, bytes_max: ARENA_BYTES };

/// Nothing of the document can be skipped without the sum being wrong.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    rest.iter().fold(words, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

fn answer(sum: u64) -> Result<()> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(&sum.to_le_bytes()).and_then(|()| out.flush())?)
}

fn answered(reader: &mut Child) -> Result<u64> {
    let mut sum = [0; 8];
    reader.stdout.as_mut().ok_or("no answer")?.read_exact(&mut sum)?;
    Ok(u64::from_le_bytes(sum))
}

/// The second process of the sealed way.
pub(crate) fn read_sealed() -> Result<()> {
    let channel = DescriptorChannel::from_fd(stdin()?)?;
    while let Ok((_id, file)) = channel.recv() {
        answer(sum(&Sealed::accept(file, 1 << 30)?.map()?))?;
    }
    Ok(())
}

/// The second process of the lent way; its copy is its own, as what came over the stream is.
pub(crate) fn read_lent() -> Result<()> {
    let channel = DescriptorChannel::from_fd(stdin()?)?;
    let memory = PeerMemory::accept(channel.recv()?.1, ARENA_BYTES, ARENA_BYTES)?;
    let mut borrower = Borrower::untrusted(Arc::new(memory), REGION, 0..ARENA_BYTES, QUOTA);
    let mut handles = UnixStream::from(channel.recv()?.1);
    let (mut document, mut handle) = (Vec::new(), [0; HANDLE_BYTES]);
    while handles.read_exact(&mut handle).is_ok() {
        let loan = borrower.take(&Handle::from_bytes(&handle))?;
        document.resize(loan.bytes(), 0);
        loan.copy_to(&mut document, CHUNK_BYTES, |_| ());
        borrower.give_back(loan)?;
        answer(sum(&document))?;
    }
    Ok(())
}

/// The second process of the stream; it ends up with the whole document, as a view does.
pub(crate) fn read_stream() -> Result<()> {
    let mut stream = UnixStream::from(stdin()?);
    let (mut document, mut bytes) = (Vec::new(), [0; 8]);
    while stream.read_exact(&mut bytes).is_ok() {
        document.resize(usize::try_from(u64::from_le_bytes(bytes))?, 0);
        for chunk in document.chunks_mut(CHUNK_BYTES) {
            stream.read_exact(chunk)?;
        }
        answer(sum(&document))?;
    }
    Ok(())
}

fn hand_over(channel: &DescriptorChannel, document: &[u8]) -> Result<()> {
    let mut region = Region::create(document.len() as u64)?;
    region.map_writer()?.copy_from_slice(document);
    channel.send([0; 16], region.seal()?.reader_descriptor()?.as_fd())?;
    Ok(())
}

/// The side that lends: one arena, used again in every round.
struct Lent {
    lender: Lender,
    handles: UnixStream,
    reader: Child,
}

impl Lent {
    fn start() -> Result<Self> {
        let (channel, theirs) = DescriptorChannel::pair()?;
        let reader = role("role-read-lent", theirs.into())?;
        let memory = OwnMemory::create(ARENA_BYTES, ARENA_BYTES)?;
        channel.send([0; 16], memory.reader_descriptor()?.as_fd())?;
        let (handles, theirs) = UnixStream::pair()?;
        channel.send([1; 16], theirs.as_fd())?;
        let lender = Lender::new(Arc::new(memory), REGION, 0..ARENA_BYTES, QUOTA)?;
        Ok(Self { lender, handles, reader })
    }

    fn hand_over(&mut self, document: &[u8]) -> Result<u64> {
        let handle = self.lender.lease(document.len() as u64, 0)?;
        self.lender.fill(&handle)?.copy_from_slice(document);
        self.lender.hand_over(&handle)?;
        self.handles.write_all(&handle.to_bytes())?;
        let sum = answered(&mut self.reader)?;
        self.lender.release(&handle)?;
        Ok(sum)
    }
}

pub(crate) fn measure(_: &Place, reporter: &mut Reporter) -> Result<()> {
    SIZES.into_iter().try_for_each(|bytes| measure_one(bytes, reporter))
}

fn measure_one(bytes: usize, reporter: &mut Reporter) -> Result<()> {
    let document: Vec<u8> =
        (0..bytes as u64).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) as u8).collect();
    let expected = sum(&document);
    let (channel, theirs) = DescriptorChannel::pair()?;
    let mut sealed_reader = role("role-read-sealed", theirs.into())?;
    let (mut stream, theirs) = UnixStream::pair()?;
    let mut stream_reader = role("role-read-stream", theirs.into())?;
    let mut lending = Lent::start()?;
    let (mut sealed, mut lent, mut streamed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let start = Instant::now();
        hand_over(&channel, &document)?;
        assert_eq!(answered(&mut sealed_reader)?, expected);
        let first = milliseconds(start);
        let start = Instant::now();
        assert_eq!(lending.hand_over(&document)?, expected);
        let second = milliseconds(start);
        let start = Instant::now();
        stream.write_all(&(bytes as u64).to_le_bytes())?;
        stream.write_all(&document)?;
        assert_eq!(answered(&mut stream_reader)?, expected);
        if round > 0 {
            sealed.push(first);
            lent.push(second);
            streamed.push(milliseconds(start));
        }
    }
    drop((channel, stream));
    sealed_reader.wait()?;
    stream_reader.wait()?;
    let Lent { handles, mut reader, .. } = lending;
    drop(handles);
    reader.wait()?;
    report(reporter, bytes / 1_000_000, [sealed, lent, streamed].map(Samples::new));
    Ok(())
}

fn report(reporter: &mut Reporter, megabytes: usize, [sealed, lent, streamed]: [Samples; 3]) {
    let rows = [
        ("sealed region: fill, seal, pass, read", &sealed, Some(&streamed)),
        ("lent: fill, hand over, copy out, read", &lent, Some(&streamed)),
        ("Unix stream socket: write, read", &streamed, None),
    ];
    for (what, samples, peer) in rows {
        reporter.row(&format!("{megabytes} MB, {what}"), "ms", samples, peer, None);
    }
}
