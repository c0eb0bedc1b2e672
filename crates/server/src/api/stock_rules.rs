//! Where a shop's cancelled units go: its own rules, and the usual ones of its platform's policy.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::shops::parse_shop;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{ReasonCode, ShopId};
use domain::order::Stage;
use domain::platform::Platform;
use domain::policy::Policy;
use domain::snapshot::Initiator;
use domain::stock_rules::{GoesTo, StockRule, WarehouseAnswer};
use domain::words::UnknownWord;
use serde::{Deserialize, Serialize};
use store::shops::ShopRecord;
use store::{Session, stock_rules};
use utoipa::ToSchema;

/// The most rules of one shop.
pub const RULES_MAX: usize = 100;

/// Where a shop's cancelled units go: the first rule that fits counts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StockRules {
    /// The shop's own rules.
    pub rules: Vec<Rule>,
    /// The usual ones, asked after them.
    pub usual: Vec<Rule>,
}

/// One rule; what is null fits anything.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `seller`, `buyer` or `platform`.
    #[serde(default)]
    pub initiator: Option<String>,
    /// A reason of the seller's cancel.
    #[serde(default)]
    pub reason: Option<String>,
    /// How far the goods are.
    #[serde(default)]
    pub stage: Option<String>,
    /// What the third-party warehouse says: `not_asked`, `withdrawn`, `refused` or `unknown`.
    #[serde(default)]
    pub warehouse: Option<String>,
    /// `available`, `returning`, `defective`, `lost` or `nothing`.
    pub goes_to: String,
}

/// The rules that a shop is to have of its own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedRules {
    /// They; none takes all of them back.
    pub rules: Vec<Rule>,
}

impl From<&StockRule> for Rule {
    fn from(rule: &StockRule) -> Self {
        Self {
            initiator: rule.initiator.map(|initiator| initiator.as_str().to_owned()),
            reason: rule.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            stage: rule.stage.map(|stage| stage.as_str().to_owned()),
            warehouse: rule.warehouse.map(|warehouse| warehouse.as_str().to_owned()),
            goes_to: rule.goes_to.as_str().to_owned(),
        }
    }
}

impl Rule {
    /// The rule, if its platform has its reason and nothing is sold that is not here.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, policy: &Policy) -> Result<StockRule, String> {
        fn word<T>(
            given: Option<&str>,
            parse: impl FnOnce(&str) -> Result<T, UnknownWord>,
        ) -> Result<Option<T>, String> {
            let given = given.filter(|given| !given.is_empty());
            given.map(|given| parse(given).map_err(|error| error.to_string())).transpose()
        }
        let reason = match self.reason.as_deref().filter(|reason| !reason.is_empty()) {
            Some(code) if policy.reason(code).is_none() => {
                return Err(format!("“{code}” is no reason of this platform"));
            }
            Some(code) => Some(ReasonCode::parse(code).map_err(|error| error.to_string())?),
            None => None,
        };
        let rule = StockRule {
            initiator: word(self.initiator.as_deref(), Initiator::parse)?,
            reason,
            stage: word(self.stage.as_deref(), Stage::parse)?,
            warehouse: word(self.warehouse.as_deref(), WarehouseAnswer::parse)?,
            goes_to: GoesTo::parse(&self.goes_to).map_err(|error| error.to_string())?,
        };
        rule.check().map_err(|error| error.to_string())?;
        Ok(rule)
    }
}

/// A shop that the user sees, and its platform's policy.
///
/// # Errors
/// 404.
pub async fn shop(app: &App, session: &mut Session, signed_in: &SignedIn, id: &ShopId) -> Result<ShopRecord, Problem> {
    let found = app.store.shop(session, signed_in.merchant(), id).await?;
    found.filter(|shop| signed_in.sees(&shop.id)).ok_or_else(|| Problem::not_found("shop"))
}

/// Changes a shop's own rules in this transaction, with a log entry.
///
/// # Errors
/// 403, 404, or 422 for a rule that cannot be.
pub async fn change(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: &ShopId,
    rules: &[Rule],
) -> Result<(ShopRecord, Vec<StockRule>), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = shop(app, session, signed_in, id).await?;
    let policy = app.engine.policy(shop.platform)?;
    let wrong = |words: String| Problem::unprocessable("invalid_rule", "A rule cannot be taken", words);
    if rules.len() > RULES_MAX {
        return Err(wrong(format!("A shop has {RULES_MAX} rules at the most.")));
    }
    let rules: Vec<StockRule> = rules
        .iter()
        .map(|rule| rule.read(&policy))
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("{error}.")))?;
    stock_rules::set(session, signed_in.merchant(), id, &rules).await?;
    let told: Vec<String> = rules.iter().map(in_words).collect();
    let detail = if told.is_empty() { "the usual rules".to_owned() } else { told.join("; ") };
    let entry = store::log::Entry {
        actor: signed_in.actor(),
        action: "shop.stock_rules",
        shop: Some(id),
        order: None,
        subject: &shop.name,
        detail: &detail,
    };
    store::log::write(session, signed_in.merchant(), app.clock.now(), &entry).await?;
    Ok((shop, rules))
}

fn in_words(rule: &StockRule) -> String {
    let parts = [
        rule.initiator.map(|initiator| format!("by {initiator}")),
        rule.reason.as_ref().map(|reason| format!("for {reason}")),
        rule.stage.map(|stage| format!("when {stage}")),
        rule.warehouse.map(|answer| format!("warehouse {answer}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let when = if parts.is_empty() { "always".to_owned() } else { parts.join(", ") };
    format!("{when} → {}", rule.goes_to)
}

fn shown(app: &App, platform: Platform, rules: &[StockRule]) -> Result<StockRules, Problem> {
    let policy = app.engine.policy(platform)?;
    Ok(StockRules {
        rules: rules.iter().map(Rule::from).collect(),
        usual: policy.cancel_stock.iter().map(Rule::from).collect(),
    })
}

/// Where a shop's cancelled units go.
#[utoipa::path(
    get, path = "/api/v1/shops/{id}/stock-rules", tag = "shops", params(("id" = String, Path)),
    responses((status = 200, body = StockRules), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<StockRules>, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let id = parse_shop(&signed_in, id)?;
    let mut session = app.store.read().await?;
    let shop = shop(&app, &mut session, &signed_in, &id).await?;
    let rules = stock_rules::of_shop(&mut session, signed_in.merchant(), &id).await?;
    Ok(Json(shown(&app, shop.platform, &rules)?))
}

/// Puts these rules in place of the shop's own.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/stock-rules", tag = "shops", request_body = WishedRules,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = StockRules), (status = 422, description = "invalid_rule", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<WishedRules>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let id = parse_shop(&signed_in, id)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let changed = change(&app, &mut once.session, &signed_in, &id, &wish.value.rules).await;
    let answer = changed.and_then(|(shop, rules)| to_value(&shown(&app, shop.platform, &rules)?));
    once.finish(StatusCode::OK, answer).await
}
