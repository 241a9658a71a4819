//! What the extra specs of flavors that Nova knows may hold: checked from 2.86 on. A name of a namespace that Nova knows
//! must be one of that namespace's; names of other namespaces, and plain names, are anyone's.

use model::{Error, Result};
use regex::Regex;

/// What a value must be.
enum Form {
    /// Any text.
    Any,
    /// A truth value in any of Nova's spellings.
    Truth,
    /// A whole number, at least this.
    AtLeast(i64),
    /// A whole number within a range.
    Between(i64, i64),
    /// Any whole number.
    Whole,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A text of this pattern.
    Pattern(&'static str),
}

use Form::{Any, AtLeast, Between, OneOf, Pattern, Truth, Whole};

/// A set of processors: `0-3,^2`.
const CPUS: &str = r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*";
const SHARES: &[&str] = &["custom", "high", "normal", "low"];
const NEED: &[&str] = &["required", "forbidden"];

/// Names, as patterns, with what their values must be (`nova/api/validation/extra_specs`).
const SPECS: &[(&str, Form)] = &[
    ("accel:device_profile", Any),
    ("aggregate_instance_extra_specs:.+", Any),
    (
        "capabilities:(id|uuid|service_id|host|vcpus|memory_mb|local_gb|vcpus_used|memory_mb_used|local_gb_used|\
         hypervisor_type|hypervisor_version|hypervisor_hostname|free_ram_mb|free_disk_gb|current_workload|running_vms|\
         disk_available_least|host_ip|mapped|cpu_allocation_ratio|ram_allocation_ratio|disk_allocation_ratio|\
         total_usable_ram_mb|total_usable_disk_gb|disk_mb_used|free_disk_mb|vcpus_total|num_instances|num_io_ops|\
         failed_builds|aggregates|cell_uuid|updated)",
        Any,
    ),
    (
        r"capabilities:(cpu_info|metrics|stats|numa_topology|supported_hv_specs|pci_device_pools|nodename|pci_stats|\
         supported_instances|limits|instances)(:\w+)*",
        Any,
    ),
    ("group_policy", OneOf(&["isolate", "none"])),
    ("hide_hypervisor_id", Truth),
    (
        "hw:(boot_menu|cpu_realtime|ephemeral_encryption|hide_hypervisor_id|locked_memory|mem_encryption|pmu|\
         vif_multiqueue_enabled|virtio_packed_ring)",
        Truth,
    ),
    ("hw:cpu_realtime_mask", Pattern(CPUS)),
    ("hw:cpu_dedicated_mask", Pattern(CPUS)),
    (r"hw:numa_cpus\.\d+", Pattern(CPUS)),
    (r"hw:numa_mem\.\d+", AtLeast(1)),
    ("hw:numa_nodes", AtLeast(1)),
    ("hw:cpu_(max_)?(sockets|cores|threads)", AtLeast(1)),
    ("hw:cpu_policy", OneOf(&["dedicated", "shared", "mixed"])),
    ("hw:cpu_thread_policy", OneOf(&["prefer", "isolate", "require"])),
    ("hw:emulator_threads_policy", OneOf(&["isolate", "share"])),
    ("hw:ephemeral_encryption_format", OneOf(&["plain", "luks", "luksv2"])),
    (
        "hw:mem_encryption_model",
        OneOf(&["amd-sev", "amd-sev-es", "amd-sev-snp"]),
    ),
    (
        "hw:mem_page_size",
        Pattern(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
    ),
    (
        "hw:pci_numa_affinity_policy",
        OneOf(&["required", "preferred", "legacy", "socket"]),
    ),
    ("hw:pmem", Pattern("([a-zA-Z0-9_]+(,)?)+")),
    ("hw:redirected_usb_ports", Between(0, 15)),
    ("hw:serial_port_count", AtLeast(0)),
    (
        "hw:sound_model",
        OneOf(&["sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"]),
    ),
    ("hw:tpm_model", OneOf(&["tpm-tis", "tpm-crb"])),
    ("hw:tpm_secret_security", OneOf(&["user", "host", "deployment"])),
    ("hw:tpm_version", OneOf(&["1.2", "2.0"])),
    ("hw:usb_model", OneOf(&["none", "nec-xhci", "qemu-xhci"])),
    ("hw:viommu_model", OneOf(&["intel", "smmuv3", "virtio", "auto"])),
    (
        "hw:watchdog_action",
        OneOf(&["none", "pause", "poweroff", "reset", "disabled"]),
    ),
    ("hw_rng:allowed", Truth),
    ("hw_rng:(rate_bytes|rate_period)", AtLeast(0)),
    ("hw_video:ram_max_mb", AtLeast(0)),
    ("os:secure_boot", OneOf(&["disabled", "required"])),
    ("pci_passthrough:alias", Pattern(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*")),
    ("quota:(cpu|memory|disk_io|vif)_(limit|shares_share)", AtLeast(0)),
    ("quota:(cpu|memory|disk_io|vif)_reservation", Whole),
    ("quota:(cpu|memory|disk_io|vif)_shares_level", OneOf(SHARES)),
    ("quota:(cpu_shares|cpu_period)", AtLeast(0)),
    ("quota:cpu_quota", Whole),
    ("quota:disk_(read|write|total)_(bytes|iops)_sec", AtLeast(0)),
    ("quota:vif_(inbound|outbound)_(average|peak|burst)", AtLeast(0)),
    (
        "resources([a-zA-Z0-9_-]{1,64})?:(VCPU|MEMORY_MB|DISK_GB|PCI_DEVICE|SRIOV_NET_VF|NUMA_SOCKET|NUMA_CORE|\
         NUMA_THREAD|NUMA_MEMORY_MB|IPV4_ADDRESS|VGPU|VGPU_DISPLAY_HEAD|NET_BW_EGR_KILOBIT_PER_SEC|\
         NET_BW_IGR_KILOBIT_PER_SEC|PCPU|MEM_ENCRYPTION_CONTEXT|FPGA|PGPU|NET_PACKET_RATE_KILOPACKET_PER_SEC|\
         NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC|NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC|CUSTOM_[A-Z0-9_]+)",
        Whole,
    ),
    // Any trait's name: which of them hosts can have is no matter of this cloud's.
    ("trait([a-zA-Z0-9_-]{1,64})?:[A-Z][A-Z0-9_]*", OneOf(NEED)),
    ("vmware:(hw_version|storage_policy)", Any),
];

/// Namespaces whose names are all known.
const NAMESPACES: &str = "accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|\
                          resources([a-zA-Z0-9_-]{1,64})?|trait([a-zA-Z0-9_-]{1,64})?|vmware";

/// Whether a spec is one that may be.
///
/// # Errors
/// A value that its name does not take; a name that its namespace does not have.
pub(super) fn check(name: &str, value: &str) -> Result<()> {
    if let Some((_, form)) = SPECS.iter().find(|(pattern, _)| is_whole(pattern, name)) {
        return form.check(value);
    }
    match name.split_once(':') {
        Some((namespace, _)) if is_whole(NAMESPACES, namespace) => Err(failed(&format!(
            "extra spec '{name}' does not appear to be a valid extra spec."
        ))),
        _ => Ok(()),
    }
}

impl Form {
    fn check(&self, value: &str) -> Result<()> {
        let whole = || {
            value
                .trim()
                .parse::<i64>()
                .map_err(|_| failed(&format!("'{value}' is not a valid integer value.")))
        };
        let least = |number: i64, min: i64| match number < min {
            true => Err(failed(&format!("'{value}' is less than the min value of '{min}'."))),
            false => Ok(()),
        };
        match self {
            Any => Ok(()),
            Truth if super::body::truth_of(value).is_some() => Ok(()),
            Truth => Err(failed(&format!("'{value}' is not a valid boolean-like value."))),
            Whole => whole().map(|_| ()),
            AtLeast(min) => least(whole()?, *min),
            Between(min, max) => match whole()? {
                number if number > *max => Err(failed(&format!("'{value}' is greater than the max value of '{max}'."))),
                number => least(number, *min),
            },
            OneOf(values) if values.contains(&value) => Ok(()),
            OneOf(values) => Err(failed(&format!("'{value}' is not one of: {}.", values.join(", ")))),
            Pattern(pattern) if is_whole(pattern, value) => Ok(()),
            Pattern(pattern) => Err(failed(&format!("'{value}' is not of the format '{pattern}'."))),
        }
    }
}

fn is_whole(pattern: &str, text: &str) -> bool {
    // Extra specs are set a few times in a cloud's life: nothing is gained by keeping these.
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(text))
}

fn failed(reason: &str) -> Error {
    Error::invalid("ValidationError", format!("Validation failed; {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_a_regular_expression() {
        for (name, form) in SPECS {
            assert!(Regex::new(name).is_ok(), "{name}");
            if let Pattern(pattern) = form {
                assert!(Regex::new(pattern).is_ok(), "{pattern}");
            }
        }
        assert!(Regex::new(NAMESPACES).is_ok());
    }

    #[test]
    fn values_are_what_their_names_say() {
        for (name, value, good) in [
            ("hw:cpu_policy", "dedicated", true),
            ("hw:cpu_policy", "sharrred", false),
            ("hw:cpu_policyy", "shared", false),
            ("hw:numa_nodes", "0", false),
            ("hw:numa_nodes", "2", true),
            ("hw:numa_mem.0", "two", false),
            ("hw:numa_cpus.1", "0-3,^2", true),
            ("hw:mem_page_size", "2MB", true),
            ("hw:mem_page_size", "huge", false),
            ("hw:redirected_usb_ports", "16", false),
            ("hw:pmu", "maybe", false),
            ("hw:pmu", "Yes", true),
            ("hw:mem_encryption_contextt", "1", false),
            ("capabilities:cpu_info:features", "fma", true),
            ("capabilities:", "x", false),
            ("resources:VCPU", "2", true),
            ("resources1:CUSTOM_GPU", "1", true),
            ("resources:CPUS", "2", false),
            ("trait_net:HW_CPU_X86_AVX", "required", true),
            ("trait:HW_CPU_X86_AVX", "wanted", false),
            ("quota:cpu_quota", "-1", true),
            ("quota:vif_inbound_average", "-1", false),
            ("mine:anything", "goes", true),
            ("anything", "goes", true),
            ("group_policy", "both", false),
        ] {
            assert_eq!(check(name, value).is_ok(), good, "{name}={value}");
        }
    }
}
