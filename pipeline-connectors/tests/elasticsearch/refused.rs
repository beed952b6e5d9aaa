//! Servers that take nothing, and sinks that cannot be opened.

use brigade::ErrorKind;
use brigade::sink::Sink as _;
use pipeline_connectors::sink::elasticsearch;

use super::stub::{Reply, Stub};
use super::{Doc, describes, doc, failures, opened, write};

#[tokio::test]
async fn what_no_document_can_change_closes_the_sink_and_says_why() {
    for (status, body, said) in [
        (
            401,
            "",
            "does not let these credentials write (401 Unauthorized)",
        ),
        (
            403,
            r#"{"error":"no"}"#,
            "does not let these credentials write (403 Forbidden): no",
        ),
        (404, "", "has no `_bulk` there (404 Not Found)"),
        (
            400,
            r#"{"error":{"type":"invalid_index_name_exception","reason":"bad [docs]"}}"#,
            "does not take the index (400 Bad Request): invalid_index_name_exception: bad [docs]",
        ),
    ] {
        let stub = Stub::replying(move |_, _| Reply::Status(status, "", body.into())).await;
        let error = opened(&stub.url()).write(vec![doc(1), doc(2)]).await;
        let error = error.expect_err("it is closed");
        assert_eq!(error.kind(), ErrorKind::Closed);
        let expected = format!("{}, index `docs`: it {said}", stub.url());
        assert_eq!(error.to_string(), expected);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_says_where_to() {
    let stub = Stub::replying(|_, _| {
        Reply::Status(301, "location: https://search.example/\r\n", String::new())
    })
    .await;
    let error = opened(&stub.url()).write(vec![doc(1)]).await;
    let error = error.expect_err("it is closed").to_string();
    assert!(error.contains("https://search.example/"), "{error}");
}

#[tokio::test]
async fn of_a_request_that_is_refused_as_a_whole_the_document_fails_that_is_to_blame() {
    let stub = Stub::replying(|_, docs| {
        if docs.iter().any(|(_, doc)| doc["n"] == 5) {
            Reply::Status(
                400,
                "",
                r#"{"error":{"type":"x","reason":"malformed"}}"#.into(),
            )
        } else {
            Reply::Take
        }
    })
    .await;
    let written = write(&opened(&stub.url()), (0..9).map(doc).collect()).await;
    let failed = failures(&written);
    assert_eq!(failed.len(), 1);
    let said = "the document `5` of index `docs`: the server refuses the request (400 Bad Request): x: malformed";
    assert_eq!(failed[0], (5, said.to_owned()));
    assert_eq!(stub.numbers(), [0, 1, 2, 3, 4, 6, 7, 8]);
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let stub = Stub::replying(|_, _| Reply::Status(401, "", String::new())).await;
    let url = stub.url().replace("http://", "http://app:hunter%40two@");
    let key = || describes(&stub.url()).api_key("aHVudGVyOnR3bw==");
    let user = || describes(&stub.url()).basic_auth("app", "hunter@two");
    for (sink, header) in [
        (describes(&url), "authorization: basic yxbwomh1bnrlckb0d28="),
        (user(), "authorization: basic yxbwomh1bnrlckb0d28="),
        (key(), "authorization: apikey ahvudgvyonr3bw=="),
    ] {
        let built = format!("{sink:?}");
        let sink = sink.open().expect("it opens");
        let error = sink.write(vec![doc(1)]).await.expect_err("it is refused");
        let sent = stub.kept.lock().expect("no panic").requests.pop();
        assert!(sent.is_some_and(|(_, text, _)| text.contains(header)));
        for shown in [built, format!("{sink:?}"), format!("{error} {error:?}")] {
            let secret = ["hunter", "aHVu", "YXBw"]
                .iter()
                .any(|part| shown.contains(part));
            assert!(!secret, "{shown}");
        }
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    for (url, index, said) in [
        ("http://", "a", "cannot be read"),
        ("localhost:9200", "a", "no scheme"),
        ("http://localhost", "", "no name"),
        ("http://localhost", "Countries", "write it as `countries`"),
        ("http://localhost", "a,b", "','"),
    ] {
        let opened = elasticsearch::<Doc>(url).index(index).open();
        let problem = opened.expect_err(url).to_string();
        assert!(problem.contains(said), "{problem}");
    }
    let key = elasticsearch::<Doc>("http://localhost")
        .index("a")
        .api_key("a\nb");
    assert!(key.open().is_err());
}
