//! Tables as files for spreadsheets (RFC 4180).

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// A file that browsers save as `usage.csv`: a line of headings, and rows of [`cell`]s and figures.
pub(crate) fn file(headings: &str, rows: impl IntoIterator<Item = String>) -> Response {
    let mut text = format!("{headings}\r\n");
    for row in rows {
        text.push_str(&row);
        text.push_str("\r\n");
    }
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""),
    ];
    (headers, text).into_response()
}

/// A text that spreadsheets take for nothing but text: not for the end of a cell, not for a formula.
pub(crate) fn cell(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_formulas() {
        assert_eq!(cell("web, \"a\""), "\"web, \"\"a\"\"\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
