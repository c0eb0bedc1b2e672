//! Shopee's tables against the fact sheet's vectors and bodies.

use domain::platform::Platform;

#[test]
fn the_built_in_policy_is_readable() {
    let policy = crate::default_policy(Platform::Shopee).unwrap();
    assert_eq!(policy.reasons.len(), 5);
}
