//! The bytes of every record and line are those of the layout in `docs/design/data-plane.md`, written out
//! by hand: not what the code under test, or the constants that it uses, say they are.

use crate::raw::{self, Raw};
use ioi_cell::native::{HistoryEntry, Pattern, RegistryEntry, Syscall};
use ioi_shm::Handle;

const HASH: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
const HANDLE: &str = "0800070605040302ddccbbaa4433221140000000000000000300000000000000";

fn hash() -> [u8; 32] {
    std::array::from_fn(|at| at as u8 + 1)
}

fn handle() -> Handle {
    Handle {
        region: 0x0203_0405_0607_0008,
        generation: 0xaabb_ccdd,
        type_id: 0x1122_3344,
        offset: 64,
        length: 3,
    }
}

/// Bytes as the layout draws them: one field a string.
fn check(raw: &Raw, at: u64, fields: &[&str]) {
    let wanted = fields.concat();
    assert_eq!(raw.hex(at, wanted.len() / 2), wanted, "at {at:#x}");
}

fn zeros(bytes: usize) -> String {
    "00".repeat(bytes)
}

#[test]
fn a_module_has_the_96_bytes_of_the_layout_and_counts_its_changes_in_the_last_8() {
    let (host, raw) = raw::host();
    let mut module = RegistryEntry {
        name: "grüße".into(),
        module: 7,
        version: 3,
        capabilities: 1 << 63 | 1,
        state: 1,
        epoch: 16,
        schema_hash: hash(),
    };
    host.registry.set(1, &module).unwrap();
    let name = format!("6772c3bcc39f65{}", zeros(25));
    let (module_version, capabilities) = ("0700000003000000", "0100000000000080");
    let after = ["0100000010000000", HASH, "0100000000000000"];
    check(&raw, 0x140 + 96, &[&[name.as_str(), module_version, capabilities][..], &after].concat());
    module.state = 2;
    host.registry.set(1, &module).unwrap();
    check(&raw, 0x140 + 96 + 48, &["0200000010000000", HASH, "0200000000000000"]);
    host.registry.remove(1).unwrap();
    check(&raw, 0x140 + 96, &[&zeros(88), "0300000000000000"]);
    assert_eq!(raw.hex(8, 4), "03000000", "the epoch of the registry");
}

#[test]
fn a_call_has_the_64_bytes_of_the_layout_and_counts_its_changes_after_its_module() {
    let (peer, raw) = raw::peer();
    let mut call =
        Syscall { call: 5, method: 6, state: 1, module: 7, deadline_ns: 1 << 32, handle: handle() };
    assert_eq!(peer.syscalls.set(&call), Ok(0));
    let deadline = "0000000001000000";
    check(&raw, 0x3000, &["0500000000000000", "0600000001000000", "0700000001000000", deadline, HANDLE]);
    // The same call under the same number is another content, and has another key.
    call.state = 2;
    assert_eq!(peer.syscalls.set(&call), Ok(0));
    check(&raw, 0x3000, &["0500000000000000", "0600000002000000", "0700000002000000", deadline, HANDLE]);
    assert_eq!(peer.syscalls.set(&Syscall { call: 8, ..call }), Ok(1));
    check(&raw, 0x3040, &["0800000000000000", "0600000002000000", "0700000001000000", deadline, HANDLE]);
    peer.syscalls.remove(0).unwrap();
    check(&raw, 0x3000, &[&zeros(20), "03000000", &zeros(40)]);
    assert_eq!(raw.hex(6 * 4, 4), "04000000", "the epoch of the calls");
}

#[test]
fn types_and_jobs_have_the_bytes_of_the_layout() {
    let (mut host, raw) = raw::host();
    let name = "a name of 24 bytes, full".to_owned();
    for (type_id, kind) in [(0x8000_0001, 1), (9, 2)] {
        host.patterns.add(&Pattern { type_id, kind, schema_hash: hash(), name: name.clone() }).unwrap();
    }
    let name: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    check(&raw, 0x10000, &["0100008001000000", HASH, &name, "0900000002000000", HASH, &name]);
    assert_eq!(raw.hex(7 * 4, 4), "02000000");

    let entry =
        HistoryEntry { job: 5, finished_ns: 6, status: 7, type_id: 8, handle: handle(), digest: hash() };
    assert_eq!(host.history.add(&entry), Ok(1));
    assert_eq!(host.history.add(&entry), Ok(2));
    let (rest, reserved) = (["05", "06"].map(|first| format!("{first}{}", zeros(7))).concat(), zeros(32));
    let job = [rest.as_str(), "0700000008000000", HANDLE, HASH, &reserved].concat();
    check(&raw, 0x20000, &["0100000000000000", &job, "0200000000000000", &job]);
    assert_eq!(raw.hex(8 * 4, 4), "02000000");
}

#[test]
fn the_supervisor_table_lists_the_sections_where_the_layout_has_them() {
    let (_host, raw) = raw::host();
    let entry = |section: u32, flags: u32, offset: u32, bytes: u32| {
        [section, flags, offset, bytes].map(|field| format!("{:08x}", field.swap_bytes())).concat()
    };
    let entries = [
        entry(0, 3, 0, 128),
        entry(1, 1, 0x80, 176),
        entry(2, 1, 0x140, 6144),
        entry(3, 3, 0x2000, 4096),
        entry(4, 2, 0x3000, 4096),
        entry(5, 1, 0x10000, 65536),
        entry(6, 1, 0x20000, 131_072),
        entry(7, 1, 0x50000, 524_288),
        entry(8, 2, 0xd0000, 524_288),
        entry(9, 3, 0x15_0000, (32 << 20) - 0x15_0000),
        entry(10, 2, 0x15_0000, 0),
    ];
    check(&raw, 0x80, &entries.each_ref().map(String::as_str));
}

#[test]
fn each_side_beats_in_its_own_line_and_raises_its_own_epoch() {
    let beat = ["0200000003000000", "0000000001000000"];
    let (mut host, raw) = raw::host();
    host.health.beat(1, 1);
    host.health.beat(3, 1 << 32);
    check(&raw, 0x2000, &beat);
    assert_eq!((raw.hex(4 * 4, 4), raw.hex(5 * 4, 4)), ("02000000".into(), zeros(4)));
    host.shut_down();
    assert_eq!(raw.hex(10 * 4, 4), "01000000");
    let (mut peer, raw) = raw::peer();
    peer.health.beat(1, 1);
    peer.health.beat(3, 1 << 32);
    check(&raw, 0x2480, &beat);
    assert_eq!((raw.hex(4 * 4, 4), raw.hex(5 * 4, 4)), (zeros(4), "02000000".into()));
}

#[test]
fn a_record_of_a_box_and_its_counts_lie_where_the_layout_has_them() {
    let (mut host, raw) = raw::host();
    host.inbox.send(0x0a0b_0c0d, b"hello").unwrap();
    check(&raw, 0x2080, &["10000000", "00400000"]);
    check(&raw, 0x50000, &["05000000", "0d0c0b0a", "68656c6c6f000000"]);
    assert_eq!(raw.hex(0, 4), "01000000");
    let (mut peer, raw) = raw::peer();
    peer.outbox.send(1, b"x").unwrap();
    check(&raw, 0x2280, &["10000000", "00400000"]);
    check(&raw, 0xd0000, &["01000000", "01000000", "7800000000000000"]);
    assert_eq!(raw.hex(4, 4), "01000000");
    // What a raw writer writes is read, and given back in the reader's line.
    raw.put(0x50000, b"\x02\0\0\0\x07\0\0\0ab");
    raw.put(0x2080, &[0x10, 0, 0, 0, 0, 0x40, 0, 0]);
    let mut buffer = [0; 8];
    let record = peer.inbox.try_recv(&mut buffer).unwrap().unwrap();
    assert_eq!((record.msg_id, record.payload), (7, &b"ab"[..]));
    assert!(!peer.inbox.wait(std::time::Duration::ZERO).unwrap());
    check(&raw, 0x2180, &["10000000"]);
    check(&raw, 0x2180 + 128, &["10000000"]);
}

#[test]
fn ping_pong_lines_lie_where_the_layout_has_them() {
    let (mut peer, raw) = raw::peer();
    let mut screen = peer.ping_pong(5000).unwrap();
    check(&raw, 0x2500, &["00000000", "00000000"]);
    check(&raw, 0x2510, &["8813000000000000"]);
    // Somewhere in the arena, at a multiple of 4096.
    let first = u64::from_str_radix(&raw.hex(0x2508, 8), 16).unwrap().swap_bytes();
    assert!(first >= 0x15_0000 && first.is_multiple_of(4096), "{first:#x}");
    for active in ["02000000", "05000000", "06000000"] {
        screen.write(&mut peer.lender, |bytes| bytes.fill(1)).unwrap();
        check(&raw, 0x2500, &["00000000", active]);
    }
    assert_eq!(raw.hex(9 * 4, 4), "03000000");
    raw.put(0x2580, &[2]);
    assert!(screen.write(&mut peer.lender, |_| panic!("that buffer is claimed")).is_err());

    let (mut host, raw) = raw::host();
    raw.put(0x2500, &[&[0; 4][..], &[3, 0, 0, 0], &[0, 0, 0x15, 0, 0, 0, 0, 0], &[16]].concat());
    let claim = host.viewer.claim().unwrap().unwrap();
    assert_eq!(claim.version(), 1);
    assert_eq!(raw.hex(0x2580, 4), "02000000");
    drop(claim);
    assert_eq!(raw.hex(0x2580, 4), zeros(4));
}

#[test]
fn an_arena_takes_memory_in_steps_of_2_mib() {
    let (mut host, raw) = raw::host();
    let (start, step) = (0x15_0000, 2 << 20);
    assert!(raw.other.check_present(start..start + 4096).is_err());
    host.lender.lease(1, 0).unwrap();
    assert!(raw.other.check_present(start..start + step).is_ok());
    assert!(raw.other.check_present(start + step..start + step + 4096).is_err());
    host.lender.lease(step, 0).unwrap();
    assert!(raw.other.check_present(start..start + 2 * step).is_ok());
    assert!(raw.other.check_present(start + 2 * step..start + 2 * step + 4096).is_err());
}
