//! The frame around every page: navigation, project, language, theme; and the middle that changes.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use model::identity;

use crate::assets;
use crate::crumbs;
use crate::lang::Lang;
use crate::live;
use crate::outcome::{Page, Problem};
use crate::ui::{self, icon};
use crate::visit::{View, Visit};

/// What htmx may do: nothing that needs script or style inside a page.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true}"#;

/// A page being made.
pub(crate) struct Content {
    /// Heading, and the browser's title.
    pub title: String,
    /// Everything below the frame, heading included.
    pub body: Markup,
    /// `openstack` commands that do the same.
    pub cli: Vec<String>,
    /// It tells of changes by itself.
    pub is_live: bool,
}

impl Content {
    /// A live page.
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        Self {
            title: title.into(),
            body,
            cli: Vec::new(),
            is_live: true,
        }
    }

    /// With what one would type instead.
    pub fn cli<T: Into<String>>(mut self, commands: impl IntoIterator<Item = T>) -> Self {
        self.cli.extend(commands.into_iter().map(Into::into));
        self
    }

    /// It stays as it is: forms that fill a page, consoles.
    pub fn still(mut self) -> Self {
        self.is_live = false;
        self
    }
}

impl Visit {
    /// A page for this visitor.
    pub fn page(&self, content: Content) -> Page {
        let view = self.view();
        let middle = html! {
            div #page-problem .problem-place aria-live="assertive" {}
            @if !self.may_change() { p .note.reader-note { (icon("info")) (view.t.you_only_look()) } }
            (content.body)
            (ui::command_line(view.t, &content.cli))
        };
        if view.is_middle {
            return Page(middle);
        }
        let middle = middle.into_string();
        let mark = live::mark(&middle);
        let live = content.is_live.then_some(mark.as_str());
        Page(document(
            view,
            &content.title,
            html! {
                a .skip href="#main" { (view.t.skip_to_content()) }
                (self.top_bar())
                (self.navigation())
                main #main tabindex="-1" data-shown=[live] { (PreEscaped(middle)) }
                dialog #dialog aria-labelledby="dialog-title" { div #dialog-body {} }
                (self.session_dialog())
                div #toasts role="status" aria-live="polite" {}
            },
        ))
    }

    /// Where the sign-in is shown when the session ends under the visitor's hands, and whose session the page is of.
    fn session_dialog(&self) -> Markup {
        let cloud = self.cloud();
        let user = cloud.users.get(&self.actor().user_id);
        let domain = user.and_then(|user| cloud.domains.get(&user.domain_id));
        html! {
            dialog #session aria-labelledby="session-title" data-who=(crate::sign_in::who(self.token()))
                data-user=[user.map(|user| &user.name)] data-domain=[domain.map(|domain| &domain.name)] {}
        }
    }

    /// A form: in a dialog when a page opened it, else a page of its own.
    pub fn form(&self, title: &str, body: Markup) -> Page {
        if self.view().is_dialog {
            return Page(html! {
                header .dialog-head {
                    h2 #dialog-title { (title) }
                    button .plain.icon-only type="button" data-close aria-label=(self.t().close()) { (icon("x")) }
                }
                (body)
            });
        }
        let above = crumbs::above(self);
        let above = above.iter().map(|(address, words)| (address.as_str(), words.as_str()));
        let body = html! { (ui::crumbs(above)) h1 { (title) } div .card.form-page { (body) } };
        self.page(Content::new(title, body).still())
    }

    /// [`Self::form`] of fields that are sent to `address` by one button, with what one would type instead.
    pub fn form_of(&self, title: &str, address: &str, fields: Markup, button: &str, cli: &[String]) -> Page {
        let t = self.t();
        self.form(
            title,
            html! {
                form method="post" action=(address) hx-post=(address) hx-swap="none" {
                    (fields)
                    (ui::submit(t, button, false))
                }
                (ui::command_line(t, cli))
            },
        )
    }

    fn top_bar(&self) -> Markup {
        let t = self.t();
        let cloud = self.cloud();
        let user = cloud
            .users
            .get(&self.actor().user_id)
            .map_or_else(String::new, |user| user.name.clone());
        let projects = crate::sign_in::projects_of(cloud, &self.actor().user_id);
        let current = self.project_id();
        html! {
            header .top {
                button .plain.icon-only.menu-button type="button" data-menu aria-label=(t.menu()) aria-controls="nav" aria-expanded="false" { (icon("menu")) }
                a .brand href="/dashboard/" aria-label=(t.maru()) { (ui::logo()) span { (t.maru()) } }
                form .project-switch method="post" action="/dashboard/project" {
                    label {
                        span .sr { (t.project()) }
                        (icon("folder"))
                        select name="project" data-submit {
                            @for project in &projects {
                                option value=(project.id) selected[project.id == *current] { (project.name) }
                            }
                        }
                    }
                    button .no-script type="submit" { (t.switch_project()) }
                }
                span .grow {}
                span #live .live data-on=(t.live_hint()) data-off=(t.not_live_hint()) data-tip=(t.live_hint()) { span .dot {} span { (t.live()) } }
                (self.view().switches())
                details .menu.account {
                    summary aria-label=(t.signed_in_as(&user)) { (icon("user")) span .wide { (user) } }
                    div .menu-items {
                        p .muted { (t.signed_in_as(&user)) }
                        a .item href="/dashboard/password" { (icon("key")) (t.own_password()) }
                        form method="post" action="/dashboard/logout" {
                            button .item type="submit" { (icon("log-out")) (t.sign_out()) }
                        }
                    }
                }
            }
        }
    }

    fn navigation(&self) -> Markup {
        let t = self.t();
        let here = self.view().address.split('?').next().unwrap_or_default();
        let link = |path: &str, symbol: &str, words: &str| {
            let at = format!("/dashboard/{path}");
            let is_here = if path.is_empty() {
                here == at
            } else {
                let is_below = |at: &str| here == at || here.starts_with(&format!("{at}/"));
                // What has no list of its own belongs to the list that leads to it.
                is_below(&at)
                    || path == "networks" && (is_below("/dashboard/ports") || is_below("/dashboard/subnets"))
                    || is_below("/dashboard/admin/grants") && path == crumbs::of_grant(&self.view().address)
            };
            html! {
                li { a href=(at) aria-current=[is_here.then_some("page")] { (icon(symbol)) span { (words) } } }
            }
        };
        html! {
            nav #nav aria-label=(t.menu()) {
                ul {
                    (link("", "gauge", t.nav_overview()))
                    (link("topology", "topology", t.nav_topology()))
                }
                h2 { (t.nav_compute()) }
                ul {
                    (link("servers", "server", t.nav_servers()))
                    (link("images", "disc", t.nav_images()))
                    (link("key-pairs", "key", t.nav_key_pairs()))
                    (link("server-groups", "group", t.nav_server_groups()))
                }
                h2 { (t.nav_storage()) }
                ul {
                    (link("volumes", "volume", t.nav_volumes()))
                    (link("snapshots", "camera", t.nav_snapshots()))
                    (link("backups", "archive", t.nav_backups()))
                }
                h2 { (t.nav_network()) }
                ul {
                    (link("networks", "network", t.nav_networks()))
                    (link("routers", "router", t.nav_routers()))
                    (link("security-groups", "shield", t.nav_security_groups()))
                    (link("floating-ips", "globe", t.nav_floating_ips()))
                    (link("reach", "route", t.nav_reach()))
                }
                h2 { (t.nav_access()) }
                ul {
                    (link("api-access", "terminal", t.nav_api_access()))
                    (link("credentials", "badge", t.nav_credentials()))
                }
                @if self.is_admin() {
                    h2 { (t.nav_admin()) }
                    ul {
                        (link("admin/host", "cpu", t.nav_admin_overview()))
                        (link("admin/servers", "server", t.nav_admin_servers()))
                        (link("admin/networks", "network", t.nav_admin_networks()))
                        (link("admin/flavors", "sliders", t.nav_flavors()))
                        (link("admin/projects", "folder", t.nav_projects()))
                        (link("admin/users", "user", t.nav_users()))
                        (link("admin/roles", "badge", t.nav_roles()))
                        (link("admin/system", "info", t.nav_system()))
                    }
                }
            }
        }
    }
}

impl View {
    /// Language and theme; plain forms, so that they work without script.
    pub fn switches(&self) -> Markup {
        let t = self.t;
        let (other, name) = match t.0 {
            Lang::En => (Lang::Ko, "한국어"),
            Lang::Ko => (Lang::En, "English"),
        };
        html! {
            form .switch method="post" action="/dashboard/likes" {
                input type="hidden" name="back" value=(self.address);
                button .plain type="submit" name="lang" value=(other.code()) lang=(other.code()) aria-label=(name) { (icon("languages")) span .wide { (name) } }
                button .plain.icon-only type="submit" name="theme" value=(if self.theme == Some("dark") { "light" } else { "dark" })
                    data-theme-switch aria-label=(t.theme()) { (icon("moon")) }
            }
        }
    }
}

/// A whole HTML document.
pub(crate) fn document(view: &View, title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(view.t.code()) data-theme=[view.theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) " – " (view.t.maru()) }
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::path("maru.css"));
                script defer src=(assets::path("vendor/htmx/htmx.min.js")) {}
                script defer src=(assets::path("vendor/idiomorph/idiomorph.min.js")) {}
                script defer src=(assets::path("maru.js")) data-copied=(view.t.copied()) {}
            }
            body { (body) }
        }
    }
}

/// A problem that fills a page: the frame is left out, since what it needs may be what failed.
pub(crate) fn problem_page(view: &View, problem: &Problem) -> Markup {
    let t = view.t;
    let body = html! {
        h1 { (t.problem_title()) }
        (ui::problem_box(t, problem))
        p { a .button href="/dashboard/" { (t.go_to_overview()) } }
    };
    if view.is_middle || view.is_dialog {
        return body;
    }
    document(view, t.problem_title(), html! { main #main .alone { (body) } })
}

/// Names of projects are looked up in many places.
pub(crate) fn project_name(cloud: &model::Cloud, id: &model::ProjectId) -> String {
    cloud
        .find::<identity::Project>(id)
        .map_or_else(|| id.to_string(), |project| project.name.clone())
}
