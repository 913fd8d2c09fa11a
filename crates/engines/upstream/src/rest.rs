use std::time::Duration;

/// How long to leave something alone that was refused or has failed: twice as long after each strike
/// before, up to the longest.
pub fn growing(first: Duration, longest: Duration, strikes: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(strikes)).min(longest)
}
