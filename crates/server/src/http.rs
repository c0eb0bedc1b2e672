//! HTTP in: the router, what surrounds every request, and serving.

pub mod body;
pub mod query;

use crate::app::App;
use crate::problem::Problem;
use crate::{api, assets, auth, events, pages, public_address, webhooks};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use store::new_id;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// How long a request may take, its body included. Event streams are exempt.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// How long a shutdown waits for requests under way.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);
/// The header that names the operation, for reports and the log.
const OPERATION_ID: HeaderName = HeaderName::from_static("x-operation-id");
/// Scripts, styles and pictures come from here only, nothing is inline, and nobody frames the desk.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; object-src 'none'";

/// Everything that is answered.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(pages::router())
        .merge(auth::sign_in::router())
        .merge(assets::router())
        .merge(events::router())
        .merge(webhooks::router())
        .merge(public_address::router())
        .merge(api::router())
        .fallback(async || {
            let detail = "There is no such address; the document at /api/openapi.json lists those of the API.";
            Problem::new(StatusCode::NOT_FOUND, "no_such_address", "Not found", detail)
        })
        .method_not_allowed_fallback(async || {
            let detail = "This address exists with another method; see /api/openapi.json.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), surround))
        .with_state(app)
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let words = cause.downcast_ref::<String>().cloned();
    let words = words.or_else(|| cause.downcast_ref::<&str>().map(|words| (*words).to_owned()));
    Problem::internal(format!("a handler panicked: {}", words.unwrap_or_default())).into_response()
}

/// Gives each request its operation id, its time limit and its security headers, writes problems, and counts.
async fn surround(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let operation_id = new_id("op", app.clock.now());
    let method = request.method().clone();
    // The path only: a query may hold what nobody should find in a log.
    let path = request.uri().path().to_owned();
    let is_program = ["/api/", "/webhooks/", "/healthz", "/readyz", "/metrics"].iter().any(|it| path.starts_with(it));
    let wants_page = !is_program
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|it| it.to_str().ok())
            .is_some_and(|it| it.contains("text/html"));

    let mut response = match tokio::time::timeout(REQUEST_PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "The request took too long; read what became of it before repeating.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "Took too long", detail).into_response()
        }
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(story) = &problem.story {
            tracing::error!(operation_id, %method, path, code = problem.code, story, "a request failed");
        }
        response = written(&problem, &operation_id, wants_page);
    }
    if is_plain_refusal(&response) {
        // What the framework refuses by itself (a path that is no UTF-8…) comes as a line of text.
        let status = response.status();
        let problem = Problem::new(status, "bad_request", "The request cannot be read", "The address cannot be read.");
        response = written(&problem, &operation_id, wants_page);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&operation_id) {
        headers.insert(OPERATION_ID, value);
    }
    secure(&app, headers, is_program);

    let status = response.status();
    tracing::debug!(operation_id, %method, path, status = status.as_u16(), took_ms = began.elapsed().as_millis(), "answered");
    let method =
        if ["GET", "POST", "PUT", "DELETE", "HEAD"].contains(&method.as_str()) { method.as_str() } else { "other" };
    app.metrics.count("countermand_http_requests_total", &[("method", method), ("status", status.as_str())]);
    app.metrics.took("countermand_http_request_seconds_sum", "countermand_http_request_seconds_count", began.elapsed());
    response
}

fn is_plain_refusal(response: &Response) -> bool {
    let plain = response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/plain"));
    plain && response.status().is_client_error()
}

fn written(problem: &Problem, operation_id: &str, as_page: bool) -> Response {
    let mut response = if as_page {
        (problem.status, pages::problem_page(problem, operation_id)).into_response()
    } else {
        let body = problem.to_json(operation_id).to_string();
        (problem.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    };
    response.headers_mut().extend(problem.headers.iter().cloned());
    response
}

fn secure(app: &App, headers: &mut axum::http::HeaderMap, is_program: bool) {
    // Only what is shown from outside brings a policy of its own, and that one trusts it less.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // Orders and forms are nobody's to keep, least of all a shared proxy's. Assets say so themselves.
    if is_program || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Serves until [`App::stop`]; requests under way get ten seconds.
///
/// # Errors
/// When the listener fails.
pub async fn serve(app: App, listener: TcpListener) -> std::io::Result<()> {
    let stopping = app.clone();
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopping.stopped().await });
    let patience = async {
        app.stopped().await;
        tokio::time::sleep(SHUTDOWN_PATIENCE).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = patience => {
            tracing::warn!("requests were still under way when the server ended");
            Ok(())
        }
    }
}
