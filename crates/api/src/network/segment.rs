//! Segments of networks.

use std::sync::Arc;

use model::network::Segment;
use model::network::segment::{self, SegmentSpec};
use model::{Actor, Cloud, NetworkId, Result, SegmentId, Tx};

use super::attributes::{self, Attrs, TEXT};
use super::collection::Collection;
use super::filter::Filters;
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

impl View for Segment {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        let standard = &self.standard;
        out.put("id", &self.id);
        // Those that came with their network have none.
        out.put("name", &Some(&standard.name).filter(|name| !name.is_empty()));
        out.put("description", &standard.description);
        out.put("network_id", &self.network_id);
        out.put("network_type", self.network_type());
        out.put("physical_network", &self.physical_network);
        out.put("segmentation_id", &self.segmentation_id);
        out.put("tags", &standard.tags);
        out.put("revision_number", &standard.revision_number);
        out.put("created_at", &standard.created_at.seconds_z());
        out.put("updated_at", &standard.updated_at.seconds_z());
    }
}

impl Collection for Segment {
    const PLURAL: &'static str = "segments";
    const PATH: &'static str = "segments";
    // As in Neutron they do not tell a project.
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "name",
        "description",
        "network_id",
        "network_type",
        "physical_network",
        "segmentation_id",
        "tags",
        "revision_number",
        "created_at",
        "updated_at",
    ];
    type New = (NetworkId, SegmentSpec);
    type Change = (Option<String>, Option<String>);

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Self::New> {
        let network_id = attrs.required_id("network_id")?;
        let network_type = attrs.text("network_type", TEXT)?;
        // Neutron takes a project and makes nothing of it.
        let _ = attrs.project()?;
        attrs.skip_null("physical_network");
        let (name, description) = words(attrs)?;
        let spec = SegmentSpec {
            name,
            description,
            network_type: network_type.ok_or_else(|| attributes::missing("network_type"))?,
            physical_network: attrs.text("physical_network", TEXT)?,
            segmentation_id: attrs
                .nullable_integer("segmentation_id", 0, i64::from(u32::MAX))?
                .and_then(|id| u32::try_from(id).ok()),
            tags: attrs.tags("tags")?,
        };
        Ok((network_id, spec))
    }

    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<Self::Change> {
        attrs.not_in_put(&["network_id", "network_type", "physical_network", "segmentation_id"])?;
        words(attrs)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<Self::New>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|(network_id, spec)| segment::create(tx, actor, network_id, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, actor: &Actor, id: &SegmentId, change: Self::Change) -> Result<Arc<Self>> {
        segment::update(tx, actor, *id, change.0, change.1)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &SegmentId) -> Result<()> {
        segment::delete(tx, actor, *id)
    }

    fn look_up<'a>(cloud: &'a Cloud, filters: &Filters) -> Option<Vec<&'a Arc<Self>>> {
        let networks = filters.values("network_id")?.iter().filter_map(|id| id.parse().ok());
        Some(networks.flat_map(|id| segment::of_network(cloud, id)).collect())
    }
}

/// Name and description; the `openstack` client sends null for what it was not given.
fn words(attrs: &mut Attrs) -> Result<(Option<String>, Option<String>)> {
    attrs.skip_null("name");
    attrs.skip_null("description");
    Ok((attrs.text("name", TEXT)?, attrs.text("description", TEXT)?))
}
