//! `maru backup` and `maru restore`: the cloud's rows. Images and servers' disks are files below the state directory and
//! are backed up as such.

use std::path::Path;

use serde_json::json;

use crate::UsageError;
use crate::output::{Mark, Output, human_bytes};
use crate::state_dir::StateDir;

/// Copies the rows into a new file, while the cloud goes on.
pub fn backup(state: &StateDir, file: &Path, output: &Output) -> anyhow::Result<()> {
    let summary = store::backup_to(state.path(), file)?;
    if output.json {
        return output.data(&json!({
            "file": file, "revision": summary.revision, "rows": summary.rows, "bytes": summary.bytes,
        }));
    }
    output.marked(
        Mark::Ok,
        output
            .lang
            .backed_up(file.display(), summary.rows, human_bytes(summary.bytes)),
    );
    output.note(output.lang.backup_note(state.path().display()));
    Ok(())
}

/// Replaces the rows by those of a backup; the former ones are kept aside.
pub fn restore(state: &StateDir, file: &Path, yes: bool, output: &Output) -> anyhow::Result<()> {
    if !yes {
        return Err(UsageError(output.lang.restore_needs_yes()).into());
    }
    let summary = store::restore_from(file, state.path())?;
    output.marked(
        Mark::Ok,
        output.lang.restored(summary.restored.rows, summary.restored.revision),
    );
    if let Some(kept) = summary.kept {
        output.note(output.lang.kept_aside(kept.display()));
    }
    Ok(())
}
