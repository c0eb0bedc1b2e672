//! Packs that nobody asked for by hand: a shop's rule, off until it is switched on, asks for them every minute, through the
//! same door as a person and in its own name.

use crate::commands::CommandError;
use crate::shop_calls::OpenShop;
use crate::{Engine, EngineError};
use domain::ids::{MerchantId, ShopId};
use domain::order::{List, Tab};
use domain::pack_rule::{Facts, PackRule};
use domain::shipment::Act;
use domain::time::{Moment, Span};
use store::jobs::{self, Claim, Kind, Lease};
use store::log::{self, Entry};
use store::order_lists::{self, Filter, MAX_PAGE, Sort, SortBy, TimeField};
use store::orders;
use store::pack_rules::{self, PackRuleRecord};
use store::{Session, StoreError};

/// Who asks for these packs, in the log.
pub(crate) const RULE: &str = "rule";
/// How often a rule looks.
const LOOK_EVERY: Span = Span::from_seconds(60);
/// Packs that one look asks for at the most: the next look follows at once where there were more.
const PACKS_AT_ONCE: usize = 100;

impl Engine {
    /// Sets a shop's rule; one that is on looks at once.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_pack_rule(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        shop: &ShopId,
        rule: PackRule,
    ) -> Result<PackRuleRecord, StoreError> {
        let now = self.clock.now();
        let record = PackRuleRecord { rule, set_by: actor.to_owned(), set_at: now };
        pack_rules::set(session, merchant, shop, &record).await?;
        if rule.is_on {
            jobs::want(session, merchant, shop, Kind::AutoPack, shop.as_str(), now).await?;
        }
        let detail = if rule.is_on {
            format!(
                "orders are packed by themselves {} minutes after they were placed, payment: {}",
                rule.wait_minutes, rule.payment
            )
        } else {
            "orders are not packed by themselves".to_owned()
        };
        let entry = Entry {
            actor,
            action: "shop.pack_rule",
            shop: Some(shop),
            order: None,
            subject: shop.as_str(),
            detail: &detail,
        };
        log::write(session, merchant, now, &entry).await?;
        Ok(record)
    }

    /// Works on `auto_pack` jobs: asks for the packs that the shop's rule wants now.
    pub(crate) async fn pack_by_rule(
        &self,
        shop: &OpenShop,
        lease: &Lease,
        claims: &[Claim],
    ) -> Result<(), EngineError> {
        let (merchant, id) = (&shop.record.merchant, &shop.record.id);
        let mut session = self.store.begin().await?;
        let rule =
            pack_rules::of_shop(&mut session, merchant, id).await?.map_or_else(PackRule::default, |set| set.rule);
        let mut packed = 0;
        if rule.is_on && shop.connector.capabilities().shipping {
            packed = self.pack_what_waits(&mut session, shop, rule).await?;
        }
        let now = self.clock.now();
        let pause = if packed == PACKS_AT_ONCE { Span::from_seconds(1) } else { LOOK_EVERY };
        for claim in claims {
            if rule.is_on {
                jobs::again(&mut session, lease, claim, now.plus(pause), now).await?;
            } else {
                jobs::finish(&mut session, lease, claim, now).await?;
            }
        }
        session.commit().await?;
        self.wake();
        Ok(())
    }

    /// Asks for packs, first those that must ship first; one that a door refuses stays as it is.
    async fn pack_what_waits(
        &self,
        session: &mut Session,
        shop: &OpenShop,
        rule: PackRule,
    ) -> Result<usize, EngineError> {
        let merchant = &shop.record.merchant;
        let now = self.clock.platform_now(shop.record.platform);
        let filter = Filter {
            list: Some(List::New),
            tab: Some(Tab::ToPack),
            shops: Some(vec![shop.record.id.clone()]),
            cod: rule.cod(),
            time: Some((TimeField::Ordered, Moment::from_millis(0), rule.placed_until(now))),
            ..Filter::default()
        };
        let sort = Sort { by: SortBy::ShipBy, descending: false };
        let mut after = None;
        let mut packed = 0;
        loop {
            let (ids, next) = order_lists::page(session, merchant, &filter, sort, after.as_ref(), MAX_PAGE).await?;
            orders::lock(session, merchant, &ids).await?;
            for order in orders::load(session, merchant, &ids).await? {
                let facts = Facts {
                    list: order.list,
                    tab: order.tab,
                    cod: order.cod,
                    cancelling: order.cancelling,
                    ordered_at: order.ordered_at,
                };
                if !rule.takes(facts, now) {
                    continue;
                }
                session.savepoint().await?;
                let asked =
                    self.request_shipment(session, merchant, RULE, Act::Pack, &order.id, Some(order.version)).await;
                match asked {
                    Ok(_) => {
                        session.release().await?;
                        packed += 1;
                    }
                    Err(CommandError::Engine(error)) => return Err(error),
                    Err(_) => session.undo().await?,
                }
                if packed == PACKS_AT_ONCE {
                    return Ok(packed);
                }
            }
            match next {
                Some(cursor) => after = Some(cursor),
                None => return Ok(packed),
            }
        }
    }
}
