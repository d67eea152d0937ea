//! The control plane between node processes (gRPC over connected pairs) and the rkyv types of the data plane.
