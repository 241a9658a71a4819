use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;

use super::*;

fn id(text: &str) -> DeviceId {
    DeviceId::new(text).unwrap()
}

fn plain() -> Machine {
    Machine {
        name: "instance-1".into(),
        uuid: "7f3a5b0e-1f0d-4f7e-9c55-0a6f9d0d3c11".into(),
        accelerator: Accelerator::Tcg {
            translation_cache_mib: 64,
        },
        vcpus: 1,
        memory_mib: 128,
        smbios: Some(Smbios {
            manufacturer: "OpenStack Foundation".into(),
            product: "OpenStack Nova".into(),
            version: "1.0".into(),
            serial: "7f3a5b0e-1f0d-4f7e-9c55-0a6f9d0d3c11".into(),
        }),
        boot: Boot::Disk,
        disks: vec![],
        nics: vec![],
        console_log: "console.log".into(),
        console_socket: Some("console.sock".into()),
        monitor_socket: "monitor.sock".into(),
        vnc_socket: None,
        random_device: true,
        balloon: false,
        start_paused: false,
        incoming: None,
    }
}

fn full() -> Machine {
    let mut root = Disk::new(id("root"), DiskFormat::Qcow2, FileSource::Path("root.qcow2".into()));
    root.backing = Some(Backing {
        format: DiskFormat::Qcow2,
        file: FileSource::Inherited(11),
    });
    root.boot_index = Some(1);
    root.serial = Some("7f3a5b0e-1f0d-4f7e-9c55".into());
    let mut config = Disk::new(id("config"), DiskFormat::Raw, FileSource::Path("config.iso".into()));
    config.read_only = true;
    config.discard = false;
    config.attachment = DiskAttachment::CdRom;
    Machine {
        accelerator: Accelerator::Kvm { cpu: "host" },
        vcpus: 4,
        memory_mib: 8192,
        disks: vec![root, config],
        nics: vec![Nic {
            id: id("nic-5c1e"),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 1, 0xff]),
            mtu: Some(1450),
            tap_fd: 12,
        }],
        vnc_socket: Some("vnc.sock".into()),
        balloon: true,
        start_paused: true,
        ..plain()
    }
}

/// One option a line, as a person would read it.
fn text(machine: &Machine) -> String {
    let words = machine.arguments().unwrap();
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ").replace(" -", "\n-")
}

#[test]
fn plain_machine() {
    insta::assert_snapshot!(text(&plain()));
}

#[test]
fn full_machine() {
    insta::assert_snapshot!(text(&full()));
}

#[test]
fn machine_with_a_kernel_of_its_own() {
    let boot = Boot::Kernel {
        kernel: "vmlinux".into(),
        initrd: Some("initrd".into()),
        append: "console=ttyS0 quiet".into(),
        firmware: Some("qboot.rom".into()),
    };
    insta::assert_snapshot!(text(&Machine { boot, ..plain() }));
}

#[test]
fn ids_are_checked() {
    for bad in ["", "1a", "a,b", "a b", "a=b", "-a", "a/b", &"a".repeat(61)] {
        assert!(DeviceId::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_zero_byte_is_refused() {
    assert!(
        Machine {
            name: "a\0b".into(),
            ..plain()
        }
        .arguments()
        .is_err()
    );
}

/// Splits as QEMU does: at single commas, two of them being one in a value.
fn split(option: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![vec![]];
    let mut bytes = option.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' if bytes.peek() == Some(&b',') => {
                bytes.next();
                parts.last_mut().unwrap().push(b',');
            }
            b',' => parts.push(vec![]),
            byte => parts.last_mut().unwrap().push(byte),
        }
    }
    parts
}

fn option_after(words: &[OsString], name: &str) -> Vec<Vec<u8>> {
    let at = words.iter().position(|word| word == name).unwrap();
    split(words[at + 1].as_bytes())
}

proptest! {
    /// Whatever a text holds, it stays one value: no option, key or word is added.
    #[test]
    fn hostile_texts_stay_values(name in "[^\0]{0,40}", path in "[^\0]{1,40}", serial in "[^\0]{0,40}") {
        let mut machine = full();
        machine.name = name.clone();
        machine.console_log = path.clone().into();
        machine.disks[0].file = FileSource::Path(path.clone().into());
        machine.smbios.as_mut().unwrap().serial = serial.clone();
        machine.vnc_socket = Some(path.clone().into());
        let words = machine.arguments().unwrap();
        prop_assert_eq!(words.len(), full().arguments().unwrap().len());
        prop_assert_eq!(option_after(&words, "-name"), vec![format!("guest={name}").into_bytes()]);
        prop_assert_eq!(option_after(&words, "-vnc"), vec![format!("unix:{path}").into_bytes()]);
        let smbios = option_after(&words, "-smbios");
        prop_assert_eq!(smbios.len(), 7);
        prop_assert_eq!(&smbios[4], &format!("serial={serial}").into_bytes());
        let serial_port = option_after(&words, "-chardev");
        prop_assert_eq!(&serial_port[5], &format!("logfile={path}").into_bytes());
        let node = words.iter().filter_map(|word| word.to_str()).find(|word| word.contains("\"node-name\":\"root\""));
        let node: serde_json::Value = serde_json::from_str(node.unwrap()).unwrap();
        prop_assert_eq!(&node["file"]["filename"], &serde_json::Value::from(path));
    }
}
