//! One QEMU machine at a time: its command line, its process, its monitor, and the tool for its disks.
//!
//! ```text
//!  command_line::Machine ──arguments()──► process::start ──► Process (pidfd)  +  qmp::Qmp (monitor socket)
//!  image_tool::ImageTool   overlays, conversions, growth: always an explicit format, limits and no network
//!  accelerator::probe      does a guest really run on KVM here, or must it be TCG
//!  boot_sector             the 512-byte guest of that trial
//! ```
//!
//! There is no word of OpenStack here and no policy: paths, numbers and descriptors come from the caller.

pub mod accelerator;
pub mod boot_sector;
pub mod command_line;
mod error;
pub mod image_tool;
pub mod process;
pub mod qmp;
mod version;

pub use error::{Error, Result};
pub use version::version;
