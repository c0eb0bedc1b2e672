//! SKU mapping: what the codes on listings mean, by hand, by rule, from a table; and the bundles.

use super::layout::{Ask, Desk, Fragment, Place, csrf, pages, platform, sheet};
use super::listing::address_of;
use super::words;
use crate::api::bundles::keep;
use crate::api::mappings::{WishedMapping, of_every_shop, page, shops_of};
use crate::api::shop_stock::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::http::query::{Query, cursor};
use crate::mappings::{BUNDLE_COLUMNS, MAPPING_COLUMNS, read_bundles, read_components, read_mappings};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{Sheet, SheetError};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use domain::ids::MerchantSku;
use domain::mapping::CodeRule;
use maud::{Markup, html};
use std::collections::BTreeMap;
use store::bundles::{self, Component};
use store::mappings::{self, MappedListing};
use store::{Session, StoreError};

/// Where the page of mappings is.
pub(super) const ADDRESS: &str = "/mappings";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(ADDRESS, get(show).post(map))
        .route("/mappings/rule", post(set_rule))
        .route("/mappings/import", get(show_import).post(import))
        .route("/bundles", get(show_bundles).post(set_bundle))
        .route("/bundles/import", get(show_bundle_import).post(import_bundles))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let said = query.one("said")? == Some("mapped");
    let every = query.truth("unmapped")? == Some(false);
    // The page begins with what needs a person.
    let shown = if every { query.clone() } else { query.with("unmapped", "true") };
    let merchant = ask.signed_in.merchant();
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let (listings, next) = page(&mut session, &ask.signed_in, &shown).await?;
    let mut rules = Vec::with_capacity(desk.shops.len());
    for shop in desk.shops.iter().filter(|shop| shop.platform.is_marketplace()) {
        rules.push((shop, mappings::rule(&mut session, merchant, &shop.id).await?));
    }
    drop(session);
    let search = query.one("q")?;
    let address = |every: bool, after: Option<&str>| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        if every {
            pairs.append_pair("unmapped", "false");
        }
        for (name, value) in [("q", search), ("cursor", after)] {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        let pairs = pairs.finish();
        if pairs.is_empty() { ADDRESS.to_owned() } else { format!("{ADDRESS}?{pairs}") }
    };
    let may_map = ask.signed_in.permissions.has(Permission::StockAdjust);
    let next = next.map(|next| address(every, Some(&next)));
    let first = query.one("cursor")?.is_some().then(|| address(every, None));
    let main = html! {
        div.head {
            h1 { (words::MAPPINGS) }
            @if said { p.notice role="status" { (words::MAPPED_SAID) } }
            p.lead { (words::MAPPINGS_LEAD) " " a href="/bundles" { (words::BUNDLES) } }
            @if may_map { a.button href="/mappings/import" data-open { (words::IMPORT_MAPPINGS) } }
        }
        nav.tabs aria-label=(words::MAPPINGS) {
            @for (of_every, title) in [(false, words::UNMAPPED), (true, words::EVERY_LISTING)] {
                a href=(address(of_every, None)) data-place aria-current=[(every == of_every).then_some("page")] { (title) }
            }
        }
        form.filters method="get" action=(ADDRESS) role="search" data-place {
            @if every { input type="hidden" name="unmapped" value="false"; }
            label.wide {
                span { (words::SEARCH) " " kbd { "/" } }
                input #search type="search" name="q" value=[search] placeholder=(words::MAPPING_SEARCH_HINT)
                    autocomplete="off" spellcheck="false";
            }
            div.apply { button.primary { (words::SHOW) } }
        }
        @if listings.is_empty() {
            div.empty {
                h2 { (words::LIST_IS_EMPTY) }
                p { @if every || search.is_some() { (words::NO_LISTING_MATCHES) } @else { (words::NO_UNMAPPED) } }
            }
        } @else {
            table.plain {
                thead {
                    tr {
                        th { (words::COLUMN_LISTING) }
                        th { (words::SHOP) }
                        th { (words::COLUMN_MEANS) }
                        th { (words::COLUMN_HOW) }
                        th { (words::COLUMN_ACTION) }
                    }
                }
                tbody { @for mapped in &listings { (row(&ask, &desk, mapped, may_map)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
        @if may_map && !rules.is_empty() {
            section #rules {
                h2 { (words::CODE_RULES) }
                p { (words::CODE_RULES_LEAD) }
                @for (shop, rule) in &rules {
                    form.filters method="post" action="/mappings/rule" data-place {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="shop" value=(shop.id);
                        p { (platform(shop.platform)) " " span.shop { (shop.name) } }
                        label { span { (words::CUT_BEGINNING) } input name="prefix" value=(rule.prefix) maxlength="100" autocomplete="off" spellcheck="false"; }
                        label { span { (words::CUT_END) } input name="suffix" value=(rule.suffix) maxlength="100" autocomplete="off" spellcheck="false"; }
                        div.apply { button { (words::APPLY_RULE) } }
                    }
                }
            }
        }
    };
    Ok(desk.page(&ask, Place::Mappings, words::MAPPINGS, &main))
}

fn row(ask: &Ask, desk: &Desk, mapped: &MappedListing, may_map: bool) -> Markup {
    let listing = &mapped.listing;
    let code = listing.listing_sku.as_str();
    html! {
        tr tabindex="-1" {
            td {
                a href=(address_of(&listing.shop, &listing.listing)) { code { (code) } }
                @if !listing.name.is_empty() { div.sub { (listing.name) } }
            }
            td data-label=(words::SHOP) {
                @if let Some(shop) = desk.shop(&listing.shop) { (platform(shop.platform)) " " span.shop { (shop.name) } }
            }
            td data-label=(words::COLUMN_MEANS) {
                code { (listing.merchant_sku) }
                @if !mapped.known { div.sub { (words::NOTHING_KNOWN) } }
            }
            td data-label=(words::COLUMN_HOW) { (words::mapped_by(mapped.mapped_by)) }
            td.action {
                @if may_map {
                    form method="post" action=(ADDRESS) data-place {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="shop" value=(listing.shop);
                        input type="hidden" name="listing_sku" value=(code);
                        input name="merchant_sku" required size="14" autocomplete="off" spellcheck="false"
                            aria-label=(words::merchant_sku_of_listing(code));
                        button aria-label=(words::map_listing(code)) { (words::MAP) }
                    }
                }
            }
        }
    }
}

async fn map(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let one = |name| form.fields.one(name).unwrap_or_default().to_owned();
    let wish =
        WishedMapping { shop: Some(one("shop")), listing_sku: one("listing_sku"), merchant_sku: one("merchant_sku") };
    let said = wish.read(signed_in)?;
    let mut session = app.store.begin().await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.map_codes(&mut session, merchant, actor, std::slice::from_ref(&said)).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to("/mappings?said=mapped"))
}

async fn set_rule(State(app): State<App>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let shop = visible(signed_in, form.fields.one("shop").unwrap_or_default())?;
    let one = |name| form.fields.one(name).unwrap_or_default().trim().to_owned();
    let rule = CodeRule { prefix: one("prefix"), suffix: one("suffix") };
    let mut session = app.store.begin().await?;
    app.engine.set_code_rule(&mut session, signed_in.merchant(), signed_in.actor(), &shop, &rule).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to("/mappings?said=mapped"))
}

/// A table that is pasted into a form, and what is said around it.
struct Pasted {
    action: &'static str,
    back: &'static str,
    title: &'static str,
    lead: &'static str,
    columns: [&'static str; 3],
}

const PASTED_MAPPINGS: Pasted = Pasted {
    action: "/mappings/import",
    back: ADDRESS,
    title: words::IMPORT_MAPPINGS,
    lead: words::IMPORT_MAPPINGS_LEAD,
    columns: MAPPING_COLUMNS,
};

const PASTED_BUNDLES: Pasted = Pasted {
    action: "/bundles/import",
    back: "/bundles",
    title: words::IMPORT_BUNDLES,
    lead: words::IMPORT_BUNDLES_LEAD,
    columns: BUNDLE_COLUMNS,
};

impl Pasted {
    fn form(&self, signed_in: &SignedIn, table: &str, refused: Option<&str>) -> Markup {
        html! {
            h1 { (self.title) }
            p.sub { (self.lead) }
            p { code { (self.columns.join(", ")) } }
            form.manual method="post" action=(self.action) data-sheet-form {
                (csrf(signed_in.csrf()))
                label.note {
                    span { (words::TABLE) }
                    textarea name="table" rows="12" required autofocus spellcheck="false"
                        aria-invalid=[refused.map(|_| "true")] { (table) }
                }
                @if let Some(refused) = refused {
                    ul.error role="alert" { @for line in refused.lines() { li { (line) } } }
                }
                div.actions {
                    button.primary { (words::KEEP_TABLE) }
                    a.button href=(self.back) data-dismiss { (words::BACK) }
                }
            }
        }
    }

    async fn show(&self, app: &App, ask: &Ask, table: &str, refused: Option<&str>) -> Result<Markup, Problem> {
        let mut session = app.store.read().await?;
        let main = self.form(&ask.signed_in, table, refused);
        sheet(app, &mut session, ask, Place::Mappings, self.title, &main).await
    }

    /// Commits what was kept, or shows the table again with what is wrong with it.
    async fn end(
        &self,
        app: &App,
        session: Session,
        (ask, table): (&Ask, &str),
        kept: Result<(), Problem>,
    ) -> Result<Response, Problem> {
        match kept {
            Ok(()) => {
                session.commit().await?;
                app.committed();
                Ok(Redirect::to(&format!("{}?said=mapped", self.back)).into_response())
            }
            Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
                drop(session);
                let page = self.show(app, ask, table, Some(&problem.detail)).await?;
                Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
            }
            Err(problem) => Err(problem),
        }
    }
}

async fn show_import(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockAdjust)?;
    PASTED_MAPPINGS.show(&app, &ask, "", None).await
}

async fn import(State(app): State<App>, Fragment(fragment): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let ask = Ask { signed_in: form.signed_in, fragment };
    ask.signed_in.need(Permission::StockAdjust)?;
    let table = form.fields.one("table").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let kept = keep_mappings(&app, &mut session, &ask.signed_in, table).await;
    PASTED_MAPPINGS.end(&app, session, (&ask, table), kept).await
}

async fn keep_mappings(app: &App, session: &mut Session, signed_in: &SignedIn, table: &str) -> Result<(), Problem> {
    let shops = shops_of(app, session, signed_in).await?;
    let said = Sheet::parse(table.as_bytes()).and_then(|sheet| read_mappings(&sheet, &shops))?;
    of_every_shop(signed_in, &said)?;
    app.engine.map_codes(session, signed_in.merchant(), signed_in.actor(), &said).await?;
    Ok(())
}

async fn show_bundle_import(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockAdjust)?;
    PASTED_BUNDLES.show(&app, &ask, "", None).await
}

async fn import_bundles(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form: SignedForm,
) -> Result<Response, Problem> {
    let ask = Ask { signed_in: form.signed_in, fragment };
    ask.signed_in.need(Permission::StockAdjust)?;
    let table = form.fields.one("table").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let read: Result<_, SheetError> = Sheet::parse(table.as_bytes()).and_then(|sheet| read_bundles(&sheet));
    let kept = match read {
        Ok(said) => keep(&app, &mut session, &ask.signed_in, &said).await,
        Err(error) => Err(error.into()),
    };
    PASTED_BUNDLES.end(&app, session, (&ask, table), kept).await
}

async fn show_bundles(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    bundles_page(&app, &ask, &query, ("", ""), None).await
}

/// The bundles; `entered` is what stood in the form that was refused.
async fn bundles_page(
    app: &App,
    ask: &Ask,
    query: &Query,
    entered: (&str, &str),
    refused: Option<&str>,
) -> Result<Markup, Problem> {
    let said = query.one("said")? == Some("mapped");
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let from = after.as_ref().map(|[sku]| sku.as_str());
    let mut session = app.store.read().await?;
    let desk = Desk::load(app, &mut session, &ask.signed_in).await?;
    let found = bundles::page(&mut session, ask.signed_in.merchant(), from, limit + 1).await?;
    drop(session);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let last = found.keys().nth(shown - 1).filter(|_| found.len() > shown);
    let next = last.map(|last| format!("/bundles?cursor={}", cursor(&[last.as_str()])));
    let may_map = ask.signed_in.permissions.has(Permission::StockAdjust);
    let main = html! {
        div.head {
            h1 { (words::BUNDLES) }
            @if said { p.notice role="status" { (words::MAPPED_SAID) } }
            p.lead { (words::BUNDLES_LEAD) " " a href=(ADDRESS) { (words::MAPPINGS) } }
            @if may_map { a.button href="/bundles/import" data-open { (words::IMPORT_BUNDLES) } }
        }
        @if found.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_BUNDLES) } }
        } @else {
            table.plain {
                thead { tr { th { (words::BUNDLE_SKU) } th { (words::COMPONENTS) } th { (words::COLUMN_ACTION) } } }
                tbody {
                    @for (sku, components) in found.iter().take(shown) { (bundle_row(ask, sku, components, may_map)) }
                }
            }
            div.below { p {} (pages(from.map(|_| "/bundles"), next.as_deref())) }
        }
        @if may_map {
            form.manual method="post" action="/bundles" {
                (csrf(ask.signed_in.csrf()))
                label { span { (words::BUNDLE_SKU) } input name="bundle" value=(entered.0) required autocomplete="off" spellcheck="false"; }
                label.note {
                    span { (words::COMPONENTS) " (" (words::COMPONENTS_HINT) ")" }
                    textarea name="components" rows="5" required spellcheck="false" aria-invalid=[refused.map(|_| "true")] { (entered.1) }
                }
                @if let Some(refused) = refused { p.error role="alert" { (refused) } }
                div.actions { button.primary { (words::SAVE_BUNDLE) } }
            }
        }
    };
    Ok(desk.page(ask, Place::Mappings, words::BUNDLES, &main))
}

fn bundle_row(ask: &Ask, sku: &MerchantSku, components: &[Component], may_map: bool) -> Markup {
    html! {
        tr tabindex="-1" {
            td { code { (sku) } }
            td data-label=(words::COMPONENTS) {
                @for component in components { div { (component.units) " × " code { (component.sku) } } }
            }
            td.action {
                @if may_map {
                    form method="post" action="/bundles" data-place {
                        (csrf(ask.signed_in.csrf()))
                        input type="hidden" name="bundle" value=(sku);
                        button.quiet name="remove" value="true" aria-label=(words::remove_bundle(sku.as_str())) { (words::REMOVE_BUNDLE) }
                    }
                }
            }
        }
    }
}

async fn set_bundle(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form: SignedForm,
) -> Result<Response, Problem> {
    let ask = Ask { signed_in: form.signed_in, fragment };
    ask.signed_in.need(Permission::StockAdjust)?;
    let one = |name| form.fields.one(name).unwrap_or_default();
    let remove = form.fields.one("remove").is_some();
    let kept = match (MerchantSku::parse(one("bundle").trim()), read_components(one("components"))) {
        (Err(error), _) => Err(error.to_string()),
        (_, Err(words)) => Err(words),
        (_, Ok(components)) if components.is_empty() && !remove => Err(words::COMPONENTS_HINT.to_owned()),
        (Ok(bundle), Ok(components)) => {
            let mut session = app.store.begin().await?;
            let said = BTreeMap::from([(bundle, components)]);
            match keep(&app, &mut session, &ask.signed_in, &said).await {
                Ok(()) => {
                    session.commit().await.map_err(|error: StoreError| Problem::from(error))?;
                    app.committed();
                    Ok(())
                }
                Err(problem) if problem.status.is_client_error() => Err(problem.detail.clone()),
                Err(problem) => return Err(problem),
            }
        }
    };
    match kept {
        Ok(()) => Ok(Redirect::to("/bundles?said=mapped").into_response()),
        Err(words) => {
            let entered = (one("bundle"), one("components"));
            let page = bundles_page(&app, &ask, &Query::default(), entered, Some(&words)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}
