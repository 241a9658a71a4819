//! With a real operating system inside: the project's own small guest, where it was built (`image/build.sh`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::host::{DesiredPower, DirectBoot, ImageSource, InstanceMetadata, ServerPhase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use uuid::Uuid;

use super::bench::{Host, nic};

/// Where `make test` has the image built; a plain `cargo test` may do without it.
fn built() -> Option<PathBuf> {
    let told = std::env::var_os("MARU_TEST_IMAGE_DIR").map(PathBuf::from);
    let is_told = told.is_some();
    let directory = told.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/image"));
    let is_built = directory.join("tiny.qcow2").exists();
    assert!(
        is_built || !is_told,
        "there is no guest image in {}",
        directory.display()
    );
    is_built.then_some(directory)
}

fn image(directory: &Path, name: &str, format: &str, number: u128) -> ImageSource {
    let path = directory.join(name);
    let virtual_size = if format == "raw" {
        std::fs::metadata(&path).unwrap().len()
    } else {
        64 << 20
    };
    ImageSource {
        id: Uuid::from_u128(number).into(),
        path,
        format: format.into(),
        sha512: "ab".repeat(64),
        virtual_size,
    }
}

/// A screen is there, and the serial port is one to log in by: what the API's WebSockets are joined with.
async fn consoles_answer(directory: &Path) {
    let limit = std::time::Duration::from_secs(60);
    let mut screen = UnixStream::connect(directory.join("run/vnc.sock")).await.unwrap();
    let mut greeting = [0; 12];
    let greeted = tokio::time::timeout(limit, screen.read_exact(&mut greeting)).await;
    greeted.expect("the screen answers").unwrap();
    // RFC 6143, 7.1.1: the server's version comes first.
    assert_eq!(&greeting, b"RFB 003.008\n");
    let mut port = UnixStream::connect(directory.join("run/console.sock")).await.unwrap();
    port.write_all(b"\n").await.unwrap();
    let mut said = Vec::new();
    let asked = async {
        while !String::from_utf8_lossy(&said).contains("login:") {
            assert!(port.read_buf(&mut said).await.unwrap() > 0, "the port was closed");
        }
    };
    tokio::time::timeout(limit, asked).await.expect("it asks for a name");
}

/// Kernel and ramdisk from outside, root disk and config drive on virtio; NICs come and go, the guest obeys the button.
#[tokio::test]
async fn a_whole_guest_lives_and_obeys() {
    let Some(directory) = built() else {
        eprintln!("skipped: there is no guest image; build it with image/build.sh");
        return;
    };
    let about: serde_json::Value =
        serde_json::from_slice(&std::fs::read(directory.join("tiny.json")).unwrap()).unwrap();
    let mut host = Host::new();
    let id = host.create(1, |server| {
        server.memory_mib = 128;
        server.disk.image = Some(image(&directory, "tiny.qcow2", "qcow2", 2));
        server.kernel = Some(DirectBoot {
            kernel: image(&directory, "tiny.vmlinux", "raw", 3),
            ramdisk: Some(image(&directory, "tiny.initrd", "raw", 4)),
            append: about["arguments"].as_str().unwrap().into(),
        });
        server.config_drive = true;
        server.metadata = Arc::new(InstanceMetadata {
            uuid: Some(server.id),
            hostname: "from-the-drive".into(),
            ..InstanceMetadata::default()
        });
    });
    host.until_running(id).await;
    host.until_said(id, "read from the config drive", 1).await;
    host.until_said(id, "from-the-drive login:", 1).await;
    consoles_answer(&host.server_dir(id)).await;

    host.want(id, |server| server.nics = vec![nic(1), nic(2)]);
    host.until(id, "with two NICs", |report| report.nics.len() == 2).await;
    host.want(id, |server| server.nics = vec![nic(2)]);
    let report = host.until(id, "with one NIC", |report| report.nics.len() == 1).await;
    assert_eq!(report.nics, BTreeSet::from([nic(2).port_id]));
    host.want(id, |server| server.nics = vec![]);
    host.until(id, "without NICs", |report| report.nics.is_empty()).await;

    let pid = host.servers().process_id(id);
    host.want(id, |server| server.soft_reboots = 1);
    host.until(id, "rebooted", |report| report.soft_reboots == 1).await;
    assert_eq!(
        host.servers().process_id(id),
        pid,
        "the guest obeyed, so the machine stayed"
    );
    host.until_said(id, "from-the-drive login:", 2).await;

    host.want(id, |server| server.power = DesiredPower::Off);
    host.until_phase(id, ServerPhase::Off { by_guest: false }).await;
    host.delete(id);
    host.assert_empty().await;
}
