//! Who gets nothing, for every route of the table.

use brigade::prelude::*;

use super::client::{TOKEN, get, post, raw, request, until};
use crate::routes::{ROUTES, Route};
use crate::server::Access;
use crate::{Page, Served};

/// What no stranger is to see.
const SECRET: &str = "the-item-says-this";

/// A pipeline whose items fail and say so, and its page.
async fn watched() -> (brigade::Running<u64>, Served) {
    let running = pipeline! {
        [0u64.., sink::each(drop)]
        push_task(n),
        :async 1 let said = {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            if n % 10 == 0 { Err(SECRET) } else { Ok(1) }
        }?,
        map(|m| m.said),
        :drive sink::discard(),
    }
    .spawn();
    let page = Page::new().watch("posts", &running).token(TOKEN);
    let served = page.serve("127.0.0.1:0").await.unwrap();
    until(&served, |state| state.to_string().contains(SECRET)).await;
    (running, served)
}

/// A path that there is, where something can be found.
fn path(route: &Route) -> String {
    let path = route.path.replace("{pipeline}", "posts");
    path.replace("{stage}", "said").replace("{name}", "page.js")
}

/// Of each route, what is answered to a request with these lines.
fn walk(served: &Served, lines: &[&str], check: impl Fn(&Route, u16)) {
    for route in ROUTES {
        // Nothing is to come of it, so it may be the real thing.
        let body = if route.method == "POST" {
            r#"{"n": 7}"#
        } else {
            ""
        };
        let request = request(route.method, &path(route), lines, body);
        let answer = raw(served.address(), &request);
        assert!(
            !answer.body.contains(SECRET),
            "{} {}: {}",
            route.method,
            route.path,
            answer.body
        );
        check(route, answer.status);
    }
}

async fn nothing_has_happened(running: &brigade::Running<u64>, served: &Served) {
    assert!(!running.handle().is_paused() && !running.handle().has_ended());
    assert_eq!(
        running
            .report()
            .stage("said")
            .unwrap()
            .time
            .unwrap()
            .workers,
        1
    );
    let before = running.report().rows[0].entered;
    // It takes items in, so it is not drained either.
    until(served, |_| running.report().rows[0].entered > before + 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_sees_nothing_and_changes_nothing() {
    let (running, served) = watched().await;
    let json = "Content-Type: application/json";
    let told = |of: &str| format!("Authorization: {of}");
    let (longer, shorter) = (format!("{TOKEN}x"), &TOKEN[1..]);
    let cookie = format!("Cookie: token={TOKEN}; Authorization=Bearer {TOKEN}");
    for line in [
        "X-Nothing: 1".to_owned(),
        told("Bearer"),
        told("Bearer "),
        told(&format!("Bearer {longer}")),
        told(&format!("Bearer {shorter}")),
        told(&format!("bearer{TOKEN}")),
        told(&format!("Basic {TOKEN}")),
        told(TOKEN),
        told(&format!("Bearer {}", TOKEN.to_uppercase())),
        cookie,
    ] {
        walk(
            &served,
            &["Host: 127.0.0.1", json, &line],
            |route, status| {
                let is_open = matches!(route.access, Access::Open | Access::Metrics);
                assert_eq!(
                    status,
                    if is_open { 200 } else { 401 },
                    "{} with {line}",
                    route.path
                );
            },
        );
    }
    // Nor is it taken from where it would be logged, or what a form can send.
    for path in [
        format!("/api/state?token={TOKEN}"),
        format!("/api/state?access_token={TOKEN}"),
    ] {
        let answer = raw(
            served.address(),
            &request("GET", &path.replace(' ', "%20"), &["Host: localhost"], ""),
        );
        assert_eq!(answer.status, 401);
    }
    for body in [
        format!("token={TOKEN}&n=7"),
        format!(r#"{{"token": "{TOKEN}", "n": 7}}"#),
    ] {
        for kind in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "multipart/form-data",
        ] {
            let kind = format!("Content-Type: {kind}");
            let request = request(
                "POST",
                "/api/pipelines/posts/stages/said/count",
                &["Host: localhost", &kind],
                &body,
            );
            assert_eq!(raw(served.address(), &request).status, 401);
        }
    }
    nothing_has_happened(&running, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_gets_nothing_though_it_knows_the_token() {
    let (running, served) = watched().await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "evil.example:80@localhost",
        "0.0.0.0",
        "10.0.0.1",
        "",
    ] {
        let host = format!("Host: {host}");
        walk(&served, &[&host, &bearer], |route, status| {
            assert!(
                status == 421 || status == 400,
                "{} with {host}: {status}",
                route.path
            );
        });
    }
    // None, and two.
    walk(&served, &[&bearer], |_, status| {
        assert!(status == 421 || status == 400);
    });
    walk(
        &served,
        &["Host: localhost", "Host: evil.example", &bearer],
        |_, status| {
            assert!(status == 421 || status == 400);
        },
    );
    let absolute = request(
        "GET",
        "http://evil.example/api/state",
        &["Host: localhost", &bearer],
        "",
    );
    assert_eq!(raw(served.address(), &absolute).status, 421);
    nothing_has_happened(&running, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_gets_nothing_though_it_knows_the_token() {
    let (running, served) = watched().await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let port = served.address().port();
    let host = format!("Host: localhost:{port}");
    for origin in [
        "http://evil.example",
        "null",
        &format!("http://localhost:{}", port ^ 1),
        "http://127.0.0.1",
    ] {
        let origin = format!("Origin: {origin}");
        walk(&served, &[&host, &origin, &bearer], |route, status| {
            assert_eq!(status, 403, "{} with {origin}", route.path);
        });
    }
    for dest in ["iframe", "frame", "embed", "object"] {
        let dest = format!("Sec-Fetch-Dest: {dest}");
        walk(&served, &[&host, &dest, &bearer], |_, status| {
            assert_eq!(status, 403);
        });
    }
    for site in ["cross-site", "same-site"] {
        let site = format!("Sec-Fetch-Site: {site}");
        walk(&served, &[&host, &site, &bearer], |route, status| {
            // A link from elsewhere may open the page, which holds nothing.
            assert_eq!(
                status,
                if route.access == Access::Open {
                    200
                } else {
                    403
                },
                "{}",
                route.path
            );
        });
    }
    let own = format!("Origin: http://localhost:{port}");
    let asks = request(
        "GET",
        "/api/state",
        &[&host, &own, "Sec-Fetch-Site: same-origin", &bearer],
        "",
    );
    assert_eq!(raw(served.address(), &asks).status, 200);
    nothing_has_happened(&running, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_frames_foreign_code_and_keeping_and_allows_no_other_site() {
    let (running, served) = watched().await;
    let mut answers = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path != "/api/events") {
        for lines in [
            &["Host: localhost"][..],
            &["Host: evil.example"],
            &["Host: localhost", "Origin: http://evil.example"],
        ] {
            for method in [route.method, "OPTIONS", "DELETE"] {
                answers.push(raw(
                    served.address(),
                    &request(method, &path(route), lines, ""),
                ));
            }
        }
    }
    answers.push(get(&served, "/nothing/of/the/kind"));
    answers.push(get(&served, "/assets/..%2f..%2fCargo.toml"));
    for answer in answers {
        for line in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(answer.head.contains(line), "no {line} in {}", answer.head);
        }
        for never in [
            "access-control-",
            "set-cookie",
            "unsafe-inline",
            "unsafe-eval",
            "server:",
        ] {
            assert!(!answer.head.contains(never), "{never} in {}", answer.head);
        }
        assert!(!answer.body.contains(SECRET) && !answer.body.contains("fn main"));
    }
    nothing_has_happened(&running, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_looked_at_changes_nothing_by_whatever_method() {
    let (running, served) = watched().await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for route in ROUTES.iter().filter(|route| route.method == "POST") {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let asks = request(method, &path(route), &["Host: localhost", &bearer], "");
            assert_eq!(
                raw(served.address(), &asks).status,
                405,
                "{method} {}",
                route.path
            );
        }
    }
    nothing_has_happened(&running, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_read_only_changes_nothing_and_probes_have_nothing_else() {
    let (running, served) = watched().await;
    let only = Page::new()
        .watch("posts", &running)
        .token(TOKEN)
        .read_only();
    let only = only.serve("127.0.0.1:0").await.unwrap();
    let probes = Page::new().watch("posts", &running);
    let probes = probes.serve_probes("127.0.0.1:0").await.unwrap();
    assert!(probes.token().is_none() && !probes.url().contains('#'));
    for route in ROUTES {
        let answers = |served: &Served| match route.method {
            "POST" => post(served, &path(route), r#"{"n": 7}"#).status,
            _ if route.path == "/api/events" => 0,
            _ => get(served, &path(route)).status,
        };
        if route.access == Access::Act {
            assert_eq!(answers(&only), 403, "{}", route.path);
        }
        if route.is_probe {
            let asks = request("GET", route.path, &["Host: any.example"], "");
            assert_eq!(raw(probes.address(), &asks).status, 200);
        } else if route.path != "/api/events" {
            assert_eq!(answers(&probes), 404, "{}", route.path);
        }
    }
    assert_eq!(get(&only, "/api/state").json()["can_control"], false);
    nothing_has_happened(&running, &served).await;
}
