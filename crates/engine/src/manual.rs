//! Manual orders: nobody is asked and nothing waits, so each step is one transaction of the caller's.

use crate::commands::CommandError;
use crate::ledger::{Chosen, marks};
use crate::reconcile::note_lines;
use crate::{Engine, EngineError};
use domain::cancellation::Phase;
use domain::ids::{LineId, ListingId, ListingSku, MerchantId, MerchantSku, OrderId, ShopId};
use domain::manual::{ManualOrder, ManualStatus};
use domain::order::{List, Tab, place};
use domain::platform::Platform;
use domain::policy::{Policy, StatusRule};
use domain::snapshot::{FulfilledBy, Initiator};
use domain::time::Moment;
use store::cancellations::{self, CancellationRecord};
use store::log::{self, Entry};
use store::orders::{self, LineRecord, NEVER, OrderRecord};
use store::shops::{self, ShopRecord};
use store::{Session, StoreError, bundles, new_id, stock};

/// The account of the shop that manual orders belong to; a merchant has one.
const ACCOUNT: &str = "manual";
/// What that shop is called.
const NAME: &str = "Manual orders";

fn rule_of(policy: &Policy, status: ManualStatus) -> Result<&StatusRule, EngineError> {
    policy.status(status.as_str()).ok_or(EngineError::NoPolicy(Platform::Manual))
}

impl Engine {
    /// The shop that manual orders belong to; made with the first of them. Its orders move stock from that moment.
    async fn manual_shop(&self, session: &mut Session, merchant: &MerchantId) -> Result<ShopRecord, CommandError> {
        let all = self.store.shops(session, merchant).await?;
        if let Some(shop) = all.iter().find(|shop| shop.platform == Platform::Manual) {
            return Ok(shop.clone());
        }
        let now = self.clock.now();
        let warehouse = shops::warehouses(session, merchant).await?.into_iter().next();
        let warehouse = warehouse.ok_or_else(|| {
            CommandError::ManualOrder("the merchant has no warehouse to take the goods from; add one first".to_owned())
        })?;
        let shop = ShopRecord {
            merchant: merchant.clone(),
            id: ShopId::parse(new_id("shp", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            platform: Platform::Manual,
            account: ACCOUNT.to_owned(),
            name: NAME.to_owned(),
            // Its days begin where those of the merchant's other shops do.
            region: all.first().map(|shop| shop.region.clone()).unwrap_or_default(),
            address: String::new(),
            callback_url: None,
            warehouse: warehouse.id,
            credentials: String::new(),
            grant_version: 1,
            authorised: true,
            connected: true,
            alert: None,
            stock_from: now,
            swept_to: Moment::from_millis(0),
        };
        self.store.add_shop(session, &shop, now).await?;
        Ok(shop)
    }

    /// Makes a manual order. Its units are allocated at once; what is missing puts it into *out of stock*.
    ///
    /// # Errors
    /// [`CommandError::ManualOrder`] for one that breaks a rule or whose number exists; nothing is changed then.
    pub async fn create_manual_order(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        wish: &ManualOrder,
    ) -> Result<OrderRecord, CommandError> {
        let total = wish.total().map_err(|error| CommandError::ManualOrder(error.to_string()))?;
        let now = self.clock.now();
        let policy = self.policy(Platform::Manual)?;
        let status = ManualStatus::New;
        let rule = rule_of(&policy, status)?;
        let shop = self.manual_shop(session, merchant).await?;
        let skus: Vec<MerchantSku> = wish.lines.iter().map(|line| line.merchant_sku.clone()).collect();
        let bundles = bundles::components(session, merchant, &skus).await?;
        let mut lines = Vec::with_capacity(wish.lines.len());
        for (position, line) in wish.lines.iter().enumerate() {
            let sku = line.merchant_sku.as_str();
            let odd = |_| CommandError::ManualOrder(format!("“{sku}” is no SKU"));
            let record = LineRecord {
                id: LineId::parse((position + 1).to_string()).map_err(odd)?,
                // There is no listing: the shelf's own code stands for it.
                listing: ListingId::parse((position + 1).to_string()).map_err(odd)?,
                listing_sku: ListingSku::parse(sku).map_err(odd)?,
                merchant_sku: line.merchant_sku.clone(),
                warehouse: shop.warehouse.clone(),
                name: if line.name.is_empty() { sku.to_owned() } else { line.name.clone() },
                variation: String::new(),
                quantity: line.quantity,
                canceled_quantity: 0,
                canceled_by: None,
                unit_price: line.unit_price,
                platform_status: String::new(),
                stage: None,
                package: None,
                part_of: None,
                goods: domain::warehouse_order::Goods::Free,
                stock: domain::stock::LineStock::default(),
            };
            match bundles.get(&line.merchant_sku) {
                Some(components) => lines.extend(crate::reconcile::exploded(&record, components)?),
                None => lines.push(record),
            }
        }
        let mut order = OrderRecord {
            merchant: merchant.clone(),
            id: OrderId::parse(new_id("ord", now)).map_err(|_| StoreError::Conflict("the clock"))?,
            shop: shop.id.clone(),
            platform: Platform::Manual,
            number: wish.number.clone(),
            version: 1,
            list: List::New,
            tab: Tab::None,
            platform_status: status.as_str().to_owned(),
            standing: rule.standing,
            stage: rule.stage,
            region: shop.region.clone(),
            currency: wish.currency,
            total,
            buyer_name: wish.buyer_name.clone(),
            cod: wish.cod,
            preorder: false,
            fulfilled_by: FulfilledBy::Seller,
            seller_may_cancel: None,
            voided: false,
            cancelling: false,
            shipment: domain::shipment::Mark::None,
            scanned_out: false,
            goods: domain::warehouse_order::Goods::Free,
            left_before_counting: false,
            cancelled_by: None,
            cancel_reason: None,
            buyer_reason: None,
            ordered_at: wish.ordered_at,
            paid_at: None,
            ship_by: wish.ship_by.unwrap_or(NEVER),
            canceled_at: None,
            platform_updated_at: now,
            read_began_at: now,
            written_at: Moment::from_millis(0),
            updated_at: now,
            lines,
            packages: Vec::new(),
        };
        let settled = self.settle(session, &mut order, shop.is_counted(), None, actor).await?;
        let placement = place(order.standing, order.fulfilled_by, marks(&order, settled.short), None);
        (order.list, order.tab) = (placement.list, placement.tab);
        if !orders::insert(session, &order).await? {
            let words = format!("there is a manual order {} already; give this one another number", order.number);
            return Err(CommandError::ManualOrder(words));
        }
        stock::write(session, merchant, &settled.movements, now).await?;
        self.log_manual(session, &order, actor, "order.created", "made by hand").await?;
        Ok(order)
    }

    /// Takes a manual order one step further: packed, shipped, completed.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is changed then.
    pub async fn advance_manual_order(
        &self,
        session: &mut Session,
        merchant: &MerchantId,
        actor: &str,
        order: &OrderId,
        to: ManualStatus,
        expected_version: Option<i64>,
    ) -> Result<OrderRecord, CommandError> {
        let before = self.order_for(session, merchant, order, expected_version).await?;
        let status = ManualStatus::parse(&before.platform_status).ok().filter(|_| before.platform == Platform::Manual);
        if before.voided || status.and_then(ManualStatus::next) != Some(to) {
            let words = format!("This order is {} and cannot become {to} now.", before.list.as_str().replace('_', " "));
            return Err(CommandError::WrongList(words));
        }
        if before.tab == Tab::OutOfStock {
            return Err(CommandError::WrongList("There is not enough stock to pack this order.".to_owned()));
        }
        let mut after = before.clone();
        self.set_manual_status(session, actor, &before, &mut after, to, None).await?;
        let detail = format!("{} → {to}", before.platform_status);
        self.log_manual(session, &after, actor, "order.status", &detail).await?;
        Ok(after)
    }

    /// Cancels a manual order: accepted and done in one, because there is nobody to ask.
    pub(crate) async fn cancel_here(
        &self,
        session: &mut Session,
        record: &mut CancellationRecord,
        order: &OrderRecord,
        policy: &Policy,
    ) -> Result<(), CommandError> {
        record.saga.phase = Phase::Done(Some(Initiator::Seller));
        let mut after = order.clone();
        for line in &mut after.lines {
            line.canceled_quantity = line.quantity;
        }
        note_lines(record, &after);
        cancellations::insert(session, record).await?;
        after.canceled_at = Some(self.clock.now());
        after.cancelled_by = Some(Initiator::Seller);
        after.cancel_reason = policy.reason(record.reason.as_str()).map(|rule| rule.label.clone());
        let chosen = Chosen::of(std::slice::from_ref(record), policy);
        self.set_manual_status(session, &record.actor, order, &mut after, ManualStatus::Canceled, chosen.as_ref())
            .await?;
        let detail = format!("{} is canceled here", order.number);
        Ok(self.log_cancellation(session, record, order, "cancellation.done", &detail).await?)
    }

    async fn set_manual_status(
        &self,
        session: &mut Session,
        actor: &str,
        before: &OrderRecord,
        after: &mut OrderRecord,
        to: ManualStatus,
        chosen: Option<&Chosen<'_>>,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        let policy = self.policy(Platform::Manual)?;
        let rule = rule_of(&policy, to)?;
        let shop = self.shop(session, &before.merchant, &before.shop).await?;
        stock::lock(session, &before.merchant, std::slice::from_ref(&before.id)).await?;
        to.as_str().clone_into(&mut after.platform_status);
        after.standing = rule.standing;
        after.stage = before.stage.max(rule.stage);
        (after.platform_updated_at, after.updated_at) = (now, now);
        let settled = self.settle(session, after, shop.is_counted(), chosen, actor).await?;
        let placement = place(after.standing, after.fulfilled_by, marks(after, settled.short), None);
        (after.list, after.tab) = (placement.list, placement.tab);
        orders::update(session, before, after).await?;
        stock::write(session, &before.merchant, &settled.movements, now).await?;
        after.version = before.version + 1;
        Ok(())
    }

    async fn log_manual(
        &self,
        session: &mut Session,
        order: &OrderRecord,
        actor: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            actor,
            action,
            shop: Some(&order.shop),
            order: Some(&order.id),
            subject: order.number.as_str(),
            detail,
        };
        log::write(session, &order.merchant, self.clock.now(), &entry).await
    }
}
