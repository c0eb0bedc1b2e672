//! For whoever watches: alive, ready, counters. No secrets, no tenant's data, no sign-in.

use crate::app::App;
use crate::metrics::resident_bytes;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::jobs;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "alive")))]
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// The database answers.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "ready"), (status = 503, body = super::ProblemBody))
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let looked = async {
        let mut session = app.store.read().await?;
        jobs::next_wake(&mut session).await
    };
    if app.is_stopping() {
        let detail = "The server is stopping.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail));
    }
    looked.await.map(|_| "ready\n").map_err(|error| {
        let detail = "The database does not answer; “countermand doctor” says more.";
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail);
        problem.story = Some(error.to_string());
        problem
    })
}

/// Counters as Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let waiting = {
        let mut session = app.store.read().await?;
        jobs::waiting(&mut session).await?
    };
    let mut gauges: Vec<(&str, &str, String, i64)> = waiting
        .iter()
        .map(|(kind, jobs)| {
            ("countermand_jobs_waiting", "Jobs that wait to be done.", format!("kind=\"{kind}\""), *jobs)
        })
        .collect();
    if let Some(bytes) = resident_bytes() {
        gauges.push(("process_resident_memory_bytes", "Resident memory.", String::new(), bytes));
    }
    let text = app.metrics.text(&gauges);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
