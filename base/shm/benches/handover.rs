//! A document from one process to another: as a sealed region, and over a Unix stream socket.
//!
//! `cargo bench -p ioi-shm` prints, for each way, the median and the spread over all
//! rounds of: the writer fills it from its own copy, hands it over, and the reader has
//! read every byte and says so. The ways alternate round by round, so that a slow
//! moment of the machine meets both. Reading is summing all 64-bit words; the reader
//! answers the sum, which is compared. `IOI_BENCH_MIB` sets another size.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use ioi_shm::{DescriptorChannel, Region, Sealed};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 21;
const WARM_UP: usize = 3;
const ID: [u8; 16] = [0; 16];
/// One `read` of the socket's reader, as large as pays off.
const CHUNK_BYTES: usize = 256 << 10;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("read-sealed") => read_sealed(),
        Some("read-stream") => read_stream(),
        _ => measure(),
    }
}

/// Nothing of the document can be skipped without the sum being wrong.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    rest.iter().fold(words, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

fn stdin_descriptor() -> OwnedFd {
    std::io::stdin().as_fd().try_clone_to_owned().unwrap()
}

fn answer(sum: u64) {
    let mut out = std::io::stdout().lock();
    out.write_all(&sum.to_le_bytes()).and_then(|()| out.flush()).unwrap();
}

fn read_sealed() {
    let channel = DescriptorChannel::from_fd(stdin_descriptor()).unwrap();
    while let Ok((_id, file)) = channel.recv() {
        let view = Sealed::accept(file, 1 << 30).unwrap().map().unwrap();
        answer(sum(&view));
    }
}

/// The reader ends up with the whole document in memory, as it does with a view.
fn read_stream() {
    let mut stream = UnixStream::from(stdin_descriptor());
    let mut length = [0; 8];
    let mut document = Vec::new();
    while stream.read_exact(&mut length).is_ok() {
        document.resize(usize::try_from(u64::from_le_bytes(length)).unwrap(), 0);
        for chunk in document.chunks_mut(CHUNK_BYTES) {
            stream.read_exact(chunk).unwrap();
        }
        answer(sum(&document));
    }
}

struct Reader {
    process: std::process::Child,
}

impl Reader {
    fn start(role: &str, stdin: OwnedFd) -> Reader {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let process = command.arg(role).stdin(Stdio::from(stdin)).stdout(Stdio::piped()).spawn().unwrap();
        Reader { process }
    }

    fn answer(&mut self) -> u64 {
        let mut sum = [0; 8];
        self.process.stdout.as_mut().unwrap().read_exact(&mut sum).unwrap();
        u64::from_le_bytes(sum)
    }
}

/// The steps of one sealed hand-over, each in its own right.
#[derive(Default)]
struct Steps {
    allocate: Vec<Duration>,
    fill: Vec<Duration>,
    seal: Vec<Duration>,
    pass_and_read: Vec<Duration>,
    whole: Vec<Duration>,
}

fn hand_over_sealed(
    channel: &DescriptorChannel,
    reader: &mut Reader,
    document: &[u8],
    steps: &mut Steps,
) -> u64 {
    let start = Instant::now();
    let mut region = Region::create(document.len() as u64).unwrap();
    let allocated = Instant::now();
    region.map_writer().unwrap().copy_from_slice(document);
    let filled = Instant::now();
    let sealed = region.seal().unwrap();
    let sealed_at = Instant::now();
    channel.send(ID, sealed.reader_descriptor().unwrap().as_fd()).unwrap();
    let sum = reader.answer();
    let end = Instant::now();
    steps.allocate.push(allocated - start);
    steps.fill.push(filled - allocated);
    steps.seal.push(sealed_at - filled);
    steps.pass_and_read.push(end - sealed_at);
    steps.whole.push(end - start);
    sum
}

fn hand_over_stream(stream: &mut UnixStream, reader: &mut Reader, document: &[u8]) -> (u64, Duration) {
    let start = Instant::now();
    stream.write_all(&(document.len() as u64).to_le_bytes()).unwrap();
    stream.write_all(document).unwrap();
    (reader.answer(), start.elapsed())
}

fn measure() {
    let mib: usize = std::env::var("IOI_BENCH_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let document: Vec<u8> =
        (0..mib << 20).map(|at| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as u8).collect();
    let expected = sum(&document);

    let (channel, theirs) = DescriptorChannel::pair().unwrap();
    let mut sealed_reader = Reader::start("read-sealed", theirs.into());
    let (mut stream, theirs) = UnixStream::pair().unwrap();
    let mut stream_reader = Reader::start("read-stream", theirs.into());

    let (mut steps, mut streamed) = (Steps::default(), Vec::new());
    for round in 0..ROUNDS + WARM_UP {
        if round == WARM_UP {
            (steps, streamed) = (Steps::default(), Vec::new());
        }
        assert_eq!(hand_over_sealed(&channel, &mut sealed_reader, &document, &mut steps), expected);
        let (sum, took) = hand_over_stream(&mut stream, &mut stream_reader, &document);
        assert_eq!(sum, expected);
        streamed.push(took);
    }
    println!("{mib} MiB from process to process, {ROUNDS} rounds, milliseconds");
    println!("{:<34}{:>8}{:>8}{:>8}{:>8}{:>8}", "", "median", "min", "p25", "p75", "max");
    print_row("sealed region, whole", &steps.whole);
    print_row("  allocate", &steps.allocate);
    print_row("  fill", &steps.fill);
    print_row("  seal", &steps.seal);
    print_row("  pass, accept, map, read, answer", &steps.pass_and_read);
    print_row("Unix stream socket, whole", &streamed);

    drop((channel, stream));
    sealed_reader.process.wait().unwrap();
    stream_reader.process.wait().unwrap();
}

fn print_row(name: &str, times: &[Duration]) {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    println!("{name:<34}{:>8.2}{:>8.2}{:>8.2}{:>8.2}{:>8.2}", at(0.5), at(0.0), at(0.25), at(0.75), at(1.0));
}
