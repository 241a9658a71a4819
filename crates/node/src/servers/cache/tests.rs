use std::os::unix::fs::FileExt;

use super::*;

struct Bench {
    directory: tempfile::TempDir,
    cache: ImageCache,
}

const UID: u32 = 1_999_999_998;
const SHA: &str = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce";

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = ImageCache::open(&directory.path().join("cache"), ImageTool::default(), UID).unwrap();
        Self { directory, cache }
    }

    /// An upload of this format whose disk is one MiB and begins with these bytes.
    async fn upload(&self, name: &str, format: DiskFormat, head: &[u8]) -> ImageSource {
        let path = self.directory.path().join(name);
        let plain = path.with_extension("plain");
        let file = File::create(&plain).unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(head, 0).unwrap();
        let from = ImageFile {
            path: &plain,
            format: DiskFormat::Raw,
        };
        ImageTool::default()
            .convert(from, ImageFile { path: &path, format }, |_| {})
            .await
            .unwrap();
        ImageSource {
            id: uuid::Uuid::from_u128(name.len() as u128).into(),
            path,
            format: format.as_str().into(),
            sha512: SHA.into(),
            virtual_size: 1 << 20,
        }
    }

    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("cache")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

async fn refusal(bench: &Bench, image: &ImageSource) -> String {
    match bench.cache.base(image, Use::Disk, |_| {}).await {
        Err(ServerError::ImageRefused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_base_is_made_once_and_outlives_its_upload() {
    let bench = Bench::new();
    for format in [DiskFormat::Qcow2, DiskFormat::Raw] {
        let image = bench.upload(format.as_str(), format, b"boot").await;
        let mut seen = Vec::new();
        let (a, b) = tokio::join!(
            bench.cache.base(&image, Use::Disk, |p| seen.push(p)),
            bench.cache.base(&image, Use::Disk, |_| {})
        );
        let (mut a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.file.metadata().unwrap().ino(), b.file.metadata().unwrap().ino());
        let mut head = [0; 4];
        a.file.read_exact(&mut head).unwrap();
        assert_eq!((&head, a.size_bytes), (b"boot", 1 << 20));
        fs::remove_file(&image.path).unwrap();
        let again = bench.cache.base(&image, Use::Disk, |_| {}).await.unwrap();
        assert_eq!(again.file.metadata().unwrap().ino(), b.file.metadata().unwrap().ino());
    }
    assert_eq!(bench.cached().len(), 2);
}

#[tokio::test]
async fn unused_bases_go_and_half_made_ones_too() {
    let bench = Bench::new();
    let image = bench.upload("a", DiskFormat::Qcow2, b"").await;
    let base = bench.cache.base(&image, Use::Disk, |_| {}).await.unwrap();
    bench
        .cache
        .remove_unused(&BTreeSet::from([base.name.clone()]), Duration::ZERO)
        .unwrap();
    bench
        .cache
        .remove_unused(&BTreeSet::new(), Duration::from_secs(3600))
        .unwrap();
    assert_eq!(bench.cached(), [base.name]);
    bench.cache.remove_unused(&BTreeSet::new(), Duration::ZERO).unwrap();
    assert!(bench.cached().is_empty());
    let directory = bench.directory.path().join("cache");
    fs::write(directory.join("half.partial"), "x").unwrap();
    ImageCache::open(&directory, ImageTool::default(), UID).unwrap();
    assert!(bench.cached().is_empty());
}

#[tokio::test]
async fn hostile_images_are_refused_before_a_tool_opens_them() {
    let bench = Bench::new();
    let canary = bench.directory.path().join("canary");
    fs::write(&canary, vec![b'c'; 1 << 20]).unwrap();
    let mut image = bench.upload("overlay", DiskFormat::Qcow2, b"").await;
    let base = ImageFile {
        path: &canary,
        format: DiskFormat::Raw,
    };
    ImageTool::default()
        .create_overlay(&image.path, base, Some(1 << 20))
        .await
        .unwrap();
    assert!(refusal(&bench, &image).await.contains("backing file"));
    // The same bytes called raw are still what they are.
    image.format = "raw".into();
    assert!(refusal(&bench, &image).await.contains("backing file"));
    assert!(bench.cached().is_empty());
}

#[tokio::test]
async fn an_image_within_an_image_is_refused() {
    let bench = Bench::new();
    let image = bench.upload("nested", DiskFormat::Qcow2, b"QFI\xfb\0\0\0\x03").await;
    assert!(refusal(&bench, &image).await.contains("itself an image"));
}

#[tokio::test]
async fn what_changed_since_its_upload_is_refused() {
    let bench = Bench::new();
    let mut image = bench.upload("a", DiskFormat::Qcow2, b"").await;
    image.virtual_size += 512;
    assert!(refusal(&bench, &image).await.contains("not what was uploaded"));
    image.virtual_size -= 512;
    let base = bench.cache.base(&image, Use::Disk, |_| {}).await.unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&base.path)
        .unwrap()
        .write_all_at(b"LUKS\xba\xbe\0\x01", 0)
        .unwrap();
    assert!(refusal(&bench, &image).await.contains("format luks"));
    fs::OpenOptions::new()
        .write(true)
        .open(&base.path)
        .unwrap()
        .set_len(5)
        .unwrap();
    assert!(refusal(&bench, &image).await.contains("changed"));
    let gone = ImageSource {
        path: "/nonexistent/image".into(),
        id: uuid::Uuid::nil().into(),
        ..image.clone()
    };
    assert!(matches!(
        bench.cache.base(&gone, Use::Disk, |_| {}).await,
        Err(ServerError::ImageMissing { .. })
    ));
    let odd = ImageSource {
        sha512: "../../../../../../../../../../../../".into(),
        ..image
    };
    assert!(refusal(&bench, &odd).await.contains("checksum"));
}

/// What QEMU's own tool writes, our inspector reads: the format, the size, and whether it may be opened.
#[test]
fn the_inspector_agrees_with_the_tool() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().join("base");
    fs::write(&base, vec![0; 1 << 20]).unwrap();
    let on_base = format!("-F raw -b {}", base.display());
    let external = format!("-o data_file={}", directory.path().join("data").display());
    let cases = [
        ("raw", "", ImageFormat::Raw, true),
        ("qcow2", "", ImageFormat::Qcow2, true),
        ("qcow2", "-o compat=0.10", ImageFormat::Qcow2, true),
        (
            "qcow2",
            "-o compression_type=zstd,extended_l2=on",
            ImageFormat::Qcow2,
            true,
        ),
        (
            "qcow2",
            "-o lazy_refcounts=on,cluster_size=2M",
            ImageFormat::Qcow2,
            true,
        ),
        ("qcow2", &on_base, ImageFormat::Qcow2, false),
        ("qcow2", &external, ImageFormat::Qcow2, false),
        ("vmdk", "", ImageFormat::Vmdk, true),
        ("vmdk", "-o subformat=streamOptimized", ImageFormat::Vmdk, true),
        ("vmdk", "-o subformat=monolithicFlat", ImageFormat::Vmdk, false),
        ("vmdk", "-o subformat=twoGbMaxExtentSparse", ImageFormat::Vmdk, false),
        ("vdi", "", ImageFormat::Vdi, true),
        ("vpc", "-o force_size=on", ImageFormat::Vhd, true),
        ("vpc", "-o subformat=fixed,force_size=on", ImageFormat::Vhd, true),
        ("vhdx", "", ImageFormat::Vhdx, true),
        ("qed", "", ImageFormat::Qed, true),
        ("qed", &on_base, ImageFormat::Qed, false),
        ("qcow", "", ImageFormat::Qcow, true),
        ("parallels", "", ImageFormat::Parallels, true),
    ];
    for (number, (format, options, expected, safe)) in cases.into_iter().enumerate() {
        let path = directory.path().join(format!("image-{number}"));
        let mut tool = std::process::Command::new("qemu-img");
        tool.args(["create", "-q", "-f", format])
            .args(options.split_whitespace())
            .arg(&path)
            .arg("4M");
        assert!(tool.status().unwrap().success(), "{format} {options}");
        let found = inspect(&mut File::open(&path).unwrap()).unwrap();
        assert_eq!(
            (found.format, found.is_safe()),
            (expected, safe),
            "{format} {options}: {found:?}"
        );
        if safe && expected != ImageFormat::Parallels {
            assert_eq!(found.virtual_size_bytes, Some(4 << 20), "{format} {options}");
        }
    }
}
