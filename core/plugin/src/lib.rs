//! The framed plugin protocol: codec and session as state machines without input or output.
