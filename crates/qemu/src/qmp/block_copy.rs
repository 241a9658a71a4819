//! Copying a disk while the guest goes on: a backup job, which keeps the disk as it was at the job's first moment.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Qmp;
use crate::command_line::DiskFormat;
use crate::{Error, Result};

/// How often a job is looked at.
const STEP: Duration = Duration::from_millis(100);
/// Longest time for a job to end that was told to.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A copy of a disk that QEMU makes.
#[derive(Clone, Copy, Debug)]
pub struct DiskCopy<'a> {
    /// The copy's own name, of the job and of the block node it writes through: at most 31 characters. What an attempt of the
    /// same name left that was cut off is removed first.
    pub name: &'a str,
    /// The block node that is copied.
    pub node: &'a str,
    /// The copy's format. The file is an empty image of it, as large as the disk.
    pub format: DiskFormat,
    /// Longest time for it.
    pub limit: Duration,
}

/// A background job of QEMU (QAPI `JobInfo`).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Job {
    id: String,
    status: String,
    #[serde(default)]
    current_progress: u64,
    #[serde(default)]
    total_progress: u64,
    #[serde(default)]
    error: Option<String>,
}

impl Qmp {
    /// Copies the whole disk, as it is now, into `file`. For zeroes a raw copy claims space on most filesystems. `progress` gets the percentage done. Dropping
    /// the future leaves the job: [`Qmp::end_copy`] ends it.
    ///
    /// # Errors
    /// [`Error::Refused`] when QEMU can't, also in the middle; [`Error::CommandTimedOut`]. Nothing of the job is left then.
    pub async fn copy_disk(
        &self,
        copy: DiskCopy<'_>,
        file: BorrowedFd<'_>,
        mut progress: impl FnMut(u8) + Send,
    ) -> Result<()> {
        self.end_copy(copy.name).await?;
        let mut copied = self.begin_copy(copy, file).await;
        if copied.is_ok() {
            let late = |_| Error::CommandTimedOut {
                command: "blockdev-backup".into(),
                limit: copy.limit,
            };
            let done = timeout(copy.limit, self.follow_copy(copy.name, &mut progress)).await;
            copied = done.map_err(late).and_then(|followed| followed);
        }
        let ended = self.end_copy(copy.name).await;
        copied.and(ended)
    }

    async fn begin_copy(&self, copy: DiskCopy<'_>, file: BorrowedFd<'_>) -> Result<()> {
        let set = self.add_fd(file).await?;
        let target = json!({
            "node-name": copy.name,
            "driver": copy.format.as_str(),
            "discard": "unmap",
            "detect-zeroes": "unmap",
            "file": {"driver": "file", "filename": format!("/dev/fdset/{set}"), "discard": "unmap"},
        });
        let added = self.execute::<Value>("blockdev-add", target).await;
        // What the block node has opened is a copy; the set goes when the node does.
        let _ = self.execute::<Value>("remove-fd", json!({ "fdset-id": set })).await;
        added?;
        let job = json!({
            "job-id": copy.name, "device": copy.node, "target": copy.name, "sync": "full", "auto-dismiss": false,
        });
        self.execute::<Value>("blockdev-backup", job).await.map(drop)
    }

    async fn follow_copy(&self, name: &str, progress: &mut (impl FnMut(u8) + Send)) -> Result<()> {
        let refused = |description| Error::Refused {
            command: "blockdev-backup".into(),
            class: "GenericError".into(),
            description,
        };
        loop {
            let Some(job) = self.copy_job(name).await? else {
                return Err(refused("the job is gone".to_owned()));
            };
            if job.status == "concluded" {
                return job.error.map_or(Ok(()), |error| Err(refused(error)));
            }
            let percent = (job.current_progress.saturating_mul(100)).checked_div(job.total_progress);
            progress(u8::try_from(percent.unwrap_or(0)).unwrap_or(100).min(100));
            sleep(STEP).await;
        }
    }

    async fn copy_job(&self, name: &str) -> Result<Option<Job>> {
        let jobs: Vec<Job> = self.execute("query-jobs", None).await?;
        Ok(jobs.into_iter().find(|job| job.id == name))
    }

    /// Ends a copy that is under way or was left by somebody who died, and closes its file.
    ///
    /// # Errors
    /// As [`Qmp::execute`]; [`Error::CommandTimedOut`] when the job does not end.
    pub async fn end_copy(&self, name: &str) -> Result<()> {
        let deadline = Instant::now() + END_LIMIT;
        while let Some(job) = self.copy_job(name).await? {
            let command = if job.status == "concluded" {
                "job-dismiss"
            } else {
                "job-cancel"
            };
            match self.execute::<Value>(command, json!({ "id": name })).await {
                // It moves on by itself meanwhile: looked at again.
                Ok(_) | Err(Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                return Err(Error::CommandTimedOut {
                    command: command.into(),
                    limit: END_LIMIT,
                });
            }
            sleep(STEP / 4).await;
        }
        self.delete_node(name).await
    }
}
