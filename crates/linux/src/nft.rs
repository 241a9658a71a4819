//! nftables by libnftables, in process.
//!
//! Rulesets are text in nft's own language: what is loaded is what a person reads in
//! `nft list ruleset`. The library is opened at run time, so the program starts (and can say what
//! is missing) on a host without it. No program is spawned.
//!
//! Each run has a throw-away thread: inside the namespace, because the library opens its netlink
//! socket there; and with a descriptor table of its own, because the library waits with select(2),
//! which cannot take a descriptor above 1023 (it ends the process), and a host with some hundred
//! networks holds thousands. The library also keeps tables in static memory, so one run goes at a
//! time.
//!
//! Closing a socket of nftables waits until the kernel has destroyed what the last transaction
//! replaced, some ten milliseconds. Nobody should wait for that, and no other run: the socket is
//! closed by the thread's end, after its result was taken.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::netlink::codec::{self, Message};
use crate::netlink::socket::Socket;
use crate::{Error, Netns, Result};

/// The library's file name: major version 1, as Debian's libnftables1 installs it.
const LIBRARY: &str = "libnftables.so.1";
/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
/// `NFT_MSG_GETGEN`.
const GET_GENERATION: u16 = SUBSYSTEM << 8 | 16;
/// `NFTA_GEN_ID`.
const GENERATION_ID: u16 = 1;
/// `NFT_CTX_OUTPUT_STATELESS`: listings without counters' values and timeouts.
const STATELESS: c_uint = 1 << 2;
/// `NFT_CTX_OUTPUT_STATELESS`, `_HANDLE` and `_TERSE`: rules with their handles, without counters' values, sets without
/// their elements.
const HANDLES: c_uint = 1 << 2 | 1 << 3 | 1 << 11;
/// `NFT_CTX_OUTPUT_NUMERIC_ALL`: numbers instead of names for protocols, priorities, symbols.
const NUMERIC: c_uint = 1 << 7 | 1 << 8 | 1 << 9;

/// The first descriptor after the standard streams.
const FIRST_DESCRIPTOR: c_int = 3;

/// The functions of the library that we use. The library is never unloaded.
struct Functions {
    ctx_new: unsafe extern "C" fn(u32) -> *mut c_void,
    ctx_free: unsafe extern "C" fn(*mut c_void),
    buffer_output: unsafe extern "C" fn(*mut c_void) -> c_int,
    buffer_error: unsafe extern "C" fn(*mut c_void) -> c_int,
    output_buffer: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    error_buffer: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    set_flags: unsafe extern "C" fn(*mut c_void, c_uint),
    run: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
}

/// nftables inside one namespace.
pub struct Nft {
    ns: Netns,
    functions: &'static Functions,
}

impl std::fmt::Debug for Nft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nft")
    }
}

impl Nft {
    /// Opens the library for a namespace.
    ///
    /// Fails with [`Error::Unavailable`] if libnftables is not installed.
    pub fn open(ns: &Netns) -> Result<Self> {
        Ok(Self {
            ns: ns.clone(),
            functions: functions()?,
        })
    }

    /// Runs commands or a ruleset as one transaction; gives what they print.
    ///
    /// Fails with [`Error::Nft`] if any part is refused; then nothing of it has taken effect. (The
    /// library shows the first line of the text with every error, whichever line it is in; so the
    /// text goes to the debug log.)
    pub fn run(&self, text: &str) -> Result<String> {
        self.run_with(0, text)
    }

    /// The whole ruleset of the namespace as text, without counters.
    pub fn list(&self) -> Result<String> {
        self.run_with(STATELESS | NUMERIC, "list ruleset")
    }

    /// A rule of a chain as text, by its handle; `None` if there is none, or the chain is gone.
    pub fn rule(&self, family: &str, table: &str, chain: &str, handle: u64) -> Result<Option<String>> {
        let listed = match self.run_with(HANDLES, &format!("list chain {family} {table} {chain}")) {
            Err(Error::Nft { .. }) => return Ok(None),
            listed => listed?,
        };
        let end = format!(" # handle {handle}");
        let rule = listed.lines().find_map(|line| line.trim().strip_suffix(&end));
        Ok(rule.map(str::to_owned))
    }

    /// The same with what counters counted.
    pub fn list_counted(&self) -> Result<String> {
        self.run_with(NUMERIC, "list ruleset")
    }

    fn run_with(&self, flags: c_uint, text: &str) -> Result<String> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let command = CString::new(text).map_err(|_| Error::Nft {
            message: "the ruleset holds a zero byte".into(),
        })?;
        let result = {
            let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            self.ns.run(|| {
                take_own_descriptors()?;
                let mut context = Context::new(self.functions)?;
                keep_socket_open();
                context.run(flags, &command)
            })?
        };
        if let Err(Error::Nft { message }) = &result {
            tracing::debug!(nft.text = text, nft.error = message, "nftables rejected a ruleset");
        }
        result
    }
}

/// Gives the calling thread, which is a throw-away one, a descriptor table of its own with nothing
/// in it but the standard streams.
#[allow(unsafe_code)]
fn take_own_descriptors() -> Result<()> {
    // SAFETY: the thread ends right after its run and owns none of the descriptors that it loses;
    // those of the other threads are in another table and stay open.
    let status = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_DESCRIPTOR,
            c_uint::MAX,
            libc::CLOSE_RANGE_UNSHARE,
        )
    };
    if status == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(Error::io("give libnftables a descriptor table of its own", error))
}

/// Makes a copy of the library's descriptor, the first in this thread's table, so that the library does not close its
/// socket. The copy goes with the table when the thread has ended.
#[allow(unsafe_code)]
fn keep_socket_open() {
    // SAFETY: the call takes a number. Should the socket have another one, there is no copy, and closing it takes its time.
    unsafe { libc::fcntl(FIRST_DESCRIPTOR, libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) };
}

/// A context of the library, bound to the thread that made it.
struct Context<'a> {
    raw: NonNull<c_void>,
    functions: &'a Functions,
}

impl<'a> Context<'a> {
    #[allow(unsafe_code)]
    fn new(functions: &'a Functions) -> Result<Self> {
        let failed = |why: &str| Error::Unavailable {
            what: "nftables".into(),
            why: why.into(),
        };
        // SAFETY: ctx_new takes flags only; the others take the live context just made.
        unsafe {
            let raw = NonNull::new((functions.ctx_new)(0))
                .ok_or_else(|| failed("libnftables could not open its netlink socket"))?;
            let context = Self { raw, functions };
            if (functions.buffer_output)(raw.as_ptr()) != 0 || (functions.buffer_error)(raw.as_ptr()) != 0 {
                return Err(failed("libnftables could not set up its buffers"));
            }
            Ok(context)
        }
    }

    #[allow(unsafe_code)]
    fn run(&mut self, flags: c_uint, command: &CStr) -> Result<String> {
        let raw = self.raw.as_ptr();
        // SAFETY: the context is live; the command is a zero-ended text that outlives the call; the
        // buffers belong to the context and are copied before its next use.
        unsafe {
            (self.functions.set_flags)(raw, flags);
            let status = (self.functions.run)(raw, command.as_ptr());
            let output = copy_text((self.functions.output_buffer)(raw));
            let message = copy_text((self.functions.error_buffer)(raw));
            if status == 0 {
                return Ok(output);
            }
            Err(Error::Nft {
                message: message.trim().into(),
            })
        }
    }
}

impl Drop for Context<'_> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the context came from ctx_new and is freed once, here.
        unsafe { (self.functions.ctx_free)(self.raw.as_ptr()) }
    }
}

/// Tells whether anybody changed the ruleset of a namespace, without reading the rules.
#[derive(Debug)]
pub struct Generation {
    socket: Socket,
}

impl Generation {
    /// Opens a socket inside the namespace.
    pub fn open(ns: &Netns) -> Result<Self> {
        Ok(Self {
            socket: Socket::open_in(ns, libc::NETLINK_NETFILTER)?,
        })
    }

    /// Opens a socket in the calling thread's namespace: for use within [`Netns::run`].
    pub fn here() -> Result<Self> {
        Ok(Self {
            socket: Socket::open(libc::NETLINK_NETFILTER)?,
        })
    }

    /// A number that changes with every transaction, by whomever.
    pub fn read(&mut self) -> Result<u32> {
        let mut generation = None;
        let doing = || "read the generation of the ruleset".to_owned();
        self.socket
            .get(doing, Message::new(GET_GENERATION, 0, &[0; 4]), |_, payload| {
                generation = codec::attrs_after(payload, 4)
                    .find(|(kind, _)| *kind == GENERATION_ID)
                    .and_then(|(_, value)| codec::to_be32(value));
            })?;
        generation.ok_or_else(|| Error::Malformed { doing: doing() })
    }
}

/// Copies a text of the library.
///
/// # Safety
/// `text` is null or points to a zero-ended text.
#[allow(unsafe_code)]
unsafe fn copy_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the contract of this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Opens the library once for the whole process.
fn functions() -> Result<&'static Functions> {
    static FUNCTIONS: OnceLock<std::result::Result<Functions, String>> = OnceLock::new();
    FUNCTIONS
        .get_or_init(|| load().map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|why| Error::Unavailable {
            what: format!("nftables ({LIBRARY})"),
            why: format!("{why}; on Debian and Ubuntu it is in the package libnftables1"),
        })
}

#[allow(unsafe_code)]
fn load() -> std::result::Result<Functions, libloading::Error> {
    // SAFETY: libnftables has no initialisers that could upset us, and the signatures are those of
    // nftables/libnftables.h, stable since 0.9. The library is leaked, so the pointers stay valid.
    unsafe {
        let library = Box::leak(Box::new(libloading::Library::new(LIBRARY)?));
        Ok(Functions {
            ctx_new: *library.get(b"nft_ctx_new\0")?,
            ctx_free: *library.get(b"nft_ctx_free\0")?,
            buffer_output: *library.get(b"nft_ctx_buffer_output\0")?,
            buffer_error: *library.get(b"nft_ctx_buffer_error\0")?,
            output_buffer: *library.get(b"nft_ctx_get_output_buffer\0")?,
            error_buffer: *library.get(b"nft_ctx_get_error_buffer\0")?,
            set_flags: *library.get(b"nft_ctx_output_set_flags\0")?,
            run: *library.get(b"nft_run_cmd_from_buffer\0")?,
        })
    }
}
