//! The one trait that every marketplace fulfils.

use crate::call::Call;
use domain::ids::{LineId, ListingId, OrderNumber, PackageNumber, ReasonCode, RequestNumber};
use domain::platform::Platform;
use domain::policy::Policy;
use domain::shipment::Act;
use domain::snapshot::{ListingSnapshot, OrderSnapshot};
use domain::time::{Moment, Span};

/// What a platform's API offers; a contract test checks that the connector agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The seller can cancel through the API.
    pub seller_cancel: bool,
    /// Chosen lines alone can be cancelled.
    pub partial_cancel: bool,
    /// Listings' stock can be set.
    pub set_stock: bool,
    /// Pushes are signed and can be verified.
    pub pushes: bool,
    /// A buyer's request can be answered.
    pub requests: bool,
    /// Shipments can be arranged and labels fetched.
    pub shipping: bool,
    /// The platform is told when parcels wait for the courier; where not, Ship is ours alone.
    pub ready_to_ship: bool,
    /// A pack can be taken back.
    pub repack: bool,
}

/// One page of order numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The numbers on it.
    pub numbers: Vec<OrderNumber>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
}

/// The window of one list call, by the platform's update time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From, inclusive.
    pub from: Moment,
    /// To, inclusive.
    pub to: Moment,
}

/// A line to cancel, or one that a reason names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelLine {
    /// The line.
    pub line: LineId,
    /// The listing it was sold from.
    pub listing: ListingId,
    /// How many of its units.
    pub quantity: u32,
}

/// What to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelOrder {
    /// The marketplace whose order it is: its policy maps the reason.
    pub platform: Platform,
    /// The order.
    pub number: OrderNumber,
    /// Our reason; the policy maps it.
    pub reason: ReasonCode,
    /// The chosen lines: all that the reason names, or, with `whole` false, all that are to be cancelled.
    pub lines: Vec<CancelLine>,
    /// Every line that still lives, for platforms that cancel line by line.
    pub live_lines: Vec<CancelLine>,
    /// The whole order is to be cancelled.
    pub whole: bool,
    /// What [`Connector::check_cancel`] answered just before, where the platform has such a check.
    pub checked: Option<CancelChecked>,
}

/// A platform's live answer to “may this be cancelled, and with which reasons?”.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelChecked {
    /// Why not, in the platform's words; `None` when it may.
    pub refused: Option<String>,
    /// The reasons that it takes now: ours, and the platform's value for this order.
    pub reasons: Vec<(ReasonCode, String)>,
    /// Reasons of ours that this check says nothing of.
    pub unasked: Vec<ReasonCode>,
}

/// What one call of a shipment covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentPart {
    /// What is asked.
    pub act: Act,
    /// The order.
    pub number: OrderNumber,
    /// The packages that it is about; empty where the platform makes them from lines.
    pub packages: Vec<PackageNumber>,
    /// The lines that it is about; empty where it names packages or the whole order.
    pub lines: Vec<LineId>,
    /// The order has other packages beside the named one.
    pub split: bool,
    /// What [`Connector::check_shipment`] answered just before, where the platform has to be asked for parameters.
    pub checked: Option<ShipmentChecked>,
}

impl ShipmentPart {
    /// A name of this part within its order: two calls that would do the same have the same.
    #[must_use]
    pub fn name(&self) -> String {
        let packages = self.packages.iter().map(PackageNumber::as_str);
        let names: Vec<&str> = packages.chain(self.lines.iter().map(LineId::as_str)).collect();
        format!("{} {}", self.act, names.join(" "))
    }
}

/// How the platform wants a shipment arranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentChecked {
    /// Why it cannot be, in words for people; `None` when it can.
    pub refused: Option<String>,
    /// The parameters that the connector sends, in its own form.
    pub parameters: String,
}

/// The platform took a part of a shipment; whether it happened, only a read tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShipmentAccepted;

/// Whose label is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelOf {
    /// The order.
    pub number: OrderNumber,
    /// The package.
    pub package: PackageNumber,
    /// Its tracking number, once known.
    pub tracking_number: Option<String>,
    /// The order has other packages beside it.
    pub split: bool,
}

/// A label as it was asked for: the file, or what has to happen before.
#[derive(Debug)]
pub enum LabelRead {
    /// The file.
    File {
        /// Its bytes, as they came.
        bytes: Vec<u8>,
        /// The package's tracking number, where this call told it.
        tracking_number: Option<String>,
    },
    /// The platform is still preparing it: ask again after this span.
    Preparing(Span),
    /// One call was not enough: make this one.
    Ask(Box<Call<LabelRead>>),
}

/// Orders as they were read, or the call that has to be made before they can be told.
#[derive(Debug)]
pub enum OrdersRead {
    /// The orders that the platform knows among those asked for.
    Orders(Vec<OrderSnapshot>),
    /// One call was not enough: make this one.
    Ask(Box<Call<OrdersRead>>),
}

/// Which of an order's requests of the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRef {
    /// The order.
    pub order: OrderNumber,
    /// The platform's id of the request, where it has one.
    pub number: Option<RequestNumber>,
}

/// What the seller tells a buyer who asked to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is cancelled as asked.
    Agree,
    /// It goes on.
    Reject {
        /// The platform's value of a reason, where it takes one.
        reason: Option<String>,
    },
}

/// An answer to a buyer's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRequest {
    /// The request.
    pub request: RequestRef,
    /// What the buyer is told.
    pub answer: Answer,
    /// One key per decision, the same whenever it is sent again.
    pub key: String,
}

/// A reason with which a request may be rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectReasonOption {
    /// The platform's value.
    pub value: String,
    /// In the platform's words.
    pub label: String,
}

/// Reasons to reject as they were read, or the call that has to be made before they can be told.
#[derive(Debug)]
pub enum RejectReasonsRead {
    /// The reasons.
    Reasons(Vec<RejectReasonOption>),
    /// One call was not enough: make this one.
    Ask(Box<Call<RejectReasonsRead>>),
}

/// The platform took the cancel, or the answer to a request; what became of it, only a read tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelAccepted {
    /// The platform's update time of it, where given.
    pub updated_at: Option<Moment>,
}

/// New tokens, to be persisted before they are used.
#[derive(Clone, PartialEq, Eq)]
pub struct RenewedCredentials {
    /// The platform's credentials as sealed text, with the new tokens in them.
    pub credentials: String,
    /// When the access token ends.
    pub access_ends: Moment,
    /// When the refresh token ends, where known.
    pub refresh_ends: Option<Moment>,
}

/// A listing's stock to be set, absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStock {
    /// The listing.
    pub listing: ListingId,
    /// Sellable units.
    pub stock: i64,
}

/// What became of one listing of a stock call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStockResult {
    /// The listing.
    pub listing: ListingId,
    /// The platform's words if it refused this one.
    pub refused: Option<String>,
}

/// What a verified push says: which shop's orders to read now. A push never changes an order by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The platform's own id of the shop, if the push names one.
    pub shop_account: Option<String>,
    /// The orders it speaks of.
    pub numbers: Vec<OrderNumber>,
    /// The platform's kind of push, for logs.
    pub kind: String,
}

/// Why a push is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushRefused {
    /// No signature header, or not of its form.
    #[error("the push has no readable signature")]
    Unsigned,
    /// The signature belongs to other bytes, another address or another key.
    #[error("the push's signature does not match; check the push key and the public address")]
    WrongSignature,
    /// Signed, but not readable as a push.
    #[error("the push's body cannot be read: {0}")]
    Unreadable(String),
}

/// A marketplace, opened with one shop's credentials. Pure: it builds requests and reads responses.
///
/// `platform_now` is the platform's clock (virtual against the sandbox).
pub trait Connector: Send + Sync {
    /// Which marketplace.
    fn platform(&self) -> Platform;
    /// What its API offers.
    fn capabilities(&self) -> Capabilities;
    /// Its dated data.
    fn policy(&self) -> &Policy;
    /// The platform's own id of this shop.
    fn shop_account(&self) -> &str;
    /// The platform's own id of the app that the shop is connected through: limits of an app hold for all its shops.
    fn app(&self) -> &str;
    /// When the refresh token ends, and with it the authorisation; `None` where it is not known to end.
    fn refresh_ends(&self) -> Option<Moment>;
    /// When the access token ends.
    fn access_ends(&self) -> Moment;
    /// How long before its end the access token is renewed.
    fn refresh_ahead(&self) -> Span;
    /// Exchanges the code of a finished authorisation for tokens.
    fn exchange_code(&self, code: &str, platform_now: Moment) -> Call<RenewedCredentials>;
    /// Renews the access token.
    fn refresh(&self, platform_now: Moment) -> Call<RenewedCredentials>;
    /// One page of the numbers of orders that changed within the window.
    fn list_orders(&self, window: Window, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage>;
    /// Reads up to [`Policy::read_batch`] orders; those the platform does not know are missing from the answer.
    fn read_orders(&self, numbers: &[OrderNumber], platform_now: Moment) -> Call<OrdersRead>;
    /// Asks the platform whether it takes this cancel now, and with which reasons. `None` where the answer comes with the
    /// read of the order ([`OrderSnapshot::seller_may_cancel`]).
    ///
    /// # Errors
    /// [`ConnectorError`] when the request cannot be built from what was given.
    fn check_cancel(
        &self,
        cancel: &CancelOrder,
        platform_now: Moment,
    ) -> Option<Result<Call<CancelChecked>, ConnectorError>>;
    /// Asks the platform to cancel. The caller has checked the reason against the policy; a reason that the policy
    /// does not have becomes a call that reads as [`crate::call::Remedy::Bug`] without being sent: see
    /// [`ConnectorError::Reason`].
    ///
    /// # Errors
    /// [`ConnectorError`] when the request cannot be built from what was given.
    fn cancel_order(&self, cancel: &CancelOrder, platform_now: Moment) -> Result<Call<CancelAccepted>, ConnectorError>;
    /// One page of the numbers of orders whose buyers wait for an answer, whenever they asked.
    fn list_requests(&self, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage>;
    /// The reasons with which a request may be rejected now. `None` where the platform takes none.
    ///
    /// # Errors
    /// [`ConnectorError`] when the request cannot be built from what was given.
    fn reject_reasons(
        &self,
        request: &RequestRef,
        platform_now: Moment,
    ) -> Option<Result<Call<RejectReasonsRead>, ConnectorError>>;
    /// Answers a buyer's request.
    ///
    /// # Errors
    /// [`ConnectorError`] when the request cannot be built from what was given.
    fn answer_request(
        &self,
        answer: &AnswerRequest,
        platform_now: Moment,
    ) -> Result<Call<CancelAccepted>, ConnectorError>;
    /// What the next call would be so that this act is done, by what this read shows; `None` when nothing is left to do.
    /// Asked only for orders whose goods are here and acts that [`Connector::capabilities`] offers.
    fn next_part(&self, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart>;
    /// Asks the platform how it wants this part arranged. `None` where it is not to be asked.
    fn check_shipment(&self, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentChecked>>;
    /// Asks the platform to carry this part out.
    ///
    /// # Errors
    /// [`ConnectorError`] when the request cannot be built from what was given.
    fn send_shipment(
        &self,
        part: &ShipmentPart,
        platform_now: Moment,
    ) -> Result<Call<ShipmentAccepted>, ConnectorError>;
    /// Asks for a package's label. Asking twice changes nothing over there.
    fn read_label(&self, label: &LabelOf, platform_now: Moment) -> Call<LabelRead>;
    /// Reads the stock of these listings. All of one item, because platforms read by item: see
    /// [`Connector::listing_groups`].
    ///
    /// # Errors
    /// [`ConnectorError`] when a listing's id is not one of this platform.
    fn read_listings(
        &self,
        listings: &[ListingId],
        platform_now: Moment,
    ) -> Result<Call<Vec<ListingSnapshot>>, ConnectorError>;
    /// Splits listings into the groups that one [`Connector::read_listings`] or [`Connector::set_stock`] call takes.
    fn listing_groups(&self, listings: &[ListingId]) -> Vec<Vec<ListingId>>;
    /// Sets the stock of listings of one group, absolute.
    ///
    /// # Errors
    /// [`ConnectorError`] when a listing's id is not one of this platform.
    fn set_stock(&self, stock: &[SetStock], platform_now: Moment) -> Result<Call<Vec<SetStockResult>>, ConnectorError>;
    /// Verifies a push by its raw bytes.
    ///
    /// # Errors
    /// [`PushRefused`], before anything of the body is believed.
    fn read_push(&self, callback_url: &str, headers: &http::HeaderMap, body: &[u8]) -> Result<Push, PushRefused>;
}

/// Why a request could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The policy has no such reason.
    #[error("the policy has no reason “{0}”; choose one of those the order's cancellation options list")]
    Reason(String),
    /// The reason wants products and none was chosen.
    #[error("the reason “{0}” needs at least one product; choose which")]
    LinesRequired(String),
    /// The platform's live check was not made before, or does not offer this reason.
    #[error(
        "the platform's live check offers no “{0}” for these lines; check again and choose a reason that it offers"
    )]
    Unchecked(String),
    /// This platform has no such act.
    #[error("this platform has no “{0}”; do it in its Seller Center")]
    NotOffered(Act),
    /// The platform was not asked how it wants the shipment arranged.
    #[error("the platform was not asked how it wants this shipment arranged; ask again and repeat")]
    ShipmentUnchecked,
    /// Chosen lines alone are not cancelled in this market.
    #[error("this market cancels whole orders only; cancel the whole order")]
    WholeOrderOnly,
    /// The buyer's request has an id on this platform, and none was given.
    #[error("the platform's id of the buyer's request is missing; read the order again")]
    RequestNumber,
    /// The platform wants a reason for a rejection.
    #[error("this platform wants a reason for a rejection; choose one")]
    RejectReason,
    /// A listing's id is not one that this connector made.
    #[error("“{0}” is no listing of this platform")]
    Listing(String),
}
