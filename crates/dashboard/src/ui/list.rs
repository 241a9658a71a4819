//! Lists: search, order, pages, a choice of several rows. All of it is in the address, so that it can be kept, shared and
//! gone back to, and works without script.

use std::cmp::Ordering;

use maud::{Markup, html};
use serde::Deserialize;

use super::icon;
use crate::messages::Text;
use crate::outcome::in_query;
use crate::visit::Visit;

/// Rows on one page.
const PAGE_ROWS: usize = 50;

/// Lists of more columns leave the minor ones out of larger windows, too.
const MANY: usize = 8;

/// A list's part of the address.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ListQuery {
    /// Only rows in which this occurs.
    #[serde(default)]
    pub search: String,
    /// The column to order by.
    #[serde(default)]
    pub sort: String,
    /// `desc`: the other way round.
    #[serde(default)]
    pub dir: String,
    /// From 1.
    #[serde(default)]
    pub page: usize,
}

impl ListQuery {
    fn is_descending(&self) -> bool {
        self.dir == "desc"
    }

    /// As an address below `path`.
    fn address(&self, path: &str) -> String {
        let mut parts = Vec::new();
        for (name, value) in [("search", &self.search), ("sort", &self.sort), ("dir", &self.dir)] {
            if !value.is_empty() {
                parts.push(format!("{name}={}", in_query(value)));
            }
        }
        if self.page > 1 {
            parts.push(format!("page={}", self.page));
        }
        if parts.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", parts.join("&"))
        }
    }
}

/// What rows are ordered by.
type Order<'a, T> = Box<dyn Fn(&T, &T) -> Ordering + 'a>;
/// What a row shows in a column.
type Cell<'a, T> = Box<dyn Fn(&T) -> Markup + 'a>;

struct Column<'a, T> {
    key: &'static str,
    title: String,
    cell: Cell<'a, T>,
    order: Option<Order<'a, T>>,
    /// Left out where the window is narrow, and the object's own page tells it.
    is_minor: bool,
}

/// Deletes several rows at once: where to, and how a row is named there; and what else is done to several.
struct Bulk<'a, T> {
    address: String,
    also: Vec<BulkAction>,
    id: Box<dyn Fn(&T) -> String + 'a>,
    name: Box<dyn Fn(&T) -> String + 'a>,
}

/// Something else than deleting that is done to several rows.
struct BulkAction {
    address: String,
    symbol: &'static str,
    words: String,
}

/// A list being made.
pub(crate) struct List<'a, T> {
    t: Text,
    path: String,
    query: &'a ListQuery,
    what: String,
    rows: Vec<T>,
    columns: Vec<Column<'a, T>>,
    found: Box<dyn Fn(&T) -> String + 'a>,
    menu: Option<Cell<'a, T>>,
    bulk: Option<Bulk<'a, T>>,
    /// The column that rows are ordered by when nobody asks for another; without one they come as they were given.
    usual: Option<&'static str>,
}

impl<'a, T> List<'a, T> {
    /// Of `rows`, in the order they have; `what` they are, in a word ("networks"). Search looks into what `found` gives.
    pub fn new(
        visit: &Visit,
        query: &'a ListQuery,
        what: &str,
        rows: Vec<T>,
        found: impl Fn(&T) -> String + 'a,
    ) -> Self {
        let address = &visit.view().address;
        Self {
            t: visit.t(),
            path: address.split('?').next().unwrap_or_default().to_owned(),
            query,
            what: what.to_owned(),
            rows,
            columns: Vec::new(),
            found: Box::new(found),
            menu: None,
            bulk: None,
            usual: None,
        }
    }

    /// In the order of a column, if the address does not say otherwise.
    pub fn usually_by(mut self, key: &'static str) -> Self {
        self.usual = Some(key);
        self
    }

    /// The column before is left out of narrow windows.
    pub fn minor(mut self) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.is_minor = true;
        }
        self
    }

    /// A column that can't be ordered by.
    pub fn column(mut self, key: &'static str, title: &str, cell: impl Fn(&T) -> Markup + 'a) -> Self {
        self.columns.push(Column {
            key,
            title: title.to_owned(),
            cell: Box::new(cell),
            order: None,
            is_minor: false,
        });
        self
    }

    /// A column that can.
    pub fn sorted<K: Ord>(
        mut self,
        key: &'static str,
        title: &str,
        by: impl Fn(&T) -> K + 'a,
        cell: impl Fn(&T) -> Markup + 'a,
    ) -> Self {
        self.columns.push(Column {
            key,
            title: title.to_owned(),
            cell: Box::new(cell),
            order: Some(Box::new(move |a, b| by(a).cmp(&by(b)))),
            is_minor: false,
        });
        self
    }

    /// A menu at the end of each row.
    pub fn menu(mut self, menu: impl Fn(&T) -> Markup + 'a) -> Self {
        self.menu = Some(Box::new(menu));
        self
    }

    /// Rows can be chosen, and deleted together: `address` shows the question with the chosen rows' ids in `id`.
    pub fn bulk_delete(
        mut self,
        address: impl Into<String>,
        id: impl Fn(&T) -> String + 'a,
        name: impl Fn(&T) -> String + 'a,
    ) -> Self {
        self.bulk = Some(Bulk {
            address: address.into(),
            also: Vec::new(),
            id: Box::new(id),
            name: Box::new(name),
        });
        self
    }

    /// Something else that is done to the chosen rows, beside [`Self::bulk_delete`]: `address` shows the question.
    pub fn bulk_also(mut self, address: impl Into<String>, symbol: &'static str, words: &str) -> Self {
        if let Some(bulk) = &mut self.bulk {
            bulk.also.push(BulkAction {
                address: address.into(),
                symbol,
                words: words.to_owned(),
            });
        }
        self
    }

    /// The list. It is `#list`: what search and order exchange.
    pub fn render(mut self) -> Markup {
        let wanted = self.query.search.trim().to_lowercase();
        if !wanted.is_empty() {
            let found = &self.found;
            self.rows.retain(|row| found(row).to_lowercase().contains(&wanted));
        }
        let wanted = if self.query.sort.is_empty() {
            self.usual.unwrap_or_default()
        } else {
            self.query.sort.as_str()
        };
        let order = self
            .columns
            .iter()
            .find(|column| column.key == wanted)
            .and_then(|column| column.order.as_ref());
        if let Some(order) = order {
            self.rows.sort_by(|a, b| {
                if self.query.is_descending() && !self.query.sort.is_empty() {
                    order(b, a)
                } else {
                    order(a, b)
                }
            });
        }
        let total = self.rows.len();
        let pages = total.div_ceil(PAGE_ROWS).max(1);
        let page = self.query.page.clamp(1, pages);
        let first = (page - 1) * PAGE_ROWS;
        let shown = self.rows.iter().skip(first).take(PAGE_ROWS);
        let t = self.t;
        html! {
            section #list .list.many[self.columns.len() > MANY] {
                (self.tools())
                @if total == 0 {
                    p .nothing { (t.nothing_found(&self.query.search)) " " a href=(self.path) { (t.clear_search()) } }
                } @else {
                    div .table-frame {
                        table {
                            thead { tr {
                                @if self.bulk.is_some() {
                                    th .pick { input type="checkbox" data-select-all aria-label=(t.select_all()); }
                                }
                                @for column in &self.columns { (self.heading(column)) }
                                @if self.menu.is_some() { th .row-menu { span .sr { (t.actions()) } } }
                            } }
                            tbody {
                                @for row in shown { (self.row(row)) }
                            }
                        }
                    }
                    @if pages > 1 { (self.pager(first, page, pages, total)) }
                }
            }
        }
    }

    fn tools(&self) -> Markup {
        let t = self.t;
        let words = t.search_in(&self.what);
        html! {
            div .list-tools {
                form .search role="search" method="get" action=(self.path) {
                    (icon("search"))
                    input #search type="search" name="search" value=(self.query.search) placeholder=(words) aria-label=(words) autocomplete="off"
                        hx-get=(self.path) hx-trigger="input changed delay:200ms" hx-target="#list" hx-select="#list" hx-swap="outerHTML"
                        hx-push-url="true" hx-include="closest form" maxlength="255";
                    @if !self.query.sort.is_empty() { input type="hidden" name="sort" value=(self.query.sort); }
                    @if !self.query.dir.is_empty() { input type="hidden" name="dir" value=(self.query.dir); }
                }
                @if let Some(bulk) = &self.bulk {
                    form #bulk method="get" action=(bulk.address) hx-get=(bulk.address) hx-target="#dialog-body" {
                        @for action in &bulk.also {
                            button .button type="submit" formaction=(action.address) data-needs-selection { (icon(action.symbol)) (action.words) }
                        }
                        button .button.danger type="submit" data-needs-selection { (icon("trash")) (t.delete_selected()) span data-selected {} }
                    }
                }
            }
        }
    }

    fn heading(&self, column: &Column<'_, T>) -> Markup {
        if column.order.is_none() {
            return html! { th scope="col" .minor[column.is_minor] { (column.title) } };
        }
        let is_here = self.query.sort == column.key;
        let is_down = is_here && self.query.is_descending();
        let next = ListQuery {
            sort: column.key.to_owned(),
            dir: if is_here && !is_down {
                "desc".to_owned()
            } else {
                String::new()
            },
            page: 1,
            ..self.query.clone()
        };
        let state = match (is_here, is_down) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        html! {
            th scope="col" aria-sort=(state) .minor[column.is_minor] {
                a href=(next.address(&self.path)) data-tip=(self.t.sort_by(&column.title)) { (column.title) span .sort-sign aria-hidden="true" {} }
            }
        }
    }

    fn row(&self, row: &T) -> Markup {
        // By its name a live page tells a row from the one that takes its place: what is chosen stays with what it was chosen for.
        let name = self
            .bulk
            .as_ref()
            .map(|bulk| format!("row-{}", in_query(&(bulk.id)(row))));
        html! {
            tr id=[name] {
                @if let Some(bulk) = &self.bulk {
                    td .pick {
                        input type="checkbox" name="id" value=((bulk.id)(row)) form="bulk" data-keep aria-label=(self.t.select_one((bulk.name)(row)));
                    }
                }
                @for column in &self.columns { td data-label=(column.title) .minor[column.is_minor] { ((column.cell)(row)) } }
                @if let Some(menu) = &self.menu { td .row-menu { (menu(row)) } }
            }
        }
    }

    fn pager(&self, first: usize, page: usize, pages: usize, total: usize) -> Markup {
        let t = self.t;
        let to = |page: usize| {
            ListQuery {
                page,
                ..self.query.clone()
            }
            .address(&self.path)
        };
        html! {
            nav .pager aria-label=(t.next_page()) {
                span .muted { (t.of_total(first + 1, (first + PAGE_ROWS).min(total), total)) }
                @if page > 1 { a .button href=(to(page - 1)) rel="prev" { (icon("left")) (t.previous_page()) } }
                @if page < pages { a .button href=(to(page + 1)) rel="next" { (t.next_page()) (icon("right")) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_what_is_not_usual() {
        let query = ListQuery {
            search: "a b&c".to_owned(),
            sort: "name".to_owned(),
            dir: String::new(),
            page: 2,
        };
        assert_eq!(
            query.address("/dashboard/x"),
            "/dashboard/x?search=a%20b%26c&sort=name&page=2"
        );
        assert_eq!(ListQuery::default().address("/dashboard/x"), "/dashboard/x");
    }
}
