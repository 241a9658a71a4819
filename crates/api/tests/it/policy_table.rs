//! The table of routes and of who passes each one's gate: `docs/policy.md`, generated from the routes themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use api::{Access, RouteRow, Service};
use model::{Actor, Scope};

use crate::cloud::TestCloud;

/// The personas of OpenStack's secure RBAC, each with the roles that its own implies.
const PERSONAS: [(&str, &[&str]); 5] = [
    ("reader", &["reader"]),
    ("member", &["member", "reader"]),
    ("manager", &["manager", "member", "reader"]),
    ("admin", &["admin", "manager", "member", "reader"]),
    ("service", &["service"]),
];

fn actor(roles: &[&str], scope: Scope) -> Actor {
    Actor {
        user_id: "u".into(),
        user_domain_id: "default".into(),
        scope,
        roles: roles.iter().map(|role| (*role).to_owned()).collect::<BTreeSet<_>>(),
    }
}

fn project() -> Scope {
    Scope::Project {
        id: "p".into(),
        domain_id: "default".into(),
    }
}

fn mark(access: Access, actor: &Actor) -> &'static str {
    if access.check(actor).is_ok() { "✓" } else { "–" }
}

fn line(row: &RouteRow) -> String {
    let mut text = format!("| {} | `{}` |", row.method, row.path);
    let nobody = if row.access == Access::Public { "✓" } else { "–" };
    let _ = write!(text, " {nobody} | {} |", mark(row.access, &actor(&[], Scope::Unscoped)));
    for (_, roles) in PERSONAS {
        let _ = write!(text, " {} |", mark(row.access, &actor(roles, project())));
    }
    let _ = write!(
        text,
        " {} | {} |",
        mark(row.access, &actor(&["reader"], Scope::System)),
        mark(row.access, &actor(&["admin", "reader"], Scope::System))
    );
    text
}

fn page(routes: &[RouteRow]) -> String {
    let mut text = String::from(
        "# Who may call what\n\n\
         Generated from the routes by `crates/api/tests/it/policy_table.rs`; `MARU_WRITE_DOCS=1 cargo nextest run --workspace -E \
         'test(policy_table)'` writes it anew.\n\n\
         A mark means that the persona passes the route's gate. Behind it the rule decides about the object: another project's is \
         not found, and what only an administrator may set is refused by attribute. Keystone's routes let any token in, because \
         its rules look at the scope and at whom the request is about: a reader of the system reads everything, a reader of a \
         domain what is in it, a manager of a domain also changes users, groups, projects and their roles there, everybody \
         sees themselves, and the administrator may do everything.\n\n\
         `reader` to `service` are roles in a project, each with the roles it implies; *system* is a token for the whole cloud.\n",
    );
    let mut services: BTreeMap<&str, Vec<&RouteRow>> = BTreeMap::new();
    for row in routes {
        services.entry(row.service.name()).or_default().push(row);
    }
    for (name, mut rows) in services {
        rows.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
        let _ = write!(
            text,
            "\n## {name}\n\n| method | path | nobody | any token | reader | member | manager | admin | service | system reader | \
             system admin |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
        );
        for row in rows {
            let _ = writeln!(text, "{}", line(row));
        }
    }
    text
}

#[tokio::test]
async fn the_table_of_routes_and_roles_is_true() {
    let cloud = TestCloud::start().await;
    let text = page(&cloud.routes);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    if std::env::var_os("MARU_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/policy.md is not what the routes say: run this test once with MARU_WRITE_DOCS=1 and commit the page"
    );
}

#[tokio::test]
async fn reading_takes_a_reader_and_each_persona_may_do_what_the_one_below_may() {
    let cloud = TestCloud::start().await;
    for row in &cloud.routes {
        let passes: Vec<bool> = PERSONAS[..4]
            .iter()
            .map(|(_, roles)| row.access.check(&actor(roles, project())).is_ok())
            .collect();
        assert!(passes.is_sorted(), "{} {}", row.method, row.path);
        assert!(passes[3], "the administrator passes {} {}", row.method, row.path);
        // Who only reads changes nothing: but for Keystone, whose rules decide, and for logging in.
        if row.service != Service::Identity && row.access != Access::Public {
            let reads = ["GET", "HEAD"].contains(&row.method.as_str());
            // Key pairs are a user's own, whatever their role in the project, as with Nova.
            let own = row.path.contains("/os-keypairs");
            // One action on a volume shows its image's metadata; the others ask for a member in the handler.
            let shows = row.path == "/volume/v3/volumes/{id}/action";
            assert!(
                reads || own || shows || !passes[0],
                "a reader passes {} {}",
                row.method,
                row.path
            );
        }
    }
}
