//! Processes that outlive us: starting, finding again, ending.
//!
//! A pid alone does not name a process for long, as numbers are used again. A [`ProcessId`] adds
//! the start time, and a [`Process`] holds a pidfd, so a signal never hits a stranger.

use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions};

use crate::cgroup::Cgroup;
use crate::{Error, Result};

/// What names a process for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// The process number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

/// A process of this host, running or ended.
#[derive(Debug)]
pub struct Process {
    id: ProcessId,
    pidfd: OwnedFd,
}

/// A program to be started in a session of its own.
#[derive(Debug)]
pub struct Spawn {
    program: PathBuf,
    args: Vec<String>,
    directory: Option<PathBuf>,
    user: Option<(u32, u32)>,
    inherited: Vec<OwnedFd>,
    output: Option<File>,
    cgroup: Option<Cgroup>,
    limits: Vec<(Resource, u64)>,
}

impl Spawn {
    /// A program by its path or its name, with its arguments. No shell is involved.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = String>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().collect(),
            directory: None,
            user: None,
            inherited: Vec::new(),
            output: None,
            cgroup: None,
            limits: Vec::new(),
        }
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl Into<String>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    /// Starts it in a directory.
    pub fn directory(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.directory = Some(path.into());
        self
    }

    /// Runs it as a user and group, with no further groups.
    pub fn user(&mut self, uid: u32, gid: u32) -> &mut Self {
        self.user = Some((uid, gid));
        self
    }

    /// Lets it inherit a descriptor, under the number returned. (The number is the descriptor's
    /// own: moving it to a chosen one could hit what the child needs to report a failed start.)
    pub fn inherit(&mut self, fd: OwnedFd) -> RawFd {
        let number = fd.as_raw_fd();
        self.inherited.push(fd);
        number
    }

    /// Sends its standard output and error to a file; else they are thrown away.
    pub fn output(&mut self, file: File) -> &mut Self {
        self.output = Some(file);
        self
    }

    /// Starts it inside a control group.
    pub fn cgroup(&mut self, group: Cgroup) -> &mut Self {
        self.cgroup = Some(group);
        self
    }

    /// Bounds a resource of it (setrlimit(2)).
    pub fn limit(&mut self, resource: Resource, value: u64) -> &mut Self {
        self.limits.push((resource, value));
        self
    }

    /// Starts it. It is in its own session, so neither a terminal's signals nor our end reach it.
    #[allow(unsafe_code)]
    pub fn start(self) -> Result<Process> {
        let doing = || format!("start {}", self.program.display());
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        match &self.output {
            Some(file) => {
                let clone = || file.try_clone().map_err(|e| Error::io(doing(), e));
                command.stdout(clone()?).stderr(clone()?);
            }
            None => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        let cgroup = match &self.cgroup {
            Some(group) => {
                let path = group.path().join("cgroup.procs");
                let open = fs::OpenOptions::new().write(true).open(&path);
                Some(open.map_err(|e| Error::io(format!("open {}", path.display()), e))?)
            }
            None => None,
        };
        let numbers: Vec<RawFd> = self.inherited.iter().map(|fd| fd.as_raw_fd()).collect();
        let limits = self.limits.clone();
        let prepare = move || -> io::Result<()> {
            rustix::process::setsid()?;
            if let Some(file) = &cgroup {
                // 0 is the writer itself. What counts is who opened the file, not who writes.
                rustix::io::write(file, b"0")?;
            }
            for (resource, value) in &limits {
                let both = Rlimit {
                    current: Some(*value),
                    maximum: Some(*value),
                };
                rustix::process::setrlimit(*resource, both)?;
            }
            for number in &numbers {
                // SAFETY: the descriptors are held open by `self.inherited` until after the start.
                let fd = unsafe { BorrowedFd::borrow_raw(*number) };
                rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes plain system calls on values prepared
        // before: it neither allocates nor takes a lock.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn().map_err(|e| Error::io(doing(), e))?;
        Process::open(child.id())
    }
}

impl Process {
    /// The process that has this number now.
    pub fn open(pid: u32) -> Result<Self> {
        let doing = || format!("find process {pid}");
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| Error::NotFound { doing: doing() })?;
        let pidfd = rustix::process::pidfd_open(number, PidfdFlags::empty()).map_err(|e| Error::io(doing(), e))?;
        // Read after the pidfd is held: from now on the number cannot go to another process
        // unnoticed.
        let start_time = start_time(pid)?;
        Ok(Self {
            id: ProcessId { pid, start_time },
            pidfd,
        })
    }

    /// The process with this number and start time; `None` if it is gone, even if the number is
    /// in use again.
    pub fn find(id: ProcessId) -> Result<Option<Self>> {
        match Self::open(id.pid) {
            Ok(process) if process.id == id => Ok(Some(process)),
            Ok(_) | Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Number and start time.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Sends a signal. False if the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<bool> {
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(e) => Err(Error::io(format!("send a signal to process {}", self.id.pid), e)),
        }
    }

    /// Ends the process at once (SIGKILL).
    pub fn kill(&self) -> Result<bool> {
        self.signal(Signal::KILL)
    }

    /// Waits for the process to end; true if it has. A child of ours is also reaped.
    pub fn wait(&self, within: Duration) -> Result<bool> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) if left.is_zero() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => {
                    self.reap();
                    return Ok(true);
                }
                Err(e) => {
                    return Err(Error::io(format!("wait for process {}", self.id.pid), e));
                }
            }
        }
    }

    /// Whether it is running still. Reaps it if it was a child of ours and has ended.
    pub fn is_running(&self) -> bool {
        !matches!(self.wait(Duration::ZERO), Ok(true))
    }

    /// Its command line.
    pub fn command_line(&self) -> Result<Vec<String>> {
        let doing = || format!("read the command line of process {}", self.id.pid);
        let bytes = fs::read(format!("/proc/{}/cmdline", self.id.pid)).map_err(|e| Error::io(doing(), e))?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\0').split('\0').map(str::to_owned).collect())
    }

    /// Copies the descriptor by which the process holds a tap, if it does.
    pub fn tap(&self, name: &str) -> Result<Option<OwnedFd>> {
        let number = self.tap_number(name)?;
        number.map(|number| self.descriptor(number)).transpose()
    }

    /// The number of the descriptor by which the process holds a tap, if it does.
    pub fn tap_number(&self, name: &str) -> Result<Option<RawFd>> {
        let pid = self.id.pid;
        let doing = || format!("look for tap {name} in process {pid}");
        let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).map_err(|e| Error::io(doing(), e))?;
        let numbers = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(numbers
            .into_iter()
            .find(|number| self.tap_of(*number).as_deref() == Some(name)))
    }

    /// The tap behind one of the process's descriptors: its name, or an empty one if that tap was deleted; `None` if it is
    /// no tap's descriptor.
    pub fn tap_of(&self, number: RawFd) -> Option<String> {
        let text = fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.id.pid)).ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("iff:"))
            .map(|name| name.trim().to_owned())
    }

    /// Copies one of the process's descriptors.
    pub fn descriptor(&self, number: RawFd) -> Result<OwnedFd> {
        rustix::process::pidfd_getfd(&self.pidfd, number, PidfdGetfdFlags::empty())
            .map_err(|e| Error::io(format!("copy descriptor {number} of process {}", self.id.pid), e))
    }

    /// A child that has ended stays in the process table until its parent asks. Not our child: no
    /// matter.
    fn reap(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let _ = rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options);
    }
}

impl AsFd for Process {
    /// The pidfd: readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Raises this process's limit of open descriptors to what the system allows, and returns it. Every namespace that is
/// kept costs a few of them, and shells start programs with 1024.
pub fn raise_descriptor_limit() -> Result<u64> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(Resource::Nofile, raised)
        .map_err(|e| Error::io("raise the limit of open descriptors", e))?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// From this size on, memory is taken from the system for each use and given back right after it.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 1 << 20;

/// Makes the allocator give large memory back to the system as soon as it is freed. Call once, before threads start.
///
/// Left to itself, glibc learns from the first large block that is freed to keep such blocks, for each thread that ever
/// had one: password hashes of 19 MiB then leave up to 60 MB with every thread that made them, and for good.
/// (mallopt(3), `M_MMAP_THRESHOLD`: setting it also ends the learning. Other C libraries don't learn.)
#[allow(unsafe_code)]
pub fn give_back_large_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers, and may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Asks the kernel for huge pages where they fit, before this memory is first touched (madvise(2), `MADV_HUGEPAGE`): one fault
/// for 2 MiB instead of 512. A kernel that has none leaves the memory as it is.
#[allow(unsafe_code)]
pub fn use_huge_pages<T>(memory: &mut [MaybeUninit<T>]) {
    let page = rustix::param::page_size();
    let bytes = memory.as_mut_ptr().cast::<u8>();
    let before = bytes.align_offset(page);
    let Some(length) = size_of_val(memory).checked_sub(before) else {
        return;
    };
    // SAFETY: the range lies within `memory`, which is borrowed for the call, and the advice leaves what is in it alone.
    let advised = unsafe {
        rustix::mm::madvise(
            bytes.add(before).cast(),
            length - length % page,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
    // EINVAL: a kernel without huge pages.
    if let Err(error) = advised {
        tracing::debug!(%error, "no huge pages");
    }
}

/// Field 22 of `/proc/PID/stat`. The second field, the name, may hold blanks and brackets.
fn start_time(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let doing = || format!("read {path}");
    let text = fs::read_to_string(Path::new(&path)).map_err(|e| Error::io(doing(), e))?;
    text.rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19)?.parse().ok())
        .ok_or_else(|| Error::Malformed { doing: doing() })
}
