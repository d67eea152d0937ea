//! Landlock: every right and scope that the kernel's ABI knows is taken away, and the grants are given back.

use super::{During, Failure, devices, target};
use crate::plan::Tier;
use crate::wire::Job;
use crate::{Access, SyscallSet};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::io;
use std::path::{Path, PathBuf};

/// Confines this process for good.
pub(super) fn confine(job: &Job) -> Result<(), Failure> {
    let abi = ABI::from(job.plan.landlock_abi as i32);
    let mut rules = ruleset(abi, job.network).during("making a Landlock ruleset")?;
    let grants = grants(job, abi);
    check_mediated(job, &grants)?;
    for (path, rights) in grants {
        rules = allow(rules, &path, rights, abi).during(format_args!("allowing {}", path.display()))?;
    }
    let status = rules.restrict_self().map_err(io::Error::other).during("enforcing Landlock")?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        other => Err(io::Error::other(format!("{other:?}"))).during("enforcing Landlock"),
    }
}

/// Everything that `abi` knows is handled; `HardRequirement` makes the library refuse to leave some out.
fn ruleset(abi: ABI, network: bool) -> io::Result<RulesetCreated> {
    let mut rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules = rules.handle_access(AccessFs::from_all(abi)).map_err(io::Error::other)?;
    let taken = if network { AccessNet::BindTcp.into() } else { BitFlags::all() };
    let net = AccessNet::from_all(abi) & taken;
    if !net.is_empty() {
        rules = rules.handle_access(net).map_err(io::Error::other)?;
    }
    if !Scope::from_all(abi).is_empty() {
        rules = rules.scope(Scope::from_all(abi)).map_err(io::Error::other)?;
    }
    rules.create().map_err(io::Error::other)
}

fn grants(job: &Job, abi: ABI) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let namespaces = job.plan.tier == Tier::Namespaces;
    let program = job.syscalls == SyscallSet::Program;
    let scratch = if program { Access::ReadWriteExecute } else { Access::ReadWrite };
    let own = |path: &str, access| (path.into(), rights(access, abi));
    let mut all = vec![((&job.executable.0).into(), rights(Access::ReadExecute, abi))];
    all.extend(job.grants.iter().map(|(path, access)| ((&path.0).into(), rights(*access, abi))));
    all.extend(devices::DEVICES.map(|d| (d.into(), AccessFs::ReadFile | AccessFs::WriteFile)));
    if job.plan.terminal && Path::new(devices::TERMINAL).exists() {
        let mut terminal = AccessFs::ReadFile | AccessFs::WriteFile;
        terminal |= AccessFs::IoctlDev;
        all.push((devices::TERMINAL.into(), terminal & AccessFs::from_all(abi)));
    }
    if let Some(tmp) = &job.private_tmp {
        all.push(((&tmp.0).into(), rights(scratch, abi)));
    } else if job.private_tmp_bytes.is_some() && namespaces && !target::lies_in_tmp(job) {
        all.push(own("/tmp", scratch));
    }
    if namespaces && program {
        all.push(own(target::MEMORY, Access::ReadWrite));
        all.extend(job.plan.proc.then(|| own("/proc", Access::Read)));
    }
    all
}

/// A mediated tree has no rule here, so Landlock refuses to open, change or run anything in it, whoever lets the
/// call go on and whatever path it reads then: the wall behind the listener. A rule above the tree would hold in
/// the tree too.
fn check_mediated(job: &Job, grants: &[(PathBuf, BitFlags<AccessFs>)]) -> Result<(), Failure> {
    for (tree, _) in &job.mediated {
        let tree = Path::new(&tree.0);
        let whole = tree.canonicalize().during(format_args!("mediating {}", tree.display()))?;
        let is_around = |path: &PathBuf| path.canonicalize().is_ok_and(|path| whole.starts_with(path));
        if let Some((around, _)) = grants.iter().find(|(path, _)| is_around(path)) {
            let why = format!("it lies in {}, which the program gets as a whole", around.display());
            return Err(io::Error::other(why)).during(format_args!("mediating {}", tree.display()));
        }
    }
    Ok(())
}

/// A grant in Landlock's words. Devices and sockets are never made, whatever is granted.
fn rights(access: Access, abi: ABI) -> BitFlags<AccessFs> {
    let never = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::IoctlDev;
    let mut rights = AccessFs::ReadFile | AccessFs::ReadDir;
    if access.executes() {
        rights |= AccessFs::Execute;
    }
    if access.writes() {
        rights |= AccessFs::from_write(abi) & !never;
    }
    rights & AccessFs::from_all(abi)
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    rights: BitFlags<AccessFs>,
    abi: ABI,
) -> io::Result<RulesetCreated> {
    let opened = PathFd::new(path).map_err(io::Error::other)?;
    // The kernel refuses rights on directories for what isn't one.
    let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(abi) };
    rules.add_rule(PathBeneath::new(opened, rights)).map_err(io::Error::other)
}
