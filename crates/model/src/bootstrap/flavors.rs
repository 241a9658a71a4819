//! DevStack's flavors.

use crate::compute::Flavor;
use crate::{FlavorId, Result, Tx};

/// Id, name, memory (MiB), root disk (GiB), virtual CPUs.
const FLAVORS: &[(&str, &str, u64, u64, u32)] = &[
    ("42", "m1.nano", 64, 1, 1),
    ("84", "m1.micro", 128, 1, 1),
    ("c1", "cirros256", 256, 1, 1),
    ("d1", "ds512M", 512, 5, 1),
    ("d2", "ds1G", 1024, 10, 1),
    ("d3", "ds2G", 2048, 10, 2),
    ("d4", "ds4G", 4096, 20, 4),
    ("1", "m1.tiny", 512, 1, 1),
    ("2", "m1.small", 2048, 20, 1),
    ("3", "m1.medium", 4096, 40, 2),
    ("4", "m1.large", 8192, 80, 4),
    ("5", "m1.xlarge", 16_384, 160, 8),
];

/// Makes those of DevStack's flavors that are not there.
///
/// # Errors
/// None today.
pub fn flavors(tx: &mut Tx<'_>) -> Result<()> {
    for &(id, name, memory_mib, root_gib, vcpus) in FLAVORS {
        let is_taken = tx
            .cloud()
            .flavors
            .iter()
            .any(|flavor| flavor.id.as_str() == id || flavor.name == name);
        if is_taken {
            continue;
        }
        tx.put(Flavor {
            id: FlavorId::from(id),
            name: name.to_owned(),
            description: None,
            vcpus,
            memory_mib,
            root_gib,
            ephemeral_gib: 0,
            swap_mib: 0,
            rxtx_factor_thousandths: 1000,
            is_public: true,
            access: Default::default(),
            extra_specs: Default::default(),
        });
    }
    Ok(())
}
