//! What the wizard's form says so far. It is read the same way for the page, for what the page says while it is filled in, and
//! for the launch; what is not there, or not the visitor's to use, is as if it was not chosen.

use std::sync::Arc;

use model::compute::{Flavor, ServerFlavor, ServerGroup, flavor, server_group};
use model::image::{self, Image};
use model::network::access::get_visible;
use model::network::{Network, Port, SecurityGroup};
use model::volume::{SourceWish, Volume, VolumeSnapshot, smallest_gib, snapshot};

use super::choices::Offer;
use super::reach::{Opening, Openings};
use super::{choices, reach};
use crate::form::Fields;
use crate::ui::Choice;
use crate::visit::Visit;

/// The most servers of one request (Nova's own limit).
pub(super) const MOST_SERVERS: u64 = 1000;

/// What a server starts from, as the form asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An image.
    Image,
    /// An image that was made of a server.
    Copy,
    /// A volume.
    Volume,
    /// A snapshot of a volume.
    Snapshot,
}

impl Kind {
    /// Every kind, in the form's order.
    pub const ALL: [Self; 4] = [Self::Image, Self::Copy, Self::Volume, Self::Snapshot];

    /// In the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Copy => "copy",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What a server starts from.
#[derive(Debug, Clone)]
pub(super) enum Root {
    /// An image, on a disk of the flavor's or in a new volume.
    Image(Arc<Image>),
    /// A volume that is there.
    Volume(Arc<Volume>),
    /// A new volume from a snapshot.
    Snapshot(Arc<VolumeSnapshot>),
}

impl Root {
    /// Its id, as the form says it.
    pub fn id(&self) -> String {
        match self {
            Self::Image(image) => image.id.to_string(),
            Self::Volume(volume) => volume.id.to_string(),
            Self::Snapshot(snapshot) => snapshot.id.to_string(),
        }
    }
}

/// One network interface.
#[derive(Debug, Clone)]
pub(super) enum Nic {
    /// A port to be made on it.
    Network(Arc<Network>),
    /// A port that is there.
    Port(Arc<Port>),
}

impl Nic {
    /// As the form says it.
    pub fn value(&self) -> String {
        match self {
            Self::Network(network) => format!("network:{}", network.id),
            Self::Port(port) => format!("port:{}", port.id),
        }
    }
}

/// What the form says so far.
pub(super) struct Wish<'a> {
    /// The form itself, for what is only passed on.
    pub fields: &'a Fields,
    /// How many.
    pub count: u64,
    /// What kind of thing they start from.
    pub kind: Kind,
    /// What they start from.
    pub root: Option<Root>,
    /// The image goes into a new volume.
    pub into_volume: bool,
    /// How large the new volume is, GiB.
    pub size_gib: Option<u64>,
    /// The volume goes with the server.
    pub deletes_volume: bool,
    /// The flavor.
    pub flavor: Option<Arc<Flavor>>,
    /// Network interfaces, in order.
    pub nics: Vec<Nic>,
    /// No network is wanted.
    pub without_network: bool,
    /// Security groups.
    pub groups: Vec<Arc<SecurityGroup>>,
    /// What is to be open besides.
    pub open: Vec<Opening>,
    /// The key pair's name.
    pub key: Option<String>,
    /// The server group.
    pub server_group: Option<Arc<ServerGroup>>,
}

impl<'a> Wish<'a> {
    /// As the form says it, or an address that leads to the form.
    pub fn read(visit: &Visit, fields: &'a Fields) -> Self {
        let (cloud, actor) = (visit.cloud(), visit.actor());
        let (kind, root) = read_root(visit, fields);
        let flavor = fields
            .text("flavor")
            .and_then(|id| flavor::get_visible(cloud, actor, &id.into()).ok());
        let quick = [("allow_ping", Opening::PING), ("allow_ssh", Opening::SSH)];
        let own_groups = choices::groups(visit);
        let chosen: Vec<&str> = fields.all("group").collect();
        let key = fields
            .text("key")
            .filter(|name| choices::keys(visit).iter().any(|key| key.name == *name));
        Self {
            fields,
            count: fields
                .text("count")
                .and_then(|count| count.parse().ok())
                .unwrap_or(1)
                .clamp(1, MOST_SERVERS),
            kind,
            root,
            into_volume: fields.is_set("into_volume") && matches!(kind, Kind::Image | Kind::Copy),
            size_gib: fields
                .text(if kind == Kind::Snapshot {
                    "snapshot_size"
                } else {
                    "volume_size"
                })
                .and_then(|size| size.parse().ok()),
            deletes_volume: fields.is_set("delete_volume"),
            flavor,
            nics: read_nics(visit, fields),
            without_network: fields.is_set("without_network"),
            groups: own_groups
                .into_iter()
                .filter(|group| chosen.contains(&group.id.to_string().as_str()))
                .collect(),
            open: quick
                .into_iter()
                .filter(|(name, _)| fields.is_set(name))
                .map(|(_, opening)| opening)
                .collect(),
            key: key.map(str::to_owned),
            server_group: fields
                .text("server_group")
                .and_then(|id| id.parse().ok())
                .and_then(|id| server_group::get_visible(cloud, actor, id).ok()),
        }
    }

    /// For a form that is opened: without what an address named and can't be taken, and with what needs no choice, as there is
    /// only one.
    pub fn with_defaults(mut self, visit: &Visit) -> Self {
        let is_out = |all: &[Choice], value: &str| all.iter().any(|choice| choice.is_out && choice.value == value);
        let sources = choices::of_kind(visit, self.kind);
        self.root = self.root.filter(|root| !is_out(&sources, &root.id()));
        if self.root.is_none() && self.kind == Kind::Image {
            self.root = only(choices::images(visit, Kind::Image), |image| {
                choices::image_fault(visit.t(), image).is_none()
            })
            .map(Root::Image);
        }
        let networks = choices::network_choices(visit);
        self.nics.retain(|nic| !is_out(&networks, &nic.value()));
        if self.nics.is_empty() {
            let found = only(choices::networks(visit), |network| {
                choices::network_fault(visit, network).is_none()
            });
            self.nics.extend(found.map(Nic::Network));
        }
        if self.groups.is_empty() {
            let all = choices::groups(visit).into_iter();
            self.groups = all.filter(|group| group.is_default).collect();
        }
        if self.key.is_none() {
            self.key = only(choices::keys(visit), |_| true).map(|key| key.name.clone());
        }
        if let Some(flavor) = self.flavor.take() {
            let offers = choices::offers(visit, &self);
            let fits = |offer: &Offer| offer.flavor.id == flavor.id && offer.lacks.is_empty();
            self.flavor = offers.iter().any(fits).then_some(flavor);
        }
        self
    }

    /// The image that the flavor's own disk is made from; `None` when a volume is booted from, or nothing is chosen.
    pub fn local_image(&self) -> Option<&Arc<Image>> {
        match &self.root {
            Some(Root::Image(image)) if !self.into_volume && image.boot_snapshot().is_none() => Some(image),
            _ => None,
        }
    }

    /// What a new volume is made from, if one is.
    pub fn volume_source(&self) -> Option<SourceWish> {
        match &self.root {
            Some(Root::Image(image)) if self.into_volume || image.boot_snapshot().is_some() => {
                Some(SourceWish::Image(image.id))
            }
            Some(Root::Snapshot(snapshot)) => Some(SourceWish::Snapshot(snapshot.id)),
            _ => None,
        }
    }

    /// The smallest size of the new volume, GiB.
    pub fn smallest_volume(&self, visit: &Visit) -> Option<u64> {
        smallest_gib(visit.cloud(), visit.actor(), self.volume_source()?).ok()
    }

    /// The size of the new volume of each server, GiB; 0 without one.
    pub fn volume_gib(&self, visit: &Visit) -> u64 {
        match self.smallest_volume(visit) {
            Some(smallest) => self.size_gib.unwrap_or(smallest),
            None => 0,
        }
    }

    /// Bytes of the disk that the flavor must have; `None`: a volume is booted from.
    pub fn local_bytes(&self) -> Option<u64> {
        match (self.local_image(), &self.root) {
            (Some(image), _) => Some(image.virtual_size.or(image.size).unwrap_or(0)),
            (None, Some(_)) => None,
            (None, None) => Some(0),
        }
    }

    /// What the chosen groups let in.
    pub fn openings(&self, visit: &Visit) -> Openings {
        let ids: Vec<_> = self.groups.iter().map(|group| group.id).collect();
        reach::openings(visit.cloud(), &ids)
    }

    /// What no chosen group lets in, though it was asked for.
    pub fn to_open(&self, visit: &Visit) -> Vec<Opening> {
        if !self.has_own_ports() {
            return Vec::new();
        }
        let openings = self.openings(visit);
        self.open
            .iter()
            .filter(|opening| !openings.lets_anybody(opening))
            .cloned()
            .collect()
    }

    /// Whether ports are made for the servers: only those get the groups.
    pub fn has_own_ports(&self) -> bool {
        self.nics.iter().any(|nic| matches!(nic, Nic::Network(_)))
    }
}

/// The one that will do, if it is the only one.
fn only<T>(all: Vec<Arc<T>>, will_do: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let mut found = all.into_iter().filter(|each| will_do(each));
    found.next().filter(|_| found.next().is_none())
}

/// A flavor as servers keep it.
pub(super) fn as_kept(flavor: &Flavor) -> ServerFlavor {
    ServerFlavor::from(flavor)
}

fn read_root(visit: &Visit, fields: &Fields) -> (Kind, Option<Root>) {
    let (cloud, actor) = (visit.cloud(), visit.actor());
    let said = fields
        .text("source")
        .and_then(|word| Kind::ALL.into_iter().find(|kind| kind.as_str() == word));
    // An address names the thing alone.
    let kind = said.unwrap_or_else(|| {
        let named = [Kind::Volume, Kind::Snapshot, Kind::Copy]
            .into_iter()
            .find(|kind| fields.is_set(kind.as_str()));
        named.unwrap_or(Kind::Image)
    });
    let Some(id) = fields.text(kind.as_str()) else {
        return (kind, None);
    };
    match kind {
        Kind::Image | Kind::Copy => {
            let image = id.parse().ok().and_then(|id| image::show(cloud, actor, id).ok());
            let kind = match &image {
                Some(image) if said.is_none() && choices::is_copy(image) => Kind::Copy,
                _ => kind,
            };
            (kind, image.map(Root::Image))
        }
        Kind::Volume => {
            let volume = id
                .parse()
                .ok()
                .and_then(|id| model::volume::get_visible(cloud, actor, id).ok());
            (kind, volume.map(Root::Volume))
        }
        Kind::Snapshot => {
            let snapshot = id
                .parse()
                .ok()
                .and_then(|id| snapshot::get_visible(cloud, actor, id).ok());
            (kind, snapshot.map(Root::Snapshot))
        }
    }
}

/// `nic` is `network:<id>` or `port:<id>`, in order; an address says `network` and `port`.
fn read_nics(visit: &Visit, fields: &Fields) -> Vec<Nic> {
    let (cloud, actor) = (visit.cloud(), visit.actor());
    let network = |id: &str| {
        get_visible::<Network>(cloud, actor, &id.parse().ok()?)
            .ok()
            .map(Nic::Network)
    };
    let port = |id: &str| get_visible::<Port>(cloud, actor, &id.parse().ok()?).ok().map(Nic::Port);
    let of_form = fields.all("nic").filter_map(|nic| match nic.split_once(':')? {
        ("network", id) => network(id),
        ("port", id) => port(id),
        _ => None,
    });
    of_form
        .chain(fields.all("network").filter_map(network))
        .chain(fields.all("port").filter_map(port))
        .collect()
}
