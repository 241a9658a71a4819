//! Limits of the storage itself; the way through HTTP is tested in `api`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::stream;
use model::ErrorKind;
use model::image::ImageStatus;
use serde_json::json;

use super::*;
use crate::{ConsoleFiles, Options, auth, system_clock};

fn admin() -> Actor {
    Actor {
        user_id: "u".into(),
        user_domain_id: "default".into(),
        scope: model::Scope::Project {
            id: "p".into(),
            domain_id: "default".into(),
        },
        roles: BTreeSet::from(["admin".to_owned()]),
    }
}

async fn start(dir: &Path, settings: impl FnOnce(&mut Settings)) -> ImageStore {
    let control = Control::start(Options {
        store: store::Store::open(dir).unwrap(),
        clock: system_clock(),
        host: "host-1".into(),
        plan: model::plan::Settings::default(),
        auth: auth::Settings::default(),
        console: Arc::new(ConsoleFiles {
            servers: dir.join("servers"),
        }),
    })
    .unwrap();
    let mut image_settings = Settings::new(dir.join("images"));
    settings(&mut image_settings);
    ImageStore::open(control, image_settings).await.unwrap()
}

fn raw() -> Map<String, Value> {
    match json!({"disk_format": "raw", "container_format": "bare"}) {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

fn pieces(count: usize, length: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + 'static {
    stream::iter((0..count).map(move |_| Ok(Bytes::from(vec![1; length]))))
}

async fn check_refused(store: &ImageStore, kind: ErrorKind, words: &str) {
    let image = store.create(admin(), raw()).await.unwrap();
    let error = store.upload(admin(), image.id, pieces(11, 1000)).await.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(words), "{error}");
    let cloud = store.inner.control.cloud();
    assert_eq!(cloud.images.get(&image.id).unwrap().status, ImageStatus::Queued);
    assert_eq!(std::fs::read_dir(&store.inner.settings.dir).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_above_the_largest_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path(), |settings| settings.max_image_bytes = 10_999).await;
    check_refused(&store, ErrorKind::OverLimit, "10999 bytes").await;
    let image = store.create(admin(), raw()).await.unwrap();
    assert!(store.upload(admin(), image.id, pieces(1, 10_999)).await.is_ok());
}

#[tokio::test]
async fn the_last_of_the_disk_is_left_to_the_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path(), |settings| settings.reserve_bytes = u64::MAX).await;
    check_refused(&store, ErrorKind::OverLimit, "not enough disk space").await;
}

#[tokio::test]
async fn a_directory_that_can_not_be_written_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path(), |_| ()).await;
    let image = store.create(admin(), raw()).await.unwrap();
    std::fs::remove_dir(&store.inner.settings.dir).unwrap();
    let error = store.upload(admin(), image.id, pieces(1, 1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(!error.message.contains(&*dir.path().to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_projects_quota_counts_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path(), |_| ()).await;
    let control = store.inner.control.clone();
    let limits = std::collections::BTreeMap::from([("image_size_total".to_owned(), 1)]);
    let quota = model::quota::Quota {
        project_id: "p".into(),
        limits,
    };
    control.transact(move |tx| Ok(tx.put(quota))).await.unwrap();
    let first = store.create(admin(), raw()).await.unwrap();
    store
        .upload(admin(), first.id, pieces(1, (1 << 20) - 5_000))
        .await
        .unwrap();
    let second = store.create(admin(), raw()).await.unwrap();
    let error = store.upload(admin(), second.id, pieces(11, 1000)).await.unwrap_err();
    assert!(error.message.contains("image_size_total"), "{error}");
    store.delete(admin(), first.id).await.unwrap();
    assert!(store.upload(admin(), second.id, pieces(11, 1000)).await.is_ok());
}

#[tokio::test]
async fn a_file_is_imported_wholly_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = start(dir.path(), |_| ()).await;
    let path = dir.path().join("disk");
    std::fs::write(&path, b"QFI\xfb\0\0\0\x03").unwrap();
    assert!(store.import_file(admin(), raw(), &path).await.is_err());
    assert!(
        store
            .import_file(admin(), raw(), &dir.path().join("none"))
            .await
            .is_err()
    );
    assert!(store.inner.control.cloud().images.is_empty());
    std::fs::write(&path, vec![3; 1_000_000]).unwrap();
    let image = store.import_file(admin(), raw(), &path).await.unwrap();
    assert_eq!((image.status, image.size), (ImageStatus::Active, Some(1_000_000)));
    assert_eq!(std::fs::read(store.path(image.id)).unwrap(), vec![3; 1_000_000]);
}
