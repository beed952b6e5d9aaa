//! The page itself, out of the binary: no build step, nothing from elsewhere.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::server::says;

const PAGE: &str = include_str!("page.html");

/// What the page is made of.
pub(crate) const PARTS: &[(&str, &str, &str)] = &[
    (
        "page.css",
        "text/css; charset=utf-8",
        include_str!("page.css"),
    ),
    ("page.js", SCRIPT, include_str!("page.js")),
    ("link.js", SCRIPT, include_str!("link.js")),
    ("dom.js", SCRIPT, include_str!("dom.js")),
    ("graph.js", SCRIPT, include_str!("graph.js")),
    ("stage.js", SCRIPT, include_str!("stage.js")),
    ("lists.js", SCRIPT, include_str!("lists.js")),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

pub(crate) fn part(name: &str) -> Response {
    let part = PARTS.iter().find(|(known, ..)| *known == name);
    part.map_or_else(
        || says(StatusCode::NOT_FOUND, "there is nothing here"),
        |(_, kind, text)| ([(header::CONTENT_TYPE, *kind)], *text).into_response(),
    )
}
