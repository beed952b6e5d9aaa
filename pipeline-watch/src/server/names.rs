//! Names of hosts, and origins.

use axum::http::HeaderValue;

/// The name in front of a port.
pub(super) fn without_port(host: &str) -> Option<&str> {
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
pub(super) fn is_loopback(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_address = name
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_address || name == "localhost" || name.ends_with(".localhost")
}

/// Whether an origin is the page's own.
pub(super) fn is_same(origin: &HeaderValue, host: &str) -> bool {
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
