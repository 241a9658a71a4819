//! `qemu-img`, always with the formats named, under limits, and cut off from the network.
//!
//! A format that is left to QEMU's guess lets bytes that a guest wrote decide what a file is; so every call here names
//! the format of each file, and a test reads the argument lists for it. Foreign images come here only after the caller
//! has inspected their headers and found nothing against them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

pub use crate::command_line::DiskFormat;
use crate::process::{Credentials, drop_rights, one_line};
use crate::{Error, Result};

/// How much output of the tool is kept.
const OUTPUT_LIMIT_BYTES: u64 = 1 << 20;

/// The tool and the limits under which it runs.
#[derive(Clone, Debug)]
pub struct ImageTool {
    /// The program, `qemu-img` or a path to it.
    pub program: PathBuf,
    /// Most address space it may use, in bytes. Crafted images make it allocate gigabytes.
    pub memory_bytes: u64,
    /// Longest time for work on headers (create, resize, info).
    pub short_limit: Duration,
    /// Longest time for copying a disk.
    pub long_limit: Duration,
    /// Where and as whom it works; `None`: where we are, as ourselves. For files that we did not make.
    pub cell: Option<Cell>,
}

/// A place in which the tool can do no harm.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The directory that it works in, and which it may write. Entered before the user changes.
    pub directory: PathBuf,
    /// The user that it runs as.
    pub credentials: Credentials,
    /// Largest file that it may write, in bytes.
    pub file_bytes: u64,
}

impl Default for ImageTool {
    fn default() -> Self {
        Self {
            program: "qemu-img".into(),
            memory_bytes: 2 << 30,
            short_limit: Duration::from_secs(60),
            long_limit: Duration::from_secs(3600),
            cell: None,
        }
    }
}

/// A disk image file and its format.
#[derive(Clone, Copy, Debug)]
pub struct ImageFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its format.
    pub format: DiskFormat,
}

/// What `qemu-img info` says about a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageInfo {
    /// Size of the disk in it, in bytes.
    #[serde(rename = "virtual-size")]
    pub virtual_size_bytes: u64,
    /// Space that the file takes, in bytes.
    #[serde(rename = "actual-size")]
    pub actual_size_bytes: u64,
    /// Backing file as the header names it.
    pub backing_filename: Option<String>,
}

impl ImageTool {
    /// Makes an empty disk of `size_bytes`.
    ///
    /// # Errors
    /// [`Error::Failed`], [`Error::TimedOut`], [`Error::Spawn`], like every call here.
    pub async fn create(&self, image: ImageFile<'_>, size_bytes: u64) -> Result<()> {
        let arguments = create_arguments(image, None, Some(size_bytes));
        self.run(arguments, self.short_limit).await.map(drop)
    }

    /// Makes a copy-on-write disk on top of `base`. `size_bytes` may be larger than the base; `None`: as large.
    /// A relative path of the base is seen from the directory of `overlay`.
    pub async fn create_overlay(&self, overlay: &Path, base: ImageFile<'_>, size_bytes: Option<u64>) -> Result<()> {
        let image = ImageFile {
            path: overlay,
            format: DiskFormat::Qcow2,
        };
        self.run(create_arguments(image, Some(base), size_bytes), self.short_limit)
            .await
            .map(drop)
    }

    /// Copies a disk into a new uncompressed file, flattened. `progress` gets the percentage done, as it grows.
    pub async fn convert(&self, from: ImageFile<'_>, to: ImageFile<'_>, progress: impl FnMut(u8) + Send) -> Result<()> {
        self.copy(convert_arguments(from, to), progress).await
    }

    /// Copies plain bytes into a new image of a format that QEMU only writes here (`vmdk`, `vdi`, `vpc`, `vhdx` besides those
    /// of [`DiskFormat`]).
    pub async fn export(&self, from: &Path, to: &Path, format: &str, progress: impl FnMut(u8) + Send) -> Result<()> {
        let mut arguments = words(&["convert", "-p", "-f", DiskFormat::Raw.as_str(), "-O", format, "-W"]);
        arguments.extend([path_argument(from), path_argument(to)]);
        self.copy(arguments, progress).await
    }

    async fn copy(&self, arguments: Vec<OsString>, progress: impl FnMut(u8) + Send) -> Result<()> {
        let command = self.describe(&arguments);
        let mut child = self.spawn(&arguments)?;
        let stdout = child.stdout.take();
        let work = async { tokio::try_join!(follow_progress(stdout, progress), finish(&mut child)) };
        let done = tokio::time::timeout(self.long_limit, work)
            .await
            .map_err(|_| Error::TimedOut {
                command: command.clone(),
                limit: self.long_limit,
            })?;
        let ((), (status, stderr)) = done.map_err(Error::system("read qemu-img's output"))?;
        check(command, status, &stderr)
    }

    /// Copies the disk in a copy-on-write file and the file below it into one new file. The names of files below in the
    /// header are not believed: `base` is what is below, `None` for nothing.
    pub async fn flatten(
        &self,
        overlay: &Path,
        base: Option<ImageFile<'_>>,
        to: ImageFile<'_>,
        progress: impl FnMut(u8) + Send,
    ) -> Result<()> {
        self.copy(flatten_arguments(overlay, base, to), progress).await
    }

    /// Gives a disk a new, larger size.
    pub async fn grow(&self, image: ImageFile<'_>, size_bytes: u64) -> Result<()> {
        self.run(grow_arguments(image, size_bytes), self.short_limit)
            .await
            .map(drop)
    }

    /// Asks about a file of our own making. Not for uploads.
    pub async fn info(&self, image: ImageFile<'_>) -> Result<ImageInfo> {
        let arguments = info_arguments(image);
        let command = self.describe(&arguments);
        let output = self.run(arguments, self.short_limit).await?;
        serde_json::from_slice(&output).map_err(|source| Error::Output { command, source })
    }

    async fn run(&self, arguments: Vec<OsString>, limit: Duration) -> Result<Vec<u8>> {
        let command = self.describe(&arguments);
        let mut child = self.spawn(&arguments)?;
        let stdout = child.stdout.take();
        let work = async { tokio::try_join!(read_limited(stdout), finish(&mut child)) };
        // A child that is dropped is killed.
        let done = tokio::time::timeout(limit, work).await.map_err(|_| Error::TimedOut {
            command: command.clone(),
            limit,
        })?;
        let (output, (status, stderr)) = done.map_err(Error::system("read qemu-img's output"))?;
        check(command, status, &stderr)?;
        Ok(output)
    }

    fn spawn(&self, arguments: &[OsString]) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(cell) = &self.cell {
            command.current_dir(&cell.directory);
        }
        let (memory_bytes, cell) = (self.memory_bytes, self.cell.clone());
        // SAFETY: `confine` makes system calls on values from before the fork; it does not allocate or take locks.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || confine(memory_bytes, cell.as_ref()));
        }
        command.spawn().map_err(|source| Error::Spawn {
            program: self.describe(&[]),
            source,
        })
    }

    fn describe(&self, arguments: &[OsString]) -> String {
        let words = [self.program.as_os_str()]
            .into_iter()
            .chain(arguments.iter().map(AsRef::as_ref));
        let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
        one_line(words.join(" ").as_bytes())
    }
}

/// Runs in the child: bounded memory, no core file, no new rights, no network, and gone when we are.
fn confine(memory_bytes: u64, cell: Option<&Cell>) -> io::Result<()> {
    let limit = |bytes| Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    rustix::process::setrlimit(Resource::As, limit(memory_bytes))?;
    rustix::process::setrlimit(Resource::Core, limit(0))?;
    rustix::thread::set_no_new_privs(true)?;
    // An empty network namespace needs rights; without them there is nothing on this host to protect from ourselves.
    if rustix::process::geteuid().is_root() {
        // SAFETY: the child has one thread and shares nothing with ours that this flag concerns.
        #[allow(unsafe_code)]
        unsafe {
            rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET)?;
        }
    }
    if let Some(cell) = cell {
        rustix::process::setrlimit(Resource::Fsize, limit(cell.file_bytes))?;
        drop_rights(&cell.credentials)?;
    }
    // Last: a change of the user takes it back.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).map_err(io::Error::from)
}

async fn finish(child: &mut Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let stderr = read_limited(child.stderr.take()).await?;
    Ok((child.wait().await?, stderr))
}

async fn read_limited(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    if let Some(stream) = stream {
        let mut stream = stream.take(OUTPUT_LIMIT_BYTES);
        stream.read_to_end(&mut output).await?;
    }
    Ok(output)
}

/// `qemu-img -p` writes `    (12.34/100%)` and a carriage return, again and again.
async fn follow_progress(stream: Option<impl AsyncRead + Unpin>, mut progress: impl FnMut(u8)) -> io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let mut reader = BufReader::new(stream);
    let mut last = None;
    loop {
        let mut line = Vec::new();
        if (&mut reader).take(256).read_until(b'\r', &mut line).await? == 0 {
            return Ok(());
        }
        let percent = parse_progress(&line);
        if percent.is_some() && percent != last {
            last = percent;
            percent.into_iter().for_each(&mut progress);
        }
    }
}

fn parse_progress(line: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let whole = text.strip_prefix('(')?.split(['.', '/']).next()?;
    whole.parse().ok().filter(|percent| *percent <= 100)
}

fn check(command: String, status: ExitStatus, stderr: &[u8]) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command,
        status,
        stderr: one_line(&stderr[..stderr.len().min(2000)]),
    })
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// A path that can be neither an option nor a protocol: one that begins with `-` or holds a colon is led by `./`.
fn path_argument(path: &Path) -> OsString {
    if path.is_absolute() {
        path.into()
    } else {
        Path::new(".").join(path).into()
    }
}

fn create_arguments(image: ImageFile<'_>, base: Option<ImageFile<'_>>, size_bytes: Option<u64>) -> Vec<OsString> {
    let mut arguments = words(&["create", "-q", "-f", image.format.as_str()]);
    if let Some(base) = base {
        arguments.extend(words(&["-F", base.format.as_str(), "-b"]));
        arguments.push(path_argument(base.path));
    }
    arguments.push(path_argument(image.path));
    arguments.extend(size_bytes.map(|size| size.to_string().into()));
    arguments
}

fn convert_arguments(from: ImageFile<'_>, to: ImageFile<'_>) -> Vec<OsString> {
    let mut arguments = words(&["convert", "-p", "-f", from.format.as_str(), "-O", to.format.as_str()]);
    // The copy need not go through the page cache of a busy host in order.
    arguments.extend(words(&["-W"]));
    arguments.extend([path_argument(from.path), path_argument(to.path)]);
    arguments
}

/// The source is written as JSON, in which every node has its driver and its file.
fn flatten_arguments(overlay: &Path, base: Option<ImageFile<'_>>, to: ImageFile<'_>) -> Vec<OsString> {
    let file = |path: &Path| serde_json::json!({"driver": "file", "filename": path.to_string_lossy()});
    let below = base.map(|base| serde_json::json!({"driver": base.format.as_str(), "file": file(base.path)}));
    let source = serde_json::json!({
        "driver": DiskFormat::Qcow2.as_str(),
        "file": file(overlay),
        "backing": below,
    });
    let mut arguments = words(&["convert", "-p", "-O", to.format.as_str(), "-W"]);
    arguments.push(format!("json:{source}").into());
    arguments.push(path_argument(to.path));
    arguments
}

fn grow_arguments(image: ImageFile<'_>, size_bytes: u64) -> Vec<OsString> {
    let mut arguments = words(&["resize", "-q", "-f", image.format.as_str()]);
    arguments.extend([path_argument(image.path), size_bytes.to_string().into()]);
    arguments
}

fn info_arguments(image: ImageFile<'_>) -> Vec<OsString> {
    let mut arguments = words(&["info", "-f", image.format.as_str(), "--output=json"]);
    arguments.push(path_argument(image.path));
    arguments
}

#[cfg(test)]
mod tests;
