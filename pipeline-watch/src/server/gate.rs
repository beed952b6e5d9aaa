//! Who is let in, and with what headers an answer leaves.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::token::Token;

/// Who is let in.
pub(crate) struct Gate {
    pub(crate) who: Who,
    /// The names by which it may be reached.
    pub(crate) hosts: Hosts,
    pub(crate) open_metrics: bool,
    pub(crate) read_only: bool,
}

/// Who may look and act.
pub(crate) enum Who {
    /// Nothing is served that would be for somebody.
    Nobody,
    Has(Token),
    /// Whoever reaches it at all.
    Anybody,
}

/// The names by which it may be reached.
pub(crate) enum Hosts {
    /// Those of this machine alone, and these.
    Named(Vec<String>),
    /// Any: what is open to everybody anyway.
    Any,
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Holds nothing of what is watched.
    Open,
    /// Says nothing of items.
    Metrics,
    /// All else that is only looked at.
    Look,
    /// Changes something.
    Act,
}

/// What every answer says to browsers: this page alone may use it, and nothing from elsewhere is in it.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// An answer of one line.
pub(crate) fn says(status: StatusCode, text: &str) -> Response {
    let text = format!("{text}\n");
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}

/// What is answered in place of what was asked for.
#[derive(Debug)]
pub(crate) struct Refused(Box<Response>);

impl Refused {
    pub(crate) fn with(status: StatusCode, text: &str) -> Self {
        Self(Box::new(says(status, text)))
    }

    pub(crate) fn answer(self) -> Response {
        *self.0
    }
}

/// Puts these headers on an answer.
pub(crate) fn guard(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Gate {
    /// Whether a request may come to a route; what it gets if not.
    pub(crate) fn admits(
        &self,
        access: Access,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Refused> {
        let host = self.host(uri, headers).ok_or_else(|| {
            Refused::with(
                StatusCode::MISDIRECTED_REQUEST,
                "this page is not reached by that name",
            )
        })?;
        // Sent by browsers alone: nobody but the page itself has a reason to.
        if let Some(origin) = headers.get(header::ORIGIN)
            && !is_same(origin, host)
        {
            return Err(Refused::with(
                StatusCode::FORBIDDEN,
                "not from another site",
            ));
        }
        let foreign = headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site" || site == "same-site");
        let framed = headers.get("sec-fetch-dest").is_some_and(|dest| {
            ["frame", "iframe", "embed", "object"]
                .iter()
                .any(|frame| dest == frame)
        });
        if framed || (foreign && access != Access::Open) {
            return Err(Refused::with(
                StatusCode::FORBIDDEN,
                "not from another site, and in no frame",
            ));
        }
        match access {
            Access::Open => Ok(()),
            Access::Metrics if self.open_metrics => Ok(()),
            Access::Act if self.read_only => Err(Refused::with(
                StatusCode::FORBIDDEN,
                "nothing is changed through this page",
            )),
            Access::Metrics | Access::Look | Access::Act => self.knows(headers),
        }
    }

    /// Whether who asks has the token.
    fn knows(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let told = headers
            .get(header::AUTHORIZATION)
            .and_then(|told| told.to_str().ok());
        let told = told.and_then(|told| told.strip_prefix("Bearer "));
        let is_known = match &self.who {
            Who::Nobody => false,
            Who::Has(token) => told.is_some_and(|told| token.is(told)),
            Who::Anybody => true,
        };
        if is_known {
            return Ok(());
        }
        let mut unknown = Refused::with(
            StatusCode::UNAUTHORIZED,
            "the token is missing or wrong; it is behind the `#` of the address",
        );
        unknown
            .0
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(unknown)
    }

    /// By what name it was reached, if that is one of its own.
    fn host<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut told = headers.get_all(header::HOST).iter();
        let host = told.next().and_then(|host| host.to_str().ok());
        let named = match &self.hosts {
            Hosts::Any => return Some(host.unwrap_or_default()),
            Hosts::Named(named) => named,
        };
        let host = host.filter(|_| told.next().is_none())?;
        // A proxy's way to ask names it twice.
        let twice = uri
            .authority()
            .is_none_or(|authority| authority.as_str() == host);
        let name = without_port(host)?;
        let is_ours = is_loopback(name) || named.iter().any(|own| own.eq_ignore_ascii_case(name));
        (twice && is_ours).then_some(host)
    }
}

/// The name in front of a port.
fn without_port(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, port) = rest.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
        return is_port.then_some(name);
    }
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) => is_number(port).then_some(name),
    }
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names that nobody else can have: no name service is asked for them.
fn is_loopback(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_address = name
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_address || name == "localhost" || name.ends_with(".localhost")
}

/// Whether an origin is the page's own.
fn is_same(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_is_what_stands_before_its_port() {
        for (host, name) in [
            ("localhost", Some("localhost")),
            ("localhost:80", Some("localhost")),
            ("[::1]:8080", Some("::1")),
            ("[::1]", Some("::1")),
            ("localhost:", None),
            ("localhost:80:80", None),
            ("localhost:80@evil.example", None),
            ("[::1", None),
            ("[::1]x", None),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for name in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
        ] {
            assert!(is_loopback(name), "{name}");
        }
        for name in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "xlocalhost",
        ] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn an_origin_is_ours_where_it_is_the_host_that_was_asked() {
        let same = |origin| is_same(&HeaderValue::from_static(origin), "127.0.0.1:9");
        assert!(same("http://127.0.0.1:9") && same("https://127.0.0.1:9"));
        assert!(
            !same("null")
                && !same("http://127.0.0.1:10")
                && !same("http://127.0.0.1:9.evil.example")
        );
    }
}
