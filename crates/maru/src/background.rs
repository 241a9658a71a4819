//! `maru up --background`: the same program in a session of its own, with a log file; back when it answers.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use linux::process::Spawn;

use crate::client::Client;
use crate::output::{Mark, Output};
use crate::settings::Settings;
use crate::state_dir::StateDir;
use crate::up;

/// How long a start may take: a new cloud hashes passwords and takes in its first image.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Starts a cloud in the background and waits until it answers. `arguments` stand behind `maru up`.
pub async fn start(settings: &Settings, arguments: Vec<String>, output: &Output) -> anyhow::Result<()> {
    let lang = output.lang;
    let state = StateDir::new(&settings.state_dir);
    if let Some(pid) = state.running_pid()? {
        let url = state.run_record().map_or_else(String::new, |record| record.url);
        output.marked(Mark::Ok, lang.running(url, pid));
        return Ok(());
    }
    state.make()?;
    let log: PathBuf = state.join("maru.log");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log)
        .with_context(|| format!("{} can't be written", log.display()))?;
    let arguments = std::iter::once("up".to_owned()).chain(arguments);
    let mut spawn = Spawn::new(up::program()?, arguments);
    spawn.output(file);
    let process = spawn.start()?;
    let pid = process.id().pid;
    let started = Instant::now();
    let mut progress = output.progress(lang.starting());
    loop {
        if !process.is_running() {
            drop(progress);
            bail!("{}\n{}", lang.did_not_start(log.display()), last_lines(&log, 15));
        }
        let ready = state.running_pid().ok().flatten() == Some(pid);
        if let Some(record) = state.run_record().filter(|_| ready)
            && Client::anonymous(&record)?.is_up().await
        {
            drop(progress);
            output.marked(Mark::Ok, lang.running(&record.url, pid));
            output.note(lang.log_is(log.display()));
            return Ok(());
        }
        if started.elapsed() > START_LIMIT {
            drop(progress);
            bail!(
                "{}\n{}",
                lang.no_answer(START_LIMIT.as_secs(), log.display()),
                last_lines(&log, 15)
            );
        }
        progress.show(&format!("{} s", started.elapsed().as_secs()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn last_lines(path: &std::path::Path, count: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
