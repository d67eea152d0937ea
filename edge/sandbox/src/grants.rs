//! The grants that native binaries and unmodified programs need to start at all.

use crate::{Access, Grant};
use std::path::Path;

/// Where the loader looks for shared libraries, on the distributions we know.
const LIBRARIES: [&str; 6] = ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64"];

/// Where programs lie.
const PROGRAMS: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// The files of `/etc` that programs read and that hold no secret. A list of what is given, since a list of
/// what is withheld would miss the next secret that somebody puts there.
const SETTINGS: [&str; 31] = [
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/protocols",
    "/etc/python3",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
];

/// What resolving names and knowing certificate authorities takes.
const NETWORK: [&str; 11] = [
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/pki/tls/certs",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/usr/share/ca-certificates",
];

/// Reading and mapping the loader and the shared libraries: what a dynamically linked native binary needs.
pub fn system_grants() -> Vec<Grant> {
    let libraries = existing(&LIBRARIES, Access::ReadExecute);
    libraries.chain(existing(&["/etc/ld.so.cache"], Access::Read)).collect()
}

/// The installed programs and the settings without secrets: what an unmodified program needs.
pub fn program_grants() -> Vec<Grant> {
    existing(&PROGRAMS, Access::ReadExecute).chain(existing(&SETTINGS, Access::Read)).collect()
}

/// The settings of the network: what the process that is the way out needs beside [`system_grants`].
pub fn network_grants() -> Vec<Grant> {
    existing(&NETWORK, Access::Read).collect()
}

fn existing(paths: &'static [&'static str], access: Access) -> impl Iterator<Item = Grant> {
    paths.iter().filter(|p| Path::new(p).exists()).map(move |p| Grant::new(*p, access))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_grant_covers_a_file_of_secrets() {
        let secrets =
            ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/ssh_host_rsa_key", "/root/.ssh"];
        for grant in program_grants().iter().chain(&system_grants()).chain(&network_grants()) {
            assert!(!secrets.iter().any(|s| Path::new(s).starts_with(&grant.path)), "{grant:?}");
            assert!(!grant.access.writes(), "{grant:?}");
        }
    }
}
