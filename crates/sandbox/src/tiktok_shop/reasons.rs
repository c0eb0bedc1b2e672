//! The keys of cancels and refusals, by market and state: sheet section 5.7.

use super::status::Status;

/// A seller's key for a cancel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason {
    pub(super) key: &'static str,
    /// What the finished order shows.
    pub(super) text: &'static str,
    /// For orders that are not paid; else for those that are.
    unpaid: bool,
    /// The markets that have it; empty: all that are not in `except`.
    only: &'static [&'static str],
    except: &'static [&'static str],
    /// The seller has none: the listings are set to zero (section 5.8).
    pub(super) out_of_stock: bool,
}

const STOCK: &str = "Out of stock";
const PRICE: &str = "Pricing error";
const ADDRESS: &str = "Unable to deliver to buyer address";
const ASKED: &str = "Buyer requested cancellation";
const UK: &[&str] = &["GB"];
const BUYER_MAY_ASK: &[&str] = &["US", "PH", "JP", "BR", "MX"];

const fn reason(key: &'static str, text: &'static str, unpaid: bool, only: &'static [&'static str]) -> Reason {
    Reason { key, text, unpaid, only, except: UK, out_of_stock: false }
}

const REASONS: [Reason; 15] = [
    Reason { out_of_stock: true, ..reason("seller_cancel_reason_out_of_stock", STOCK, false, &[]) },
    Reason { except: &["GB", "BR", "MX"], ..reason("seller_cancel_reason_wrong_price", PRICE, false, &[]) },
    Reason { except: &["GB", "SG"], ..reason("seller_cancel_paid_reason_address_not_deliver", ADDRESS, false, &[]) },
    reason("seller_cancel_unable_to_deliver_to_buyer_address", ADDRESS, false, &["SG"]),
    reason("seller_cancel_paid_reason_buyer_requested_cancellation", ASKED, false, BUYER_MAY_ASK),
    Reason { out_of_stock: true, ..reason("seller_cancel_unpaid_reason_out_of_stock", STOCK, true, &[]) },
    Reason { except: &["GB", "MX"], ..reason("seller_cancel_unpaid_reason_wrong_price", PRICE, true, &[]) },
    reason("seller_cancel_unpaid_reason_buyer_hasnt_paid_within_time_allowed", "Buyer did not pay on time", true, &[]),
    reason("seller_cancel_unpaid_reason_buyer_requested_cancellation", ASKED, true, BUYER_MAY_ASK),
    Reason { out_of_stock: true, except: &[], ..reason("seller_cancel_reason_out_of_stock_uk", STOCK, false, UK) },
    Reason { except: &[], ..reason("seller_cancel_reason_wrong_price_uk", PRICE, false, UK) },
    Reason { except: &[], ..reason("seller_cancel_paid_reason_address_not_deliver_uk", ADDRESS, false, UK) },
    Reason {
        out_of_stock: true,
        except: &[],
        ..reason("seller_cancel_unpaid_reason_out_of_stock_uk", STOCK, true, UK)
    },
    Reason { except: &[], ..reason("seller_cancel_unpaid_reason_wrong_price_uk", PRICE, true, UK) },
    reason("seller_cancel_order_reason_potential_fraud", "Potential fraud", false, &["JP"]),
];

/// A key's row, whatever the market.
pub(super) fn named(key: &str) -> Option<Reason> {
    REASONS.into_iter().find(|reason| reason.key == key)
}

/// The keys that a market takes for an order in this state, in the order of the sheet.
pub(super) fn offered(market: &str, status: Status) -> Vec<&'static str> {
    REASONS.iter().filter(|reason| reason.is_of(market) && reason.fits(status)).map(|reason| reason.key).collect()
}

impl Reason {
    /// The market has it.
    pub(super) fn is_of(&self, market: &str) -> bool {
        (self.only.is_empty() || self.only.contains(&market)) && !self.except.contains(&market)
    }

    /// It fits the order's state.
    pub(super) fn fits(&self, status: Status) -> bool {
        self.unpaid == (status == Status::Unpaid)
    }
}

/// A buyer's usual reason, for paid and unpaid orders.
pub(super) fn of_buyer(status: Status) -> (&'static str, &'static str) {
    if status == Status::Unpaid {
        ("ecom_order_unpaid_canceled_reason_no_longer_needed", "No longer needed")
    } else {
        ("ecom_order_to_ship_canceled_reason_better_price", "Better price available")
    }
}

/// Why a seller refuses a buyer's request, where the market has own keys and elsewhere.
pub(super) fn of_refusal(market: &str) -> &'static [(&'static str, &'static str)] {
    match market {
        "ID" | "MY" | "PH" | "SG" | "TH" | "VN" => &[
            (
                "order_manage_list_action_respond_popup_reject_reason_invalid_cancellation_reason",
                "Invalid cancellation reason",
            ),
            ("order_manage_list_action_respond_popup_reject_reason_delivered", "The package is on its way"),
            ("order_manage_list_action_respond_popup_reject_reason_buyer_agree", "Agreed with the buyer"),
            ("seller_reject_apply_product_has_been_packed", "The product has been packed"),
        ],
        "US" => &[
            ("seller_reject_apply_unable_to_change_address", "Unable to change the address"),
            ("ecom_reverse_reject_cancel_reason_product_packed", "The product has been packed"),
        ],
        _ => &[("seller_reject_apply_product_has_been_packed", "The product has been packed")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markets_and_payment_have_keys_of_their_own() {
        assert_eq!(
            offered("ID", Status::AwaitingShipment),
            [
                "seller_cancel_reason_out_of_stock",
                "seller_cancel_reason_wrong_price",
                "seller_cancel_paid_reason_address_not_deliver"
            ]
        );
        assert_eq!(offered("SG", Status::OnHold)[2], "seller_cancel_unable_to_deliver_to_buyer_address");
        assert!(offered("MX", Status::AwaitingShipment).iter().all(|key| !key.contains("price")));
        assert!(offered("GB", Status::AwaitingCollection).iter().all(|key| key.ends_with("_uk")));
        assert!(offered("ID", Status::Unpaid).iter().all(|key| key.contains("_unpaid_")));
    }
}
