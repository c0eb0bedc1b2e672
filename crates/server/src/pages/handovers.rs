//! The handover check: piles that wait for their courier, and what must come out of them.

use super::layout::{Ask, Desk, Fragment, Place, csrf, platform};
use super::words;
use crate::api::handovers::{Orders, Wish, orders_of, read};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use store::handovers::{self, CheckedParcel, HandoverCheck, Pile};

/// Checks that are listed.
const LISTED: u32 = 10;

pub(super) fn router() -> Router<App> {
    Router::new().route("/handover", get(show).post(submit)).route("/handover/{id}", get(one))
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    let signed_in = &ask.signed_in;
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let piles = handovers::piles(&mut session, signed_in.merchant(), signed_in.shops()).await?;
    let last = handovers::latest(&mut session, signed_in.merchant(), LISTED).await?;
    let desk = Desk::load(&app, &mut session, signed_in).await?;
    drop(session);
    let may_check = signed_in.permissions.has(Permission::OrdersProcess);
    let seen = |check: &HandoverCheck| match &check.shop {
        Some(shop) => signed_in.sees(shop),
        None => signed_in.shops().is_none() || check.actor == signed_in.actor(),
    };
    let last: Vec<_> = last.iter().filter(|(_, check)| seen(check)).collect();
    let main = html! {
        div.head { h1 { (words::HANDOVER) } p.lead { (words::HANDOVER_LEAD) } }
        @if piles.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_PILES) } }
        } @else {
            table.plain.piles {
                thead {
                    tr {
                        th { (words::SHOP) }
                        th { (words::CARRIER) }
                        th.number { (words::PARCELS) }
                        @if may_check { th { (words::COLUMN_ACTION) } }
                    }
                }
                tbody { @for pile in &piles { (pile_row(&ask, &desk, pile, may_check)) } }
            }
        }
        @if may_check { (scanned_form(&ask)) }
        @if !last.is_empty() {
            h2 { (words::LAST_CHECKS) }
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th { (words::COLUMN_WHO) }
                        th.number { (words::PARCELS) }
                        th.number { (words::TAKE_OUT) }
                    }
                }
                tbody {
                    @for (id, check) in last {
                        tr tabindex="-1" {
                            td { a.number href={ "/handover/" (id) } data-place { (desk.zone().exact(check.at)) } }
                            td data-label=(words::COLUMN_WHO) { (check.actor) }
                            td.number data-label=(words::PARCELS) { (check.parcels.len()) }
                            td.number data-label=(words::TAKE_OUT) { (check.parcels.iter().filter(|parcel| parcel.comes_out()).count()) }
                        }
                    }
                }
            }
        }
    };
    Ok(desk.page(&ask, Place::Handover, words::HANDOVER, &main))
}

fn pile_row(ask: &Ask, desk: &Desk, pile: &Pile, may_check: bool) -> Markup {
    let shop = desk.shop(&pile.shop);
    html! {
        tr tabindex="-1" {
            td { @if let Some(shop) = shop { (platform(shop.platform)) " " (shop.name) } }
            td data-label=(words::CARRIER) { @if pile.carrier.is_empty() { "–" } @else { (pile.carrier) } }
            td.number data-label=(words::PARCELS) { strong { (words::number(i64::from(pile.parcels))) } }
            @if may_check {
                td {
                    form method="post" action="/handover" data-place data-follow {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="shop" value=(pile.shop);
                        input type="hidden" name="carrier" value=(pile.carrier);
                        button.primary aria-label=(words::check_pile(shop.map_or("", |shop| &shop.name), &pile.carrier)) {
                            (words::CHECK_PILE)
                        }
                    }
                }
            }
        }
    }
}

/// For a pile that is scanned parcel by parcel: the scanner ends each code with a new line.
fn scanned_form(ask: &Ask) -> Markup {
    html! {
        form.codes method="post" action="/handover" data-place data-follow {
            (csrf(ask.signed_in.csrf()))
            label.wide {
                span { (words::SCANNED_PILE) }
                textarea name="codes" rows="5" required spellcheck="false" autocomplete="off" placeholder=(words::SCANNED_PILE_HINT) {}
            }
            button { (words::CHECK_SCANNED) }
        }
    }
}

async fn submit(State(app): State<App>, Fragment(_): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    let text = |name: &str| form.fields.one(name).map(str::to_owned);
    let codes = text("codes").map(|codes| codes.lines().map(str::to_owned).collect());
    let wish = Wish { shop: text("shop"), carrier: text("carrier"), codes };
    let (meant, pile) = read(&app, signed_in, &wish).await?;
    let mut session = app.store.begin().await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let (id, _) = app.engine.check_handover(&mut session, merchant, actor, &meant, pile).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(&format!("/handover/{id}")).into_response())
}

async fn one(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let check = handovers::load(&mut session, ask.signed_in.merchant(), &id).await?;
    let check = check.ok_or_else(|| Problem::not_found("check"))?;
    let orders = orders_of(&mut session, &ask.signed_in, &check).await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    drop(session);
    let seen: Vec<&CheckedParcel> = check.parcels.iter().filter(|parcel| orders.contains_key(&parcel.order)).collect();
    let out: Vec<&CheckedParcel> = seen.iter().copied().filter(|parcel| parcel.comes_out()).collect();
    let unread: Vec<&CheckedParcel> =
        seen.iter().copied().filter(|parcel| !parcel.comes_out() && parcel.unread.is_some()).collect();
    let doubtful = !unread.is_empty() || !check.unknown.is_empty();
    let (class, word) = match (out.is_empty(), doubtful) {
        (false, _) => ("stop", words::take_out(out.len())),
        (true, true) => ("silent", words::NOT_ALL_ANSWERED.to_owned()),
        (true, false) => ("ship", words::ALL_MAY_GO.to_owned()),
    };
    let main = html! {
        div.head {
            h1 { (words::HANDOVER) }
            p.lead {
                (desk.zone().exact(check.at)) " · " (check.actor)
                @if let Some(shop) = check.shop.as_ref().and_then(|shop| desk.shop(shop)) { " · " (platform(shop.platform)) " " (shop.name) }
                @if let Some(carrier) = &check.carrier { " · " (carrier) }
                " · " a href="/handover" data-place { (words::TO_PILES) }
            }
        }
        section.verdict.(class) role="status" data-sound=(class) data-scanned=(id) {
            p.word { (word) }
            p.why { (words::checked(seen.len(), out.len(), unread.len())) }
        }
        @if !out.is_empty() {
            h2 { (words::TAKE_OUT) }
            (parcel_table(&desk, &orders, &out))
        }
        @if !unread.is_empty() {
            h2 { (words::NOT_ANSWERED) }
            (parcel_table(&desk, &orders, &unread))
        }
        @if !check.unknown.is_empty() {
            h2 { (words::UNKNOWN_CODES) }
            ul.choices { @for code in &check.unknown { li { code { (code) } } } }
        }
    };
    Ok(desk.page(&ask, Place::Handover, words::HANDOVER, &main))
}

fn parcel_table(desk: &Desk, orders: &Orders, parcels: &[&CheckedParcel]) -> Markup {
    html! {
        table.plain.checked {
            thead {
                tr {
                    th { (words::COLUMN_PARCEL) }
                    th { (words::COLUMN_ORDER) }
                    th { (words::COLUMN_VERDICT) }
                    th { (words::COLUMN_WHY) }
                }
            }
            tbody {
                @for parcel in parcels {
                    @if let Some(order) = orders.get(&parcel.order) {
                        @let package = order.packages.iter().find(|one| Some(&one.number) == parcel.package.as_ref());
                        tr tabindex="-1" {
                            td {
                                strong {
                                    @match package.and_then(|package| package.tracking_number.as_deref()) {
                                        Some(number) => (number),
                                        None => { @if let Some(package) = &parcel.package { (package) } }
                                    }
                                }
                            }
                            td data-label=(words::COLUMN_ORDER) {
                                a.number href={ "/orders/" (order.id) } { (order.number) }
                                div.sub { (platform(order.platform)) " " @if let Some(shop) = desk.shop(&order.shop) { (shop.name) } }
                            }
                            td data-label=(words::COLUMN_VERDICT) {
                                span.said.(parcel.verdict.as_str()) { (words::verdict(parcel.verdict)) }
                            }
                            td data-label=(words::COLUMN_WHY) {
                                @match &parcel.unread { Some(why) if !parcel.comes_out() => (why), _ => (parcel.reason.in_words()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
