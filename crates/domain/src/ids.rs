//! Identifiers. Each kind is a type of its own, so that an order's id can never stand where a shop's is meant.
//!
//! Ids are opaque strings. Ours carry a prefix that names their kind (`ord_…`) and sort by the time they were made;
//! they are made at the edge, because the domain has neither clock nor randomness.

use std::fmt;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an id is empty; give the id as the API printed it")]
    Empty,
    /// More than [`MAX_ID_BYTES`] bytes.
    #[error("an id is longer than {MAX_ID_BYTES} bytes; give the id as the API printed it")]
    TooLong,
    /// White space or a control character inside.
    #[error("an id has white space or a control character in it; give the id as the API printed it")]
    Unprintable,
}

/// The longest id or code that is accepted from outside, in bytes.
pub const MAX_ID_BYTES: usize = 200;

fn check(text: &str, blanks_allowed: bool) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong);
    }
    if text.chars().any(|c| c.is_control() || (!blanks_allowed && c.is_whitespace())) {
        return Err(IdError::Unprintable);
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $blanks:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as this kind of id.
            ///
            /// # Errors
            /// [`IdError`] when it is empty, too long or unprintable.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $blanks)?;
                Ok(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// The tenant; every row belongs to one.
    MerchantId, false;
    /// One account on one marketplace in one country, with its own tokens, rate limits and cursors.
    ShopId, false;
    /// Our id of an order. The marketplace's own is [`OrderNumber`], which repeats across shops.
    OrderId, false;
    /// The order number as the marketplace writes it.
    OrderNumber, true;
    /// A line of an order, as its connector names it; stable over re-reads, unique within its order.
    LineId, false;
    /// A package of an order, as the marketplace names it; unique within its order.
    PackageNumber, true;
    /// One attempt to cancel an order or part of it.
    CancellationId, false;
    /// Our id of a buyer's cancellation request.
    RequestId, false;
    /// A buyer's cancellation request, as the marketplace names it.
    RequestNumber, false;
    /// One visit that put units of one cancelled order back.
    StockInId, false;
    /// Many cancels as one act.
    BatchId, false;
    /// One look at everything that has to agree.
    AuditId, false;
    /// Something that an audit found not to agree.
    DifferenceId, false;
    /// One pack, ready-to-ship or repack of an order.
    ShipmentId, false;
    /// Labels that went out as one print.
    PrintBatchId, false;
    /// A listing on a marketplace, as its connector names it; unique within its shop.
    ListingId, false;
    /// The code on a listing: the marketplace's view of what is sold.
    ListingSku, true;
    /// The warehouse's own code of what lies on the shelf.
    MerchantSku, true;
    /// A warehouse of the merchant.
    WarehouseId, false;
    /// Who may sign in.
    UserId, false;
    /// A reason to cancel in our own words (`out_of_stock`), mapped to each platform's value by its policy.
    ReasonCode, false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_as_it_was_given() {
        assert_eq!(OrderId::parse("ord_1").expect("valid").as_str(), "ord_1");
        assert_eq!(ListingSku::parse("Celana Coklat 2-5").expect("valid").to_string(), "Celana Coklat 2-5");
    }

    #[test]
    fn an_empty_long_or_unprintable_id_is_refused() {
        assert_eq!(OrderId::parse(""), Err(IdError::Empty));
        assert_eq!(OrderId::parse("x".repeat(MAX_ID_BYTES + 1)), Err(IdError::TooLong));
        assert_eq!(OrderId::parse("a b"), Err(IdError::Unprintable));
        assert_eq!(MerchantSku::parse("a\nb"), Err(IdError::Unprintable));
    }
}
