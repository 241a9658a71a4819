//! The rules as tables, and the life of an image under every order of events.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::image_format::Inspector;
use crate::{Actor, Cloud, DomainId, ErrorKind, Result, Scope, SeededIds, Timestamp, Tx};

fn actor(project: &str, roles: &[&str]) -> Actor {
    Actor {
        user_id: "u".into(),
        user_domain_id: "default".into(),
        scope: Scope::Project {
            id: project.into(),
            domain_id: DomainId::from("default"),
        },
        roles: roles.iter().map(|role| (*role).to_owned()).collect::<BTreeSet<_>>(),
    }
}

fn member() -> Actor {
    actor("p", &["member", "reader"])
}

fn admin() -> Actor {
    actor("a", &["admin", "member", "reader"])
}

/// A cloud that rules are run over one after another.
struct World {
    cloud: Cloud,
    ids: SeededIds,
}

impl World {
    fn new() -> Self {
        Self {
            cloud: Cloud::default(),
            ids: SeededIds::new(7),
        }
    }

    fn run<T>(&mut self, rule: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut tx = Tx::begin(self.cloud.clone(), Timestamp::EPOCH, &mut self.ids);
        let outcome = rule(&mut tx)?;
        self.cloud = tx.finish().0;
        Ok(outcome)
    }

    fn create(&mut self, actor: &Actor, body: Value) -> Result<std::sync::Arc<Image>> {
        let Value::Object(body) = body else { panic!("an object") };
        self.run(|tx| create(tx, actor, &body))
    }

    fn raw(&mut self) -> crate::ImageId {
        let body = json!({"disk_format": "raw", "container_format": "bare"});
        self.create(&member(), body).unwrap().id
    }
}

fn data() -> StoredData {
    StoredData {
        size: 4,
        virtual_size: Some(4),
        md5: "m".into(),
        sha512: "s".into(),
    }
}

#[test]
fn attributes_are_checked_one_by_one() {
    let cases = [
        (
            json!({"name": "x", "min_disk": 1, "anything": "goes", "tags": ["a", "a"]}),
            None,
        ),
        (json!({"name": null, "kernel_id": null}), None),
        (json!({"name": 5}), Some(ErrorKind::Invalid)),
        (json!({"name": "x".repeat(256)}), Some(ErrorKind::Invalid)),
        (json!({"min_disk": -1}), Some(ErrorKind::Invalid)),
        (json!({"min_ram": 1u64 << 31}), Some(ErrorKind::Invalid)),
        (json!({"protected": "true"}), Some(ErrorKind::Invalid)),
        (json!({"visibility": "secret"}), Some(ErrorKind::Invalid)),
        (json!({"visibility": "public"}), Some(ErrorKind::Forbidden)),
        (json!({"visibility": "community"}), None),
        (json!({"disk_format": "floppy"}), Some(ErrorKind::Invalid)),
        (json!({"disk_format": "qcow2", "container_format": "bare"}), None),
        (json!({"container_format": "ova"}), Some(ErrorKind::Invalid)),
        (json!({"anything": 5}), Some(ErrorKind::Invalid)),
        (json!({"kernel_id": "no uuid"}), Some(ErrorKind::Invalid)),
        (json!({"status": "active"}), Some(ErrorKind::Forbidden)),
        (json!({"checksum": "0"}), Some(ErrorKind::Forbidden)),
        (json!({"locations": []}), Some(ErrorKind::Forbidden)),
        (json!({"os_glance_x": "1"}), Some(ErrorKind::Forbidden)),
        (json!({"owner": "q"}), Some(ErrorKind::Forbidden)),
        (json!({"owner": "p"}), None),
        (json!({"id": "nonsense"}), Some(ErrorKind::Invalid)),
        (json!({"tags": ["x".repeat(256)]}), Some(ErrorKind::Invalid)),
        (
            json!({"tags": (0..129).map(|n| n.to_string()).collect::<Vec<_>>()}),
            Some(ErrorKind::OverLimit),
        ),
        (json!({"p": "x".repeat(300_000)}), Some(ErrorKind::OverLimit)),
    ];
    for (body, expected) in cases {
        let outcome = World::new().create(&member(), body.clone());
        assert_eq!(outcome.err().map(|error| error.kind), expected, "{body}");
    }
    let public = json!({"visibility": "public", "owner": "q"});
    assert_eq!(World::new().create(&admin(), public).unwrap().owner, Some("q".into()));
}

#[test]
fn the_number_of_properties_and_of_images_is_bounded() {
    let many: Map<String, Value> = (0..129).map(|n| (format!("p{n}"), json!("v"))).collect();
    let error = World::new().create(&member(), Value::Object(many)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OverLimit);
    let mut world = World::new();
    for _ in 0..100 {
        world.raw();
    }
    assert_eq!(
        world.create(&member(), json!({})).unwrap_err().kind,
        ErrorKind::OverQuota
    );
    assert!(
        world.create(&admin(), json!({})).is_ok(),
        "another project's quota is its own"
    );
}

#[test]
fn an_id_is_taken_once() {
    let mut world = World::new();
    let body = json!({"id": "11111111-2222-3333-4444-555555555555"});
    world.create(&member(), body.clone()).unwrap();
    assert_eq!(world.create(&admin(), body).unwrap_err().kind, ErrorKind::Conflict);
}

#[test]
fn both_kinds_of_patch() {
    use PatchAction::{Add, Remove, Replace};
    use PatchMode::{Draft4, Draft10};
    let cases = [
        (Draft10, "p", Add(json!("1")), None),
        (Draft10, "have", Add(json!("1")), None),
        (Draft4, "have", Add(json!("1")), Some(ErrorKind::Conflict)),
        (Draft4, "name", Add(json!("1")), Some(ErrorKind::Conflict)),
        (Draft10, "have", Replace(json!("1")), None),
        (Draft10, "p", Replace(json!("1")), Some(ErrorKind::Conflict)),
        (Draft10, "have", Remove, None),
        (Draft10, "p", Remove, Some(ErrorKind::Conflict)),
        (Draft10, "name", Remove, Some(ErrorKind::Forbidden)),
        (Draft10, "id", Replace(json!("1")), Some(ErrorKind::Forbidden)),
        (Draft10, "status", Replace(json!("active")), Some(ErrorKind::Forbidden)),
        (Draft10, "deleted", Add(json!("1")), Some(ErrorKind::Forbidden)),
        (
            Draft10,
            "visibility",
            Replace(json!("public")),
            Some(ErrorKind::Forbidden),
        ),
        (Draft10, "disk_format", Replace(json!("qcow2")), None),
        (Draft10, "tags", Replace(json!(["a"])), None),
        (Draft10, "min_disk", Replace(json!("3")), Some(ErrorKind::Invalid)),
    ];
    for (mode, name, action, expected) in cases {
        let mut world = World::new();
        let id = world.create(&member(), json!({"have": "0"})).unwrap().id;
        let patch = [PatchOperation {
            name: name.to_owned(),
            action: action.clone(),
        }];
        let outcome = world.run(|tx| update(tx, &member(), id, mode, &patch));
        assert_eq!(
            outcome.err().map(|error| error.kind),
            expected,
            "{mode:?} {name} {action:?}"
        );
    }
}

#[test]
fn formats_are_fixed_once_there_is_data() {
    let mut world = World::new();
    let id = world.raw();
    let upload = world.run(|tx| begin_upload(tx, &member(), id)).unwrap();
    world.run(|tx| finish_upload(tx, &upload, data())).unwrap();
    let patch = |value: &str| {
        [PatchOperation {
            name: "disk_format".to_owned(),
            action: PatchAction::Replace(json!(value)),
        }]
    };
    let same = world.run(|tx| update(tx, &member(), id, PatchMode::Draft10, &patch("raw")));
    assert!(same.is_ok());
    let other = world.run(|tx| update(tx, &member(), id, PatchMode::Draft10, &patch("qcow2")));
    assert_eq!(other.unwrap_err().kind, ErrorKind::Forbidden);
}

#[test]
fn others_see_what_the_visibility_says() {
    let stranger = actor("q", &["member", "reader"]);
    for (visibility, by_id, in_list) in [
        ("public", true, true),
        ("community", true, false),
        ("shared", false, false),
        ("private", false, false),
    ] {
        let mut world = World::new();
        let image = world.create(&admin(), json!({"visibility": visibility})).unwrap();
        assert_eq!(may_see(&stranger, &image), by_id, "{visibility}");
        assert_eq!(in_default_list(&stranger, &image), in_list, "{visibility}");
        let kind = world.run(|tx| delete(tx, &stranger, image.id)).unwrap_err().kind;
        let expected = if by_id {
            ErrorKind::Forbidden
        } else {
            ErrorKind::NotFound
        };
        assert_eq!(kind, expected, "{visibility}");
    }
}

#[test]
fn a_protected_image_stays() {
    let mut world = World::new();
    let id = world.create(&member(), json!({"protected": true})).unwrap().id;
    assert_eq!(
        world.run(|tx| delete(tx, &member(), id)).unwrap_err().kind,
        ErrorKind::Forbidden
    );
    assert_eq!(
        world.run(|tx| delete(tx, &admin(), id)).unwrap_err().kind,
        ErrorKind::Forbidden
    );
}

#[test]
fn an_upload_needs_formats_and_the_right_to_change() {
    let mut world = World::new();
    let id = world.create(&member(), json!({"disk_format": "raw"})).unwrap().id;
    let kind = world.run(|tx| begin_upload(tx, &member(), id)).unwrap_err().kind;
    assert_eq!(kind, ErrorKind::Invalid);
    let id = world.raw();
    let stranger = actor("q", &["member"]);
    let kind = world.run(|tx| begin_upload(tx, &stranger, id)).unwrap_err().kind;
    assert_eq!(kind, ErrorKind::NotFound);
}

#[test]
fn an_image_made_anew_under_the_same_id_does_not_get_the_old_data() {
    let mut world = World::new();
    let id = world.raw();
    let old = world.run(|tx| begin_upload(tx, &member(), id)).unwrap();
    world.run(|tx| delete(tx, &member(), id)).unwrap();
    let body = json!({"id": id.to_string(), "disk_format": "raw", "container_format": "bare"});
    world.create(&member(), body).unwrap();
    let new = world.run(|tx| begin_upload(tx, &member(), id)).unwrap();
    let error = world.run(|tx| finish_upload(tx, &old, data())).unwrap_err();
    assert_eq!(error.code, "HTTPGone");
    world.run(|tx| abort_upload(tx, &old)).unwrap();
    assert!(world.run(|tx| finish_upload(tx, &new, data())).is_ok());
}

#[test]
fn interrupted_uploads_wait_again() {
    let mut world = World::new();
    let ids: Vec<_> = (0..5).map(|_| world.raw()).collect();
    for id in &ids {
        world.run(|tx| begin_upload(tx, &member(), *id)).unwrap();
    }
    assert_eq!(world.run(|tx| reset_interrupted_uploads(tx, 3)).unwrap(), 3);
    assert_eq!(world.run(|tx| reset_interrupted_uploads(tx, 3)).unwrap(), 2);
    assert!(
        ids.iter()
            .all(|id| world.cloud.images.get(id).unwrap().status == ImageStatus::Queued)
    );
}

#[test]
fn data_must_be_what_was_declared() {
    let inspect = |bytes: &[u8]| {
        let mut inspector = Inspector::new();
        inspector.feed(bytes);
        inspector.finish()
    };
    let plain = inspect(&[7; 4096]);
    let mut header = vec![0u8; 4096];
    header[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    let qcow2 = inspect(&header);
    assert!(check_data("raw", &plain, true).is_ok());
    assert!(check_data("ari", &plain, true).is_ok());
    for complete in [false, true] {
        let error = check_data("raw", &qcow2, complete).unwrap_err();
        assert_eq!(error.code, "HTTPUnsupportedMediaType");
        let error = check_data("qcow2", &plain, complete).unwrap_err();
        assert!(error.message.contains("'raw'"), "{error}");
    }
    // Each known format is taken as itself and as nothing else, an ISO image never as a plain disk.
    let mut iso = vec![0u8; 40 << 10];
    iso[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    let iso = inspect(&iso);
    assert!(check_data("iso", &iso, true).is_ok());
    for (format, found) in [
        ("raw", &iso),
        ("vmdk", &iso),
        ("iso", &plain),
        ("vmdk", &plain),
        ("vhdx", &plain),
    ] {
        let error = check_data(format, found, true).unwrap_err();
        assert_eq!(error.code, "HTTPUnsupportedMediaType", "{format}");
    }
    // An odd header may only be cut short, so it counts at the end.
    assert!(check_data("qcow2", &qcow2, false).is_ok());
    assert!(check_data("qcow2", &qcow2, true).is_err());
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Begin,
    Finish,
    Abort,
    Deactivate,
    Reactivate,
    Delete,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        Just(Event::Begin),
        Just(Event::Finish),
        Just(Event::Abort),
        Just(Event::Deactivate),
        Just(Event::Reactivate),
        Just(Event::Delete),
        Just(Event::Restart),
    ];
    proptest::collection::vec(event, 0..24)
}

proptest! {
    /// Whatever happens in whatever order: active data never changes, and an upload is named exactly while one is under way.
    #[test]
    fn the_states_of_an_image_hold(events in events()) {
        let mut world = World::new();
        let id = world.raw();
        let mut uploads: Vec<Upload> = Vec::new();
        let mut entered: Option<String> = None;
        for (number, event) in events.into_iter().enumerate() {
            match event {
                Event::Begin => {
                    let _ = world.run(|tx| begin_upload(tx, &member(), id)).map(|upload| uploads.push(upload));
                }
                Event::Finish => {
                    // Every upload that was ever begun tries; at most one can succeed.
                    for upload in &uploads {
                        let data = StoredData { sha512: number.to_string(), ..data() };
                        if world.run(|tx| finish_upload(tx, upload, data)).is_ok() {
                            prop_assert!(entered.is_none());
                            entered = Some(number.to_string());
                        }
                    }
                }
                Event::Abort => for upload in &uploads {
                    world.run(|tx| abort_upload(tx, upload)).unwrap();
                },
                Event::Deactivate => { let _ = world.run(|tx| deactivate(tx, &member(), id)); }
                Event::Reactivate => { let _ = world.run(|tx| reactivate(tx, &member(), id)); }
                Event::Delete => { let _ = world.run(|tx| delete(tx, &member(), id)); }
                Event::Restart => { world.run(|tx| reset_interrupted_uploads(tx, 128)).unwrap(); }
            }
            let Some(image) = world.cloud.images.get(&id) else { break };
            prop_assert_eq!(image.status == ImageStatus::Saving, image.upload_id.is_some());
            prop_assert_eq!(image.status.has_data(), image.checksum.is_some());
            prop_assert_eq!(&image.os_hash_value, &entered);
        }
    }
}
