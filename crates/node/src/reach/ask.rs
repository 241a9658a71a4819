//! Asked from other rooms: the host as it stands, compared with the document that was applied last.

use std::sync::Arc;
use std::time::Duration;

use model::host::HostConfig;
use model::reach::{Asked, ForwardingAnswer, HostInspector, Inspection, ObservationAnswer, ProgrammedAnswer, Scope};
use tokio::sync::watch;

use super::observed::Observer;
use super::programmed::Inspector;
use crate::network_thread::Standing;
use crate::servers::files;

/// How long the newest document may take to be applied before the host is compared with the one before it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after a look that found something the next one is: what is gone by then was a change on its way.
const AGAIN: Duration = Duration::from_millis(200);

/// Whoever can be asked about this host.
pub struct Inspectors {
    inspector: Arc<Inspector>,
    observer: Arc<Observer>,
    wanted: watch::Receiver<Arc<HostConfig>>,
    standing: watch::Receiver<Arc<Standing>>,
}

impl Inspectors {
    pub(crate) fn new(
        inspector: Inspector,
        observer: Observer,
        wanted: watch::Receiver<Arc<HostConfig>>,
        standing: watch::Receiver<Arc<Standing>>,
    ) -> Self {
        Self {
            inspector: Arc::new(inspector),
            observer: Arc::new(observer),
            wanted,
            standing,
        }
    }

    /// The document that was applied last: the newest one, if that is not too long in coming.
    async fn applied(&self) -> Arc<HostConfig> {
        let newest = self.wanted.borrow().revision;
        let mut standing = self.standing.clone();
        let stands = standing.wait_for(|standing| standing.config.revision >= newest);
        // Whoever is late, or has stopped, is taken as it is.
        let _ = tokio::time::timeout(PATIENCE, stands).await;
        self.standing.borrow().config.clone()
    }

    async fn look(&self, scope: &Scope) -> Option<Inspection> {
        let (inspector, scope) = (Arc::clone(&self.inspector), scope.clone());
        let config = self.applied().await;
        files::blocking(move || Ok(inspector.inspect(&config, &scope)))
            .await
            .ok()
    }
}

impl HostInspector for Inspectors {
    fn forwards(&self) -> ForwardingAnswer<'_> {
        let observer = Arc::clone(&self.observer);
        let read = files::blocking(move || Ok(observer.forwards()));
        Box::pin(async move { read.await.unwrap_or_default() })
    }

    fn inspect(&self, scope: Scope) -> ProgrammedAnswer<'_> {
        Box::pin(async move {
            let first = self.look(&scope).await?;
            if first.findings.is_empty() {
                return Some(first);
            }
            tokio::time::sleep(AGAIN).await;
            let mut second = self.look(&scope).await?;
            if second.revision == first.revision {
                second.findings = second.findings.intersection(&first.findings).cloned().collect();
            }
            Some(second)
        })
    }

    fn observe(&self, asked: Asked) -> ObservationAnswer<'_> {
        let observer = Arc::clone(&self.observer);
        Box::pin(async move {
            let config = self.applied().await;
            files::blocking(move || Ok(observer.observe(&config, &asked)))
                .await
                .ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux::Netns;
    use model::NetworkId;
    use model::host::ExternalNetworkConfig;
    use model::reach::{HostObject, State};

    /// A document that wants a bridge which is not there.
    fn document(revision: u64) -> Arc<HostConfig> {
        let id = NetworkId(uuid::Uuid::from_u128(1));
        let external = ExternalNetworkConfig {
            id,
            bridge: "br-ex".into(),
            mtu: 1500,
            host_addresses: Vec::new(),
            host_routes: Vec::new(),
        };
        let mut config = HostConfig {
            revision,
            ..HostConfig::default()
        };
        config.externals.insert(id, Arc::new(external));
        Arc::new(config)
    }

    fn standing(config: Arc<HostConfig>) -> Arc<Standing> {
        Arc::new(Standing {
            config,
            ..Standing::default()
        })
    }

    #[tokio::test]
    async fn the_host_is_compared_with_the_newest_document_once_it_is_applied() {
        let host = Netns::anonymous().unwrap();
        let (_wanted, wanted) = watch::channel(document(7));
        let (applied, stands) = watch::channel(standing(Arc::default()));
        let inspector = Inspector::new(host.clone(), "test");
        let asked = Inspectors::new(inspector, Observer::new(host, None, None), wanted, stands);
        let scope = Scope::all(&document(7));
        let (found, ()) = tokio::join!(asked.inspect(scope), async {
            tokio::task::yield_now().await;
            applied.send_replace(standing(document(7)));
        });
        let found = found.unwrap();
        assert_eq!((found.revision, found.findings.len()), (7, 1));
        let finding = found.findings.first().unwrap();
        assert!(matches!(finding.object, HostObject::Device(_)) && finding.state == State::Missing);
        let seen = asked.observe(Asked::default()).await.unwrap();
        assert_eq!(seen.unreadable, Vec::<String>::new());
    }
}
