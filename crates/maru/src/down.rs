//! `maru down`: stops Maru; servers and their networks go on.

use std::time::{Duration, Instant};

use anyhow::bail;
use linux::process::Process;
use rustix::process::Signal;

use crate::output::{Mark, Output};
use crate::state_dir::StateDir;

/// How long a running cloud may take to end well.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Stops the cloud that runs from a state directory; none there is fine.
pub fn run(state: &StateDir, output: &Output) -> anyhow::Result<()> {
    match stop(state, output)? {
        Some(pid) => output.marked(Mark::Ok, output.lang.stopped(pid)),
        None => output.line(output.lang.not_running(state.path().display())),
    }
    Ok(())
}

/// Stops it and waits for its end; the process that it was.
pub fn stop(state: &StateDir, output: &Output) -> anyhow::Result<Option<u32>> {
    let Some(pid) = state.running_pid()? else {
        return Ok(None);
    };
    // A pidfd: should the process end just now, no other one is hit. Who holds the lock can only be asked by its number,
    // so that the lock is looked at again once the process is held.
    let Ok(process) = Process::open(pid) else {
        return Ok(None);
    };
    if state.running_pid()? != Some(pid) {
        return Ok(None);
    }
    process.signal(Signal::TERM)?;
    let mut progress = output.progress(output.lang.stopping(pid));
    let started = Instant::now();
    while started.elapsed() < STOP_LIMIT {
        if process.wait(Duration::from_millis(200))? {
            return Ok(Some(pid));
        }
        progress.show(&format!("{} s", started.elapsed().as_secs()));
    }
    drop(progress);
    bail!(output.lang.does_not_stop(pid, STOP_LIMIT.as_secs()))
}
