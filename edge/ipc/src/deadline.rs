//! How long a call may take, from its header `grpc-timeout` and its method's ceiling.

use crate::status::refuse;
use hyper::HeaderMap;
use ioi_types::ErrorCode;
use std::time::Duration;
use tonic::Status;

const HEADER: &str = "grpc-timeout";

/// The time that a call gets: what it asks for, and the ceiling where that is less or nothing is asked for.
/// `None` only where there is neither.
///
/// # Errors
/// `argument.invalid` for a deadline of 0, a negative one, and one that is no deadline at all: whoever sends it
/// does not mean "as long as you like".
pub(crate) fn of(headers: &HeaderMap, ceiling: Option<Duration>) -> Result<Option<Duration>, Status> {
    let mut asked = headers.get_all(HEADER).iter();
    let Some(value) = asked.next() else { return Ok(ceiling) };
    let parsed = if asked.next().is_some() { None } else { parse(value.as_bytes()) };
    let parsed = parsed.ok_or_else(|| {
        let shown = String::from_utf8_lossy(value.as_bytes()).chars().take(32).collect::<String>();
        let form = "1 to 99999999 and one of the units H, M, S, m, u, n";
        refuse(ErrorCode::ArgumentInvalid, format!("the deadline `{shown}` is not {form}"))
    })?;
    Ok(Some(ceiling.map_or(parsed, |ceiling| ceiling.min(parsed))))
}

/// One to eight digits and a unit; never 0.
fn parse(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number > 0)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::code;

    fn asked(values: &[&str], ceiling: Option<u64>) -> Result<Option<Duration>, Status> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        of(&headers, ceiling.map(Duration::from_millis))
    }

    #[test]
    fn a_caller_gets_what_it_asks_for_up_to_the_ceiling() {
        let millis = |number| Some(Duration::from_millis(number));
        let cases = [
            (&[][..], Some(900), millis(900)),
            (&[], None, None),
            (&["20m"], Some(900), millis(20)),
            (&["1S"], Some(900), millis(900)),
            (&["99999999H"], Some(900), millis(900)),
            (&["99999999H"], None, millis(99_999_999 * 3_600_000)),
            (&["7u"], None, Some(Duration::from_micros(7))),
            (&["7n"], None, Some(Duration::from_nanos(7))),
            (&["2M"], None, millis(120_000)),
        ];
        for (values, ceiling, expected) in cases {
            assert_eq!(asked(values, ceiling).unwrap(), expected, "{values:?} {ceiling:?}");
        }
    }

    #[test]
    fn what_is_no_deadline_is_refused_and_shown() {
        for bad in
            ["", "0S", "00000000n", "-1S", "+1S", "1", "S", "1s", "1.5S", "100000000S", "1 S", "\u{b2}S"]
        {
            let status = asked(&[bad], Some(900)).unwrap_err();
            assert_eq!(code(&status), ErrorCode::ArgumentInvalid, "{bad}");
            assert!(status.message().contains(&format!("`{bad}`")), "{}", status.message());
        }
        assert_eq!(code(&asked(&["1S", "1S"], None).unwrap_err()), ErrorCode::ArgumentInvalid);
    }
}
