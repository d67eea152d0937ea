//! Error codes of `ioi-types` across gRPC: the number travels in the trailer `ioi-code`.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use ioi_types::{ErrorCategory, ErrorCode};
use tonic::{Code, Status};

const TRAILER: &str = "ioi-code";

/// A status that carries `code` and one plain sentence.
#[must_use]
pub fn refuse(code: ErrorCode, message: impl Into<String>) -> Status {
    let mut status = Status::new(grpc_code(code), message);
    status.metadata_mut().insert(TRAILER, code.number().into());
    status
}

/// The code that a peer sent; `Internal` where it sent none that is known.
#[must_use]
pub fn code(status: &Status) -> ErrorCode {
    let number = status.metadata().get(TRAILER).and_then(|value| value.to_str().ok()?.parse().ok());
    number.and_then(ErrorCode::from_number).unwrap_or(ErrorCode::Internal)
}

/// Gives an error that comes from a library beneath, and so has no number, the one that is closest.
pub(crate) fn number(headers: &mut HeaderMap) {
    let given = headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()));
    if let Some(code) = given.filter(|code| *code != Code::Ok && !headers.contains_key(TRAILER)) {
        headers.insert(TRAILER, HeaderValue::from(of_library(code).number()));
    }
}

/// Nothing of ours answers INTERNAL; the library says so of a request that it can't read.
const fn of_library(code: Code) -> ErrorCode {
    match code {
        Code::OutOfRange => ErrorCode::ProtocolLength,
        Code::Internal | Code::Unimplemented => ErrorCode::ProtocolPayload,
        Code::InvalidArgument | Code::NotFound => ErrorCode::ArgumentInvalid,
        Code::ResourceExhausted => ErrorCode::QuotaMemory,
        Code::DeadlineExceeded => ErrorCode::DeadlineExceeded,
        Code::Cancelled => ErrorCode::Cancelled,
        Code::Unauthenticated => ErrorCode::AuthenticationFailed,
        _ => ErrorCode::Internal,
    }
}

/// The answer of a method whose part of the node does not exist yet.
#[must_use]
pub fn missing_part(part: &str) -> Status {
    refuse(ErrorCode::PartMissing, format!("{part} is not part of local mode"))
}

const fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::ArgumentInvalid | ErrorCode::SliceRange => Code::InvalidArgument,
        ErrorCode::ServiceUnknown | ErrorCode::PartMissing => Code::Unimplemented,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::ModelUnknown => Code::NotFound,
        _ => of_category(code.category()),
    }
}

const fn of_category(category: ErrorCategory) -> Code {
    match category {
        ErrorCategory::Protocol => Code::InvalidArgument,
        ErrorCategory::Authentication => Code::Unauthenticated,
        ErrorCategory::Authorization => Code::PermissionDenied,
        ErrorCategory::Resource => Code::ResourceExhausted,
        ErrorCategory::Plugin => Code::Aborted,
        _ => Code::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_trip_and_a_bare_status_is_internal() {
        for &expected in ErrorCode::ALL {
            assert_eq!(code(&refuse(expected, "x")), expected);
        }
        assert_eq!(code(&Status::unknown("x")), ErrorCode::Internal);
    }
}
