//! The ledger's proof: every bucket's sum over balances and over movements, and every number that is not proven.

use super::{BUCKETS, movements_address, names, warehouses_seen};
use crate::api::audit::proof;
use crate::app::App;
use crate::pages::layout::{Ask, Desk, Place};
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};
use store::proof::Flaw;

/// Where the page stands.
pub(super) const ADDRESS: &str = "/stock/proof";

pub(super) fn router() -> Router<App> {
    Router::new().route(ADDRESS, get(show))
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::AuditRead)?;
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let seen = warehouses_seen(&ask.signed_in, &desk);
    let proof = proof(&mut session, ask.signed_in.merchant(), seen.as_deref()).await?;
    let names = names(&mut session, &ask.signed_in).await?;
    drop(session);
    let checks = [Flaw::Balance, Flaw::Holding, Flaw::Orphan, Flaw::Negative];
    let main = html! {
        div.head {
            h1 { (words::LEDGER_PROOF) }
            p.lead { (words::PROOF_LEAD) " " a href="/stock" { (words::BACK_TO_STOCK) } }
        }
        p.verdict.good[proof.wrong.is_empty()].bad[!proof.wrong.is_empty()] role="status" {
            (words::proven(proof.wrong.len(), proof.sums.balances, proof.sums.movements))
        }
        table.plain.proof {
            thead { tr { th { (words::COLUMN_BUCKET) } th.number { (words::COLUMN_BALANCES) } th.number { (words::COLUMN_MOVEMENTS) } th { (words::RESULT) } } }
            tbody {
                @for bucket in BUCKETS {
                    @let (kept, moved) = (proof.sums.kept.units(bucket), proof.sums.moved.units(bucket));
                    tr tabindex="-1" {
                        td { (words::bucket(bucket)) }
                        td.number data-label=(words::COLUMN_BALANCES) { (words::number(kept)) }
                        td.number data-label=(words::COLUMN_MOVEMENTS) { (words::number(moved)) }
                        td data-label=(words::RESULT) { (verdict(kept == moved)) }
                    }
                }
            }
        }
        h2 { (words::PROOF_CHECKS) }
        table.plain.checks {
            tbody {
                @for flaw in checks {
                    @let of_it = proof.wrong.iter().filter(|wrong| wrong.flaw == flaw).count();
                    tr tabindex="-1" { td { (words::proof_check(flaw)) } td { (verdict(of_it == 0)) } }
                }
            }
        }
        @if !proof.wrong.is_empty() {
            h2 { (words::NOT_PROVEN) }
            table.plain.unproven {
                thead { tr { th { (words::SKU) } th { (words::COLUMN_WHAT) } th { (words::COLUMN_DETAIL) } } }
                tbody {
                    @for wrong in &proof.wrong {
                        tr tabindex="-1" {
                            td {
                                a href=(movements_address(&wrong.warehouse, &wrong.sku)) { code { (wrong.sku) } }
                                @if names.len() > 1 {
                                    div.sub { (names.get(&wrong.warehouse).map_or(wrong.warehouse.as_str(), String::as_str)) }
                                }
                            }
                            td data-label=(words::COLUMN_WHAT) { (wrong.flaw.words()) }
                            td data-label=(words::COLUMN_DETAIL) {
                                @for (bucket, kept, moved) in wrong.buckets() { div { (words::unproven_bucket(bucket, kept, moved)) } }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(desk.page(&ask, Place::Stock, words::LEDGER_PROOF, &main))
}

fn verdict(good: bool) -> Markup {
    html! { @if good { span.good { (words::PROVEN) } } @else { strong.bad { (words::NOT_PROVEN) } } }
}
