//! Manual orders: a policy and no connector, because no marketplace stands behind them (`product.md` section 3).

use domain::time::Span;

use crate::policy::Bounds;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("manual.toml");
/// Where it stands.
pub(crate) const POLICY_FILE: &str = "crates/connectors/src/manual.toml";

/// Our own reasons, told to nobody.
const REASONS: [&str; 4] = ["buyer_request", "out_of_stock", "duplicate_order", "other"];

/// What a policy file may say.
pub(crate) const BOUNDS: Bounds = Bounds {
    reason_values: &REASONS,
    lines_required: &["out_of_stock"],
    list_window: Span::from_seconds(86_400),
    read_batch: 1,
    labels: &[],
};

#[cfg(test)]
mod tests {
    use domain::manual::ManualStatus;
    use domain::order::List;
    use domain::platform::Platform;

    #[test]
    fn the_policy_has_every_status_that_a_manual_order_can_have() {
        let policy = crate::default_policy(Platform::Manual).unwrap();
        for status in ManualStatus::ALL {
            assert!(policy.status(status.as_str()).is_some(), "{status}");
        }
        assert_eq!(policy.statuses.len(), ManualStatus::ALL.len());
        assert_eq!(policy.cancel_from, [List::New, List::Voided]);
    }
}
