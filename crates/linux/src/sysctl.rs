//! Kernel settings of a namespace, below `/proc/sys/net`.
//!
//! Which namespace's settings a path there means is decided by the thread that opens it, so the
//! reading and writing happens inside [`Netns::run`].

use std::fs;

use crate::{Error, Netns, Result};

/// Writes settings in order, inside the namespace. Keys are paths below `/proc/sys`, with slashes
/// (`net/ipv4/ip_forward`): an interface's name may hold dots.
///
/// Stops at the first that fails.
pub fn write(ns: &Netns, settings: &[(&str, &str)]) -> Result<()> {
    ns.run(|| {
        settings.iter().try_for_each(|(key, value)| {
            fs::write(path(key), value).map_err(|e| Error::io(format!("set {key} to {value}"), e))
        })
    })?
}

/// Reads a setting inside the namespace, without the closing line feed.
pub fn read(ns: &Netns, key: &str) -> Result<String> {
    ns.run(|| read_here(key))?
}

/// Reads settings inside the namespace, in order.
pub fn read_all(ns: &Netns, keys: &[&str]) -> Result<Vec<String>> {
    ns.run(|| keys.iter().map(|key| read_here(key)).collect())?
}

fn read_here(key: &str) -> Result<String> {
    fs::read_to_string(path(key))
        .map(|text| text.trim_end().to_owned())
        .map_err(|e| Error::io(format!("read {key}"), e))
}

fn path(key: &str) -> String {
    format!("/proc/sys/{key}")
}
