//! Scalars beyond GraphQL's own.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use spaceport_domain::time::Timestamp;

/// An instant in UTC, in RFC 3339: `2026-11-23T12:34:56.789Z`.
#[derive(Clone, Copy, Debug)]
pub struct DateTime(pub Timestamp);

/// An instant in UTC, in RFC 3339: `2026-11-23T12:34:56.789Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let instant: jiff::Timestamp = text.parse().map_err(|_| "is no RFC 3339 instant")?;
        Ok(Self(Timestamp::from_millis(instant.as_millisecond())))
    }

    fn to_value(&self) -> Value {
        let instant = jiff::Timestamp::from_millisecond(self.0.as_millis());
        Value::String(instant.map(|it| format!("{it:.3}")).unwrap_or_default())
    }
}

impl From<Timestamp> for DateTime {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

/// A number for GraphQL's `Int`, which has 32 bits. What doesn't fit is shown as the largest.
pub(crate) fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// A count of bytes for GraphQL's `Float`, exact up to 8 PiB.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn bytes(count: u64) -> f64 {
    count as f64
}
