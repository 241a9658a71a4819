//! `maru purge`: removes everything that one cloud made on this machine, and nothing else.
//!
//! What is whose is read from the things themselves: namespaces and bridges bear the cloud's mark, servers' processes are
//! in records below the state directory, and their control groups bear the cloud's id. So purge works without a running
//! Maru, on a half-broken cloud and beside other clouds. It never stops at the first failure: it goes on, tells all of
//! them at the end, and may be called again.

use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use linux::Netns;
use linux::cgroup::Cgroup;
use linux::netlink::Rtnl;
use linux::process::{Process, ProcessId};

use crate::host_network::mark;
use crate::output::{Mark, Output};
use crate::settings::Settings;
use crate::state_dir::StateDir;
use crate::{UsageError, down};

/// How long the end of a killed process may take.
const KILL_LIMIT: Duration = Duration::from_secs(20);
/// Beginnings of the names of a cloud's namespaces.
const NAMESPACE_PREFIXES: [&str; 2] = ["qdhcp-", "qrouter-"];

/// What purge was asked.
pub struct Request {
    /// Don't ask.
    pub yes: bool,
    /// The cloud's id, when its state directory is lost.
    pub cloud_id: Option<String>,
}

/// Removes the cloud of a state directory.
pub fn run(settings: &Settings, request: &Request, output: &Output) -> anyhow::Result<()> {
    let state = StateDir::new(&settings.state_dir);
    let exists = state.path().exists();
    if exists && !state.is_ours() && !is_empty(state.path()) {
        bail!(output.lang.no_state_dir(state.path().display()));
    }
    let owner = request.cloud_id.clone().or_else(|| state.cloud_id());
    if !exists && owner.is_none() {
        output.line(output.lang.nothing_to_purge(state.path().display()));
        return Ok(());
    }
    if !request.yes && !confirmed(&state, output)? {
        output.line(output.lang.nothing_done());
        return Ok(());
    }
    let mut purge = Purge {
        host: host(settings, &state, output),
        made_netns: state.made_netns(),
        owner,
        state,
        output,
        failures: Vec::new(),
    };
    purge.everything();
    if purge.failures.is_empty() {
        output.marked(Mark::Ok, output.lang.purged());
        return Ok(());
    }
    bail!("{}\n  {}", output.lang.not_purged(), purge.failures.join("\n  "))
}

fn is_empty(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn confirmed(state: &StateDir, output: &Output) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(UsageError(output.lang.purge_needs_yes()).into());
    }
    let mut stdout = io::stdout().lock();
    write!(stdout, "{} ", output.lang.really_purge(state.path().display()))?;
    stdout.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes" | "예" | "ㅛ"))
}

/// The namespace that is the cloud's host, if it is still there.
fn host(settings: &Settings, state: &StateDir, output: &Output) -> Option<Netns> {
    let recorded = state.run_record().and_then(|record| record.host_netns);
    let name = settings
        .host_netns()
        .map(str::to_owned)
        .or(recorded)
        .or_else(|| state.made_netns());
    let opened = match &name {
        Some(name) if !Netns::exists(name) => return None,
        Some(name) => Netns::open(name),
        None => Netns::current(),
    };
    opened
        .inspect_err(|error| output.note(output.lang.cannot_open_host(error)))
        .ok()
}

struct Purge<'a> {
    state: StateDir,
    owner: Option<String>,
    host: Option<Netns>,
    made_netns: Option<String>,
    output: &'a Output,
    failures: Vec<String>,
}

impl Purge<'_> {
    fn everything(&mut self) {
        let stopped = down::stop(&self.state, self.output);
        match stopped {
            Ok(Some(pid)) => self.done(self.output.lang.stopped(pid)),
            Ok(None) => {}
            Err(error) => {
                // A Maru that goes on would make everything anew.
                self.failed("maru", format_args!("{error:#}"));
                return;
            }
        }
        self.servers();
        if let Some(owner) = self.owner.clone() {
            self.control_groups(&owner);
            self.namespaces(&owner);
            self.bridges(&owner);
        }
        self.host_namespace();
        if self.failures.is_empty() {
            // The last thing: as long as something is left, a second call must find out whose it is.
            self.files();
        }
    }

    fn done(&self, text: String) {
        self.output.line(format!("  {text}"));
    }

    fn failed(&mut self, what: impl Display, why: impl Display) {
        self.failures.push(format!("{what}: {why}"));
    }

    /// Ends the servers' processes: by their records, then whatever else works below the servers' directory.
    fn servers(&mut self) {
        let dir = self.state.join("servers");
        let mut processes: Vec<Process> = Vec::new();
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let record = entry.path().join("process");
            let found = qemu::process::ProcessRecord::read(&record);
            match found {
                Ok(Some(record)) => {
                    let id = ProcessId {
                        pid: record.pid.unsigned_abs(),
                        start_time: record.start_time_ticks,
                    };
                    match Process::find(id) {
                        Ok(found) => processes.extend(found),
                        Err(error) => self.failed(entry.path().display(), error),
                    }
                }
                Ok(None) => {}
                Err(error) => self.failed(entry.path().display(), error),
            }
        }
        let known: Vec<ProcessId> = processes.iter().map(Process::id).collect();
        processes.extend(
            working_below(&dir)
                .into_iter()
                .filter(|process| !known.contains(&process.id())),
        );
        self.end(processes);
    }

    fn end(&mut self, processes: Vec<Process>) {
        let mut ended = 0;
        for process in &processes {
            match process.kill() {
                Ok(was_running) => ended += usize::from(was_running),
                Err(error) => self.failed(format_args!("process {}", process.id().pid), error),
            }
        }
        for process in &processes {
            match process.wait(KILL_LIMIT) {
                Ok(true) => {}
                Ok(false) => self.failed(format_args!("process {}", process.id().pid), "it does not end"),
                Err(error) => self.failed(format_args!("process {}", process.id().pid), error),
            }
        }
        if ended > 0 {
            self.done(self.output.lang.ended_servers(ended));
        }
    }

    fn control_groups(&mut self, owner: &str) {
        let Some(root) = Cgroup::mount_point() else { return };
        let top = root.join(format!("maru-{owner}"));
        if !top.exists() {
            return;
        }
        if let Err(error) = remove_groups(&top) {
            self.failed(top.display(), error);
        } else {
            self.done(self.output.lang.removed(top.display()));
        }
    }

    fn namespaces(&mut self, owner: &str) {
        let names = match Netns::list() {
            Ok(names) => names,
            Err(error) => return self.failed("network namespaces", error),
        };
        let candidates = names
            .into_iter()
            .filter(|name| NAMESPACE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)));
        for name in candidates {
            match remove_namespace(&name, &mark(owner)) {
                Ok(true) => self.done(self.output.lang.removed_netns(&name)),
                Ok(false) => {}
                Err(error) => self.failed(name, error),
            }
        }
    }

    /// The provider networks' bridges that bear our mark, and what routers left on them.
    fn bridges(&mut self, owner: &str) {
        let Some(host) = self.host.clone() else { return };
        match remove_bridges(&host, &mark(owner)) {
            Ok(names) => names.iter().for_each(|name| self.done(self.output.lang.removed(name))),
            Err(error) => self.failed("br-ex", error),
        }
    }

    fn host_namespace(&mut self) {
        let Some(name) = self.made_netns.clone() else { return };
        self.host = None;
        match Netns::delete(&name) {
            Ok(true) => self.done(self.output.lang.removed_netns(&name)),
            Ok(false) => {}
            Err(error) => self.failed(name, error),
        }
    }

    fn files(&mut self) {
        let path = self.state.path().to_owned();
        match remove_dir(&path) {
            Ok(true) => self.done(self.output.lang.removed(path.display())),
            Ok(false) => {}
            Err(error) => self.failed(path.display(), error),
        }
    }
}

/// Processes whose working directory is below a path: a server's QEMU, even when its record is lost.
pub fn working_below(dir: &Path) -> Vec<Process> {
    let Ok(dir) = dir.canonicalize() else { return Vec::new() };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let works_below = |pid: u32| -> bool {
        let cwd: Option<PathBuf> = fs::read_link(format!("/proc/{pid}/cwd")).ok();
        cwd.is_some_and(|cwd| cwd != dir && cwd.starts_with(&dir))
    };
    pids.filter(|pid| works_below(*pid))
        // Held first, then looked at again: the number may have passed to another process meanwhile.
        .filter_map(|pid| Process::open(pid).ok().filter(|_| works_below(pid)))
        .collect()
}

/// Ends what runs in the groups of a cloud and removes them, innermost first.
fn remove_groups(top: &Path) -> io::Result<()> {
    let kill = top.join("cgroup.kill");
    if kill.exists() {
        fs::write(&kill, "1")?;
    }
    let mut groups = vec![top.to_owned()];
    let mut at = 0;
    while at < groups.len() {
        let inner = fs::read_dir(&groups[at])?
            .flatten()
            .filter(|entry| entry.path().is_dir());
        groups.extend(inner.map(|entry| entry.path()).collect::<Vec<_>>());
        at += 1;
    }
    let deadline = Instant::now() + KILL_LIMIT;
    for group in groups.iter().rev() {
        // Busy until the last killed process is gone.
        loop {
            match fs::remove_dir(group) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => break,
            }
        }
    }
    Ok(())
}

/// Removes a namespace if it bears the mark; its links first, so that the other ends go at once. A name that a crash left
/// without a namespace goes, too: nobody can say whose it was, and it is of no use to anybody.
fn remove_namespace(name: &str, mark: &str) -> linux::Result<bool> {
    if !Netns::exists(name) {
        return Netns::delete_dead(name);
    }
    let mut netlink = Rtnl::open(&Netns::open(name)?)?;
    if netlink.link("lo")?.alias.as_deref() != Some(mark) {
        return Ok(false);
    }
    for link in netlink.links()?.iter().filter(|link| link.kind.is_some()) {
        netlink.delete_link(link.index)?;
    }
    drop(netlink);
    Netns::delete(name)
}

fn remove_bridges(host: &Netns, mark: &str) -> linux::Result<Vec<String>> {
    let mut netlink = Rtnl::open(host)?;
    let links = netlink.links()?;
    let bridges = links.iter().filter(|link| link.alias.as_deref() == Some(mark));
    let mut removed = Vec::new();
    for bridge in bridges {
        let legs = links
            .iter()
            .filter(|link| link.master == Some(bridge.index) && link.kind.as_deref() == Some("veth"));
        for leg in legs {
            netlink.delete_link(leg.index)?;
        }
        if netlink.delete_link(bridge.index)? {
            removed.push(bridge.name.clone());
        }
    }
    Ok(removed)
}

/// Removes a directory and all below it; one that is a mount point of its own is emptied.
fn remove_dir(path: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy && is_empty(path) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    fn settings(path: &Path) -> Settings {
        let path = path.to_string_lossy().into_owned();
        let options = move |name: &str| (name == "state_dir").then(|| path.clone());
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.toml");
        fs::write(&empty, "").unwrap();
        Settings::read(Some(&empty), options, |_| None, &[]).unwrap()
    }

    fn yes() -> Request {
        Request {
            yes: true,
            cloud_id: None,
        }
    }

    #[test]
    fn a_directory_that_is_no_clouds_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        let output = Output::new(Lang::En, true);
        assert!(run(&settings(dir.path()), &yes(), &output).is_err());
        assert!(dir.path().join("thesis.txt").exists());
    }

    #[test]
    fn without_a_cloud_there_is_nothing_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::new(Lang::En, true);
        run(&settings(&dir.path().join("none")), &yes(), &output).unwrap();
    }

    #[test]
    fn a_stopped_cloud_goes_with_all_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(&dir.path().join("state"));
        drop(store::Store::open(state.path()).unwrap());
        fs::create_dir_all(state.join("servers/x")).unwrap();
        fs::write(state.join("servers/x/process"), "nonsense").unwrap();
        let output = Output::new(Lang::En, true);
        run(&settings(state.path()), &yes(), &output).unwrap();
        assert!(!state.path().exists() && dir.path().exists());
        run(&settings(state.path()), &yes(), &output).unwrap();
    }

    #[test]
    fn a_process_below_the_servers_directory_is_ended_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(&dir.path().join("state"));
        drop(store::Store::open(state.path()).unwrap());
        let server = state.join("servers/lost");
        fs::create_dir_all(&server).unwrap();
        let sleep = |directory: &Path| {
            let mut spawn = linux::process::Spawn::new("/bin/sleep", ["600".to_owned()]);
            spawn.directory(directory);
            spawn.start().unwrap()
        };
        let (inside, outside) = (sleep(&server), sleep(dir.path()));
        let output = Output::new(Lang::En, true);
        run(&settings(state.path()), &yes(), &output).unwrap();
        assert!(!inside.is_running());
        assert!(outside.is_running());
        outside.kill().unwrap();
        outside.wait(KILL_LIMIT).unwrap();
    }
}
