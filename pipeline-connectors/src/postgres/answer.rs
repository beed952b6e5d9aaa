//! For how long the server is listened to.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::error::Failed;

/// For how long an answer is waited for: then the connection is given up.
pub(super) const ANSWER: Duration = Duration::from_secs(35);

/// What the server answers; it is away if that takes too long.
pub(super) async fn answered<T>(
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failed> {
    read(in_time(asking).await)
}

pub(super) async fn in_time<T>(
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Option<Result<T, tokio_postgres::Error>> {
    timeout(ANSWER, asking).await.ok()
}

pub(super) fn read<T>(answer: Option<Result<T, tokio_postgres::Error>>) -> Result<T, Failed> {
    match answer {
        Some(answer) => answer.map_err(|error| Failed::from(&error)),
        None => Err(silent(ANSWER)),
    }
}

/// Nothing is answered for so long.
pub(super) fn silent(time: Duration) -> Failed {
    Failed::away(format!("it has not answered for {time:?}"))
}
