//! Deleting links without waiting.
//!
//! The kernel takes about 20 ms of waiting for each link it deletes, and hardly more for many at once. So links to be
//! deleted are handed to a thread, which puts each lot into a device group and deletes the group.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use linux::Netns;
use linux::netlink::{Link, Rtnl};

use super::parallel::in_parallel;

/// The device group of links about to go. Nobody else is likely to use it; it is "maru" in ASCII.
const GROUP: u32 = 0x6d61_7275;

/// Hands links over for deletion.
#[derive(Debug)]
pub struct Reaper {
    jobs: Sender<Job>,
    /// Names of links handed over and not yet gone. Ours hold a port's id, so a name alone says which.
    pending: Arc<(Mutex<Vec<String>>, Condvar)>,
}

#[derive(Debug)]
struct Job {
    ns: Netns,
    links: Vec<Link>,
}

impl Reaper {
    /// Starts the thread; it ends when the reaper is dropped.
    pub fn start() -> Self {
        let (jobs, queue) = channel::<Job>();
        let pending = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let done = Arc::clone(&pending);
        std::thread::Builder::new()
            .name("link-reaper".into())
            .spawn(move || {
                while let Ok(first) = queue.recv() {
                    // What has come in meanwhile goes along: namespaces can be waited for together.
                    let jobs: Vec<Job> = std::iter::once(first).chain(queue.try_iter()).collect();
                    in_parallel(&jobs, |job| {
                        if let Err(error) = delete(job) {
                            tracing::warn!(%error, link.count = job.links.len(), "links could not be deleted");
                        }
                    });
                    let (names, changed) = &*done;
                    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                    for link in jobs.iter().flat_map(|job| &job.links) {
                        if let Some(at) = names.iter().position(|name| *name == link.name) {
                            names.swap_remove(at);
                        }
                    }
                    changed.notify_all();
                }
            })
            .expect("a thread can be started while the program starts");
        Self { jobs, pending }
    }

    /// Hands over links of a namespace.
    pub fn delete(&self, ns: &Netns, links: Vec<Link>) {
        if links.is_empty() {
            return;
        }
        let (names, _) = &*self.pending;
        names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(links.iter().map(|link| link.name.clone()));
        let _ = self.jobs.send(Job { ns: ns.clone(), links });
    }

    /// Whether a link of this name is about to go.
    pub fn is_about_to_delete(&self, name: &str) -> bool {
        let (names, _) = &*self.pending;
        names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|pending| pending == name)
    }

    /// Waits until no link of this name is about to go, so that the name can be used again.
    pub fn wait_for(&self, name: &str) {
        self.wait_until(|names| !names.iter().any(|pending| pending == name));
    }

    /// Waits until all that was handed over is gone.
    pub fn settle(&self) {
        self.wait_until(<[String]>::is_empty);
    }

    fn wait_until(&self, done: impl Fn(&[String]) -> bool) {
        let (names, changed) = &*self.pending;
        let mut left = names.lock().unwrap_or_else(PoisonError::into_inner);
        while !done(&left) {
            left = changed.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn delete(job: &Job) -> linux::Result<()> {
    let mut nl = Rtnl::open(&job.ns)?;
    if let [one] = &job.links[..] {
        nl.delete_link(one.index)?;
        return Ok(());
    }
    let indexes: Vec<u32> = job.links.iter().map(|link| link.index).collect();
    nl.set_group(&indexes, GROUP)?;
    nl.delete_group(GROUP)?;
    Ok(())
}
