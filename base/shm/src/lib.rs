//! Shared memory between processes that do not trust each other: regions, seals, descriptor channels.
