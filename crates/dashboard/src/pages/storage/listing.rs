//! Lists of volumes, of their snapshots and of their backups: what they have in common.

use std::sync::Arc;

use maud::{Markup, html};
use model::{ProjectId, Timestamp};

use super::words::Reach;
use crate::layout::project_name;
use crate::ui::{self, List, ListQuery};
use crate::visit::Visit;

/// What the volume service keeps.
pub(super) trait Stored {
    /// Its id, as text.
    fn id(&self) -> String;
    /// A name for people.
    fn title(&self) -> String;
    /// What its owner says of it.
    fn description(&self) -> Option<&str>;
    /// Whose it is.
    fn project_id(&self) -> &ProjectId;
    /// How large it is, GiB.
    fn size_gib(&self) -> u64;
    /// When it was made.
    fn created_at(&self) -> Timestamp;
    /// Its state, in Cinder's word.
    fn status(&self) -> &'static str;
}

/// A list that begins with name, state and size.
pub(super) fn begin<'a, R: Stored + 'a>(
    visit: &Visit,
    query: &'a ListQuery,
    what: &str,
    rows: Vec<Arc<R>>,
    name: impl Fn(&R) -> Markup + 'a,
    state: impl Fn(&R) -> Markup + 'a,
) -> List<'a, Arc<R>> {
    let t = visit.t();
    List::new(visit, query, what, rows, |row: &Arc<R>| {
        format!("{} {} {}", row.title(), row.id(), row.description().unwrap_or_default())
    })
    .sorted("name", t.name(), |row| row.title().to_lowercase(), move |row| name(row))
    .sorted("status", t.status(), |row| row.status(), move |row| state(row))
    .sorted(
        "size",
        t.size(),
        |row| row.size_gib(),
        move |row| html! { (t.gibibytes(row.size_gib())) },
    )
}

/// Ends it: whose each is (for who looks at all), when it was made, and what can be done to it; `delete` asks whether the
/// chosen ones are to go.
pub(super) fn end<'a, R: Stored + 'a>(
    list: List<'a, Arc<R>>,
    visit: &'a Visit,
    reach: Reach,
    delete: &'static str,
    menu: impl Fn(&R) -> Markup + 'a,
) -> Markup {
    let (t, cloud) = (visit.t(), visit.cloud());
    let project = move |row: &Arc<R>| project_name(cloud, row.project_id());
    let list = match reach {
        Reach::Project => list,
        Reach::All => list.sorted("project", t.project(), project, move |row| html! { (project(row)) }),
    };
    list.sorted(
        "created",
        t.created(),
        |row| row.created_at(),
        |row| ui::time(row.created_at()),
    )
    .menu(move |row| menu(row))
    .bulk_delete(delete, |row| row.id(), |row| row.title())
    .render()
}

/// Implements [`Stored`] for a row that has these fields under these names.
macro_rules! stored {
    ($row:ty) => {
        impl $crate::pages::storage::listing::Stored for $row {
            fn id(&self) -> String {
                self.id.to_string()
            }
            fn title(&self) -> String {
                title(self)
            }
            fn description(&self) -> Option<&str> {
                self.description.as_deref().filter(|text| !text.is_empty())
            }
            fn project_id(&self) -> &model::ProjectId {
                &self.project_id
            }
            fn size_gib(&self) -> u64 {
                self.size_gib
            }
            fn created_at(&self) -> model::Timestamp {
                self.created_at
            }
            fn status(&self) -> &'static str {
                self.status.as_str()
            }
        }
    };
}
pub(super) use stored;
