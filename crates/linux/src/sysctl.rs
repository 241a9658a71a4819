//! Kernel settings of a namespace, below `/proc/sys/net`.
//!
//! Which namespace's settings a path there means is decided by the thread that opens it, so the
//! reading and writing happens inside [`Netns::run`].

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

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

/// Settings held open. Opening one means a search among those of the same name in all namespaces, so a program that looks
/// at settings of hundreds of namespaces again and again holds them.
#[derive(Debug)]
pub struct Held(Vec<(String, File)>);

impl Held {
    /// Opens settings inside the namespace.
    pub fn open(ns: &Netns, keys: &[&str]) -> Result<Self> {
        let open = |key: &&str| -> Result<(String, File)> {
            let file = File::open(path(key)).map_err(|e| Error::io(format!("open {key}"), e))?;
            Ok(((*key).to_owned(), file))
        };
        ns.run(|| keys.iter().map(open).collect::<Result<_>>().map(Self))?
    }

    /// Reads them, in order.
    pub fn read(&self) -> Result<Vec<String>> {
        let read = |(key, file): &(String, File)| {
            let mut buffer = [0; 128];
            let length = file
                .read_at(&mut buffer, 0)
                .map_err(|e| Error::io(format!("read {key}"), e))?;
            Ok(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned())
        };
        self.0.iter().map(read).collect()
    }
}

fn read_here(key: &str) -> Result<String> {
    fs::read_to_string(path(key))
        .map(|text| text.trim_end().to_owned())
        .map_err(|e| Error::io(format!("read {key}"), e))
}

fn path(key: &str) -> String {
    format!("/proc/sys/{key}")
}
