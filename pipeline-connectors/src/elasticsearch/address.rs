//! Where a server is, and as whom it is asked.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;

/// The port, where the URL names none and is not `https`: that of Elasticsearch, as all its clients have it.
const PORT: u16 = 9200;

/// Where a server is.
#[derive(Clone)]
pub(super) struct Address {
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encrypted: bool,
    /// What stands in front of all paths: empty, or from a `/` on, without one at its end.
    pub(super) prefix: String,
    /// What is said of host and port in requests.
    pub(super) authority: String,
    pub(super) user: Option<(String, String)>,
}

impl Address {
    /// Reads a URL, or says why it is none. What it says never quotes the URL: there may be a password in it.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let how = "write it as `http://host:9200`, special characters of a password as `%40`";
        let uri: Uri = match url.trim().parse() {
            Ok(uri) => uri,
            Err(_) => return Err(format!("the URL cannot be read; {how}")),
        };
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => {
                return Err(format!(
                    "the URL is neither of `http` nor of `https`; {how}"
                ));
            }
            None => return Err(format!("the URL has no scheme; {how}")),
        };
        let Some(authority) = uri.authority() else {
            return Err(format!("the URL names no host; {how}"));
        };
        if uri.query().is_some() || url.contains('#') {
            return Err("the URL has more than a path; leave out what begins at `?` or `#`".into());
        }
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() {
            return Err(format!("the URL names no host; {how}"));
        }
        let port = match (authority.port_u16(), encrypted) {
            (Some(port), _) => port,
            (None, true) => 443,
            (None, false) => PORT,
        };
        let user = match authority.as_str().rsplit_once('@') {
            Some((user, _)) => Some(user_of(user)?),
            None => None,
        };
        Ok(Self {
            host: bare.to_owned(),
            port,
            encrypted,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authority: format!("{host}:{port}"),
            user,
        })
    }
}

/// User and password.
fn user_of(text: &str) -> Result<(String, String), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(String::from).map_err(|_| {
            "user or password of the URL are not UTF-8; write each byte as `%` and two digits"
                .to_owned()
        })
    };
    Ok((decoded(user)?, decoded(password)?))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

/// What says who asks, for the header `Authorization`.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    secret(&format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    ))
}

/// The same of a key; nothing if it has characters that no key has.
pub(super) fn key(key: &str) -> Option<HeaderValue> {
    secret(&format!("ApiKey {key}"))
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_says_where_a_server_is_and_as_whom_it_is_asked() {
        let address = Address::parse("http://app:p%40ss@search.example/es/").expect("a URL");
        assert_eq!(address.to_string(), "http://search.example:9200/es");
        let user = Some(("app".to_owned(), "p@ss".to_owned()));
        assert_eq!((address.prefix.as_str(), address.user), ("/es", user));
        let address = Address::parse("https://[::1]").expect("a URL");
        assert_eq!((address.host.as_str(), address.port), ("::1", 443));
        assert_eq!(address.to_string(), "https://[::1]:443");
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_quoting_it() {
        for (url, said) in [
            ("localhost:9200", "no scheme"),
            ("http://", "cannot be read"),
            ("http://:hunter2@:9200", "no host"),
            ("http://a:hunter 2@host", "cannot be read"),
            ("ftp://a:hunter2@host", "neither of"),
            ("http://a:hunter2@host/?pretty", "more than a path"),
            ("http://a:hunter%ff2@host", "not UTF-8"),
        ] {
            let problem = Address::parse(url).expect_err(url);
            assert!(problem.contains(said), "{url}: {problem}");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }
}
