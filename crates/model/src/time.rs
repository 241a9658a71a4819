//! Points in time. The clock itself is the caller's: nothing in this crate asks what time it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time, UTC, to the microsecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The Unix epoch; the start of a test's clock.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// Rounds down to the microsecond, the finest step OpenStack's formats show.
    pub fn new(at: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at))
    }

    /// From seconds since the epoch, clamped to the range of years that can be written.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let (min, max) = (jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        Self(jiff::Timestamp::from_second(seconds.clamp(min, max)).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Whole seconds since the epoch.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Microseconds since the epoch.
    pub fn unix_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// This moment moved by a number of seconds.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_seconds(self.unix_seconds().saturating_add(seconds))
    }

    /// `2026-01-02T03:04:05Z`: Nova, Neutron and Glance.
    pub fn seconds_z(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `2026-01-02T03:04:05.000000Z`: Keystone's tokens.
    pub fn micros_z(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    /// `2026-01-02T03:04:05.000000`: Nova's instance actions, which carry no zone.
    pub fn micros_bare(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.micros_z())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_are_those_of_openstack() {
        let at = Timestamp::from_unix_seconds(1_767_323_045);
        assert_eq!(at.seconds_z(), "2026-01-02T03:04:05Z");
        assert_eq!(at.micros_z(), "2026-01-02T03:04:05.000000Z");
        assert_eq!(at.micros_bare(), "2026-01-02T03:04:05.000000");
        assert_eq!(at.plus_seconds(3600).unix_seconds(), 1_767_326_645);
    }
}
