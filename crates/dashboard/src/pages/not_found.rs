//! Addresses that lead nowhere.

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::html;

use crate::layout::document;
use crate::outcome::html as answer;
use crate::ui;
use crate::visit::View;

/// The page for everything that is no page.
pub(crate) async fn show(headers: HeaderMap, uri: Uri) -> Response {
    let view = View::of(&headers, &uri);
    let t = view.t;
    let body = html! {
        main #main .alone {
            (ui::empty("search", t.not_found_title(), t.not_found_text(), html! {
                a .button.main href="/dashboard/" { (t.go_to_overview()) }
            }))
        }
    };
    answer(StatusCode::NOT_FOUND, document(&view, t.not_found_title(), body))
}
