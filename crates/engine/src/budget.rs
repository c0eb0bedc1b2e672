//! Whether a shop may be called now: its budgets per class of calls, and the pauses that its platform asked for.

use connectors::call::PauseScope;
use domain::policy::{EndpointClass, Policy};
use domain::time::{Moment, Span};
use std::collections::HashMap;

/// Calls that were made within one second.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    second: i64,
    calls: u32,
}

impl Window {
    /// Whether one more call fits into this second; zero means no limit.
    fn has_room(self, limit: u32, now: Moment) -> bool {
        limit == 0 || self.second != now.seconds() || self.calls < limit
    }

    fn count(&mut self, now: Moment) {
        if self.second != now.seconds() {
            *self = Self { second: now.seconds(), calls: 0 };
        }
        self.calls = self.calls.saturating_add(1);
    }
}

/// A call is not made now: there is room again after this span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held(pub(crate) Span);

/// A call that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) endpoint: &'static str,
    pub(crate) class: EndpointClass,
    /// Somebody waits for it.
    pub(crate) urgent: bool,
}

/// How long a call that is not urgent lets waiting urgent ones go first, before it looks again.
const YIELDED: Span = Span::from_millis(50);

/// What is left of one shop's budgets. Its endpoints are constants of a connector, so that no map here grows without end.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    all: Window,
    classes: HashMap<EndpointClass, Window>,
    closed_until: Option<Moment>,
    closed_endpoints: HashMap<&'static str, Moment>,
    /// Urgent calls that wait: all others let them go first.
    urgent_waiting: usize,
}

impl Budget {
    /// Takes one call out of the budgets, or says how long to wait.
    pub(crate) fn admit(
        &mut self,
        policy: &Policy,
        Asked { endpoint, class, urgent }: Asked,
        now: Moment,
    ) -> Result<(), Held> {
        if !urgent && self.urgent_waiting > 0 {
            return Err(Held(YIELDED));
        }
        let closed = self.closed_until.max(self.closed_endpoints.get(endpoint).copied());
        if let Some(until) = closed.filter(|until| *until > now) {
            return Err(Held(until.since(now)));
        }
        let of_class = self.classes.entry(class).or_default();
        let limit_of_class = policy.budget(class).unwrap_or(0);
        if !self.all.has_room(policy.calls_per_second, now) || !of_class.has_room(limit_of_class, now) {
            return Err(Held(Moment::from_seconds(now.seconds() + 1).since(now)));
        }
        self.all.count(now);
        of_class.count(now);
        Ok(())
    }

    /// An urgent call waits for its turn.
    pub(crate) const fn urgent_waits(&mut self) {
        self.urgent_waiting += 1;
    }

    /// It waits no longer.
    pub(crate) const fn urgent_waits_no_longer(&mut self) {
        self.urgent_waiting = self.urgent_waiting.saturating_sub(1);
    }

    /// Keeps a pause. A shorter one that is told later does not end a longer one. One of a whole app is kept by the caller.
    pub(crate) fn pause(&mut self, endpoint: &'static str, scope: PauseScope, until: Moment) {
        match scope {
            PauseScope::Endpoint => {
                let closed = self.closed_endpoints.entry(endpoint).or_insert(until);
                *closed = until.max(*closed);
            }
            PauseScope::Shop => self.closed_until = self.closed_until.max(Some(until)),
            PauseScope::App => {}
        }
    }

    /// Until when the platform takes no call of this shop at all.
    pub(crate) fn closed_until(&self, now: Moment) -> Option<Moment> {
        self.closed_until.filter(|until| *until > now)
    }

    /// Until when the platform holds back this shop, or the last of its endpoints.
    pub(crate) fn held_back_until(&self, now: Moment) -> Option<Moment> {
        let endpoints = self.closed_endpoints.values().copied();
        endpoints.chain(self.closed_until).filter(|until| *until > now).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::platform::Platform;
    use domain::policy::{BudgetRule, Evidence};

    const READ: &str = "/read";
    const STOCK: &str = "/stock";
    const READ_CALL: Asked = Asked { endpoint: READ, class: EndpointClass::Reads, urgent: false };
    const STOCK_CALL: Asked = Asked { endpoint: STOCK, class: EndpointClass::Stock, urgent: false };

    fn policy(calls_per_second: u32, stock: u32) -> Policy {
        let evidence = Evidence { certainty: "I".to_owned(), source: "this test".to_owned() };
        let budgets = vec![BudgetRule { class: EndpointClass::Stock, per_second: stock, evidence }];
        let built_in = connectors::default_policy(Platform::Shopee).expect("the built-in policy");
        Policy { calls_per_second, budgets, ..built_in }
    }

    fn at(millis: i64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn a_class_that_is_used_up_leaves_the_others_room_until_the_second_ends() {
        let (mut budget, policy) = (Budget::default(), policy(0, 2));
        let stock = |budget: &mut Budget, now| budget.admit(&policy, STOCK_CALL, now);
        assert_eq!((stock(&mut budget, at(1_000)), stock(&mut budget, at(1_100))), (Ok(()), Ok(())));
        assert_eq!(stock(&mut budget, at(1_400)), Err(Held(Span::from_millis(600))));
        assert_eq!(budget.admit(&policy, READ_CALL, at(1_400)), Ok(()));
        assert_eq!(stock(&mut budget, at(2_000)), Ok(()));
    }

    #[test]
    fn the_shop_s_own_limit_counts_every_class_and_a_refused_call_counts_nowhere() {
        let (mut budget, policy) = (Budget::default(), policy(2, 1));
        assert_eq!(budget.admit(&policy, STOCK_CALL, at(0)), Ok(()));
        assert!(budget.admit(&policy, STOCK_CALL, at(0)).is_err());
        assert_eq!(budget.admit(&policy, READ_CALL, at(0)), Ok(()));
        assert!(budget.admit(&policy, READ_CALL, at(0)).is_err());
    }

    #[test]
    fn while_an_urgent_call_waits_the_others_let_it_go_first() {
        let (mut budget, policy) = (Budget::default(), policy(1, 9));
        let urgent = Asked { urgent: true, ..READ_CALL };
        assert_eq!(budget.admit(&policy, READ_CALL, at(0)), Ok(()));
        assert!(budget.admit(&policy, urgent, at(0)).is_err());
        budget.urgent_waits();
        assert_eq!(budget.admit(&policy, READ_CALL, at(1_000)), Err(Held(YIELDED)));
        assert_eq!(budget.admit(&policy, urgent, at(1_000)), Ok(()));
        budget.urgent_waits_no_longer();
        assert_eq!(budget.admit(&policy, READ_CALL, at(2_000)), Ok(()));
    }

    #[test]
    fn a_pause_closes_what_it_names_and_the_longer_of_two_counts() {
        let (mut budget, policy) = (Budget::default(), policy(0, 9));
        budget.pause(STOCK, PauseScope::Endpoint, at(9_000));
        budget.pause(STOCK, PauseScope::Endpoint, at(3_000));
        assert_eq!(budget.admit(&policy, STOCK_CALL, at(2_000)), Err(Held(Span::from_millis(7_000))));
        assert_eq!(budget.admit(&policy, READ_CALL, at(2_000)), Ok(()));
        budget.pause(READ, PauseScope::Shop, at(4_000));
        assert_eq!(budget.admit(&policy, READ_CALL, at(2_000)), Err(Held(Span::from_millis(2_000))));
        assert_eq!(
            (budget.closed_until(at(2_000)), budget.held_back_until(at(2_000))),
            (Some(at(4_000)), Some(at(9_000)))
        );
        assert_eq!(budget.admit(&policy, READ_CALL, at(4_000)), Ok(()));
        assert_eq!(budget.held_back_until(at(9_000)), None);
    }
}
