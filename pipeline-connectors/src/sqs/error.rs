//! What SQS refuses, and what may pass.

use std::error::Error;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{QueueError, Unsettled};

/// Codes of refusals that may pass, though their status says that the request is at fault.
const TRANSIENT: [&str; 6] = [
    "Throttl",
    "RequestThrottled",
    "OverLimit",
    "Expired",
    "RequestTimeout",
    "RequestTimeTooSkewed",
];

/// Codes that blame what a request holds; any other refusal is of the queue, of the credentials, or of all requests.
const REQUEST: [&str; 5] = [
    "InvalidMessageContents",
    "BatchRequestTooLong",
    "InvalidBatchEntryId",
    "EmptyBatchRequest",
    "ReceiptHandleIsInvalid",
];

/// A request that failed as a whole.
pub(super) fn queue_error<E>(error: &SdkError<E, HttpResponse>) -> QueueError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let said = answer.err();
            let code = said.code().unwrap_or_default();
            let text = match (code, said.message()) {
                (code, Some(message)) => format!("SQS refuses: {message} ({code})"),
                ("", None) => format!("SQS answers with status {}", answer.raw().status()),
                (code, None) => format!("SQS refuses: {code}"),
            };
            QueueError::new(kind(answer.raw().status().as_u16(), code), text)
        }
        SdkError::ConstructionFailure(_) => {
            QueueError::closed(format!("no request can be made to SQS: {}", causes(error)))
        }
        _ => QueueError::away(format!("SQS cannot be reached: {}", causes(error))),
    }
}

fn kind(status: u16, code: &str) -> ErrorKind {
    let is = |codes: &[&str]| codes.iter().any(|part| code.contains(part));
    if !(400..500).contains(&status) || status == 429 || is(&TRANSIENT) {
        ErrorKind::Away
    } else if is(&REQUEST) {
        ErrorKind::Refused
    } else {
        ErrorKind::Closed
    }
}

/// One entry of a batch that failed.
pub(super) fn unsettled(index: usize, failed: &BatchResultErrorEntry) -> Unsettled {
    let code = failed.code();
    let text = match failed.message() {
        Some(message) => format!("SQS refuses: {message} ({code})"),
        None => format!("SQS refuses: {code}"),
    };
    let may_pass = TRANSIENT.iter().any(|transient| code.contains(transient));
    if failed.sender_fault() && !may_pass {
        Unsettled::refused(index, text)
    } else {
        Unsettled::away(index, text)
    }
}

/// What the SDK wraps, without its own words: they say less each.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = cause.source();
    }
    if said.is_empty() {
        error.to_string()
    } else {
        said.join(": ")
    }
}
