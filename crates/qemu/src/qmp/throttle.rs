//! How fast a disk may be used (QAPI `BlockIOThrottle`).

use serde_json::{Map, Value};

/// One limit; all figures 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// In the long run, a second.
    pub per_second: u64,
    /// For a moment, a second.
    pub burst: u64,
    /// How many seconds the moment may last.
    pub burst_seconds: u64,
}

/// The limits of a disk. QEMU takes a limit of everything, or one of reading and one of writing, not both; no burst without
/// a limit or below it; and no size of requests without a limit of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Bytes read and written.
    pub bytes: Limit,
    /// Bytes read.
    pub bytes_read: Limit,
    /// Bytes written.
    pub bytes_written: Limit,
    /// Requests.
    pub requests: Limit,
    /// Requests to read.
    pub reads: Limit,
    /// Requests to write.
    pub writes: Limit,
    /// A larger request counts as several.
    pub request_bytes: u64,
}

impl Throttle {
    /// The limits with QEMU's names.
    fn named(&mut self) -> [(&'static str, &mut Limit); 6] {
        [
            ("bps", &mut self.bytes),
            ("bps_rd", &mut self.bytes_read),
            ("bps_wr", &mut self.bytes_written),
            ("iops", &mut self.requests),
            ("iops_rd", &mut self.reads),
            ("iops_wr", &mut self.writes),
        ]
    }

    /// As `block_set_io_throttle` takes it.
    pub(super) fn arguments(mut self, device: &str) -> Value {
        let mut arguments = Map::new();
        arguments.insert("id".into(), device.into());
        for (name, limit) in self.named() {
            arguments.insert(name.into(), limit.per_second.into());
            if limit.burst > 0 {
                arguments.insert(format!("{name}_max"), limit.burst.into());
                arguments.insert(format!("{name}_max_length"), limit.burst_seconds.max(1).into());
            }
        }
        if self.request_bytes > 0 {
            arguments.insert("iops_size".into(), self.request_bytes.into());
        }
        arguments.into()
    }

    /// From what `query-block` says of a medium.
    pub(super) fn read(medium: &Value) -> Self {
        let figure = |name: &str| medium[name].as_u64().unwrap_or(0);
        let mut read = Self::default();
        for (name, limit) in read.named() {
            limit.per_second = figure(name);
            limit.burst = figure(&format!("{name}_max"));
            if limit.burst > 0 {
                limit.burst_seconds = figure(&format!("{name}_max_length")).max(1);
            }
        }
        read.request_bytes = figure("iops_size");
        read
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_set_is_what_is_read() {
        let limit = |per_second, burst, burst_seconds| Limit {
            per_second,
            burst,
            burst_seconds,
        };
        let limits = Throttle {
            bytes_read: limit(1 << 20, 0, 0),
            requests: limit(100, 400, 3),
            request_bytes: 4096,
            ..Throttle::default()
        };
        let arguments = limits.arguments("vol-1");
        let expected = json!({
            "id": "vol-1", "bps": 0, "bps_rd": 1 << 20, "bps_wr": 0, "iops": 100, "iops_max": 400, "iops_max_length": 3,
            "iops_rd": 0, "iops_wr": 0, "iops_size": 4096,
        });
        assert_eq!(arguments, expected);
        assert_eq!(Throttle::read(&arguments), limits);
        assert_eq!(Throttle::read(&Value::Null), Throttle::default());
    }
}
