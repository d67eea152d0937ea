//! What a guardian may sign: frontiers, counters and statements as a pure state machine.
