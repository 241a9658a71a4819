//! `maru image create` and `list`: the two things a new administrator needs, without another program.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use model::image_format::{ImageFormat, Inspector, PREFIX_LIMIT_BYTES};
use serde_json::{Value, json};

use crate::client::Client;
use crate::output::{Mark, Output, human_bytes};
use crate::state_dir::StateDir;

/// What a disk image is by its beginning, in Glance's words.
pub fn detect(path: &Path) -> anyhow::Result<&'static str> {
    let cannot = || format!("{} can't be read", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut start = Vec::new();
    file.take(PREFIX_LIMIT_BYTES as u64)
        .read_to_end(&mut start)
        .with_context(cannot)?;
    let mut inspector = Inspector::new();
    inspector.feed(&start);
    match inspector.finish().format {
        ImageFormat::Qcow2 => Ok("qcow2"),
        ImageFormat::Raw | ImageFormat::Iso => Ok("raw"),
        other => bail!(
            "{} is a {other} image; convert it first: qemu-img convert -O qcow2 {0} {0}.qcow2",
            path.display()
        ),
    }
}

/// Registers a file as an image and uploads it.
pub async fn create(state: &StateDir, name: &str, file: &Path, public: bool, output: &Output) -> anyhow::Result<()> {
    let size = std::fs::metadata(file)
        .with_context(|| format!("{} can't be read", file.display()))?
        .len();
    let client = Client::log_in(state, "maru").await?;
    let body = json!({
        "name": name, "disk_format": detect(file)?, "container_format": "bare",
        "visibility": if public { "public" } else { "shared" },
    });
    let image = client.post("/image/v2/images", body).await?;
    let id = image["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/image/v2/images/{id}");
    if let Err(error) = upload(&client, &path, file, size, output).await {
        // Nothing of a failed upload is of use.
        client.delete(&path).await?;
        return Err(error);
    }
    let image = client.get(&path).await?;
    if output.json {
        return output.data(&image);
    }
    output.marked(Mark::Ok, output.lang.image_made(name, id, human_bytes(size)));
    Ok(())
}

async fn upload(client: &Client, path: &str, file: &Path, size: u64, output: &Output) -> anyhow::Result<()> {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let path = format!("{path}/file");
    let upload = client.upload(&path, file, move |bytes| counter.store(bytes, Ordering::Relaxed));
    tokio::pin!(upload);
    let mut progress = output.progress(output.lang.uploading(file.display()));
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            outcome = &mut upload => return outcome,
            _ = tick.tick() => {
                let sent = sent.load(Ordering::Relaxed);
                progress.show(&format!("{} / {}", human_bytes(sent), human_bytes(size)));
            }
        }
    }
}

/// Shows all images.
pub async fn list(state: &StateDir, output: &Output) -> anyhow::Result<()> {
    let client = Client::log_in(state, "maru").await?;
    let mut images = Vec::new();
    let mut next = Some("/v2/images?limit=100&sort=name:asc".to_owned());
    while let Some(path) = next {
        let mut page = client.get(&format!("/image{path}")).await?;
        if let Value::Array(list) = page["images"].take() {
            images.extend(list);
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    if output.json {
        return output.data(&images);
    }
    let text = |image: &Value, key: &str| image[key].as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = images
        .iter()
        .map(|image| {
            let size = image["size"].as_u64().map_or_else(|| "-".to_owned(), human_bytes);
            let format = text(image, "disk_format");
            vec![
                text(image, "id"),
                text(image, "name"),
                text(image, "status"),
                format,
                size,
                text(image, "visibility"),
            ]
        })
        .collect();
    output.table(&["ID", "NAME", "STATUS", "FORMAT", "SIZE", "VISIBILITY"], &rows);
    Ok(())
}
