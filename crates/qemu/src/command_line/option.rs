//! QEMU's older option syntax: `kind,key=value,key=value`, with commas in values doubled.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// One option under construction.
#[derive(Debug, Default)]
pub(super) struct OptionList {
    bytes: Vec<u8>,
}

impl OptionList {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Begins with a bare word, such as the type of a character device.
    pub(super) fn kind(kind: &str) -> Self {
        Self::kind_path(Path::new(kind))
    }

    /// Begins with a bare value that may hold a path.
    pub(super) fn kind_path(kind: &Path) -> Self {
        let mut option = Self::new();
        option.push_quoted(kind.as_os_str());
        option
    }

    pub(super) fn set(self, key: &str, value: &str) -> Self {
        self.set_path(key, Path::new(value))
    }

    pub(super) fn set_path(mut self, key: &str, value: &Path) -> Self {
        if !self.bytes.is_empty() {
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(b'=');
        self.push_quoted(value.as_os_str());
        self
    }

    fn push_quoted(&mut self, value: &OsStr) {
        for byte in value.as_bytes() {
            if *byte == b',' {
                self.bytes.push(b',');
            }
            self.bytes.push(*byte);
        }
    }

    pub(super) fn into_string(self) -> OsString {
        OsString::from_vec(self.bytes)
    }
}
