//! All that can be asked, in one table.

mod acts;
mod asked;
mod looks;
mod service;

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, on};

use self::asked::Asked;
pub(crate) use self::asked::Shared;
pub use self::service::Routes;
use crate::assets;
use crate::server::{Access, Refused, guard, says};

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Something that can be asked.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    /// Whether it says so little that it may be served on any address, to whoever asks.
    pub(crate) is_probe: bool,
    answer: fn(Asked) -> Answer,
}

const fn get(path: &'static str, access: Access, answer: fn(Asked) -> Answer) -> Route {
    Route {
        method: "GET",
        path,
        access,
        is_probe: false,
        answer,
    }
}

const fn probe(path: &'static str, access: Access, answer: fn(Asked) -> Answer) -> Route {
    Route {
        is_probe: true,
        ..get(path, access, answer)
    }
}

const fn act(path: &'static str, answer: fn(Asked) -> Answer) -> Route {
    Route {
        method: "POST",
        ..get(path, Access::Act, answer)
    }
}

/// All of them.
pub(crate) const ROUTES: &[Route] = &[
    get("/", Access::Open, |_| Box::pin(ready(assets::page()))),
    get("/assets/{name}", Access::Open, |asked| {
        Box::pin(ready(assets::part(asked.name())))
    }),
    probe("/healthz", Access::Open, |asked| {
        Box::pin(looks::health(asked))
    }),
    probe("/readyz", Access::Open, |asked| {
        Box::pin(ready(looks::ready(&asked)))
    }),
    probe("/metrics", Access::Metrics, |asked| {
        Box::pin(looks::metrics(asked))
    }),
    get("/api/state", Access::Look, |asked| {
        Box::pin(looks::state(asked))
    }),
    get("/api/events", Access::Look, |asked| {
        Box::pin(ready(looks::events(&asked)))
    }),
    act("/api/pipelines/{pipeline}/pause", |asked| {
        Box::pin(acts::pause(asked))
    }),
    act("/api/pipelines/{pipeline}/resume", |asked| {
        Box::pin(acts::resume(asked))
    }),
    act("/api/pipelines/{pipeline}/drain", |asked| {
        Box::pin(acts::drain(asked))
    }),
    act("/api/pipelines/{pipeline}/abort", |asked| {
        Box::pin(ready(acts::abort(&asked)))
    }),
    act("/api/pipelines/{pipeline}/start", |asked| {
        Box::pin(acts::start(asked))
    }),
    act("/api/pipelines/{pipeline}/restart", |asked| {
        Box::pin(acts::restart(asked))
    }),
    act("/api/pipelines/{pipeline}/stages/{stage}/count", |asked| {
        Box::pin(acts::count(asked))
    }),
];

/// Those of these routes that are wanted.
pub(crate) fn router(shared: &Arc<Shared>, is_wanted: impl Fn(&Route) -> bool) -> Router {
    let mut router = Router::new();
    for route in ROUTES.iter().filter(|route| is_wanted(route)) {
        let (shared, route) = (Arc::clone(shared), *route);
        let method = if route.method == "POST" {
            MethodFilter::POST
        } else {
            MethodFilter::GET
        };
        let answer = move |request: Request| answers(Arc::clone(&shared), route, request);
        router = router.route(route.path, on(method, answer));
    }
    let nothing = Arc::clone(shared);
    let wrong = Arc::clone(shared);
    router
        .fallback(move |request: Request| ready(refuses(&nothing, StatusCode::NOT_FOUND, &request)))
        .method_not_allowed_fallback(move |request: Request| {
            ready(refuses(&wrong, StatusCode::METHOD_NOT_ALLOWED, &request))
        })
}

async fn answers(shared: Arc<Shared>, route: Route, request: Request) -> Response {
    if let Err(refused) = shared
        .gate
        .admits(route.access, request.uri(), request.headers())
    {
        return guard(refused.answer());
    }
    let (mut parts, body) = request.into_parts();
    let names = RawPathParams::from_request_parts(&mut parts, &()).await;
    let names = names.map(|names| names.iter().map(|(_, name)| name.to_owned()).collect());
    let asked = Asked {
        shared,
        names: names.unwrap_or_default(),
        request: Request::from_parts(parts, body),
    };
    guard((route.answer)(asked).await)
}

/// Also of what there is not only those hear who are let in.
fn refuses(shared: &Shared, status: StatusCode, request: &Request) -> Response {
    let admits = shared
        .gate
        .admits(Access::Open, request.uri(), request.headers());
    let text = match status {
        StatusCode::METHOD_NOT_ALLOWED => "not by this method",
        _ => "there is nothing here",
    };
    guard(
        admits
            .err()
            .map_or_else(|| says(status, text), Refused::answer),
    )
}
