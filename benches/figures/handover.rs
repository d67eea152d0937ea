//! A 50 MB document from one process to another, sealed and over a Unix stream socket.
//!
//! The writer fills from its own copy, hands over, and the reader has summed every
//! byte and answered. The ways alternate, so that a slow moment meets both.
//! `cargo bench -p ioi-shm` shows the steps of the sealed way one by one.

use crate::Result;
use crate::bare::{role, stdin};
use crate::node::milliseconds;
use crate::place::Place;
use crate::report::{Reporter, Samples};
use ioi_shm::{DescriptorChannel, Region, Sealed};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Instant;

const ROUNDS: usize = 21;
const DOCUMENT_BYTES: usize = 50_000_000;
const CHUNK_BYTES: usize = 256 << 10;

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

/// The second process of the stream; it ends up with the whole document, as a view does.
pub(crate) fn read_stream() -> Result<()> {
    let mut stream = UnixStream::from(stdin()?);
    let mut document = vec![0; DOCUMENT_BYTES];
    loop {
        for chunk in document.chunks_mut(CHUNK_BYTES) {
            if stream.read_exact(chunk).is_err() {
                return Ok(());
            }
        }
        answer(sum(&document))?;
    }
}

fn hand_over(channel: &DescriptorChannel, document: &[u8]) -> Result<()> {
    let mut region = Region::create(document.len() as u64)?;
    region.map_writer()?.copy_from_slice(document);
    channel.send([0; 16], region.seal()?.reader_descriptor()?.as_fd())?;
    Ok(())
}

pub(crate) fn measure(_: &Place, reporter: &mut Reporter) -> Result<()> {
    let document: Vec<u8> =
        (0..DOCUMENT_BYTES as u64).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) as u8).collect();
    let expected = sum(&document);
    let (channel, theirs) = DescriptorChannel::pair()?;
    let mut sealed_reader = role("role-read-sealed", theirs.into())?;
    let (mut stream, theirs) = UnixStream::pair()?;
    let mut stream_reader = role("role-read-stream", theirs.into())?;
    let (mut sealed, mut streamed) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let start = Instant::now();
        hand_over(&channel, &document)?;
        assert_eq!(answered(&mut sealed_reader)?, expected);
        let first = milliseconds(start);
        let start = Instant::now();
        stream.write_all(&document)?;
        assert_eq!(answered(&mut stream_reader)?, expected);
        if round > 0 {
            sealed.push(first);
            streamed.push(milliseconds(start));
        }
    }
    drop((channel, stream));
    sealed_reader.wait()?;
    stream_reader.wait()?;
    let (sealed, streamed) = (Samples::new(sealed), Samples::new(streamed));
    reporter.row("50 MB, sealed region: fill, seal, pass, read", "ms", &sealed, Some(&streamed), None);
    reporter.row("50 MB, Unix stream socket: write, read", "ms", &streamed, None, None);
    Ok(())
}
