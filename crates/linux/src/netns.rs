//! Network namespaces, named the way `ip netns` names them.
//!
//! A namespace lives as long as a process, a mount or a descriptor holds it. A [`Netns`] holds a
//! descriptor, so even when a person runs `ip netns del`, what is inside goes on and the name can
//! be mounted again with [`Netns::remount`].
//!
//! The kernel's unit for "being in a namespace" is the thread. [`Netns::run`] therefore uses a
//! thread of its own for each call; the caller's thread never changes its namespace.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use crate::{Error, Result};

/// Where iproute2 keeps named namespaces.
const RUN_DIR: &str = "/run/netns";
/// `NSFS_MAGIC` of linux/magic.h: tells a mounted namespace from the empty file left by a failure.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// What tells one namespace from every other one alive: device and inode of its nsfs file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetnsId {
    device: u64,
    inode: u64,
}

/// An open network namespace. Clones share the descriptor.
#[derive(Clone, Debug)]
pub struct Netns {
    fd: Arc<OwnedFd>,
    id: NetnsId,
}

impl Netns {
    /// The namespace of the calling thread.
    pub fn current() -> Result<Self> {
        Self::open_path(Path::new("/proc/thread-self/ns/net"), "the current network namespace")
    }

    /// Makes a new namespace without a name, with its loopback device up. It lives as long as
    /// something holds it.
    pub fn anonymous() -> Result<Self> {
        let ns = on_thread(|| {
            unshare_net().map_err(|e| Error::io("create a network namespace", e))?;
            crate::netlink::Rtnl::here()?.set_up(1)?; // the loopback device is always index 1
            Self::current()
        })?;
        Ok(ns)
    }

    /// Makes a new namespace under a name, with its loopback device up.
    ///
    /// A left-over name without a namespace behind it (a reboot with a persistent `/run`, a crash
    /// between two steps) is replaced. Fails with [`Error::AlreadyExists`] when the name is live.
    pub fn create(name: &str) -> Result<Self> {
        let doing = || format!("create network namespace {name}");
        let path = path_of(name)?;
        prepare_run_dir()?;
        if is_mounted(&path) {
            return Err(Error::AlreadyExists { doing: doing() });
        }
        let made = on_thread(|| -> io::Result<()> {
            unshare_net()?;
            mount_on(&path, || {
                Ok(rustix::mount::mount_bind("/proc/thread-self/ns/net", &path)?)
            })
        });
        if let Err(error) = made {
            // The name stays for whoever else mounts on it just now.
            let _ = Self::delete_dead(name);
            return Err(Error::io(doing(), error));
        }
        let ns = Self::open(name)?;
        crate::netlink::Rtnl::open(&ns)?.set_up(1)?; // the loopback device is always index 1
        Ok(ns)
    }

    /// Opens a named namespace.
    pub fn open(name: &str) -> Result<Self> {
        let path = path_of(name)?;
        if !is_mounted(&path) {
            return Err(Error::NotFound {
                doing: format!("open network namespace {name}"),
            });
        }
        Self::open_path(&path, name)
    }

    /// Opens the namespace with this name, making it if there is none. True if it was made.
    pub fn ensure(name: &str) -> Result<(Self, bool)> {
        match Self::create(name) {
            Ok(ns) => Ok((ns, true)),
            Err(Error::AlreadyExists { .. }) => Ok((Self::open(name)?, false)),
            Err(error) => Err(error),
        }
    }

    /// The namespace a process is in.
    pub fn of_process(pid: u32) -> Result<Self> {
        Self::open_path(
            Path::new(&format!("/proc/{pid}/ns/net")),
            &format!("namespace of process {pid}"),
        )
    }

    /// Whether a live namespace has this name.
    pub fn exists(name: &str) -> bool {
        path_of(name).is_ok_and(|path| is_mounted(&path))
    }

    /// The identity of the namespace that has this name now, if any.
    pub fn id_of(name: &str) -> Option<NetnsId> {
        let path = path_of(name).ok()?;
        let stat = rustix::fs::stat(&path).ok()?;
        is_mounted(&path).then_some(NetnsId {
            device: stat.st_dev,
            inode: stat.st_ino,
        })
    }

    /// All names, live or left over, sorted.
    pub fn list() -> Result<Vec<String>> {
        let entries = match fs::read_dir(RUN_DIR) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("list network namespaces", e)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Takes the name away; the namespace itself ends when nothing holds it any more, and the
    /// kernel cleans up in the background. False if there was no such name.
    pub fn delete(name: &str) -> Result<bool> {
        let path = path_of(name)?;
        let mut unmounted = false;
        // A name can have been mounted over more than once.
        while is_mounted(&path) {
            match rustix::mount::unmount(&path, UnmountFlags::DETACH) {
                Ok(()) => unmounted = true,
                Err(Errno::INVAL | Errno::NOENT) => break,
                Err(e) => return Err(Error::io(format!("unmount network namespace {name}"), e)),
            }
        }
        let removed = remove_mount_point(&path, FlockOperation::LockExclusive)
            .map_err(|e| Error::io(format!("delete network namespace {name}"), e))?;
        // What is left of the name somebody else may have taken away.
        Ok(removed || unmounted)
    }

    /// Takes a name away that has no namespace behind it: a crash between two steps of making or deleting one leaves it.
    /// True if it was removed. Who is just about to mount a namespace on it holds it; then it stays.
    pub fn delete_dead(name: &str) -> Result<bool> {
        let path = path_of(name)?;
        match remove_mount_point(&path, FlockOperation::NonBlockingLockExclusive) {
            Ok(removed) => Ok(removed),
            // Held, or just mounted on by somebody.
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy) => Ok(false),
            Err(e) => Err(Error::io(format!("delete the left-over name {name}"), e)),
        }
    }

    /// Gives the held namespace this name again, after the name was taken away or given to another
    /// namespace.
    pub fn remount(&self, name: &str) -> Result<()> {
        let doing = || format!("mount network namespace {name} again");
        Self::delete(name)?;
        prepare_run_dir()?;
        let path = path_of(name)?;
        let held = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        mount_on(&path, || Ok(rustix::mount::mount_bind(&held, &path)?)).map_err(|e| Error::io(doing(), e))
    }

    /// What tells this namespace from others.
    pub fn id(&self) -> NetnsId {
        self.id
    }

    /// Runs a closure on a thread that is inside this namespace and waits for it.
    ///
    /// # Panics
    /// Passes on a panic of the closure.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        on_thread(|| {
            rustix::thread::move_into_link_name_space(self.fd.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|e| Error::io("enter a network namespace", e))?;
            Ok(work())
        })
    }

    fn open_path(path: &Path, what: &str) -> Result<Self> {
        let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| Error::io(format!("open network namespace {what}"), e))?;
        Self::from_fd(fd)
    }

    /// The namespace behind a descriptor of its nsfs file.
    pub(crate) fn from_fd(fd: OwnedFd) -> Result<Self> {
        let stat = rustix::fs::fstat(&fd).map_err(|e| Error::io("identify a network namespace", e))?;
        let id = NetnsId {
            device: stat.st_dev,
            inode: stat.st_ino,
        };
        Ok(Self { fd: Arc::new(fd), id })
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl PartialEq for Netns {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Puts the calling thread, which is a throw-away one, into a new network namespace.
#[allow(unsafe_code)]
fn unshare_net() -> io::Result<()> {
    // SAFETY: unsharing the network namespace touches neither file descriptors nor memory.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Runs work on a thread of its own and waits for it.
fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Names come from ids and configuration; a slash or a dot name would leave the directory.
fn path_of(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." || name.len() > 255 {
        return Err(Error::Kernel {
            doing: format!("use {name:?} as the name of a network namespace"),
            hint: None,
            source: io::Error::from_raw_os_error(libc::EINVAL),
        });
    }
    Ok(Path::new(RUN_DIR).join(name))
}

fn is_mounted(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|s| s.f_type as u64 == NSFS_MAGIC)
}

/// Mounts on a file made for it, which is held meanwhile, so that nobody takes it for a left-over ([`Netns::delete_dead`]).
fn mount_on(path: &Path, mount: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _held = hold_mount_point(path)?;
    mount()
}

/// Makes the empty file that a namespace is mounted on, and holds it; one that is there already will do.
fn hold_mount_point(path: &Path) -> io::Result<fs::File> {
    loop {
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        rustix::fs::flock(&file, FlockOperation::LockShared)?;
        if is_still(&file, path)? {
            return Ok(file);
        }
    }
}

/// Removes the empty file, unless a namespace is mounted on it. True if it was removed.
fn remove_mount_point(path: &Path, hold: FlockOperation) -> io::Result<bool> {
    let file = match fs::File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    rustix::fs::flock(&file, hold)?;
    // A namespace that was mounted meanwhile is another file.
    if is_mounted(path) || !is_still(&file, path)? {
        return Ok(false);
    }
    fs::remove_file(path).map(|()| true)
}

/// Whether the path still leads to this file, now that it is held: it may have been removed just before.
fn is_still(file: &fs::File, path: &Path) -> io::Result<bool> {
    match rustix::fs::stat(path) {
        Ok(there) => Ok(there.st_ino == rustix::fs::fstat(file)?.st_ino),
        Err(Errno::NOENT) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Makes `/run/netns` a shared mount, as iproute2 does, so that names made in one mount namespace
/// are seen in the others and their removal reaches them too.
fn prepare_run_dir() -> Result<()> {
    let doing = "prepare /run/netns";
    fs::create_dir_all(RUN_DIR).map_err(|e| Error::io(doing, e))?;
    let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    match rustix::mount::mount_change(RUN_DIR, shared) {
        Ok(()) => return Ok(()),
        Err(Errno::INVAL) => {} // not a mount point yet
        Err(e) => return Err(Error::io(doing, e)),
    }
    rustix::mount::mount_bind_recursive(RUN_DIR, RUN_DIR).map_err(|e| Error::io(doing, e))?;
    rustix::mount::mount_change(RUN_DIR, shared).map_err(|e| Error::io(doing, e))
}
