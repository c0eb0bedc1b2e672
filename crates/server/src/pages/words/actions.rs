//! What the log's entries are called.

/// The log's actions, with the word that the store keeps.
pub(crate) const ACTIONS: &[(&str, &str)] = &[
    ("cancellation.requested", "Cancel asked for"),
    ("cancellation.sent", "Cancel sent"),
    ("cancellation.side_effect", "Canceled beside it by the platform"),
    ("cancellation.done", "Canceled"),
    ("cancellation.refused", "Cancel refused"),
    ("cancellation.needs_attention", "Cancel needs attention"),
    ("cancellation.resolved", "Cancel resolved"),
    ("order.created", "Order made"),
    ("batch.begun", "Bulk cancel begun"),
    ("batch.paused", "Bulk cancel paused"),
    ("batch.resumed", "Bulk cancel resumed"),
    ("batch.stopped", "Bulk cancel stopped"),
    ("batch.retried", "Bulk cancel tried again"),
    ("batch.refused", "Bulk cancel refused"),
    ("batch.ceiling", "Bulk cancel at its ceiling"),
    ("shipment.requested", "Shipping asked for"),
    ("shipment.done", "Shipping done"),
    ("shipment.failed", "Shipping failed"),
    ("shipment.needs_attention", "Shipping needs attention"),
    ("order.shipped", "Scanned out"),
    ("order.ship_undone", "Ship scan taken back"),
    ("order.parcel_shipped", "Parcel scanned out"),
    ("order.stopped", "Stopped at the scanner"),
    ("order.passed", "Let pass while the platform was silent"),
    ("case.opened", "Shipped after cancel"),
    ("case.came_back", "Parcel came back"),
    ("case.stocked_in", "Case ended: stocked in"),
    ("case.claimed", "Case ended: claimed"),
    ("case.closed", "Case closed"),
    ("handover.checked", "Pile checked before handover"),
    ("order.pulled", "Taken out of the pile"),
    ("label.printed", "Label printed"),
    ("label.reprinted", "Label printed again"),
    ("order.status", "Platform status"),
    ("mapping.set", "Codes mapped"),
    ("mapping.rule", "Rule of a shop's codes"),
    ("bundle.set", "Bundle set"),
    ("listing.reopened", "Listing opened again"),
    ("stock.push_differs", "Listing shows another number"),
    ("shop.stock_push", "Listings filled, or not"),
    ("shop.push_rule", "Rule of a shop's listings"),
    ("shop.warehouses", "Warehouses of a shop"),
    ("order.voided", "Voided"),
    ("order.restored", "Restored"),
    ("request.opened", "Buyer asks to cancel"),
    ("request.agree", "Request agreed to"),
    ("request.reject", "Request rejected"),
    ("request.open", "Answer failed"),
    ("request.agreed", "Request granted"),
    ("request.rejected", "Request refused"),
    ("request.expired", "Request expired"),
    ("request.withdrawn", "Request taken back"),
    ("request.answered_elsewhere", "Request answered elsewhere"),
    ("request.superseded", "Request superseded"),
    ("request.left_to_person", "Request left to a person"),
    ("request.time_runs_out", "Request's time runs out"),
    ("shop.default_answers", "Default answers of a shop"),
    ("shop.pack_rule", "Auto-pack rule set"),
    ("shop.sync", "Sync asked for"),
    ("shop.alert", "Shop alert"),
    ("shop.added", "Shop added"),
    ("shop.authorised", "Shop authorised again"),
    ("shop.disconnected", "Shop disconnected"),
    ("shop.stock_rules", "Rules for canceled units changed"),
    ("stock.counted", "Stock counted"),
    ("stock.stocked_in", "Stocked in"),
    ("stock.stock_in_undone", "Stock-in taken back"),
    ("stock.batch_asked", "Stock-in of a selection asked for"),
    ("stock.claimed", "Carrier asked for the parcel"),
    ("stock.settings", "Stock settings changed"),
    ("stock.adjusted", "Stock corrected"),
    ("stock.shelf", "Shelf noted"),
    ("stock.opened", "Opening stock taken"),
    ("audit.began", "Audit begun"),
    ("audit.ended", "Audit ended"),
    ("audit.repaired", "Difference repaired"),
    ("audit.settings", "Audit settings changed"),
    ("user.added", "User added"),
    ("user.password_set", "Password set"),
    ("user.token_added", "Token made"),
    ("user.signed_in", "Signed in"),
    ("user.signed_out", "Signed out"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What the engine writes as one literal, `family.word`.
    fn written(source: &str) -> impl Iterator<Item = &str> {
        source.split('"').filter(|literal| {
            let parts = literal.split_once('.');
            let is_word =
                |part: &str| !part.is_empty() && part.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
            parts.is_some_and(|(family, word)| is_word(family) && is_word(word))
        })
    }

    #[test]
    fn every_action_that_the_engine_logs_has_words() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src");
        let mut actions = 0;
        for file in std::fs::read_dir(folder).expect("the engine's sources") {
            let source = std::fs::read_to_string(file.expect("an entry").path()).expect("a source");
            for action in written(&source) {
                assert_ne!(super::super::action(action), action, "words/actions.rs names it");
                actions += 1;
            }
        }
        assert!(actions > 50, "{actions} found");
    }
}
