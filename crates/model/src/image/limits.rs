//! How many images, uploads and MiB a project may have.
//!
//! Where somebody registered unified limits for images in Keystone, those hold, in Glance's way: an upload says nothing of
//! its size before, so it is let in while no more is used than the limit, and may end above it. The cloud's own quotas are
//! exact: an upload that would go beyond is broken off.

use std::sync::Arc;

use super::{Image, ImageStatus};
use crate::{Cloud, Error, ImageId, ProjectId, Result, quota};

const MIB: u64 = 1 << 20;

/// The limit that holds; -1 means none.
pub(super) fn of(cloud: &Cloud, project: &ProjectId, resource: &str) -> i64 {
    quota::unified_limit(cloud, project, resource).unwrap_or_else(|| quota::limit(cloud, project, resource))
}

fn images<'a>(cloud: &'a Cloud, project: &'a ProjectId) -> impl Iterator<Item = &'a Arc<Image>> {
    cloud
        .images
        .iter()
        .filter(move |image| image.owner.as_ref() == Some(project))
}

fn exceeded(project: &ProjectId, resource: &str, what: String) -> Error {
    Error::over_quota(
        "LimitExceeded",
        format!("Project {project} is over a limit for {resource}: {what}"),
    )
}

/// Data may come in for one more image: what is staged counts until it is imported.
pub(super) fn check_uploading(cloud: &Cloud, project: &ProjectId, but: ImageId) -> Result<()> {
    let limit = of(cloud, project, "image_count_uploading");
    let comes_in = |image: &&Arc<Image>| {
        let under_way = [ImageStatus::Saving, ImageStatus::Uploading, ImageStatus::Importing];
        image.id != but && under_way.contains(&image.status)
    };
    let used = images(cloud, project).filter(comes_in).count() as u64;
    if quota::allows(limit, used, 1) {
        return Ok(());
    }
    let what = format!("{used} of {limit} uploads are under way.");
    Err(exceeded(project, "image_count_uploading", what))
}

/// What may be uploaded now, bytes; `None`: whatever there is.
pub(super) fn room(cloud: &Cloud, project: &ProjectId) -> Result<Option<u64>> {
    const RESOURCE: &str = "image_size_total";
    let used: u64 = images(cloud, project).filter_map(|image| image.size).sum();
    let is_unified = quota::unified_limit(cloud, project, RESOURCE).is_some();
    let Ok(limit_mib) = u64::try_from(of(cloud, project, RESOURCE)) else {
        return Ok(None);
    };
    let limit = limit_mib.saturating_mul(MIB);
    if is_unified && used <= limit {
        return Ok(None);
    }
    if used < limit {
        return Ok(Some(limit - used));
    }
    let what = format!(
        "{} of {limit_mib} MiB are used. Delete an image first.",
        used.div_ceil(MIB)
    );
    Err(exceeded(project, RESOURCE, what))
}

/// More may be staged while no more is than the limit.
pub(super) fn check_staged(cloud: &Cloud, project: &ProjectId) -> Result<()> {
    const RESOURCE: &str = "image_stage_total";
    let staged: u64 = images(cloud, project).filter_map(|image| image.staged_size).sum();
    match u64::try_from(of(cloud, project, RESOURCE)) {
        Ok(limit_mib) if staged > limit_mib.saturating_mul(MIB) => {
            let what = format!(
                "{} of {limit_mib} MiB are staged. Import or delete an image first.",
                staged.div_ceil(MIB)
            );
            Err(exceeded(project, RESOURCE, what))
        }
        _ => Ok(()),
    }
}
