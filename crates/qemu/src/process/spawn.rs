//! Between fork and exec: everything that must be true of the process before QEMU's first instruction.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::ProcessRecord;
use crate::{Error, Result};

/// The user that a program runs as. It keeps no other group than these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Further groups, such as the one that may open `/dev/kvm`.
    pub groups: Vec<u32>,
}

/// A program to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The program, looked up in `PATH` unless it holds a slash.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs. Entered before the user changes, so the directories above need not be open to that user.
    pub directory: &'a Path,
    /// The user it runs as; `None`: ours.
    pub credentials: Option<Credentials>,
    /// Where its error output is appended.
    pub stderr: PathBuf,
    /// Where its record is written. The program's user must not be able to write there.
    pub record: PathBuf,
    /// Descriptors it inherits under the numbers that they have here.
    pub inherited: &'a [OwnedFd],
    /// `cgroup.procs` of the control group that it belongs to, open for writing.
    pub cgroup_procs: Option<OwnedFd>,
}

pub(super) fn spawn(launch: &Launch<'_>) -> Result<Child> {
    let stderr = log_file(&launch.stderr)?;
    let record = record_file(&launch.record)?;
    let mut command = Command::new(launch.program);
    command
        .args(&launch.arguments)
        .current_dir(launch.directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr);
    let setup = ChildSetup {
        record: record.as_raw_fd(),
        cgroup_procs: launch.cgroup_procs.as_ref().map(AsRawFd::as_raw_fd),
        inherited: launch.inherited.iter().map(AsRawFd::as_raw_fd).collect(),
        credentials: launch.credentials.clone(),
    };
    // SAFETY: `ChildSetup::run` makes system calls on values that were prepared before the fork; it does not allocate,
    // take locks or touch anything that another thread may have held.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || setup.run());
    }
    // The descriptors that the closure uses by number stay open in `launch`, `record` until the child has them.
    command.spawn().map_err(|source| Error::Spawn {
        program: launch.program.display().to_string(),
        source,
    })
}

/// Waits for a child that has ended or is about to.
pub(super) fn reap(mut child: Child) -> io::Result<std::process::ExitStatus> {
    child.wait()
}

fn log_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(Error::file("open", path))
}

/// A new record that holds the boot's id and waits for the child's line.
fn record_file(path: &Path) -> Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(Error::file("create", path))?;
    file.write_all(ProcessRecord::header()?.as_bytes())
        .map_err(Error::file("write", path))?;
    Ok(file)
}

/// What the child does to itself, prepared before the fork.
struct ChildSetup {
    record: RawFd,
    cgroup_procs: Option<RawFd>,
    inherited: Vec<RawFd>,
    credentials: Option<Credentials>,
}

impl ChildSetup {
    /// Runs in the child. The order matters: what needs our rights comes before they are given away.
    fn run(&self) -> io::Result<()> {
        rustix::process::setsid()?;
        if let Some(fd) = self.cgroup_procs {
            // "0" stands for the writer.
            write_fd(fd, b"0")?;
        }
        record_self(self.record)?;
        if let Some(credentials) = &self.credentials {
            drop_rights(credentials)?;
        }
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        rustix::thread::set_no_new_privs(true)?;
        self.inherited.iter().try_for_each(|fd| keep_across_exec(*fd))
    }
}

fn keep_across_exec(fd: RawFd) -> io::Result<()> {
    // SAFETY: the call takes two numbers; a bad descriptor gives an error.
    #[allow(unsafe_code)]
    let result = unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
    check(result)
}

fn write_fd(fd: RawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and length are those of a live slice.
    #[allow(unsafe_code)]
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    if written.unsigned_abs() == bytes.len() {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Appends this process's line of `/proc/self/stat` to the record. Id and start time stay the same across exec.
fn record_self(record: RawFd) -> io::Result<()> {
    let mut line = [0u8; 1024];
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    let stat = rustix::fs::open(c"/proc/self/stat", flags, rustix::fs::Mode::empty())?;
    let length = rustix::io::read(&stat, &mut line)?;
    write_fd(record, line.get(..length).unwrap_or_default())
}

/// Raw calls: libc's wrappers change all threads by signals, and after a fork there is only this one.
pub(crate) fn drop_rights(credentials: &Credentials) -> io::Result<()> {
    let groups = &credentials.groups;
    // SAFETY: pointer and length are those of a live slice; the kernel copies it.
    #[allow(unsafe_code)]
    check_long(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) })?;
    let (gid, uid) = (credentials.gid, credentials.uid);
    // SAFETY: the calls take numbers only.
    #[allow(unsafe_code)]
    check_long(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: as above.
    #[allow(unsafe_code)]
    check_long(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
