//! What simulated routers counted: what a test says passed.

use std::collections::BTreeMap;

use model::meters::{Answer, Count, MeterSource, RouterReading};
use model::{MeteringLabelId, RouterId, Timestamp};

use super::SimNode;

/// What passed, by router and label.
pub(crate) type Passed = BTreeMap<(RouterId, MeteringLabelId), Count>;

impl SimNode {
    /// Packets pass a router that a label counts; no matter what its rules are.
    pub fn pass(&self, router: RouterId, label: MeteringLabelId, packets: u64, bytes: u64) {
        let mut state = self.state();
        *state.passed.entry((router, label)).or_default() += Count { packets, bytes };
    }
}

impl MeterSource for SimNode {
    /// Of routers and labels that are wanted here. There is no clock, so all of it was read at the beginning of time.
    fn read(&self, routers: Vec<RouterId>) -> Answer<'_> {
        let wanted = self.wanted();
        let state = self.state();
        let readings = routers.into_iter().filter_map(|router| {
            let meters = &wanted.routers.get(&router)?.meters;
            let counted = |label: &MeteringLabelId| state.passed.get(&(router, *label)).copied().unwrap_or_default();
            let counts: BTreeMap<MeteringLabelId, Count> =
                meters.keys().map(|label| (*label, counted(label))).collect();
            let read_at = Timestamp::EPOCH;
            (!counts.is_empty()).then_some((router, RouterReading { read_at, counts }))
        });
        let readings: BTreeMap<RouterId, RouterReading> = readings.collect();
        Box::pin(std::future::ready(readings))
    }
}
