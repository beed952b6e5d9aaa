//! Where a page is, for how long, and what is there without one.

use std::net::TcpStream;

use brigade::prelude::*;

use super::client::{TOKEN, comes, get, raw, request};
use crate::{Page, ServeError};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_where_it_is_and_is_gone_with_what_serves_it() {
    let served = Page::new().serve("127.0.0.1:0").await.unwrap();
    let (address, token) = (served.address(), served.token().unwrap().to_owned());
    assert_eq!(served.to_string(), format!("http://{address}/"));
    assert_eq!(served.url(), format!("http://{address}/#token={token}"));
    assert!(!format!("{served} {served:?}").contains(&token));
    assert_eq!(token.len(), 32);
    let page = get(&served, "/");
    assert!(page.status == 200 && page.body.contains("<title>brigade</title>"));
    served.stop().await;
    assert!(TcpStream::connect(address).is_err());
    // Dropped, it is gone a moment later.
    let served = Page::new().serve(address).await.unwrap();
    drop(served);
    comes(|| TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn an_address_that_others_reach_needs_leave_and_a_token_of_ones_own() {
    for page in [
        Page::new(),
        Page::new().token(TOKEN),
        Page::new().allow_remote().behind_proxy(),
        Page::new().allow_remote().token(TOKEN),
    ] {
        let refused = page.serve("0.0.0.0:0").await.unwrap_err();
        assert!(
            matches!(refused, ServeError::NotLoopback { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("allow_remote"));
    }
    let short = Page::new()
        .token("fifteen bytes!!")
        .serve("127.0.0.1:0")
        .await;
    assert!(matches!(short, Err(ServeError::ShortToken { bytes: 15 })));
    let busy = Page::new().serve("127.0.0.1:0").await.unwrap();
    let taken = Page::new().serve(busy.address()).await.unwrap_err();
    assert!(
        taken.to_string().contains(&busy.address().to_string()),
        "{taken}"
    );
    assert!(matches!(
        Page::new().serve("no port").await,
        Err(ServeError::Bind { .. })
    ));
}

#[tokio::test]
async fn a_page_for_others_is_reached_by_the_names_that_were_said_and_metrics_need_the_token() {
    let page = || {
        Page::new()
            .allow_remote()
            .behind_proxy()
            .token(TOKEN)
            .hosts(["watch.example.org"])
    };
    let served = page().serve("0.0.0.0:0").await.unwrap();
    let open = page().open_metrics().serve("0.0.0.0:0").await.unwrap();
    let to = |served: &crate::Served| {
        format!("127.0.0.1:{}", served.address().port())
            .parse()
            .unwrap()
    };
    for (host, status) in [
        ("watch.example.org:8080", 200),
        ("WATCH.example.org", 200),
        ("localhost", 200),
        ("other.example.org", 421),
    ] {
        let asks = request("GET", "/", &[&format!("Host: {host}")], "");
        assert_eq!(raw(to(&served), &asks).status, status, "{host}");
    }
    let asks = request("GET", "/metrics", &["Host: watch.example.org"], "");
    assert_eq!(raw(to(&served), &asks).status, 401);
    assert_eq!(raw(to(&open), &asks).status, 200);
}

/// Asks over a socket of the file system, without a token.
#[cfg(unix)]
fn over(path: &std::path::Path, method: &str, asks: &str) -> String {
    use std::io::{Read as _, Write as _};

    let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
    stream
        .write_all(request(method, asks, &["Host: any"], "").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn on_a_socket_its_owner_alone_looks_and_acts_without_a_token() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sock");
    let running = pipeline! { [0u64..] :async 1 tap(async |_: &u64| tokio::task::yield_now().await), :drive sink::discard(), }.spawn();
    let page = || Page::new().watch("one", &running);
    let served = page().serve_unix(&path).await.unwrap();
    assert_eq!(served.path(), path);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(over(&path, "GET", "/api/state").contains("\"name\":\"one\""));
    assert!(over(&path, "POST", "/api/pipelines/one/pause").starts_with("HTTP/1.1 204"));
    assert!(running.handle().is_paused());
    // It is in use, and a file that is no socket is nobody's to remove.
    assert!(page().serve_unix(&path).await.is_err());
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    assert!(page().serve_unix(&file).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    served.stop().await;
    assert!(!path.exists());
    // What a program left that was killed is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    page().serve_unix(&path).await.unwrap().stop().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_serves_it_under_a_path() {
    let running = pipeline! { [0u64..10] :drive sink::discard(), }.spawn();
    let page = || Page::new().watch("one", &running);
    assert!(matches!(
        page().router::<axum::body::Body>(),
        Err(ServeError::ShortToken { bytes: 0 })
    ));
    let routes = page().token(TOKEN).router().unwrap();
    let app = axum::Router::new().nest_service("/brigade", routes);
    let ask = |path: &str, told: &str| {
        use tower_service::Service as _;

        let request = hyper::Request::get(path)
            .header("host", "localhost")
            .header("authorization", told);
        app.clone()
            .call(request.body(axum::body::Body::empty()).unwrap())
    };
    let bearer = format!("Bearer {TOKEN}");
    for (path, told, status) in [
        ("/brigade/", "", 200),
        ("/brigade/assets/page.js", "", 200),
        ("/brigade/api/state", "", 401),
        ("/brigade/api/state", &bearer, 200),
        ("/api/state", &bearer, 404),
    ] {
        let answer = ask(path, told).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    running.await.unwrap();
}
