//! Counters that the kernel keeps: of the devices in a namespace, of a process and its threads.

use std::collections::HashMap;
use std::fs;

use crate::{Error, Netns, Result};

/// What passed through a device, as the kernel counts (net/dev of proc(5)): for the device of a virtual machine,
/// `received` is what the machine sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceCounters {
    /// Bytes, packets, errors and drops of what came from the device.
    pub received: [u64; 4],
    /// The same of what was given to the device.
    pub sent: [u64; 4],
}

/// The counters of all devices of a namespace, by name.
///
/// # Errors
/// The namespace can't be entered, or its counters can't be read.
pub fn devices(ns: &Netns) -> Result<HashMap<String, DeviceCounters>> {
    let text = ns.run(|| fs::read_to_string("/proc/thread-self/net/dev"))?;
    let text = text.map_err(|error| Error::io("read the counters of a namespace's devices", error))?;
    Ok(parse_devices(&text))
}

fn parse_devices(text: &str) -> HashMap<String, DeviceCounters> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter_map(|(name, numbers)| {
            let numbers: Vec<u64> = numbers.split_whitespace().map_while(|n| n.parse().ok()).collect();
            let counters = DeviceCounters {
                received: numbers.get(0..4)?.try_into().ok()?,
                sent: numbers.get(8..12)?.try_into().ok()?,
            };
            Some((name.trim().to_owned(), counters))
        })
        .collect()
}

/// Memory that a process holds, bytes.
///
/// # Errors
/// There is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm"))
        .map_err(|error| Error::io(format!("read the memory use of process {pid}"), error))?;
    let pages: u64 = text.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(pages * rustix::param::page_size() as u64)
}

/// Time that a thread of a process has run, nanoseconds.
///
/// # Errors
/// There is no such thread.
pub fn thread_nanoseconds(pid: u32, thread: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).map_err(|error| {
        Error::io(
            format!("read the time that thread {thread} of process {pid} has run"),
            error,
        )
    })?;
    Ok(text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let text = "Inter-|   Receive                            |  Transmit\n \
                    face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls\n\
                    \x20   lo:      10       1    0    0    0     0          0         0       10       1    0    0    0  0\n\
                    tap01234567-89: 123 4 5 6 0 0 0 0 321 7 8 9 0 0 0 0\n";
        let counters = parse_devices(text);
        assert_eq!(counters.len(), 2);
        assert_eq!(counters["tap01234567-89"].received, [123, 4, 5, 6]);
        assert_eq!(counters["tap01234567-89"].sent, [321, 7, 8, 9]);
    }

    #[test]
    fn a_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 1 << 16);
        assert!(thread_nanoseconds(pid, pid).unwrap() > 0);
        assert!(resident_bytes(u32::MAX).is_err());
    }
}
