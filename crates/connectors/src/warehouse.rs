//! The one trait that every third-party warehouse fulfils.

pub(crate) mod account;
pub(crate) mod standard_webhooks;

use crate::call::Call;
use crate::connector::PushRefused;
use domain::provider::Provider;
use domain::time::{Moment, Span};
use domain::warehouse_order::{Phase, Rules};

/// Who gets the parcel.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The name.
    pub name: String,
    /// Street and house.
    pub address: String,
    /// The city.
    pub city: String,
    /// The province or state, where it is known.
    pub province: Option<String>,
    /// The postal code, where it is known.
    pub postal_code: Option<String>,
    /// The country's two letters.
    pub country: String,
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A person's address is no matter of logs.
        f.debug_struct("Recipient").field("country", &self.country).finish_non_exhaustive()
    }
}

/// A line of an order to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushLine {
    /// The merchant SKU.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// Units.
    pub quantity: u32,
}

/// An order to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushOrder {
    /// Our reference, unique for ever: the warehouse's only safeguard against pushing twice.
    pub reference: String,
    /// The marketplace's order number, for people.
    pub number: String,
    /// Who gets it.
    pub recipient: Recipient,
    /// Its lines.
    pub lines: Vec<PushLine>,
}

/// How an order is named to the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By the warehouse's own id.
    Number(String),
    /// By our reference.
    Reference(String),
}

/// A parcel as the warehouse knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The warehouse's id of it.
    pub number: String,
    /// The tracking number, once there is one.
    pub tracking_number: Option<String>,
}

/// An order as one read of the warehouse shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenOrder {
    /// The warehouse's id of it.
    pub number: String,
    /// Its status words, as received.
    pub raw_status: String,
    /// How far it is.
    pub phase: Phase,
    /// Its shipments differ: some were handed back, or left, and some were not.
    pub partial: bool,
    /// Its parcels.
    pub parcels: Vec<Parcel>,
    /// The warehouse's last word when it was asked for the order, where a read tells it.
    pub last_word: Option<WithdrawalAnswer>,
}

/// The warehouse's answer when an order is asked back. Never believed before a read agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalAnswer {
    /// Stopped.
    Stopped,
    /// Stopped, and its fee is not given back.
    StoppedForAFee,
    /// It tries; the outcome comes later.
    Trying,
    /// Not stopped: picked, still in the building.
    TooLatePicked,
    /// Not stopped: it left, or counts as left.
    TooLateShipped,
    /// It tried and failed, and does not say whether the order is picked or has left: a read tells.
    Failed,
    /// Not stopped, or not wholly, and it does not say why: a read tells.
    Unclear,
}

/// An order that left the warehouse, of which something may come back.
#[derive(Debug, Clone, Copy)]
pub struct LeftOrder<'a> {
    /// The warehouse's id of it.
    pub number: &'a str,
    /// Our reference.
    pub reference: &'a str,
    /// Its parcels.
    pub parcels: &'a [Parcel],
}

/// Units that came back, as the warehouse processed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedUnits {
    /// The merchant SKU.
    pub sku: String,
    /// Back on the shelf.
    pub sellable: u32,
    /// Here, but not to be sold.
    pub defective: u32,
}

/// Goods that came back, or are coming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenReturn {
    /// The warehouse's id of it.
    pub number: String,
    /// Everything of it is processed.
    pub done: bool,
    /// What was processed.
    pub units: Vec<ReturnedUnits>,
}

/// What lies at the warehouse of one SKU and can be sold, with what is promised to orders that have not left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfUnits {
    /// The merchant SKU.
    pub sku: String,
    /// Units: at least so many.
    pub at_least: i64,
    /// Units: at most so many; more than at least only where the provider's documentation leaves open what is in which number.
    pub at_most: i64,
}

/// An order in a list of what the warehouse has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrder {
    /// The warehouse's id of it.
    pub number: String,
    /// The reference under which it was pushed, by whomever.
    pub reference: String,
    /// Its status words, as received.
    pub raw_status: String,
    /// How far it is.
    pub phase: Phase,
}

/// A page of a list of what the warehouse has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderPage {
    /// Its orders, of whichever phase.
    pub orders: Vec<ListedOrder>,
    /// What the next page is asked with; `None` after the last.
    pub next: Option<String>,
}

/// Where the warehouse sends its pushes from now on.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// The credentials as sealed text, with the secret of the pushes in them.
    pub credentials: String,
}

/// What a verified push of a warehouse says: which order to read now. It never changes an order by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehousePush {
    /// Its id, the same when it is sent again.
    pub id: String,
    /// The order that it speaks of, by our reference, where it names one.
    pub reference: Option<String>,
    /// The provider's kind of push, for logs.
    pub kind: String,
}

/// A third-party warehouse, opened with one account's credentials. Pure: it builds requests and reads responses.
pub trait Warehouse: Send + Sync {
    /// Whose system it is.
    fn provider(&self) -> Provider;
    /// The provider's own id of this account: of its app and channel.
    fn account(&self) -> &str;
    /// What differs from provider to provider in the course of an order.
    fn rules(&self) -> Rules;
    /// Calls that the account may make in a minute.
    fn calls_per_minute(&self) -> u32;
    /// How long an answer may take.
    fn call_timeout(&self) -> Span;
    /// Whether token and account fit together: asked when an account is added.
    fn check_account(&self) -> Call<()>;
    /// Pushes an order; answers the warehouse's id of it. A refusal may also mean that it has the reference already.
    fn push_order(&self, order: &PushOrder) -> Call<String>;
    /// Reads an order; `None` where the warehouse does not know it.
    fn read_order(&self, named: &Named) -> Call<Option<SeenOrder>>;
    /// Asks for an order, by the warehouse's id.
    fn withdraw(&self, number: &str) -> Call<WithdrawalAnswer>;
    /// What came back of an order that left.
    fn read_returns(&self, left: &LeftOrder<'_>) -> Call<Vec<SeenReturn>>;
    /// A page of the orders that wait in the building, among them those that we did not push; others may be there too. `after` is
    /// what the page before said, at first empty. An empty list where this warehouse tells none.
    fn list_orders(&self, after: &str, now: Moment) -> Call<OrderPage>;
    /// What lies there of these SKUs, those that it does not keep left out; `None` where the provider cannot be asked.
    fn read_stock(&self, skus: &[String]) -> Option<Call<Vec<ShelfUnits>>>;
    /// Asks for pushes to this address; `None` where the provider sends none.
    fn subscribe(&self, callback_url: &str) -> Option<Call<Subscribed>>;
    /// Verifies a push by its raw bytes.
    ///
    /// # Errors
    /// [`PushRefused`], before anything of the body is believed.
    fn read_push(&self, headers: &http::HeaderMap, body: &[u8], now: Moment) -> Result<WarehousePush, PushRefused>;
}
