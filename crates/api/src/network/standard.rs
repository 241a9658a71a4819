//! The attributes that every resource tells and takes.

use model::network::Standard;

use super::view::Sink;

/// Tells a resource's standard attributes but its name.
pub(super) fn put_standard<S: Sink>(standard: &Standard, out: &mut S) {
    put_untagged(standard, out);
    out.put("tags", &standard.tags);
}

/// The same for a resource that has no tags.
pub(super) fn put_untagged<S: Sink>(standard: &Standard, out: &mut S) {
    out.put("project_id", &standard.project_id);
    out.put("tenant_id", &standard.project_id);
    out.put("description", &standard.description);
    out.put("revision_number", &standard.revision_number);
    if out.wants("created_at") {
        out.put("created_at", &standard.created_at.seconds_z());
    }
    if out.wants("updated_at") {
        out.put("updated_at", &standard.updated_at.seconds_z());
    }
}

/// Attribute lists: the standard ones and the resource's own.
macro_rules! attributes {
    ($($name:literal),* $(,)?) => {
        &[
            "id", "project_id", "tenant_id", "description", "tags", "revision_number", "created_at", "updated_at",
            $($name),*
        ]
    };
}
pub(super) use attributes;
