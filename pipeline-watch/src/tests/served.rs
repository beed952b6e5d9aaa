//! Where a page is, for how long, and what is there without one.

use std::net::TcpStream;

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
        Page::new().allow_remote(),
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
