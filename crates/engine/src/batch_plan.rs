//! What a bulk cancel would do, before anything is done: by what is stored, as the cancel dialog of one order says it.
//! The platform is asked for each order when its turn comes.

use crate::{Engine, EngineError};
use domain::batch::time_for;
use domain::eligibility::{self, OrderFacts};
use domain::ids::{MerchantId, MerchantSku, OrderId, OrderNumber, ReasonCode, ShopId};
use domain::order::Stage;
use domain::penalty::{Ceiling, RateRule, Tally};
use domain::platform::Platform;
use domain::policy::{GoodsEffect, ListingEffect, Policy, ReasonRule};
use domain::snapshot::FulfilledBy;
use domain::time::Span;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use store::batches::{self, OrderFactsRow, Product};
use store::{Session, StoreError};

/// Orders that are named for each reason why some cannot go.
const EXAMPLES: usize = 3;

/// What was chosen for a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// One reason per platform.
    pub reasons: BTreeMap<Platform, ReasonCode>,
    /// The products that reasons speak of, where they ask for some.
    pub merchant_skus: Vec<MerchantSku>,
    /// Where the batch stops by itself.
    pub ceiling: Option<Ceiling>,
}

/// What a batch would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Orders that are selected.
    pub total: u64,
    /// Those that can go by what is stored.
    pub goes: u64,
    /// Those that cannot, by why.
    pub cannot: Vec<Cannot>,
    /// Each platform of the selection.
    pub platforms: Vec<PlatformPlan>,
    /// Products to choose from; empty where no chosen reason asks for any.
    pub products: Vec<Product>,
    /// What becomes of our units.
    pub units: Units,
    /// Each shop of the selection.
    pub shops: Vec<ShopPlan>,
    /// About how long it takes: the longest of the shops, which are worked on side by side.
    pub takes: Span,
}

/// Orders that cannot go for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cannot {
    /// On this platform.
    pub platform: Platform,
    /// The gate that is closed, or `reason_not_offered`, `lines_required`, `product_not_in_order`.
    pub code: &'static str,
    /// Why, in words.
    pub detail: String,
    /// How many.
    pub orders: u64,
    /// Some of them.
    pub examples: Vec<(OrderId, OrderNumber)>,
}

/// What is planned on one platform.
#[derive(Debug, Clone)]
pub struct PlatformPlan {
    /// Which.
    pub platform: Platform,
    /// Its selected orders.
    pub orders: u64,
    /// Those that can go.
    pub goes: u64,
    /// The reason that was chosen.
    pub reason: Option<ReasonCode>,
    /// Its policy, with every reason.
    pub policy: Arc<Policy>,
    /// What the chosen reason does, in words.
    pub effects: Vec<String>,
}

/// What becomes of our units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Available again at once.
    pub at_once: u64,
    /// Available already, because their order was set aside.
    pub already: u64,
    /// They wait in “to stock in”.
    pub to_stock_in: u64,
    /// They wait until they are counted.
    pub count_needed: u64,
}

/// What is planned in one shop.
#[derive(Debug, Clone)]
pub struct ShopPlan {
    /// Which.
    pub shop: ShopId,
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: Platform,
    /// Its orders that can go.
    pub goes: u64,
    /// Its cancellation rate before and after; `None` where its market's rule is not known.
    pub rate: Option<RatePlan>,
    /// About how long it takes.
    pub takes: Span,
}

/// A shop's cancellation rate, before and after.
#[derive(Debug, Clone)]
pub struct RatePlan {
    /// How it is counted.
    pub rule: RateRule,
    /// As it stands.
    pub before: Tally,
    /// With those that can go, and with what is being cancelled already.
    pub after: Tally,
    /// Units or orders that can go and enter the rule's window later.
    pub later: u64,
}

fn facts_of(row: &OrderFactsRow) -> OrderFacts {
    OrderFacts {
        list: row.list,
        platform_status: row.platform_status.clone(),
        fulfilled_by: row.fulfilled_by,
        seller_may_cancel: row.seller_may_cancel,
        cancelling: row.cancelling,
        cod: row.cod,
        region: row.region.clone(),
    }
}

/// Whether an order can go; with the code and the words why not.
fn can_go(row: &OrderFactsRow, policy: &Policy, choice: &Choice) -> Result<(), (&'static str, String)> {
    let facts = facts_of(row);
    eligibility::new_cancel(&facts, policy).map_err(|blocked| (blocked.gate.as_str(), blocked.detail))?;
    let Some(rule) = choice.reasons.get(&row.platform).and_then(|reason| policy.reason(reason.as_str())) else {
        return Ok(());
    };
    if let Some(why_not) = eligibility::reason_not_offered(rule, &facts) {
        return Err(("reason_not_offered", format!("“{}” is not taken for these orders: {why_not}", rule.label)));
    }
    if rule.lines_required && choice.merchant_skus.is_empty() {
        return Err(("lines_required", format!("“{}” needs products; choose which.", rule.label)));
    }
    if rule.lines_required && row.chosen_units == 0 {
        return Err(("product_not_in_order", "None of the chosen products is in these orders.".to_owned()));
    }
    Ok(())
}

/// Whether only the chosen products of an order are cancelled, and the rest of it stays.
fn only_chosen(row: &OrderFactsRow, rule: &ReasonRule, policy: &Policy) -> bool {
    rule.lines_required && !rule.whole_order_only && policy.partial_cancel.is_on(&row.region)
}

fn add_units(units: &mut Units, row: &OrderFactsRow, rule: Option<&ReasonRule>, policy: &Policy) {
    if row.fulfilled_by == FulfilledBy::Platform {
        return;
    }
    let uncounted = match rule.map(|rule| rule.goods_effect) {
        Some(GoodsEffect::CountNeeded) => row.chosen_units,
        Some(GoodsEffect::ComeBack) | None => 0,
    };
    units.count_needed += uncounted;
    let canceled = match rule {
        Some(rule) if only_chosen(row, rule, policy) => row.chosen_units,
        _ => row.units,
    };
    let back = canceled.saturating_sub(uncounted);
    match row.stage {
        Stage::Untouched if row.voided => units.already += back,
        Stage::Untouched => units.at_once += back,
        Stage::Printed | Stage::Packed | Stage::HandedOver | Stage::Delivered | Stage::Returned => {
            units.to_stock_in += back;
        }
    }
}

fn effects(platform: Platform, rule: &ReasonRule) -> Vec<String> {
    let mut effects: Vec<String> = rule.mapping_note.iter().cloned().collect();
    effects.push(if rule.lines_required && !rule.whole_order_only {
        format!(
            "Each order is canceled on {} and its buyer is told; where chosen items alone can be canceled, the rest of the order stays.",
            platform.title()
        )
    } else {
        format!("Each order is canceled on {} and its buyer is told.", platform.title())
    });
    effects.push(match rule.listing_effect {
        ListingEffect::SetToZero => {
            "The chosen products' listings are set to zero and held against any stock push until they are counted."
                .to_owned()
        }
        ListingEffect::UnitsReturn => "The platform puts the units back on their listings.".to_owned(),
    });
    effects
}

#[derive(Default)]
struct OfShop {
    goes: u64,
    /// When the orders that can go were placed, and their units.
    placed: Vec<(domain::time::Moment, u64)>,
}

impl Engine {
    /// Plans a cancel of these orders.
    ///
    /// # Errors
    /// [`EngineError`] of the store, or of a platform that this process does not serve.
    pub async fn plan_batch(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        orders: &[OrderId],
        choice: &Choice,
    ) -> Result<Plan, EngineError> {
        let facts = batches::facts(session, merchant, orders, &choice.merchant_skus).await?;
        let mut platforms: BTreeMap<Platform, PlatformPlan> = BTreeMap::new();
        let mut cannot: BTreeMap<(Platform, &'static str, String), Cannot> = BTreeMap::new();
        let mut shops: BTreeMap<ShopId, OfShop> = BTreeMap::new();
        let mut asking: Vec<OrderId> = Vec::new();
        let (mut goes, mut units) = (0, Units::default());
        for row in &facts {
            let platform = match platforms.entry(row.platform) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.platform_plan(row.platform, choice)?),
            };
            platform.orders += 1;
            let of_shop = shops.entry(row.shop.clone()).or_default();
            let rule = platform.reason.as_ref().and_then(|reason| platform.policy.reason(reason.as_str()));
            let went = can_go(row, &platform.policy, choice);
            if rule.is_some_and(|rule| rule.lines_required)
                && !matches!(&went, Err((code, _)) if !["lines_required", "product_not_in_order"].contains(code))
            {
                asking.push(row.order.clone());
            }
            match went {
                Ok(()) => {
                    add_units(&mut units, row, rule, &platform.policy);
                    goes += 1;
                    platform.goes += 1;
                    of_shop.goes += 1;
                    of_shop.placed.push((row.ordered_at, row.units));
                }
                Err((code, detail)) => {
                    let key = (row.platform, code, detail.clone());
                    let empty = Cannot { platform: row.platform, code, detail, orders: 0, examples: Vec::new() };
                    let group = cannot.entry(key).or_insert(empty);
                    group.orders += 1;
                    if group.examples.len() < EXAMPLES {
                        group.examples.push((row.order.clone(), row.number.clone()));
                    }
                }
            }
        }
        let products = batches::products(session, merchant, &asking).await?;
        let mut planned = Vec::with_capacity(shops.len());
        for (shop, of_shop) in shops {
            planned.push(self.shop_plan(session, merchant, &shop, of_shop).await?);
        }
        let mut cannot: Vec<Cannot> = cannot.into_values().collect();
        cannot.sort_by_key(|group| std::cmp::Reverse(group.orders));
        Ok(Plan {
            total: u64::try_from(facts.len()).unwrap_or(u64::MAX),
            goes,
            cannot,
            platforms: platforms.into_values().collect(),
            products,
            units,
            takes: planned.iter().map(|shop| shop.takes).max().unwrap_or(Span::ZERO),
            shops: planned,
        })
    }

    fn platform_plan(&self, platform: Platform, choice: &Choice) -> Result<PlatformPlan, EngineError> {
        let policy = self.policy(platform)?;
        let reason = choice.reasons.get(&platform).filter(|reason| policy.reason(reason.as_str()).is_some()).cloned();
        let rule = reason.as_ref().and_then(|reason| policy.reason(reason.as_str()));
        let effects = rule.map(|rule| effects(platform, rule)).unwrap_or_default();
        Ok(PlatformPlan { platform, orders: 0, goes: 0, reason, policy, effects })
    }

    async fn shop_plan(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        of_shop: OfShop,
    ) -> Result<ShopPlan, EngineError> {
        let record = self.shop(session, merchant, shop).await?;
        let policy = self.policy(record.platform)?;
        let rate = match RateRule::of(&policy.cancellation_rates, &record.region) {
            Some(rule) => Some(self.rate_plan(session, merchant, shop, record.platform, rule, &of_shop).await?),
            None => None,
        };
        Ok(ShopPlan {
            shop: shop.clone(),
            name: record.name,
            platform: record.platform,
            goes: of_shop.goes,
            rate,
            takes: time_for(of_shop.goes, &policy),
        })
    }

    async fn rate_plan(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        shop: &ShopId,
        platform: Platform,
        rule: &RateRule,
        of_shop: &OfShop,
    ) -> Result<RatePlan, StoreError> {
        let now = self.clock.platform_now(platform);
        let before = batches::tally(session, merchant, shop, rule, now).await?;
        let (from, to) = batches::window(rule, now);
        let weigh = |within: &dyn Fn(domain::time::Moment) -> bool| -> u64 {
            of_shop.placed.iter().filter(|(at, _)| within(*at)).map(|(_, units)| rule.unit.weight(*units)).sum()
        };
        let (more, later) = (weigh(&|at| at >= from && at <= to), weigh(&|at| at > to));
        Ok(RatePlan { rule: rule.clone(), before, after: before.with(before.under_way.saturating_add(more)), later })
    }
}
