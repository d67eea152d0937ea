//! The example, run as what it is: processes that were started separately.
