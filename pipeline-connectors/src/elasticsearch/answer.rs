//! What a server answers: of a request, and of each of its documents.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use hyper::header::{HeaderMap, LOCATION, RETRY_AFTER};
use memchr::memmem;
use serde::Deserialize;

use super::error::Why;

/// The most characters that are told of what a server says.
const MOST: usize = 1_000;
/// The longest pause that a server may ask for.
const LONGEST: Duration = Duration::from_secs(3600);
/// Problems that all documents of an index have.
const OF_INDEX: [&str; 4] = [
    "index_not_found_exception",
    "invalid_index_name_exception",
    "index_closed_exception",
    "invalid_alias_name_exception",
];

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Of each of its documents.
    Documents(Vec<Outcome>),
    /// It is too large.
    TooLarge(Why),
    /// There is no room for it now, or nobody who takes it.
    Later(Why, Option<Duration>),
    /// Something in it is wrong.
    Refused(Why),
    /// Nothing will be taken, whatever it is.
    Closed(Why),
}

/// What came of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    Later(Why),
    Refused(Why),
    Closed(Why),
}

/// Reads the answer to a request of so many documents.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], count: usize) -> Answer {
    let code = status.as_u16();
    if status.is_success() {
        return documents(code, body, count);
    }
    let said = problem(body);
    let text = |does: &str| match &said {
        Some((_, text)) => format!("{does} ({status}): {text}"),
        None => format!("{does} ({status})"),
    };
    let of_index = matches!(&said, Some((kind, _)) if OF_INDEX.contains(&kind.as_str()));
    match code {
        413 => Answer::TooLarge(Why::said(code, text("takes no request so large"))),
        401 | 403 if !is_blocked(said.as_ref()) => Answer::Closed(Why::said(
            code,
            text("does not let these credentials write"),
        )),
        408 | 425 | 429 | 500.. => {
            Answer::Later(Why::said(code, text("is not ready")), retry_after(headers))
        }
        403 => Answer::Later(Why::said(code, text("is blocked")), retry_after(headers)),
        300..=399 => {
            let place = headers.get(LOCATION).and_then(|place| place.to_str().ok());
            let place = place.unwrap_or("another place").to_owned();
            let to = format!("sends requests on to {place}, which is not followed; name that");
            Answer::Closed(Why::said(code, text(&to)))
        }
        404 | 405 => Answer::Closed(Why::said(code, text("has no `_bulk` there"))),
        _ if of_index => Answer::Closed(Why::said(code, text("does not take the index"))),
        _ => Answer::Refused(Why::said(code, text("refuses the request"))),
    }
}

/// Writes are blocked for a while, because a disk is full for example.
fn is_blocked(said: Option<&(String, String)>) -> bool {
    said.is_some_and(|(kind, _)| kind == "cluster_block_exception")
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<BTreeMap<String, Told>>,
}

/// What is told of one document.
#[derive(Deserialize)]
struct Told {
    status: u16,
    error: Option<Problem>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Problem {
    Full {
        #[serde(rename = "type")]
        kind: String,
        reason: Option<String>,
        caused_by: Option<Box<Problem>>,
    },
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Problem {
    /// Its type and its words.
    fn told(self) -> (String, String) {
        match self {
            Self::Full {
                kind,
                reason,
                caused_by,
            } => {
                let mut text = kind.clone();
                let causes = [reason, caused_by.map(|cause| cause.told().1)];
                for more in causes.into_iter().flatten() {
                    text = format!("{text}: {more}");
                }
                (kind, text)
            }
            Self::Text(text) => (String::new(), text),
            Self::Other(_) => (String::new(), "it does not say why".into()),
        }
    }
}

fn documents(code: u16, body: &[u8], count: usize) -> Answer {
    if are_all_written(body, count) {
        return Answer::Documents(vec![Outcome::Written; count]);
    }
    let unread = |why: String| {
        Answer::Later(
            Why::said(code, format!("gives no answer of `_bulk`: {why}")),
            None,
        )
    };
    let bulk: Bulk = match serde_json::from_slice(body) {
        Ok(bulk) => bulk,
        Err(error) => return unread(format!("{error}, in {}", shown(body))),
    };
    if bulk.items.len() != count {
        return unread(format!(
            "it tells of {} documents, and {count} were sent",
            bulk.items.len()
        ));
    }
    let told = bulk.items.into_iter().map(BTreeMap::into_values);
    let told: Option<Vec<_>> = told.map(|mut told| told.next().map(outcome)).collect();
    match told {
        Some(told) => Answer::Documents(told),
        None => unread("it leaves a document out".into()),
    }
}

/// Whether that shows without reading all of it, which would be most of what a small document costs: each has a status of
/// success, and none an error. In a text a quote is written otherwise, so this is nothing that a document says.
fn are_all_written(body: &[u8], count: usize) -> bool {
    memmem::find_iter(body, b"\"status\":2").count() == count
        && memmem::find_iter(body, b"\"status\":").count() == count
        && memmem::find(body, b"\"error\"").is_none()
        && memmem::find(body, b"\"errors\":false").is_some()
}

fn outcome(told: Told) -> Outcome {
    let Told { status, error } = told;
    if (200..300).contains(&status) {
        return Outcome::Written;
    }
    let error = error.map(Problem::told);
    let blocked = is_blocked(error.as_ref());
    let (kind, text) = error.unwrap_or_default();
    let text = if text.is_empty() {
        format!("the server refuses it with status {status}")
    } else {
        cut(&text)
    };
    let why = Why::said(status, text);
    match status {
        429 | 500.. => Outcome::Later(why),
        _ if blocked => Outcome::Later(why),
        _ if OF_INDEX.contains(&kind.as_str()) => Outcome::Closed(why),
        _ => Outcome::Refused(why),
    }
}

/// What an answer says that is no success: its type and its words, if it has any.
fn problem(body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Error {
        error: Problem,
    }
    match serde_json::from_slice::<Error>(body) {
        Ok(Error { error }) => {
            let (kind, text) = error.told();
            Some((kind, cut(&text)))
        }
        Err(_) if body.trim_ascii().is_empty() => None,
        Err(_) => Some((String::new(), shown(body))),
    }
}

/// The beginning of something that is not what it should be.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words: Vec<_> = text.split_whitespace().take(40).collect();
    let text: String = words.join(" ").chars().take(200).collect();
    format!("{text:?}")
}

/// As much of it as one reads.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// For how long the server wants not to be asked.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let time = httpdate::parse_http_date(text).ok()?;
        time.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        read(status, &HeaderMap::new(), body.as_bytes(), 2)
    }

    #[test]
    fn each_document_has_an_outcome_of_its_own() {
        let body = r#"{"took":3,"errors":true,"items":[
            {"index":{"_id":"1","status":201}},
            {"index":{"_id":"2","status":400,"error":{"type":"mapper_parsing_exception","reason":"no [long]",
                "caused_by":{"type":"input_coercion_exception","reason":"an object"}}}}]}"#;
        let Answer::Documents(outcomes) = answer(200, body) else {
            panic!("it is an answer")
        };
        assert_eq!(outcomes[0], Outcome::Written);
        let why = "mapper_parsing_exception: no [long]: input_coercion_exception: an object";
        assert_eq!(outcomes[1], Outcome::Refused(Why::said(400, why)));
    }

    #[test]
    fn what_is_seen_without_reading_is_what_would_be_read() {
        let item = |text: &str| format!(r#"{{"index":{{"_id":"{text}","status":201}}}}"#);
        let of = |errors: &str, items: [&str; 2]| {
            format!(
                r#"{{"errors":{errors},"items":[{},{}]}}"#,
                items[0], items[1]
            )
        };
        let plain = item("1");
        let said = item(r#"\"status\":400 \"error\":7"#);
        let refused = r#"{"index":{"status":400,"error":"no"}}"#;
        let nested = r#"{"index":{"of":{"status":201},"status":400}}"#;
        for (body, seen) in [
            (of("false", [&plain, &plain]), true),
            (of("false", [&plain, &said]), true),
            (of("true", [&plain, &plain]), false),
            (of("false", [&plain, refused]), false),
            (of("false", [&plain, nested]), false),
            (of("false", [&plain, "{}"]), false),
            (of("false", [&plain, &plain.replace(':', " : ")]), false),
        ] {
            assert_eq!(are_all_written(body.as_bytes(), 2), seen, "{body}");
            let written = vec![Outcome::Written; 2];
            let is_written = answer(200, &body) == Answer::Documents(written);
            assert!(is_written || !seen, "{body}");
        }
    }

    #[test]
    fn what_a_status_says_of_a_document() {
        let told = |status: u16, kind: &str| {
            let error = format!(r#"{{"status":{status},"error":{{"type":"{kind}"}}}}"#);
            outcome(serde_json::from_str(&error).expect("JSON"))
        };
        assert!(matches!(told(201, ""), Outcome::Written));
        assert!(matches!(told(429, "rejected"), Outcome::Later(_)));
        assert!(matches!(told(503, "unavailable"), Outcome::Later(_)));
        let blocked = "cluster_block_exception";
        assert!(matches!(told(403, blocked), Outcome::Later(_)));
        assert!(matches!(told(403, "other"), Outcome::Refused(_)));
        assert!(matches!(told(404, OF_INDEX[0]), Outcome::Closed(_)));
        for error in [r#""error":"it is full","#, r#""error":7,"#, ""] {
            let text = format!(r#"{{{error}"status":400}}"#);
            let told = outcome(serde_json::from_str(&text).expect("JSON"));
            assert!(matches!(told, Outcome::Refused(_)), "{text}");
        }
    }

    #[test]
    fn what_a_status_says_of_a_request() {
        assert!(matches!(answer(413, ""), Answer::TooLarge(_)));
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answer(status, ""), Answer::Later(..)), "{status}");
        }
        for status in [301, 401, 403, 404, 405] {
            assert!(matches!(answer(status, ""), Answer::Closed(_)), "{status}");
        }
        assert!(matches!(answer(400, "no"), Answer::Refused(_)));
        let name =
            r#"{"error":{"type":"invalid_index_name_exception","reason":"[X]"},"status":400}"#;
        assert!(matches!(answer(400, name), Answer::Closed(why) if why.text.contains("[X]")));
        let full = r#"{"error":{"type":"cluster_block_exception","reason":"full"},"status":403}"#;
        assert!(matches!(answer(403, full), Answer::Later(..)));
    }

    #[test]
    fn what_is_no_answer_of_bulk_is_told_with_its_beginning() {
        for body in [
            "<html>hello</html>",
            "{}",
            r#"{"items":[]}"#,
            r#"{"items":[{},{}]}"#,
            r#"{"items":[{"index":{"status":201}},{"index""#,
        ] {
            let Answer::Later(why, None) = answer(200, body) else {
                panic!("it is none: {body}")
            };
            assert!(why.text.contains("no answer of `_bulk`"), "{}", why.text);
        }
    }

    #[test]
    fn a_pause_is_in_seconds_or_until_a_time() {
        let pause = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("99999999"), Some(LONGEST));
        assert_eq!(pause("soon"), None);
        let past = pause("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(past, Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(pause(&soon).is_some_and(|pause| pause > Duration::from_secs(50)));
    }
}
