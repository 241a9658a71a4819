//! Sharing: projects that a shared image was offered to, and what they made of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Image, Visibility, read};
use crate::cloud::Row;
use crate::{Actor, Cloud, Error, ImageId, ProjectId, Result, Timestamp, Tx};

/// What a project made of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Nothing yet: the image can be used, and lists leave it out.
    Pending,
    /// The image stands in the project's lists.
    Accepted,
    /// It doesn't.
    Rejected,
}

impl MemberStatus {
    const ALL: [Self; 3] = [Self::Pending, Self::Accepted, Self::Rejected];

    /// The word Glance uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }

    /// From the word Glance uses.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A project that an image was offered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What it made of the offer.
    pub status: MemberStatus,
    /// When it was offered.
    pub created_at: Timestamp,
    /// When the status last changed.
    pub updated_at: Timestamp,
}

/// Most members of an image (Glance's `image_member_quota`).
pub const MEMBER_LIMIT: usize = 128;

impl Image {
    /// What a project is to the image, while it is shared.
    pub fn member(&self, project: &ProjectId) -> Option<&Member> {
        self.members
            .get(project)
            .filter(|_| self.visibility == Visibility::Shared)
    }
}

fn not_found(image: ImageId, member: &ProjectId) -> Error {
    Error::not_found(
        "NotFound",
        format!("{member} not found in the member list of the image {image}."),
    )
}

/// The image, if its members are the caller's to change.
fn sharing(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Arc<Image>> {
    let image = read::show(cloud, actor, id)?;
    if image.visibility != Visibility::Shared {
        return Err(Error::forbidden("Forbidden", "Only shared images have members."));
    }
    if read::may_change(actor, &image) {
        return Ok(image);
    }
    Err(Error::forbidden(
        "Forbidden",
        "You are not permitted to change the members of this image: it belongs to another project.",
    ))
}

/// Offers an image to a project.
///
/// # Errors
/// `Forbidden` for an image that is not shared or another project's, `Conflict` for one that was offered already,
/// `OverLimit` with too many members, `Invalid` for an empty id.
pub fn add_member(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, member: &ProjectId) -> Result<Arc<Image>> {
    let image = sharing(tx.cloud(), actor, id)?;
    if member.as_str().is_empty() || member.as_str().len() > 255 {
        return Err(Error::invalid("HTTPBadRequest", "A member is the id of a project."));
    }
    if image.members.contains_key(member) {
        return Err(Error::conflict(
            "Duplicate",
            format!("Image member {member} already exists for image {id}."),
        ));
    }
    if image.members.len() >= MEMBER_LIMIT {
        return Err(Error::over_limit(
            "ImageMemberLimitExceeded",
            format!("The limit has been exceeded on the number of allowed image members: {MEMBER_LIMIT}."),
        ));
    }
    let now = tx.now();
    let entry = Member {
        status: MemberStatus::Pending,
        created_at: now,
        updated_at: now,
    };
    tx.update::<Image>(&id, |image| {
        image.members.insert(member.clone(), entry);
    })
}

/// Takes an offer back.
///
/// # Errors
/// `Forbidden`, `NotFound`.
pub fn remove_member(tx: &mut Tx<'_>, actor: &Actor, id: ImageId, member: &ProjectId) -> Result<()> {
    let image = sharing(tx.cloud(), actor, id)?;
    if !image.members.contains_key(member) {
        return Err(not_found(id, member));
    }
    tx.update::<Image>(&id, |image| {
        image.members.remove(member);
    })?;
    Ok(())
}

/// A project's own word on an offer; the owner has none.
///
/// # Errors
/// `NotFound` where there is no offer, `Forbidden` for anybody else than the member.
pub fn set_member_status(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ImageId,
    member: &ProjectId,
    status: MemberStatus,
) -> Result<Arc<Image>> {
    let image = read::show(tx.cloud(), actor, id)?;
    if image.member(member).is_none() {
        return Err(not_found(id, member));
    }
    if !actor.owns(member) && !actor.is_admin() {
        return Err(Error::forbidden(
            "Forbidden",
            "Only the project that an image was offered to may accept or reject it.",
        ));
    }
    let now = tx.now();
    tx.update::<Image>(&id, |image| {
        if let Some(member) = image.members.get_mut(member) {
            member.status = status;
            member.updated_at = now;
        }
    })
}

/// The members that the caller may see: the owner all, a member itself.
///
/// # Errors
/// `NotFound` for an image they may not see, and for one of others' that was not offered to them; `Forbidden` for one
/// that is not shared.
pub fn visible_members(cloud: &Cloud, actor: &Actor, id: ImageId) -> Result<Vec<(ProjectId, Member)>> {
    let image = read::show(cloud, actor, id)?;
    let all = read::may_change(actor, &image);
    if all && image.visibility != Visibility::Shared {
        return Err(Error::forbidden("Forbidden", "Only shared images have members."));
    }
    let mine = actor
        .project_id()
        .is_some_and(|project| image.member(project).is_some());
    if !all && !mine {
        return Err(Image::not_found(&id));
    }
    let members = image.members.iter();
    let seen = members.filter(|(project, _)| all || actor.owns(project));
    Ok(seen
        .map(|(project, member)| (project.clone(), member.clone()))
        .collect())
}

/// One of [`visible_members`].
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn show_member(cloud: &Cloud, actor: &Actor, id: ImageId, member: &ProjectId) -> Result<Member> {
    let found = visible_members(cloud, actor, id)?;
    let found = found.into_iter().find(|(project, _)| project == member);
    found.map(|(_, entry)| entry).ok_or_else(|| not_found(id, member))
}
