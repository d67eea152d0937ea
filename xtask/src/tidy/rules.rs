//! What tidy holds the workspace against, as data: each line with its reason.

/// Rooms, and the rooms that their crates may use besides drawn siblings.
pub(super) const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("core", &["base"]),
    ("edge", &["base", "core"]),
    ("node", &["base", "core", "edge"]),
    ("sdk", &["base", "core", "edge"]),
    ("plugins", &["base", "core", "edge", "sdk"]),
    ("benches", &["base", "core", "edge", "node", "sdk"]),
    ("fuzz", &["base", "core", "edge"]),
    ("sim", &["base"]),
    ("xtask", &[]),
];

/// Beside the SDK, a plugin uses one heavy thing at most, so that what it can do stays small.
pub(super) const PLUGIN_EDGE_CRATES_MAX: usize = 1;

/// Crates that may hold unsafe code.
pub(super) const UNSAFE_CODE: &[(&str, &str)] = &[
    ("base/shm", "maps memory that another process sees"),
    ("edge/sandbox", "makes system calls that have no safe wrapper, between fork and exec"),
    ("plugins/rogue", "forks, copies and maps what it should not, on purpose"),
    ("sim/hostile", "maps, re-protects and punches memory that it should not, on purpose"),
];

/// Files may not grow longer than this; longer ones are listed below.
pub(super) const FILE_LINES_MAX: usize = 900;

/// Files with a limit of their own.
pub(super) const FILE_LIMITS: &[(&str, usize, &str)] =
    &[("verify.py", 300, "an auditor reads it in one sitting")];

/// A dependency from outside, or a family of them with `*` at the end, and the crates that may name
/// it in their Cargo.toml. Development dependencies are free.
pub(super) struct Owned {
    pub(super) dependency: &'static str,
    pub(super) owners: &'static [&'static str],
    pub(super) reason: &'static str,
}

const fn owned(dependency: &'static str, owners: &'static [&'static str], reason: &'static str) -> Owned {
    Owned { dependency, owners, reason }
}

const CONTROL: &str = "the control plane is one crate; others use the services that it generates";
const KERNEL: &str = "kernel layers of the sandbox are set up in one place";
const DOCUMENTS: &str = "parsers of foreign documents are linked by the plugin that reads them alone";
const TLS_LIVES: &str = "TLS and HTTP are spoken by the egress process and gateways alone";
const KEYS: &str = "signatures and sealing have one implementation, in base/crypto";

/// Who may depend on what.
pub(super) const OWNED: &[Owned] = &[
    owned("tonic*", &["edge/ipc"], CONTROL),
    owned("hyper*", &["edge/ipc", "edge/egress"], CONTROL),
    owned("tower*", &["edge/ipc"], CONTROL),
    owned("h2", &["edge/ipc"], CONTROL),
    owned("prost*", &["edge/ipc", "core/plugin"], "the two wires are the only protobuf"),
    owned("protox*", &["edge/ipc", "core/plugin"], "the two wires are the only protobuf"),
    owned("rkyv*", &["edge/data"], "layouts of bulk data are contracts between processes"),
    owned("capnp*", &["edge/data", "xtask"], "layouts of bulk data are contracts; xtask reads their schemas"),
    owned("landlock", &["edge/sandbox"], KERNEL),
    owned("seccompiler", &["edge/sandbox"], KERNEL),
    owned(
        "libc",
        &["base/shm", "edge/sandbox", "plugins/rogue"],
        "raw system calls, and one advice on memory that rustix has no name for; everybody else has rustix",
    ),
    owned("nix", &[], "rustix does the same"),
    owned("memmap2", &[], "base/shm maps memory, with seals checked"),
    owned("html5*", &["edge/extract"], DOCUMENTS),
    owned("lol_html", &["edge/extract"], DOCUMENTS),
    owned("tl", &["edge/extract"], DOCUMENTS),
    owned("scraper", &["edge/extract"], DOCUMENTS),
    owned("lopdf", &["edge/extract"], DOCUMENTS),
    owned("pdf*", &["edge/extract"], DOCUMENTS),
    owned("flate2", &["edge/extract"], DOCUMENTS),
    owned("encoding_rs", &["edge/extract"], DOCUMENTS),
    owned("rustls*", &["edge/egress", "edge/tls"], TLS_LIVES),
    owned("tokio-rustls", &["edge/egress", "edge/tls"], TLS_LIVES),
    owned("webpki*", &["edge/egress", "edge/tls"], TLS_LIVES),
    owned("reqwest", &[], TLS_LIVES),
    owned("ureq", &[], TLS_LIVES),
    owned("hickory*", &["edge/egress"], TLS_LIVES),
    owned("ml-dsa", &["base/crypto"], KEYS),
    owned("ml-kem", &["base/crypto"], KEYS),
    owned("ed25519*", &["base/crypto"], KEYS),
    owned("x25519*", &["base/crypto"], KEYS),
    owned("aws-lc*", &["base/crypto", "edge/egress", "edge/tls"], KEYS),
    owned("chacha20poly1305", &["base/crypto"], KEYS),
    owned("aes-gcm", &["base/crypto"], KEYS),
    owned("redb", &["edge/storage"], "one store behind a trait"),
    owned("wasmtime*", &["edge/vm"], "277 s of a clean build, and a just-in-time compiler"),
    owned("libp2p*", &["edge/net"], "123 s of a clean build, and the open network"),
    owned("candle*", &["edge/inference"], "77 s of a clean build"),
    owned("tokenizers", &["edge/inference"], "39 s of a clean build, and C code by default"),
    owned("rmcp", &["edge/mcp"], "39 s of a clean build"),
    owned("clap*", &["node/cli"], "node processes and plugins parse no command lines of users"),
    owned("indicatif", &["node/cli"], "node processes and plugins have no terminal"),
    owned("anyhow", &["node/*", "plugins/*", "xtask"], "libraries have typed errors"),
];

/// What a room may never name, with the reason.
pub(super) const BARRED: &[(&str, &[&str], &str)] = &[
    (
        "core",
        &["tokio*", "futures*", "rustix", "libc", "getrandom", "rand", "mio", "socket2", "tempfile"],
        "core is pure: no sockets, files, clock, randomness or runtime",
    ),
    ("base", &["tokio*", "futures*", "serde_json"], "base is linked everywhere and stays small"),
    ("sdk", &["tokio*"], "a plugin needs no runtime"),
];

/// Names in source text that would make `core/` impure.
pub(super) const IMPURE: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::process",
    "std::env",
    "std::thread",
    "std::os::fd",
    "std::os::unix::fs",
    "std::os::unix::net",
    "std::io::stdin",
    "std::io::stdout",
    "SystemTime",
    "Instant::now",
    "RandomState",
];

/// A program, the crates of ours that may be in it, and what from outside never is.
pub(super) struct Program {
    pub(super) package: &'static str,
    /// Package names without the leading `ioi-`.
    pub(super) ours: &'static [&'static str],
    pub(super) never: &'static [(&'static [&'static str], &'static str)],
}

type Never = (&'static [&'static str], &'static str);

const TLS: Never = (
    &["rustls*", "tokio-rustls", "native-tls", "openssl*", "reqwest", "ureq", "webpki*", "hyper-rustls"],
    "only egress speaks TLS or HTTP to the outside",
);
const DNS: Never = (&["hickory*", "trust-dns*"], "only egress resolves names");
const PEERS: Never = (&["libp2p*", "iroh*", "quinn*"], "peers are met by the orchestrator alone");
const VM: Never = (&["wasmtime*", "wasmi*", "cranelift*"], "compiled guest code runs in the workload");
const INFERENCE: Never = (&["candle*", "tokenizers", "ort*", "tract*"], "models run in the workload");
const PARSERS: Never =
    (&["html5*", "lol_html", "lopdf", "pdf*", "scraper"], "foreign documents are parsed in a plugin");
const RUNTIME: Never =
    (&["tokio*", "tonic*", "hyper*", "h2"], "it is small and single-threaded, so that it can be read");

/// The link table: every program of the product stands here.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        package: "ioi-node-cli",
        ours: &[
            "types",
            "canon",
            "api",
            "shm",
            "cell",
            "crypto",
            "merkle",
            "firewall",
            "plugin",
            "audit",
            "search",
            "scs",
            "simd",
            "sandbox",
            "ipc",
            "port",
            "node-supervisor",
        ],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS],
    },
    Program {
        package: "ioi-node-guardian",
        ours: &[
            "types", "canon", "api", "shm", "cell", "crypto", "merkle", "firewall", "guardian", "audit",
            "sandbox", "ipc", "port",
        ],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS],
    },
    Program {
        package: "ioi-node-orchestrator",
        ours: &[
            "types",
            "canon",
            "api",
            "shm",
            "cell",
            "crypto",
            "merkle",
            "consensus",
            "firewall",
            "scrub",
            "plugin",
            "audit",
            "storage",
            "net",
            "sandbox",
            "ipc",
            "port",
            "node-host",
        ],
        never: &[TLS, DNS, VM, INFERENCE, PARSERS],
    },
    Program {
        package: "ioi-node-workload",
        ours: &[
            "types",
            "canon",
            "api",
            "shm",
            "cell",
            "crypto",
            "merkle",
            "simd",
            "audit",
            "scrub",
            "completion",
            "search",
            "scs",
            "execution",
            "state",
            "vm",
            "inference",
            "services",
            "storage",
            "sandbox",
            "ipc",
            "port",
            "data",
        ],
        never: &[TLS, DNS, PEERS, PARSERS],
    },
    Program {
        package: "ioi-node-egress",
        ours: &[
            "types",
            "canon",
            "api",
            "shm",
            "cell",
            "crypto",
            "completion",
            "scrub",
            "egress",
            "tls",
            "sandbox",
            "ipc",
            "port",
        ],
        never: &[PEERS, VM, INFERENCE, PARSERS],
    },
    Program {
        package: "ioi-sandbox",
        ours: &["types"],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS, RUNTIME],
    },
    Program {
        package: "ioi-hostile",
        ours: &["shm"],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS, RUNTIME],
    },
    Program {
        package: "ioi-storm",
        ours: &["shm", "hostile"],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS, RUNTIME],
    },
    Program {
        package: "ioi-plugin-files",
        ours: &["types", "canon", "shm", "plugin", "sdk", "extract"],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, RUNTIME],
    },
    Program {
        package: "ioi-plugin-rogue",
        ours: &["types", "canon", "shm", "plugin", "sdk"],
        never: &[TLS, DNS, PEERS, VM, INFERENCE, PARSERS, RUNTIME],
    },
];

/// `name*` stands for every name that begins so, any other pattern for itself.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
