//! The host's own word on what is there, and on what becomes of a packet: asked when somebody wants to know, never kept.

use std::sync::Arc;
use std::time::Instant;

use model::ProjectId;
use model::reach::probe::{ProbeError, ProbeRequest, ProbeResult, Prober};
use model::reach::{Asked, HostInspector, Inspection, Observed, Scope};

use crate::Control;

impl Control {
    /// Says who looks at the host: the host, which starts later than the cloud. The first word holds.
    pub fn set_inspector(&self, inspector: Arc<dyn HostInspector>) {
        // As with the figures of servers: there is one host.
        let _ = self.inner.inspector.set(inspector);
    }

    /// Says who probes the host's networks. The first word holds.
    pub fn set_prober(&self, prober: Arc<dyn Prober>) {
        let _ = self.inner.prober.set(prober);
    }

    /// What of the host is not as it was declared; `None` while there is no host to ask.
    pub async fn inspect(&self, scope: Scope) -> Option<Inspection> {
        self.inner.inspector.get()?.inspect(scope).await
    }

    /// What was seen on the host; `None` while there is no host to ask.
    pub async fn observe(&self, asked: Asked) -> Option<Observed> {
        self.inner.inspector.get()?.observe(asked).await
    }

    /// Whether the host forwards IPv4 and IPv6 between its links. Where nobody can tell, it is taken to.
    pub async fn host_forwards(&self) -> (bool, bool) {
        let Some(inspector) = self.inner.inspector.get() else {
            return (true, true);
        };
        let (v4, v6) = inspector.forwards().await;
        (v4.unwrap_or(true), v6.unwrap_or(true))
    }

    /// Makes a probe for a project, one at a time; `None` while there is no host that could. Who speaks for no project has the
    /// host's whole share.
    pub async fn probe(
        &self,
        project: Option<&ProjectId>,
        request: ProbeRequest,
    ) -> Option<Result<ProbeResult, ProbeError>> {
        let prober = self.inner.prober.get()?;
        let turn = project.map(|project| self.inner.probe_turns.take(project, Instant::now()));
        match turn.transpose() {
            Ok(_turn) => Some(prober.probe(request).await),
            Err(retry_after) => Some(Err(ProbeError::RateLimited { retry_after })),
        }
    }
}
