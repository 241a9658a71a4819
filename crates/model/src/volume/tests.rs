//! Rules of block storage, without a host.

use std::collections::BTreeMap;

use super::attachment::NewAttachment;
use super::snapshot::NewSnapshot;
use super::*;
use crate::{Actor, Cloud, ErrorKind, Scope, SeededIds, Timestamp, Tx};

fn actor(project: &str) -> Actor {
    Actor {
        user_id: "user".into(),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: project.into(),
            domain_id: "default".into(),
        },
        roles: ["member".to_owned()].into(),
    }
}

fn blank(size_gib: u64) -> NewVolume {
    NewVolume {
        group_id: None,
        name: None,
        description: None,
        size_gib: Some(size_gib),
        source: SourceWish::Blank,
        volume_type: None,
        metadata: BTreeMap::new(),
        multiattach: false,
        request_id: String::new(),
    }
}

fn with<T>(work: impl FnOnce(&mut Tx<'_>) -> T) -> T {
    let mut ids = SeededIds::new(1);
    let mut tx = Tx::begin(Cloud::default(), Timestamp::from_unix_seconds(1), &mut ids);
    types::ensure_default(&mut tx);
    work(&mut tx)
}

fn made(tx: &mut Tx<'_>, actor: &Actor, size_gib: u64) -> VolumeId {
    let place = Place {
        host: "h".into(),
        zone: "nova".to_owned(),
    };
    let id = create(tx, actor, &blank(size_gib), &place).unwrap().id;
    tx.update::<Volume>(&id, |volume| {
        volume.status = VolumeStatus::Available;
        volume.is_made = true;
    })
    .unwrap();
    id
}

fn status(tx: &Tx<'_>, id: VolumeId) -> VolumeStatus {
    tx.cloud().volumes.get(&id).unwrap().status
}

#[test]
fn another_projects_volume_is_not_there() {
    with(|tx| {
        let id = made(tx, &actor("a"), 1);
        let error = get_visible(tx.cloud(), &actor("b"), id).unwrap_err();
        assert_eq!(error, <Volume as crate::Row>::not_found(&id));
    });
}

#[test]
fn a_status_follows_the_attachments() {
    with(|tx| {
        let a = actor("a");
        let id = made(tx, &a, 1);
        attachment::reserve(tx, &a, id).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Attaching);
        assert!(attachment::reserve(tx, &a, id).is_err());
        attachment::unreserve(tx, &a, id).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Available);
        let made = attachment::create(tx, &a, id, NewAttachment::default()).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Reserved);
        attachment::advance(tx, &a, made.id, Some(Default::default())).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Attaching);
        attachment::advance(tx, &a, made.id, None).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::InUse);
        assert!(delete(tx, &a, id, Deletion::default()).is_err());
        attachment::delete(tx, &a, made.id).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Available);
    });
}

#[test]
fn one_of_several_servers_that_lets_go_shows() {
    with(|tx| {
        let a = actor("a");
        let id = made(tx, &a, 1);
        tx.update::<Volume>(&id, |volume| volume.multiattach = true).unwrap();
        let both = [(); 2].map(|()| {
            let made = attachment::create(tx, &a, id, NewAttachment::default()).unwrap();
            attachment::advance(tx, &a, made.id, None).unwrap().id
        });
        assert_eq!(status(tx, id), VolumeStatus::InUse);
        tx.update::<VolumeAttachment>(&both[0], |each| each.status = AttachmentStatus::Detaching)
            .unwrap();
        attachment::settle(tx, id).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Detaching);
        attachment::delete(tx, &a, both[0]).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::InUse);
    });
}

#[test]
fn sizes_only_grow_and_count() {
    with(|tx| {
        let a = actor("a");
        let id = made(tx, &a, 600);
        let place = Place {
            host: "h".into(),
            zone: "nova".to_owned(),
        };
        let error = create(tx, &a, &blank(401), &place).unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (ErrorKind::OverLimit, "VolumeSizeExceedsAvailableQuota")
        );
        assert!(extend(tx, &a, id, 600, false, uuid::Uuid::nil()).is_err());
        assert!(extend(tx, &a, id, 1001, false, uuid::Uuid::nil()).is_err());
        assert_eq!(
            extend(tx, &a, id, 1000, false, uuid::Uuid::nil()).unwrap().status,
            VolumeStatus::Extending
        );
        // What grows is not touched otherwise.
        assert!(delete(tx, &a, id, Deletion::default()).is_err());
    });
}

#[test]
fn what_is_copied_stays_until_the_copy_is_there() {
    with(|tx| {
        let a = actor("a");
        let id = made(tx, &a, 1);
        let place = Place {
            host: "h".into(),
            zone: "nova".to_owned(),
        };
        let new = NewVolume {
            source: SourceWish::Volume(id),
            size_gib: None,
            ..blank(1)
        };
        let copy = create(tx, &a, &new, &place).unwrap();
        assert_eq!(copy.size_gib, 1);
        assert!(delete(tx, &a, id, Deletion::default()).is_err());
        tx.update::<Volume>(&copy.id, |copy| {
            copy.is_made = true;
            copy.status = VolumeStatus::Available;
        })
        .unwrap();
        delete(tx, &a, id, Deletion::default()).unwrap();
        assert_eq!(status(tx, id), VolumeStatus::Deleting);
    });
}

#[test]
fn snapshots_hold_their_volume() {
    with(|tx| {
        let a = actor("a");
        let id = made(tx, &a, 1);
        let new = NewSnapshot {
            volume_id: id,
            name: None,
            description: None,
            metadata: BTreeMap::new(),
            may_be_used: false,
        };
        let snapshot = snapshot::create(tx, &a, new).unwrap();
        assert!(delete(tx, &a, id, Deletion::default()).is_err());
        let how = Deletion {
            cascade: true,
            force: false,
        };
        delete(tx, &a, id, how).unwrap();
        let snapshot = tx.get::<VolumeSnapshot>(&snapshot.id).unwrap();
        assert_eq!(snapshot.status, SnapshotStatus::Deleting);
    });
}

#[test]
fn a_type_that_no_host_satisfies_gives_an_error_with_its_reason() {
    with(|tx| {
        let a = actor("a");
        let new = types::NewType {
            name: "fast".to_owned(),
            description: None,
            is_public: true,
            extra_specs: BTreeMap::from([("vendor_name".to_owned(), "Other".to_owned())]),
        };
        types::create(tx, new).unwrap();
        let place = Place {
            host: "h".into(),
            zone: "nova".to_owned(),
        };
        let wanted = NewVolume {
            volume_type: Some("fast".to_owned()),
            ..blank(1)
        };
        let volume = create(tx, &a, &wanted, &place).unwrap();
        assert_eq!(volume.status, VolumeStatus::Error);
        assert!(volume.fault.as_deref().unwrap().contains("vendor_name"));
        delete(tx, &a, volume.id, Deletion::default()).unwrap();
        assert!(!tx.cloud().volumes.contains(&volume.id));
    });
}
