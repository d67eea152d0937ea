//! Audit records, receipts and their verification.
