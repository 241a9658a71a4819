use proptest::prelude::*;

use super::*;

/// A qcow2 header as `qemu-img create` writes it, 128 KiB of file.
fn qcow2_v3() -> Vec<u8> {
    let mut file = vec![0; 128 * 1024];
    file[..4].copy_from_slice(b"QFI\xfb");
    put32(&mut file, 4, 3);
    put32(&mut file, 20, 16);
    put64(&mut file, 24, 10 << 30);
    put32(&mut file, 36, 20);
    put64(&mut file, 40, 3 << 16);
    put64(&mut file, 48, 1 << 16);
    put32(&mut file, 56, 1);
    put32(&mut file, 96, 4);
    put32(&mut file, 100, 112);
    put32(&mut file, 112, 0x6803_f857);
    put32(&mut file, 116, 0x180);
    file
}

fn qcow2_v2() -> Vec<u8> {
    let mut file = qcow2_v3();
    put32(&mut file, 4, 2);
    file[72..512].fill(0);
    file
}

fn vmdk(create_type: &str, extent: &str) -> Vec<u8> {
    let mut file = vec![0; 128 * 1024];
    file[..4].copy_from_slice(b"KDMV");
    file[4..8].copy_from_slice(&1u32.to_le_bytes());
    file[12..20].copy_from_slice(&2048u64.to_le_bytes());
    file[28..36].copy_from_slice(&1u64.to_le_bytes());
    file[36..44].copy_from_slice(&20u64.to_le_bytes());
    file[56..64].copy_from_slice(&21u64.to_le_bytes());
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=6f1b\nparentCID=ffffffff\ncreateType=\"{create_type}\"\n\n# Extent description\n{extent}\n"
    );
    file[512..512 + text.len()].copy_from_slice(text.as_bytes());
    file
}

fn put32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn put64(file: &mut [u8], at: usize, value: u64) {
    file[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

fn inspect(file: &[u8]) -> Inspection {
    let mut inspector = Inspector::new();
    inspector.feed(file);
    inspector.finish()
}

fn hostile(file: &[u8]) -> Vec<Hostile> {
    inspect(file).hostile
}

#[test]
fn plain_bytes_are_raw_and_as_large_as_the_file() {
    let found = inspect(&[7; 5000]);
    assert_eq!(
        (found.format, found.virtual_size_bytes, found.is_safe()),
        (ImageFormat::Raw, Some(5000), true)
    );
    assert_eq!(inspect(&[]).format, ImageFormat::Raw);
}

#[test]
fn good_qcow2_is_let_through() {
    for file in [qcow2_v3(), qcow2_v2()] {
        let found = inspect(&file);
        assert_eq!(found.format, ImageFormat::Qcow2);
        assert_eq!(found.virtual_size_bytes, Some(10 << 30));
        assert_eq!(found.hostile, []);
    }
}

#[test]
fn qcow2_that_reaches_outside_or_is_odd_is_refused() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, Hostile); 13] = [
        (|f| put64(f, 8, 0x1000), Hostile::BackingFile),
        (|f| put32(f, 16, 11), Hostile::BackingFile),
        (|f| put64(f, 72, 1 << 2), Hostile::ExternalDataFile),
        (|f| put64(f, 72, 1 << 1), Hostile::IncompatibleFeature { bit: 1 }),
        (|f| put64(f, 72, 1 << 63), Hostile::IncompatibleFeature { bit: 63 }),
        (|f| put32(f, 112, 0x4441_5441), Hostile::ExternalDataFile),
        (|f| put32(f, 112, 0xe279_2aca), Hostile::BackingFile),
        (
            |f| put64(f, 24, u64::MAX),
            Hostile::AbsurdVirtualSize { bytes: u64::MAX },
        ),
        (|f| put32(f, 32, 2), Hostile::Encrypted),
        (|f| put32(f, 36, u32::MAX), Hostile::AbsurdTable { what: "L1 table" }),
        (
            |f| put32(f, 20, 63),
            Hostile::OddHeader {
                what: "cluster size out of range",
            },
        ),
        (
            |f| put32(f, 4, 4),
            Hostile::OddHeader {
                what: "unknown qcow2 version",
            },
        ),
        (
            |f| f.truncate(60),
            Hostile::OddHeader {
                what: "the qcow2 header is cut short",
            },
        ),
    ];
    for (change, expected) in cases {
        let mut file = qcow2_v3();
        change(&mut file);
        assert!(
            hostile(&file).contains(&expected),
            "{expected:?} not in {:?}",
            hostile(&file)
        );
    }
}

#[test]
fn safe_qcow2_features_are_let_through() {
    let mut file = qcow2_v3();
    put64(&mut file, 72, 1 | 1 << 3 | 1 << 4);
    assert_eq!(hostile(&file), []);
}

#[test]
fn vmdk_only_with_its_data_inside() {
    assert_eq!(hostile(&vmdk("monolithicSparse", "RW 2048 SPARSE \"disk.vmdk\"")), []);
    assert_eq!(
        inspect(&vmdk("monolithicSparse", "RW 2048 SPARSE \"a.vmdk\"")).virtual_size_bytes,
        Some(1 << 20)
    );
    for (create_type, extent) in [
        ("monolithicSparse", "RW 2048 FLAT \"/etc/passwd\" 0"),
        ("monolithicSparse", "RW 2048 SPARSE \"../../etc/passwd\""),
        (
            "monolithicSparse",
            "RW 2048 SPARSE \"a.vmdk\"\nRW 2048 SPARSE \"b.vmdk\"",
        ),
        ("monolithicFlat", "RW 2048 SPARSE \"disk.vmdk\""),
        ("vmfs", "RW 2048 VMFS \"disk.vmdk\""),
        ("", "RW 2048 SPARSE \"disk.vmdk\""),
        ("monolithicSparse", ""),
    ] {
        assert!(
            !hostile(&vmdk(create_type, extent)).is_empty(),
            "{create_type} {extent}"
        );
    }
    let alone = b"# Disk DescriptorFile\nversion=1\ncreateType=\"monolithicFlat\"\nRW 1 FLAT \"/etc/passwd\" 0\n";
    assert_eq!(inspect(alone).format, ImageFormat::Vmdk);
    assert!(!hostile(alone).is_empty());
    // QEMU takes any comment before the version line.
    let disguised = b"# harmless\n\nversion=1\ncreateType=\"monolithicFlat\"\nRW 1 FLAT \"/etc/passwd\" 0\n";
    assert_eq!(inspect(disguised).format, ImageFormat::Vmdk);
}

#[test]
fn stream_optimized_vmdk_needs_an_equal_footer() {
    let mut file = vmdk("streamOptimized", "RW 2048 SPARSE \"disk.vmdk\"");
    file[56..64].fill(0xff);
    assert!(!hostile(&file).is_empty());
    let header = file[..512].to_vec();
    let at = file.len() - 1024;
    file[at..at + 512].copy_from_slice(&header);
    assert_eq!(hostile(&file), []);
    file[at + 28] = 9;
    assert!(!hostile(&file).is_empty());
}

#[test]
fn every_format_is_recognised() {
    let at = |offset: usize, magic: &[u8]| {
        let mut file = vec![0; 40 * 1024];
        file[offset..offset + magic.len()].copy_from_slice(magic);
        file
    };
    let cases = [
        (at(0, b"QFI\xfb\0\0\0\x01"), ImageFormat::Qcow),
        (at(0, b"QED\0"), ImageFormat::Qed),
        (at(0, b"LUKS\xba\xbe\0\x01"), ImageFormat::Luks),
        (at(0x40, &[0x7f, 0x10, 0xda, 0xbe]), ImageFormat::Vdi),
        (at(0, b"conectix"), ImageFormat::Vhd),
        (at(40 * 1024 - 512, b"conectix"), ImageFormat::Vhd),
        (at(0, b"vhdxfile"), ImageFormat::Vhdx),
        (at(0x8001, b"CD001"), ImageFormat::Iso),
        (at(0, b"WithoutFreeSpace"), ImageFormat::Parallels),
        (at(0, b"Bochs Virtual HD Image"), ImageFormat::Bochs),
        (at(40 * 1024 - 512, b"koly"), ImageFormat::Dmg),
    ];
    for (file, format) in cases {
        assert_eq!(inspect(&file).format, format);
    }
}

#[test]
fn differencing_disks_are_refused() {
    let mut vhd = vec![0; 4096];
    vhd[..8].copy_from_slice(b"conectix");
    put64(&mut vhd, 48, 1 << 30);
    put32(&mut vhd, 60, 3);
    assert_eq!(inspect(&vhd).virtual_size_bytes, Some(1 << 30));
    assert_eq!(hostile(&vhd), []);
    put32(&mut vhd, 60, 4);
    assert_eq!(hostile(&vhd), [Hostile::BackingFile]);
}

#[test]
fn a_file_that_is_two_things_is_refused() {
    let mut file = qcow2_v3();
    file[0x8001..0x8006].copy_from_slice(b"CD001");
    assert_eq!(hostile(&file), [Hostile::Polyglot { also: ImageFormat::Iso }]);
}

#[test]
fn partition_tables_of_raw_disks() {
    let mut file = vec![0; 8192];
    file[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(inspect(&file).partition_table, None);
    file[446] = 0x80;
    file[450] = 0x83;
    file[458] = 1;
    assert_eq!(inspect(&file).partition_table, Some(PartitionTable::Mbr));
    file[512..520].copy_from_slice(b"EFI PART");
    assert_eq!(inspect(&file).partition_table, Some(PartitionTable::Gpt));
}

#[test]
fn memory_is_bounded_and_early_answers_hold() {
    let mut inspector = Inspector::new();
    inspector.feed(&qcow2_v3());
    let early = inspector.finish();
    for _ in 0..64 {
        inspector.feed(&[0x5a; 64 * 1024]);
    }
    assert_eq!(inspector.fed_bytes(), 128 * 1024 + 64 * 64 * 1024);
    let late = inspector.finish();
    assert_eq!((early.format, early.hostile), (late.format, late.hostile));
}

#[test]
fn the_middle_of_a_file_may_be_skipped() {
    let mut file = vec![3; 2 << 20];
    let at = file.len() - 512;
    file[at..at + 8].copy_from_slice(b"conectix");
    let mut inspector = Inspector::new();
    assert!(!inspector.skip(1));
    inspector.feed(&file[..PREFIX_LIMIT_BYTES]);
    let rest = file.len() - PREFIX_LIMIT_BYTES - TAIL_BYTES;
    assert!(inspector.skip(rest as u64));
    inspector.feed(&file[file.len() - TAIL_BYTES..]);
    assert_eq!(inspector.finish(), inspect(&file));
    assert_eq!(inspector.finish().format, ImageFormat::Vhd);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut vhdx = vec![0; 400 * 1024];
    vhdx[..8].copy_from_slice(b"vhdxfile");
    vhdx[192 * 1024..192 * 1024 + 4].copy_from_slice(b"regi");
    let mut vhd = vec![0; 2048];
    vhd[..8].copy_from_slice(b"conectix");
    let mut footer = vmdk("streamOptimized", "RW 2048 SPARSE \"disk.vmdk\"");
    footer[56..64].fill(0xff);
    vec![
        qcow2_v3(),
        qcow2_v2(),
        vmdk("monolithicSparse", "RW 2048 SPARSE \"d.vmdk\""),
        footer,
        vhdx,
        vhd,
    ]
}

proptest! {
    /// Any bytes, in any chunks: no panic, and the answer does not depend on how they were cut.
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4096), cut in 1usize..700) {
        let mut chunked = Inspector::new();
        for chunk in bytes.chunks(cut) {
            chunked.feed(chunk);
        }
        prop_assert_eq!(chunked.finish(), inspect(&bytes));
    }

    /// Good headers with a few bytes changed, or cut anywhere.
    #[test]
    fn mutated_headers_never_panic(
        seed in 0usize..6,
        changes in proptest::collection::vec((0usize..1200, any::<u8>()), 0..12),
        length in any::<proptest::sample::Index>(),
        cut in 300usize..200_000,
    ) {
        let mut file = seeds().swap_remove(seed);
        for (at, byte) in changes {
            file[at] = byte;
        }
        file.truncate(length.index(file.len()) + 1);
        let mut chunked = Inspector::new();
        for chunk in file.chunks(cut) {
            chunked.feed(chunk);
        }
        prop_assert_eq!(chunked.finish(), inspect(&file));
    }

    /// Whatever else a qcow2 header says, one that names a backing file is never let through.
    #[test]
    fn backing_files_are_always_refused(
        changes in proptest::collection::vec((20usize..1200, any::<u8>()), 0..12),
        offset in 1u64..,
    ) {
        let mut file = qcow2_v3();
        for (at, byte) in changes {
            file[at] = byte;
        }
        put64(&mut file, 8, offset);
        prop_assert!(!inspect(&file).is_safe());
    }
}
