//! Who is let in.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::answers::says;
use super::names::{is_loopback, is_same, without_port};
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
