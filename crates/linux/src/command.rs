//! Programs that are run to their end for what they print: a login shell's `ssh`, `ip addr` for people to read.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Error, Netns, Result};

/// How a program ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; `None` when a signal, or our limit, ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// Whether it ended with 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs a program inside a namespace, without a shell and without input, for at most `limit`; then it is killed.
pub fn run(ns: &Netns, program: &str, args: &[&str], limit: Duration) -> Result<Finished> {
    let doing = || format!("run {program} {}", args.join(" "));
    let mut child = ns
        .run(|| {
            Command::new(program)
                .args(args)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        })?
        .map_err(|error| Error::io(doing(), error))?;
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                // What was read until an error is as good as it gets.
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| Error::io(doing(), error))? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill().map_err(|error| Error::io(doing(), error))?;
            break child.wait().map_err(|error| Error::io(doing(), error))?;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok(Finished {
        code: status.code(),
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    })
}
