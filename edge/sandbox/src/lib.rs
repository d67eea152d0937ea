//! Properties of a sandbox and the kernel layers that give them: namespaces, Landlock, seccomp, cgroups, rlimits.
