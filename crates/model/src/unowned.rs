//! What stays when its project goes. As in OpenStack, deleting a project deletes no server, network, volume or image of
//! it, so an operator needs to be told of them.

use crate::{AnyRow, Cloud, ProjectId, quota};

/// A resource whose project there is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unowned {
    /// The table's name in the store.
    pub kind: &'static str,
    /// The resource's id.
    pub id: String,
    /// The project it belonged to.
    pub project_id: ProjectId,
}

/// Everything whose project is gone, except logs of what was done, which are kept on purpose.
pub fn unowned(cloud: &Cloud) -> Vec<Unowned> {
    cloud
        .rows()
        .filter_map(|row| {
            let project_id = owner(&row).filter(|project| cloud.projects.get(project).is_none())?;
            Some(Unowned {
                kind: row.kind(),
                id: row.key(),
                project_id,
            })
        })
        .collect()
}

/// The project of a resource that can be shown and deleted by itself.
fn owner(row: &AnyRow) -> Option<ProjectId> {
    let owner = match row {
        AnyRow::Image(row) => row.owner.as_ref()?,
        AnyRow::Network(row) => &row.standard.project_id,
        AnyRow::Subnet(row) => &row.standard.project_id,
        AnyRow::SubnetPool(row) => &row.standard.project_id,
        AnyRow::AddressScope(row) => &row.standard.project_id,
        AnyRow::AddressGroup(row) => &row.standard.project_id,
        AnyRow::QosPolicy(row) => &row.standard.project_id,
        AnyRow::MeteringLabel(row) => &row.standard.project_id,
        AnyRow::RbacPolicy(row) => &row.standard.project_id,
        AnyRow::Port(row) => &row.standard.project_id,
        AnyRow::Router(row) => &row.standard.project_id,
        AnyRow::FloatingIp(row) => &row.standard.project_id,
        AnyRow::NdpProxy(row) => &row.standard.project_id,
        AnyRow::Trunk(row) => &row.standard.project_id,
        AnyRow::SecurityGroup(row) => &row.standard.project_id,
        AnyRow::Quota(row) if !quota::is_class(&row.project_id) => &row.project_id,
        AnyRow::Server(row) => &row.project_id,
        AnyRow::ServerGroup(row) => &row.project_id,
        AnyRow::Volume(row) => &row.project_id,
        AnyRow::VolumeSnapshot(row) => &row.project_id,
        AnyRow::VolumeBackup(row) => &row.project_id,
        AnyRow::VolumeGroup(row) => &row.project_id,
        AnyRow::GroupSnapshot(row) => &row.project_id,
        AnyRow::Trust(row) => &row.project_id,
        AnyRow::ApplicationCredential(row) => &row.project_id,
        _ => return None,
    };
    // Ports that the cloud makes for itself, such as a router's gateway, belong to nobody.
    Some(owner).filter(|owner| !owner.as_str().is_empty()).cloned()
}
