//! The help on keys.

use super::layout::{Ask, Place, sheet};
use super::words;
use crate::app::App;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};

const KEYS: &[(&[&str], &str)] = &[
    (&["j", "k", "↓", "↑"], words::KEY_NEXT),
    (&["Enter", "o"], words::KEY_OPEN),
    (&["x"], words::KEY_SELECT),
    (&["c"], words::KEY_CANCEL),
    (&["p"], words::KEY_PACK),
    (&["l"], words::KEY_PRINT),
    (&["s"], words::KEY_SHIP),
    (&["v"], words::KEY_VOID),
    (&["a"], words::KEY_AGREE),
    (&["r"], words::KEY_REJECT),
    (&["/"], words::KEY_SEARCH),
    (&["g n"], words::KEY_GO_NEW),
    (&["g i"], words::KEY_GO_IN_PROCESS),
    (&["g v"], words::KEY_GO_VOIDED),
    (&["g c"], words::KEY_GO_CANCELED),
    (&["g r"], words::KEY_GO_REQUESTS),
    (&["g a"], words::KEY_GO_ALL),
    (&["g k"], words::KEY_GO_SCAN),
    (&["g p"], words::KEY_GO_PULL_LIST),
    (&["g t"], words::KEY_GO_PRINTS),
    (&["g h"], words::KEY_GO_HANDOVER),
    (&["g w"], words::KEY_GO_CASES),
    (&["g x"], words::KEY_GO_CANCELLATIONS),
    (&["g b"], words::KEY_GO_BATCHES),
    (&["g s"], words::KEY_GO_STOCK),
    (&["g l"], words::KEY_GO_LOG),
    (&["Esc"], words::KEY_CLOSE),
    (&["?"], words::KEY_HELP),
];

pub(super) fn router() -> Router<App> {
    Router::new().route("/keyboard", get(show))
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    let main = html! {
        h1 { (words::KEYBOARD) }
        p.lead { (words::KEYBOARD_LEAD) }
        dl.keys {
            @for (keys, means) in KEYS {
                div { dt { @for key in *keys { kbd { (key) } " " } } dd { (means) } }
            }
        }
        div.actions { a.button.primary href="/orders?list=new" data-dismiss autofocus { (words::CLOSE) } }
    };
    let mut session = app.store.read().await?;
    sheet(&app, &mut session, &ask, Place::Elsewhere, words::KEYBOARD, &main).await
}
