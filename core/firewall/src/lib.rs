//! The deterministic firewall: policy.toml compiled into a table that decides each call.
