//! Marketplaces and third-party warehouses as pure functions: build a request, read a response, say what is allowed.
//!
//! No I/O, no clock, no retries: the engine sends a [`call::Call`] and does what its [`call::Remedy`] says. Which
//! marketplaces there are is said here, once: [`open`], [`open_warehouse`], [`warehouse_address`], [`warehouse_fields`], [`default_policy`], [`read_policy`], [`authorisation_link`] and
//! [`connecting()`] are the only places that choose one.

pub mod call;
pub mod connecting;
pub mod connector;
pub mod generic;
pub mod lazada;
mod lenient;
mod manual;
mod penalties;
pub mod policy;
pub mod shipbob;
pub mod shopee;
pub mod tiktok_shop;
pub mod tokopedia;
pub mod warehouse;
mod wire;
pub mod yicang;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use connecting::{AppField, Connecting};
use connector::Connector;
use domain::platform::Platform;
use domain::policy::Policy;
use domain::provider::Provider;
use policy::PolicyError;
use warehouse::Warehouse;

/// Every marketplace's policy. A merged account has orders of more than one, so a shop is opened with all of them.
pub type Policies = HashMap<Platform, Arc<Policy>>;

/// Why a marketplace cannot be opened. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// This version has no connector for it.
    #[error("{} is not connected by this version; connect a shop of another platform", .0.title())]
    Platform(Platform),
    /// The address is none that calls can be sent to.
    #[error(
        "“{0}” is no address of an API; write it as https://host, with a path only where its documentation has one"
    )]
    Address(String),
    /// A field that was filled in cannot be used; the value is never quoted.
    #[error("what was entered cannot be used: {title}: {problem}; connect it again")]
    Field {
        /// Its name in form, API and credentials.
        name: &'static str,
        /// What the console calls it.
        title: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The sealed credentials are not this platform's.
    #[error("what was entered cannot be used: {0}; connect it again")]
    Credentials(String),
    /// Its sellers authorise nothing: the app's own id and secret give the token.
    #[error("{} has no page to authorise at; the app's id and secret are enough", .0.title())]
    NoConsentPage(Platform),
    /// The policy file is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Opens one shop of a marketplace. `credentials` is the text that the store seals; `base_url` is the API's address,
/// such as `https://partner.shopeemobile.com` or a sandbox's.
///
/// # Errors
/// [`OpenError`] when the platform, the address or the credentials are not usable.
pub fn open(
    platform: Platform,
    base_url: &str,
    credentials: &str,
    policies: &Policies,
) -> Result<Box<dyn Connector>, OpenError> {
    let policy = policy_of(policies, platform)?;
    match platform {
        Platform::Shopee => Ok(Box::new(shopee::Shopee::open(base_url, credentials, policy)?)),
        Platform::Lazada => Ok(Box::new(lazada::Lazada::open(base_url, credentials, policy)?)),
        Platform::TiktokShop => Ok(Box::new(tiktok_shop::TiktokShop::open(base_url, credentials, policies)?)),
        Platform::Tokopedia => Ok(Box::new(tokopedia::Tokopedia::open(base_url, credentials, policy)?)),
        other => Err(OpenError::Platform(other)),
    }
}

/// Opens one account at a third-party warehouse. `credentials` is the text that the store seals; `base_url` is the API's
/// address.
///
/// # Errors
/// [`OpenError`] when the address or the credentials are not usable.
pub fn open_warehouse(provider: Provider, base_url: &str, credentials: &str) -> Result<Box<dyn Warehouse>, OpenError> {
    match provider {
        Provider::Shipbob => Ok(Box::new(shipbob::Shipbob::open(base_url, credentials)?)),
        Provider::Generic => Ok(Box::new(generic::Generic::open(base_url, credentials)?)),
        Provider::Yicang => Ok(Box::new(yicang::Yicang::open(base_url, credentials)?)),
    }
}

/// The address of a provider's API, where an account has no other; `None` where every warehouse has its own.
#[must_use]
pub const fn warehouse_address(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Shipbob => Some(shipbob::ADDRESS),
        Provider::Generic => None,
        Provider::Yicang => Some(yicang::ADDRESS),
    }
}

/// What is entered to connect an account of a provider, in the order of the form.
#[must_use]
pub const fn warehouse_fields(provider: Provider) -> &'static [AppField] {
    match provider {
        Provider::Shipbob => shipbob::FIELDS,
        Provider::Generic => generic::FIELDS,
        Provider::Yicang => yicang::FIELDS,
    }
}

/// The credentials of an account, from what was entered.
///
/// # Errors
/// [`OpenError::Field`], which names the field and never quotes a value.
pub fn warehouse_credentials<'a>(
    provider: Provider,
    given: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, OpenError> {
    connecting::filled_in(warehouse_fields(provider), given)
}

/// A marketplace's policy among those that a shop is opened with.
fn policy_of(policies: &Policies, platform: Platform) -> Result<Arc<Policy>, OpenError> {
    policies.get(&platform).map(Arc::clone).ok_or(OpenError::Platform(platform))
}

/// The built-in policy of a platform.
///
/// # Errors
/// [`OpenError::Policy`] when the text that is built in is wrong, which a test rules out.
pub fn default_policy(platform: Platform) -> Result<Policy, OpenError> {
    match platform {
        Platform::Shopee => {
            Ok(policy::read(shopee::POLICY, "crates/connectors/src/shopee/policy.toml", &shopee::BOUNDS)?)
        }
        Platform::Lazada => {
            Ok(policy::read(lazada::POLICY, "crates/connectors/src/lazada/policy.toml", &lazada::BOUNDS)?)
        }
        Platform::TiktokShop => Ok(policy::read(tiktok_shop::POLICY, tiktok_shop::POLICY_FILE, &tiktok_shop::BOUNDS)?),
        Platform::Tokopedia => Ok(policy::read(tokopedia::POLICY, tokopedia::POLICY_FILE, &tokopedia::BOUNDS)?),
        Platform::Manual => Ok(policy::read(manual::POLICY, manual::POLICY_FILE, &manual::BOUNDS)?),
    }
}

/// A policy file that replaces a platform's built-in policy.
///
/// # Errors
/// [`OpenError::Policy`] with file, line and remedy.
pub fn read_policy(platform: Platform, path: &Path) -> Result<Policy, OpenError> {
    match platform {
        Platform::Shopee => Ok(policy::read_file(path, &shopee::BOUNDS)?),
        Platform::Lazada => Ok(policy::read_file(path, &lazada::BOUNDS)?),
        Platform::TiktokShop => Ok(policy::read_file(path, &tiktok_shop::BOUNDS)?),
        Platform::Tokopedia => Ok(policy::read_file(path, &tokopedia::BOUNDS)?),
        Platform::Manual => Ok(policy::read_file(path, &manual::BOUNDS)?),
    }
}

/// How shops of a marketplace are connected.
///
/// # Errors
/// [`OpenError::Platform`] where there is no connector.
pub fn connecting(platform: Platform) -> Result<&'static Connecting, OpenError> {
    match platform {
        Platform::Shopee => Ok(&shopee::auth::CONNECTING),
        Platform::Lazada => Ok(&lazada::auth::CONNECTING),
        Platform::TiktokShop => Ok(&tiktok_shop::auth::CONNECTING),
        Platform::Tokopedia => Ok(&tokopedia::auth::CONNECTING),
        Platform::Manual => Err(OpenError::Platform(platform)),
    }
}

/// The address that a seller's browser is sent to in order to authorise us. `state` comes back with the code and proves
/// that the answer belongs to this request.
///
/// # Errors
/// As [`open`].
pub fn authorisation_link(
    platform: Platform,
    base_url: &str,
    credentials: &str,
    redirect: &str,
    state: &str,
) -> Result<String, OpenError> {
    let link = connecting(platform)?.link.ok_or(OpenError::NoConsentPage(platform))?;
    link(base_url, credentials, redirect, state)
}
