//! What is only looked at.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{FutureExt as _, stream};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use super::asked::Asked;
use crate::server::says;

/// How many may hear of every change at the same time.
pub(crate) const VIEWERS: usize = 16;

/// A supervisor that does not answer within this is stuck.
const ANSWERS: Duration = Duration::from_secs(1);

const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All that is watched, as it is now.
pub(super) async fn state(asked: Asked) -> Response {
    let state = asked.shared.looks.once().await;
    ([(header::CONTENT_TYPE, "application/json")], state).into_response()
}

/// The same once a second, as events. Who is slow misses some.
pub(super) fn events(asked: &Asked) -> Response {
    let Some(viewer) = asked.shared.looks.viewer(VIEWERS) else {
        return says(StatusCode::SERVICE_UNAVAILABLE, "16 look on already");
    };
    let events = stream::unfold(viewer, |mut viewer| async {
        viewer.latest.changed().await.ok()?;
        let state = Event::default().data(&**viewer.latest.borrow_and_update());
        Some((Ok::<_, std::convert::Infallible>(state), viewer))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
        .into_response()
}

/// What Prometheus reads.
pub(super) async fn metrics(asked: Asked) -> Response {
    let looks = &asked.shared.looks;
    looks.outside.ask(&looks.watched).await;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(asked.shared.metrics.clone()));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, METRICS)], Body::from(body)).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// Whether all supervisors of services answer.
pub(super) async fn health(asked: Asked) -> Response {
    for (name, control) in &asked.shared.looks.watched.services {
        let pings = control.processes().iter().map(|process| {
            // One that takes no command any more has ended in good order.
            timeout(ANSWERS, control.ping(process)).map(move |answer| (process, answer.is_ok()))
        });
        let answers = futures::future::join_all(pings).await;
        if let Some((process, _)) = answers.iter().find(|(_, answers)| !answers) {
            let stuck = format!("the supervisor of {name}/{process} does not answer");
            return says(StatusCode::SERVICE_UNAVAILABLE, &stuck);
        }
    }
    says(StatusCode::OK, "ok")
}

/// Whether all services have had their first start, and none is stopping.
pub(super) fn ready(asked: &Asked) -> Response {
    for (name, control) in &asked.shared.looks.watched.services {
        let status = control.status();
        if !status.ready {
            let doing = if status.stopping {
                "stopping"
            } else {
                "starting"
            };
            return says(
                StatusCode::SERVICE_UNAVAILABLE,
                &format!("{name} is {doing}"),
            );
        }
    }
    says(StatusCode::OK, "ready")
}
