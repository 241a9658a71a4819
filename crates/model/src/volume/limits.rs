//! How fast servers may use volumes and their own disks: QoS specs of volume types, and flavors' `quota:disk_…`.
//!
//! The names are those of Cinder's front-end QoS specs (docs.openstack.org/cinder, "Basic volume quality of service"), which
//! Nova's flavors use, too, behind `disk_`: `total_bytes_sec`, `read_iops_sec_max`, `size_iops_sec` … What is said is made
//! into what QEMU takes: of one kind either a limit of everything, or one of reading and one of writing; no burst without a
//! limit, and none below it.

use std::collections::BTreeMap;

use super::{QosSpecs, Volume};
use crate::host::{DiskLimits, Rate, Rates};
use crate::{Cloud, Error, Result};

/// As much as QEMU counts to.
const MOST: u64 = 1_000_000_000_000_000;

/// What a flavor's extra specs limit disks by.
const FLAVOR_PREFIX: &str = "quota:disk_";

/// What may stand before `_bytes_sec` and `_iops_sec`.
const LIMITED: [&str; 3] = ["total", "read", "write"];

/// What may stand behind `total_bytes_sec` and its like.
const KINDS: [&str; 5] = ["", "_max", "_max_length", "_per_gb", "_per_gb_min"];

/// The limits of a volume by its type's QoS specs, where hosts are to keep them.
pub fn of_volume(cloud: &Cloud, volume: &Volume) -> DiskLimits {
    asked_of(cloud, volume).map_or(DiskLimits::NONE, |specs| read(&specs, ""))
}

/// What a volume's type asks of its host, the limits by size worked out; nothing if hosts have no part in it.
pub fn asked_of(cloud: &Cloud, volume: &Volume) -> Option<BTreeMap<String, String>> {
    let asked = specs_of(cloud, volume).filter(|qos| qos.consumer != "back-end");
    asked.map(|qos| by_size(&qos.specs, volume.size_gib))
}

fn specs_of<'a>(cloud: &'a Cloud, volume: &Volume) -> Option<&'a QosSpecs> {
    let id = cloud.volume_types.get(&volume.type_id)?.qos_specs_id?;
    cloud.qos_specs.get(&id).map(std::sync::Arc::as_ref)
}

/// Makes `…_per_gb` into a limit: so much for each GiB, at least `…_per_gb_min`, at most `…_max`, which is then no burst
/// (docs.openstack.org/cinder, "Capacity based quality of service").
fn by_size(specs: &BTreeMap<String, String>, size_gib: u64) -> BTreeMap<String, String> {
    let mut worked_out = specs.clone();
    let limits = LIMITED
        .iter()
        .flat_map(|of| ["bytes", "iops"].map(|what| format!("{of}_{what}_sec")));
    for limit in limits {
        let mut figure = |kind: &str| worked_out.remove(&format!("{limit}{kind}"))?.parse::<u64>().ok();
        let Some(per_gib) = figure("_per_gb") else { continue };
        let least = figure("_per_gb_min").unwrap_or(0);
        let most = figure("_max").unwrap_or(u64::MAX);
        let found = per_gib.saturating_mul(size_gib).max(least).min(most);
        worked_out.insert(limit, found.to_string());
    }
    worked_out
}

/// The limits of a server's own disks by its flavor's extra specs.
pub fn of_flavor(extra_specs: &BTreeMap<String, String>) -> DiskLimits {
    // Nova knows no figures by size here.
    read(extra_specs, FLAVOR_PREFIX)
}

/// Refuses a limit that is no figure. Names that are no limits mean nothing here.
///
/// # Errors
/// `InvalidQoSSpecs` (400).
pub(super) fn check(specs: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in specs {
        if is_limit(name) && value.parse::<u64>().is_err() {
            return Err(Error::invalid(
                "InvalidQoSSpecs",
                format!("Invalid qos specs: {name} is '{value}', and must be a whole number, 0 or more."),
            ));
        }
    }
    Ok(())
}

/// Whether a QoS spec of this name limits something.
pub fn is_limit(name: &str) -> bool {
    let is_of = |which: &str, what: &str| {
        let rest = name.strip_prefix(which).and_then(|rest| rest.strip_prefix(what));
        rest.is_some_and(|kind| KINDS.contains(&kind))
    };
    name == "size_iops_sec"
        || LIMITED
            .iter()
            .any(|which| is_of(which, "_bytes_sec") || is_of(which, "_iops_sec"))
}

fn read(specs: &BTreeMap<String, String>, prefix: &str) -> DiskLimits {
    let figure = |name: &str| {
        let text = specs.get(&format!("{prefix}{name}"))?;
        Some(text.parse::<u64>().ok()?.min(MOST))
    };
    let rate = |name: &str| {
        let per_second = figure(name).unwrap_or(0);
        let burst = figure(&format!("{name}_max")).filter(|burst| per_second > 0 && *burst >= per_second);
        let seconds = burst.map(|burst| {
            let asked = figure(&format!("{name}_max_length")).unwrap_or(1);
            asked.clamp(1, MOST / burst)
        });
        Rate {
            per_second,
            burst: burst.unwrap_or(0),
            burst_seconds: seconds.unwrap_or(0),
        }
    };
    let rates = |what: &str| {
        let total = rate(&format!("total_{what}_sec"));
        let of = |which: &str| match total.per_second {
            0 => rate(&format!("{which}_{what}_sec")),
            _ => Rate::default(),
        };
        Rates {
            total,
            read: of("read"),
            write: of("write"),
        }
    };
    let requests = rates("iops");
    DiskLimits {
        bytes: rates("bytes"),
        requests,
        request_bytes: match requests == Rates::default() {
            true => 0,
            false => figure("size_iops_sec").unwrap_or(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn specs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn limits(of: &[(&str, &str)], size_gib: u64) -> DiskLimits {
        read(&by_size(&specs(of), size_gib), "")
    }

    #[test]
    fn a_limit_of_everything_leaves_none_of_one_direction() {
        let found = limits(
            &[
                ("total_bytes_sec", "1000"),
                ("read_bytes_sec", "10"),
                ("read_iops_sec", "7"),
            ],
            1,
        );
        assert_eq!(found.bytes.total.per_second, 1000);
        assert_eq!(found.bytes.read, Rate::default());
        assert_eq!(found.requests.read.per_second, 7);
    }

    #[test]
    fn limits_grow_with_the_volume_but_not_below_their_least() {
        let asked = [("read_iops_sec_per_gb", "10"), ("read_iops_sec_per_gb_min", "25")];
        assert_eq!(limits(&asked, 1).requests.read.per_second, 25);
        assert_eq!(limits(&asked, 5).requests.read.per_second, 50);
        let both = [("read_iops_sec_per_gb", "10"), ("read_iops_sec", "3")];
        assert_eq!(limits(&both, 2).requests.read.per_second, 20);
        let capped = [("read_iops_sec_per_gb", "10"), ("read_iops_sec_max", "35")];
        let of = |size| limits(&capped, size).requests.read;
        assert_eq!((of(3).per_second, of(4).per_second, of(4).burst), (30, 35, 0));
    }

    #[test]
    fn a_burst_needs_a_limit_that_is_not_above_it() {
        let burst = |asked: &[(&str, &str)]| {
            let rate = limits(asked, 1).bytes.write;
            (rate.burst, rate.burst_seconds)
        };
        assert_eq!(burst(&[("write_bytes_sec_max", "50")]), (0, 0));
        assert_eq!(
            burst(&[("write_bytes_sec", "60"), ("write_bytes_sec_max", "50")]),
            (0, 0)
        );
        let well = [("write_bytes_sec", "40"), ("write_bytes_sec_max", "50")];
        assert_eq!(burst(&well), (50, 1));
        let long = [well[0], well[1], ("write_bytes_sec_max_length", "9")];
        assert_eq!(burst(&long), (50, 9));
    }

    #[test]
    fn a_flavors_limits_have_a_prefix_and_know_no_size() {
        let found = of_flavor(&specs(&[
            ("quota:disk_total_iops_sec", "90"),
            ("quota:disk_size_iops_sec", "4096"),
            ("quota:disk_read_bytes_sec_per_gb", "5"),
            ("total_bytes_sec", "1"),
        ]));
        let expected = DiskLimits {
            requests: Rates {
                total: Rate {
                    per_second: 90,
                    ..Rate::default()
                },
                ..Rates::default()
            },
            request_bytes: 4096,
            ..DiskLimits::NONE
        };
        assert_eq!(found, expected);
        assert!(!found.is_none() && of_flavor(&specs(&[])).is_none());
    }

    #[test]
    fn what_is_no_figure_is_refused_and_other_names_are_free() {
        check(&specs(&[
            ("total_bytes_sec", "0"),
            ("anything", "at all"),
            ("maxIOPS", "many"),
        ]))
        .unwrap();
        for name in [
            "total_bytes_sec",
            "read_iops_sec_max_length",
            "write_bytes_sec_per_gb_min",
            "size_iops_sec",
        ] {
            let error = check(&specs(&[(name, "-1")])).unwrap_err();
            assert!(error.to_string().contains(name), "{error:?}");
        }
    }

    proptest! {
        /// QEMU refuses other combinations.
        #[test]
        fn whatever_is_asked_qemu_can_take(
            asked in proptest::collection::btree_map("(total|read|write)_(bytes|iops)_sec(|_max|_max_length|_per_gb|_per_gb_min)", any::<u64>(), 0..12),
            size in 0_u64..100_000,
        ) {
            let asked = asked.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            let found = read(&by_size(&asked, size), "");
            for rates in [found.bytes, found.requests] {
                prop_assert!(rates.total == Rate::default() || rates.read.per_second == 0 && rates.write.per_second == 0);
                for rate in [rates.total, rates.read, rates.write] {
                    prop_assert!(rate.per_second <= MOST && rate.burst <= MOST);
                    prop_assert!(rate.burst == 0 || rate.per_second > 0 && rate.burst >= rate.per_second);
                    prop_assert!((rate.burst == 0) == (rate.burst_seconds == 0));
                    prop_assert!(rate.burst.checked_mul(rate.burst_seconds).is_some_and(|all| all <= MOST));
                }
            }
        }
    }
}
