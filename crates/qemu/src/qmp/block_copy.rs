//! Copying a disk while the guest goes on: a backup job, which keeps the disk as it was at the job's first moment.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Qmp;
use crate::command_line::DiskFormat;
use crate::{Error, Result};

/// The job's and the target node's name: a machine has one copy under way at most.
const COPY: &str = "maru-copy";
/// How often the job is looked at.
const STEP: Duration = Duration::from_millis(200);

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
    /// Copies the whole disk behind `node`, as it is now, into the empty image `file`, which QEMU opens by this name. Zeroes
    /// are left out. `progress` gets the percentage done. Dropping the future leaves the job: [`Qmp::end_copy`] ends it.
    ///
    /// # Errors
    /// [`Error::Refused`] when QEMU can't, also in the middle. Nothing of the job is left then.
    pub async fn copy_disk(
        &self,
        node: &str,
        file: &str,
        format: DiskFormat,
        mut progress: impl FnMut(u8) + Send,
    ) -> Result<()> {
        self.end_copy().await?;
        let target = json!({
            "node-name": COPY,
            "driver": format.as_str(),
            "discard": "unmap",
            "detect-zeroes": "unmap",
            "file": {"driver": "file", "filename": file, "discard": "unmap"},
        });
        self.execute::<Value>("blockdev-add", target).await?;
        let job = json!({
            "job-id": COPY, "device": node, "target": COPY, "sync": "full", "auto-dismiss": false,
        });
        let mut copied = self.execute::<Value>("blockdev-backup", job).await.map(drop);
        if copied.is_ok() {
            copied = self.follow_copy(&mut progress).await;
        }
        let ended = self.end_copy().await;
        copied.and(ended)
    }

    async fn follow_copy(&self, progress: &mut (impl FnMut(u8) + Send)) -> Result<()> {
        loop {
            let Some(job) = self.copy_job().await? else {
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

    async fn copy_job(&self) -> Result<Option<Job>> {
        let jobs: Vec<Job> = self.execute("query-jobs", None).await?;
        Ok(jobs.into_iter().find(|job| job.id == COPY))
    }

    /// Ends a copy that is under way or was left by somebody who died, and closes its file.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub async fn end_copy(&self) -> Result<()> {
        while let Some(job) = self.copy_job().await? {
            let command = if job.status == "concluded" {
                "job-dismiss"
            } else {
                "job-cancel"
            };
            match self.execute::<Value>(command, json!({ "id": COPY })).await {
                // It moves on by itself meanwhile: looked at again.
                Ok(_) | Err(Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
            sleep(STEP / 4).await;
        }
        match self
            .execute::<Value>("blockdev-del", json!({ "node-name": COPY }))
            .await
        {
            // The usual case: there is none of this name.
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn refused(description: String) -> Error {
    Error::Refused {
        command: "blockdev-backup".into(),
        class: "GenericError".into(),
        description,
    }
}
