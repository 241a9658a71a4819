//! What Nova once had and has taken away: it still knows these paths, and says so (410) rather than that there are none.
//! Clients tell by it that the cloud is newer than the call, not that the call was wrong.

use model::Error;

use crate::access::Access::{Member, Reader};
use crate::context::Ctx;
use crate::reply::Reply;
use crate::routes::Routes;

async fn gone(_ctx: Ctx) -> Reply {
    Err(Error::invalid(
        "HTTPGone",
        "This API is gone: Nova removed it together with what it was for. The release notes of Nova name the replacement.",
    )
    .into())
}

/// The paths (nova `api/openstack/compute/routes.py`, controllers whose methods are `wsgi.removed`).
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .with(of_networks)
        .get("/v2.1/os-agents", Reader, gone)
        .post("/v2.1/os-agents", Member, gone)
        .put("/v2.1/os-agents/{id}", Member, gone)
        .delete("/v2.1/os-agents/{id}", Member, gone)
        .get("/v2.1/os-cells", Reader, gone)
        .post("/v2.1/os-cells", Member, gone)
        .get("/v2.1/os-cells/capacities", Reader, gone)
        .get("/v2.1/os-cells/detail", Reader, gone)
        .get("/v2.1/os-cells/info", Reader, gone)
        .post("/v2.1/os-cells/sync_instances", Member, gone)
        .get("/v2.1/os-cells/{id}", Reader, gone)
        .put("/v2.1/os-cells/{id}", Member, gone)
        .delete("/v2.1/os-cells/{id}", Member, gone)
        .get("/v2.1/os-cells/{id}/capacities", Reader, gone)
        .post("/v2.1/os-certificates", Member, gone)
        .get("/v2.1/os-certificates/{id}", Reader, gone)
        .get("/v2.1/os-cloudpipe", Reader, gone)
        .post("/v2.1/os-cloudpipe", Member, gone)
        .put("/v2.1/os-cloudpipe/{id}", Member, gone)
        .get("/v2.1/servers/{id}/consoles", Reader, gone)
        .post("/v2.1/servers/{id}/consoles", Member, gone)
        .get("/v2.1/servers/{id}/consoles/{console}", Reader, gone)
        .delete("/v2.1/servers/{id}/consoles/{console}", Member, gone)
}

fn of_networks(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-fixed-ips/{id}", Reader, gone)
        .post("/v2.1/os-fixed-ips/{id}/action", Member, gone)
        .get("/v2.1/os-floating-ip-dns", Reader, gone)
        .put("/v2.1/os-floating-ip-dns/{id}", Member, gone)
        .delete("/v2.1/os-floating-ip-dns/{id}", Member, gone)
        .get("/v2.1/os-floating-ip-dns/{id}/entries/{entry}", Reader, gone)
        .put("/v2.1/os-floating-ip-dns/{id}/entries/{entry}", Member, gone)
        .delete("/v2.1/os-floating-ip-dns/{id}/entries/{entry}", Member, gone)
        .get("/v2.1/os-floating-ips-bulk", Reader, gone)
        .post("/v2.1/os-floating-ips-bulk", Member, gone)
        .get("/v2.1/os-floating-ips-bulk/{id}", Reader, gone)
        .put("/v2.1/os-floating-ips-bulk/{id}", Member, gone)
        .get("/v2.1/os-fping", Reader, gone)
        .get("/v2.1/os-fping/{id}", Reader, gone)
        .post("/v2.1/os-networks", Member, gone)
        .post("/v2.1/os-networks/add", Member, gone)
        .delete("/v2.1/os-networks/{id}", Member, gone)
        .post("/v2.1/os-networks/{id}/action", Member, gone)
        .get("/v2.1/os-security-group-default-rules", Reader, gone)
        .post("/v2.1/os-security-group-default-rules", Member, gone)
        .get("/v2.1/os-security-group-default-rules/{id}", Reader, gone)
        .delete("/v2.1/os-security-group-default-rules/{id}", Member, gone)
        .post("/v2.1/os-tenant-networks", Member, gone)
        .delete("/v2.1/os-tenant-networks/{id}", Member, gone)
        .get("/v2.1/servers/{id}/os-virtual-interfaces", Reader, gone)
}
