use std::fs;

use super::*;

fn qcow2(path: &Path) -> ImageFile<'_> {
    ImageFile {
        path,
        format: DiskFormat::Qcow2,
    }
}

fn raw(path: &Path) -> ImageFile<'_> {
    ImageFile {
        path,
        format: DiskFormat::Raw,
    }
}

fn line(arguments: Vec<OsString>) -> String {
    arguments.join(OsStr::new(" ")).into_string().unwrap()
}

#[test]
fn every_file_has_its_format() {
    let (a, b) = (Path::new("/d/a"), Path::new("-b:c"));
    assert_eq!(line(create_arguments(raw(a), None, Some(5))), "create -q -f raw /d/a 5");
    assert_eq!(
        line(create_arguments(qcow2(a), Some(raw(b)), None)),
        "create -q -f qcow2 -F raw -b ./-b:c /d/a"
    );
    assert_eq!(
        line(convert_arguments(qcow2(a), raw(b))),
        "convert -p -f qcow2 -O raw -W /d/a ./-b:c"
    );
    assert_eq!(line(grow_arguments(qcow2(a), 9)), "resize -q -f qcow2 /d/a 9");
    assert_eq!(
        line(flatten_arguments(a, Some(raw(b)), qcow2(b))),
        "convert -p -O qcow2 -W json:{\"backing\":{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"-b:c\"}},\
         \"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/d/a\"}} ./-b:c"
    );
    assert!(line(flatten_arguments(a, None, qcow2(b))).contains("\"backing\":null"));
    assert_eq!(line(info_arguments(raw(b))), "info -f raw --output=json ./-b:c");
}

#[test]
fn progress_lines() {
    assert_eq!(parse_progress(b"    (0.00/100%)\r"), Some(0));
    assert_eq!(parse_progress(b"    (57.93/100%)\r"), Some(57));
    assert_eq!(parse_progress(b"    (100.00/100%)\r"), Some(100));
    for odd in ["", "(", "(x/100%)", "(999.0/100%)", "done"] {
        assert_eq!(parse_progress(odd.as_bytes()), None);
    }
}

#[tokio::test]
async fn a_disk_from_base_to_grown_overlay() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let tool = ImageTool::default();
    fs::write(path("upload"), vec![0x5a; 3 << 20]).unwrap();
    let mut seen = Vec::new();
    tool.convert(raw(&path("upload")), qcow2(&path("base")), |percent| seen.push(percent))
        .await
        .unwrap();
    assert_eq!(seen.last(), Some(&100));
    assert!(seen.is_sorted());
    let base = ImageFile {
        path: Path::new("base"),
        format: DiskFormat::Qcow2,
    };
    tool.create_overlay(&path("disk"), base, None).await.unwrap();
    tool.grow(qcow2(&path("disk")), 64 << 20).await.unwrap();
    let info = tool.info(qcow2(&path("disk"))).await.unwrap();
    assert_eq!(info.virtual_size_bytes, 64 << 20);
    assert_eq!(info.backing_filename.as_deref(), Some("./base"));
    tool.convert(qcow2(&path("disk")), raw(&path("flat")), |_| {})
        .await
        .unwrap();
    let flat = fs::read(path("flat")).unwrap();
    assert_eq!(flat.len(), 64 << 20);
    assert!(flat[..3 << 20].iter().all(|byte| *byte == 0x5a));
}

#[tokio::test]
async fn failures_tell_the_whole_story() {
    let tool = ImageTool::default();
    let error = tool.info(qcow2(Path::new("/nonexistent/disk"))).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("qemu-img info -f qcow2 --output=json /nonexistent/disk"),
        "{text}"
    );
    assert!(
        text.contains("exit status: 1") && text.contains("No such file"),
        "{text}"
    );
    let missing = ImageTool {
        program: "/nonexistent/qemu-img".into(),
        ..tool.clone()
    };
    assert!(matches!(
        missing.create(raw(Path::new("/nonexistent/x")), 1).await,
        Err(Error::Spawn { .. })
    ));
    let hasty = ImageTool {
        short_limit: Duration::ZERO,
        ..tool
    };
    assert!(matches!(
        hasty.info(raw(Path::new("/dev/zero"))).await,
        Err(Error::TimedOut { .. })
    ));
}

/// A raw disk into which a guest wrote a qcow2 header that names a secret: with the format named, it is just bytes.
#[tokio::test]
async fn a_header_written_by_a_guest_stays_data() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let tool = ImageTool::default();
    fs::write(path("secret"), b"the canary").unwrap();
    tool.create_overlay(
        &path("trap"),
        ImageFile {
            path: &path("secret"),
            format: DiskFormat::Raw,
        },
        Some(1 << 20),
    )
    .await
    .unwrap();
    let written = fs::read(path("trap")).unwrap();
    fs::write(path("disk"), &written).unwrap();
    tool.grow(raw(&path("disk")), 1 << 20).await.unwrap();
    tool.convert(raw(&path("disk")), raw(&path("snapshot")), |_| {})
        .await
        .unwrap();
    let snapshot = fs::read(path("snapshot")).unwrap();
    assert_eq!(snapshot[..written.len()], written);
    assert!(!snapshot.windows(10).any(|window| window == b"the canary"));
}

/// In its cell the tool can neither read our files nor write more than it may.
#[tokio::test]
async fn a_cell_holds() {
    use std::os::unix::fs::chown;
    let directory = tempfile::tempdir().unwrap();
    let work = directory.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("source"), vec![0x5a; 1 << 20]).unwrap();
    fs::write(directory.path().join("secret"), vec![1; 512]).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(directory.path().join("secret"), private).unwrap();
    let uid = 2_000_019;
    for path in [work.clone(), work.join("source")] {
        chown(path, Some(uid), Some(uid)).unwrap();
    }
    let credentials = Credentials {
        uid,
        gid: uid,
        groups: vec![],
    };
    let cell = Cell {
        directory: work.clone(),
        credentials,
        file_bytes: 2 << 20,
    };
    let tool = ImageTool {
        cell: Some(cell),
        ..ImageTool::default()
    };
    tool.convert(raw(Path::new("source")), raw(Path::new("disk")), |_| {})
        .await
        .unwrap();
    assert_eq!(fs::read(work.join("disk")).unwrap(), vec![0x5a; 1 << 20]);
    let outside = tool
        .convert(raw(Path::new("../secret")), raw(Path::new("stolen")), |_| {})
        .await;
    assert!(outside.unwrap_err().to_string().contains("Permission denied"));
    assert!(tool.create(qcow2(Path::new("../planted")), 1 << 20).await.is_err());
    fs::write(work.join("source"), vec![0x5a; 3 << 20]).unwrap();
    assert!(
        tool.convert(raw(Path::new("source")), raw(Path::new("large")), |_| {})
            .await
            .is_err()
    );
}
