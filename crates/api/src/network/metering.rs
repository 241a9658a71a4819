//! Metering labels and their rules: made by a project's manager or an administrator, seen by the project, as in Neutron.

use std::sync::Arc;

use ipnet::IpNet;
use model::network::metering::{self, MeteringLabelRuleSpec, MeteringLabelSpec};
use model::network::{MeteringLabel, MeteringLabelRule};
use model::{Actor, Error, MeteringLabelId, MeteringLabelRuleId, Result, Tx};
use serde_json::Value;

use super::attributes::{Attrs, TEXT, ip_or_cidr, missing, shown};
use super::collection::Collection;
use super::qos::direction;
use super::view::{Sink, View, ViewCx};
use crate::context::Ctx;

/// Neutron's limit of a label's description, characters.
const LONG_TEXT: usize = 1024;

impl View for MeteringLabel {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("name", &self.standard.name);
        out.put("description", &self.standard.description);
        out.put("project_id", &self.standard.project_id);
        out.put("tenant_id", &self.standard.project_id);
        out.put("shared", &self.shared);
    }
}

impl View for MeteringLabelRule {
    fn view<S: Sink>(&self, _cx: &ViewCx<'_>, out: &mut S) {
        out.put("id", &self.id);
        out.put("metering_label_id", &self.metering_label_id);
        out.put("direction", &self.direction);
        out.put("remote_ip_prefix", &self.remote_ip_prefix);
        out.put("source_ip_prefix", &self.source_ip_prefix);
        out.put("destination_ip_prefix", &self.destination_ip_prefix);
        out.put("excluded", &self.excluded);
    }
}

impl Collection for MeteringLabel {
    const PLURAL: &'static str = "metering_labels";
    const PATH: &'static str = "metering/metering-labels";
    const ATTRIBUTES: &'static [&'static str] = &["id", "name", "description", "project_id", "tenant_id", "shared"];
    type New = MeteringLabelSpec;
    type Change = ();

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<MeteringLabelSpec> {
        Ok(MeteringLabelSpec {
            project_id: attrs.project()?,
            name: attrs.text("name", TEXT)?.unwrap_or_default(),
            description: attrs.text("description", LONG_TEXT)?.unwrap_or_default(),
            shared: attrs.boolean("shared")?.unwrap_or(false),
        })
    }

    /// A label stays as it was made.
    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<()> {
        attrs.not_in_put(Self::ATTRIBUTES)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<MeteringLabelSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| metering::create_label(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, _actor: &Actor, id: &MeteringLabelId, _change: ()) -> Result<Arc<Self>> {
        tx.get(id)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &MeteringLabelId) -> Result<()> {
        metering::delete_label(tx, actor, *id)
    }
}

impl Collection for MeteringLabelRule {
    const PLURAL: &'static str = "metering_label_rules";
    const PATH: &'static str = "metering/metering-label-rules";
    const ATTRIBUTES: &'static [&'static str] = &[
        "id",
        "metering_label_id",
        "direction",
        "remote_ip_prefix",
        "source_ip_prefix",
        "destination_ip_prefix",
        "excluded",
    ];
    type New = MeteringLabelRuleSpec;
    type Change = ();

    fn read_new(attrs: &mut Attrs, _ctx: &Ctx) -> Result<MeteringLabelRuleSpec> {
        // A rule is its label's owner's, whoever is named.
        attrs.project()?;
        Ok(MeteringLabelRuleSpec {
            metering_label_id: attrs.required_id("metering_label_id")?,
            direction: direction(attrs)?.ok_or_else(|| missing("direction"))?,
            remote_ip_prefix: prefix(attrs, "remote_ip_prefix")?,
            source_ip_prefix: prefix(attrs, "source_ip_prefix")?,
            destination_ip_prefix: prefix(attrs, "destination_ip_prefix")?,
            excluded: attrs.boolean("excluded")?.unwrap_or(false),
        })
    }

    /// A rule stays as it was made.
    fn read_change(attrs: &mut Attrs, _ctx: &Ctx) -> Result<()> {
        attrs.not_in_put(Self::ATTRIBUTES)
    }

    fn create(tx: &mut Tx<'_>, actor: &Actor, new: Vec<MeteringLabelRuleSpec>) -> Result<Vec<Arc<Self>>> {
        new.into_iter()
            .map(|spec| metering::create_rule(tx, actor, spec))
            .collect()
    }

    fn update(tx: &mut Tx<'_>, _actor: &Actor, id: &MeteringLabelRuleId, _change: ()) -> Result<Arc<Self>> {
        tx.get(id)
    }

    fn delete(tx: &mut Tx<'_>, actor: &Actor, id: &MeteringLabelRuleId) -> Result<()> {
        metering::delete_rule(tx, actor, *id)
    }
}

/// An address or a prefix; null and an empty text are none.
fn prefix(attrs: &mut Attrs, name: &str) -> Result<Option<IpNet>> {
    match attrs.take(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => ip_or_cidr(name, &value)
            .map(Some)
            .map_err(|_| Error::invalid("Invalid", format!("{name}: {} is invalid.", shown(&value)))),
    }
}
