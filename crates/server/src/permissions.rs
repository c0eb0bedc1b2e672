//! What a user may do (`product.md` section 6).

use crate::problem::Problem;
use domain::ids::ShopId;
use std::collections::BTreeSet;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// One thing that a user may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($(#[$doc])* $name,)* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in database, API and command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The permission that a word stands for.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    /// See orders, cancellations and stock.
    OrdersRead = "orders.read",
    /// Pack, ship, void and restore; ask for a sync.
    OrdersProcess = "orders.process",
    /// Let a parcel out although the platform is silent.
    OrdersPass = "orders.pass",
    /// Cancel as the seller, and settle what needs attention.
    OrdersCancel = "orders.cancel",
    /// Agree to or reject buyers' requests.
    RequestsDecide = "requests.decide",
    /// Put units of cancelled orders back on the shelf.
    StockIn = "stock.in",
    /// Count and correct stock.
    StockAdjust = "stock.adjust",
    /// Connect shops and change their settings.
    ShopsManage = "shops.manage",
    /// Add users and tokens.
    UsersManage = "users.manage",
    /// Search and export the log.
    AuditRead = "audit.read",
}

/// A named set of permissions, for the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Owner,
    /// Works on orders and requests.
    Agent,
    /// Packs, and puts units back.
    Warehouse,
    /// Looks, and changes nothing.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Agent, Self::Warehouse, Self::Viewer];

    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Agent => "agent",
            Self::Warehouse => "warehouse",
            Self::Viewer => "viewer",
        }
    }

    /// The role that a word stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it may do.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Owner => P::ALL,
            Self::Agent => &[P::OrdersRead, P::OrdersProcess, P::OrdersCancel, P::RequestsDecide],
            Self::Warehouse => &[P::OrdersRead, P::OrdersProcess, P::StockIn, P::StockAdjust],
            Self::Viewer => &[P::OrdersRead, P::AuditRead],
        }
    }
}

/// The permissions of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    /// From the words that the store keeps; a word that this version does not know grants nothing.
    #[must_use]
    pub fn from_words(words: &[String]) -> Self {
        Self(words.iter().filter_map(|word| Permission::parse(word)).collect())
    }

    /// Whether this is granted.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// Refuses whoever lacks this permission.
    ///
    /// # Errors
    /// A 403 problem that names it.
    pub fn need(&self, permission: Permission) -> Result<(), Problem> {
        if self.has(permission) {
            return Ok(());
        }
        let detail = format!("This needs the permission {}; ask whoever manages your users.", permission.as_str());
        let problem = Problem::forbidden(detail);
        Err(problem.with("permission", permission.as_str()))
    }
}

/// Whether a user who is limited to `shops` may see this one; `None` means all.
#[must_use]
pub fn may_see(shops: Option<&[ShopId]>, shop: &ShopId) -> bool {
    shops.is_none_or(|shops| shops.contains(shop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[test]
    fn words_and_permissions_are_one_to_one() {
        for &permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
        }
        assert_eq!(Permission::parse("orders"), None);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }

    #[test]
    fn a_word_of_a_newer_version_grants_nothing() {
        let permissions = Permissions::from_words(&["orders.read".to_owned(), "everything".to_owned()]);
        assert!(permissions.need(Permission::OrdersRead).is_ok());
        let refused = permissions.need(Permission::OrdersCancel).expect_err("not granted");
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn only_the_owner_manages_users() {
        for role in Role::ALL {
            assert_eq!(role.permissions().contains(&Permission::UsersManage), role == Role::Owner, "{role:?}");
        }
    }
}
