//! How a shop is connected: what a person copies from the platform's console once, what comes back from its consent page,
//! and the credentials that both together make.
//!
//! Credentials are the JSON text that a connector opens: the app's part, the shop's part, the tokens. What differs by
//! platform is a [`Connecting`] in its `auth.rs`.

use crate::OpenError;
use serde_json::{Map, Value};

/// The longest value of a field, in bytes.
const VALUE_MAX: usize = 2_048;
/// What no credentials hold until a shop is authorised, nor after it was disconnected.
const TOKENS: [&str; 4] = ["access_token", "refresh_token", "access_ends", "refresh_ends"];

/// How a field of a form is written into the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A number above 0.
    Number,
    /// A list with this one text, or an empty one.
    List,
}

/// One value that a console shows, of an app or of an account at a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppField {
    /// Its name in form, API and credentials.
    pub name: &'static str,
    /// What the console calls it.
    pub title: &'static str,
    /// Shown to nobody.
    pub secret: bool,
    /// Without it nothing can be connected.
    pub required: bool,
    /// How it is written.
    pub form: Form,
}

/// Whether a person has to say which shop is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Never: the platform tells.
    Told,
    /// Only where one sign-in has several shops.
    MayBeGiven,
    /// Always.
    MustBeGiven,
}

/// The shop's part of the credentials, from country and account.
pub(crate) type ShopPart = fn(country: &str, account: Option<&str>) -> Result<Vec<(&'static str, Value)>, OpenError>;

/// The address of a consent page, from base address, credentials, redirect and state.
pub(crate) type Link = fn(&str, &str, &str, &str) -> Result<String, OpenError>;

/// How a platform's shops are connected.
pub struct Connecting {
    /// What is copied from the platform's console, in the order of the form; the first is the app's own id.
    pub app_fields: &'static [AppField],
    /// Whether a person has to say which shop is meant.
    pub account: Account,
    /// The parameter with which the consent page names the shop, where it does.
    pub(crate) returned_account: Option<&'static str>,
    pub(crate) shop_part: ShopPart,
    /// The address of the page that sellers consent on; without one the app's credentials give the token.
    pub(crate) link: Option<Link>,
}

impl std::fmt::Debug for Connecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connecting").field("app_fields", &self.app_fields).finish_non_exhaustive()
    }
}

/// What a consent page sent the seller's browser back with.
#[derive(Clone, PartialEq, Eq)]
pub struct Returned {
    /// Is exchanged for tokens, once.
    pub code: String,
    /// The platform's own id of the shop, where the page names it.
    pub account: Option<String>,
}

impl Connecting {
    /// Whether sellers consent on a page of the platform; else the app's credentials give the token.
    #[must_use]
    pub const fn has_consent_page(&self) -> bool {
        self.link.is_some()
    }

    /// The app's part of the credentials, from what was filled in.
    ///
    /// # Errors
    /// [`OpenError::Field`], which names the field and never quotes a value.
    pub fn app<'a>(&self, given: impl Fn(&str) -> Option<&'a str>) -> Result<String, OpenError> {
        filled_in(self.app_fields, given)
    }

    /// The app's part of a shop's credentials.
    ///
    /// # Errors
    /// [`OpenError::Credentials`].
    pub fn app_of(&self, credentials: &str) -> Result<String, OpenError> {
        let mut app = object(credentials)?;
        app.retain(|name, _| self.app_fields.iter().any(|field| field.name == name));
        Ok(Value::Object(app).to_string())
    }

    /// The app's own id, from its part of the credentials.
    ///
    /// # Errors
    /// [`OpenError::Credentials`].
    pub fn app_id(&self, app: &str) -> Result<String, OpenError> {
        let app = object(app)?;
        let id = self.app_fields.first().and_then(|field| app.get(field.name));
        match id {
            Some(Value::String(id)) => Ok(id.clone()),
            Some(Value::Number(id)) => Ok(id.to_string()),
            _ => Err(OpenError::Credentials("the app's id is missing".to_owned())),
        }
    }

    /// The credentials of a shop that is not authorised yet; without `account`, of one that the platform will name.
    ///
    /// # Errors
    /// [`OpenError::Credentials`] when the account is none of this platform.
    pub fn shop(&self, app: &str, country: &str, account: Option<&str>) -> Result<String, OpenError> {
        let mut credentials = object(app)?;
        let account = account.map(str::trim).filter(|account| !account.is_empty());
        for (name, value) in (self.shop_part)(country, account)? {
            credentials.insert(name.to_owned(), value);
        }
        Ok(Value::Object(credentials).to_string())
    }

    /// What the consent page brought back in the address that the browser ended at; `None` where there is no code in it.
    pub fn returned<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> Option<Returned> {
        let filled = |name: &str| parameter(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Some(Returned { code: filled("code")?, account: self.returned_account.and_then(filled) })
    }
}

/// Credentials from what was filled in.
pub(crate) fn filled_in<'a>(fields: &[AppField], given: impl Fn(&str) -> Option<&'a str>) -> Result<String, OpenError> {
    let mut filled = Map::new();
    for field in fields {
        let value = given(field.name).map(str::trim).filter(|value| !value.is_empty());
        let wrong = |problem: &'static str| OpenError::Field { name: field.name, title: field.title, problem };
        let Some(value) = value else {
            if field.required {
                return Err(wrong("it is missing"));
            }
            continue;
        };
        if value.len() > VALUE_MAX || value.chars().any(char::is_control) {
            return Err(wrong("it is not what the console shows"));
        }
        let value = match field.form {
            Form::Text => Value::from(value),
            Form::List => Value::from(vec![value]),
            Form::Number => {
                let number = value.parse::<i64>().ok().filter(|number| *number > 0);
                Value::from(number.ok_or_else(|| wrong("it is a number above 0"))?)
            }
        };
        filled.insert(field.name.to_owned(), value);
    }
    Ok(Value::Object(filled).to_string())
}

/// The credentials of a shop that was disconnected: nothing can be called with them.
///
/// # Errors
/// [`OpenError::Credentials`].
pub fn without_tokens(credentials: &str) -> Result<String, OpenError> {
    let mut credentials = object(credentials)?;
    credentials.retain(|name, _| !TOKENS.contains(&name.as_str()));
    Ok(Value::Object(credentials).to_string())
}

fn object(text: &str) -> Result<Map<String, Value>, OpenError> {
    crate::wire::read_credentials(text)
}

/// A shop's number, 0 for one that is not told yet.
pub(crate) fn number(account: Option<&str>) -> Result<Value, OpenError> {
    let Some(account) = account else { return Ok(Value::from(0)) };
    let number = account.parse::<i64>().ok().filter(|number| *number > 0);
    number.map(Value::from).ok_or_else(|| OpenError::Credentials("the shop's id is a number above 0".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::platform::Platform;
    use std::sync::Arc;

    /// What the form of each platform may be filled with.
    fn filled(name: &str) -> Option<&'static str> {
        Some(match name {
            "partner_id" | "app_key" | "client_id" | "fs_id" | "service_id" => "1001",
            _ => "secret-of-the-console",
        })
    }

    fn opened(platform: Platform, account: Option<&str>) -> Box<dyn crate::connector::Connector> {
        let connecting = crate::connecting(platform).unwrap();
        let policy = |platform: &Platform| (*platform, Arc::new(crate::default_policy(*platform).unwrap()));
        let policies: crate::Policies = Platform::ALL.iter().map(policy).collect();
        let country = &policies[&platform].countries[0];
        let credentials = connecting.shop(&connecting.app(filled).unwrap(), &country.code, account).unwrap();
        crate::open(platform, &country.address, &credentials, &policies).unwrap()
    }

    #[test]
    fn what_was_filled_in_once_opens_every_platform_s_connector_without_tokens() {
        for platform in [Platform::Shopee, Platform::Lazada, Platform::TiktokShop, Platform::Tokopedia] {
            let connector = opened(platform, Some("77"));
            assert_eq!((connector.platform(), connector.shop_account(), connector.app()), (platform, "77", "1001"));
            assert!(connector.access_ends().seconds() <= 0, "{platform}");
        }
    }

    #[test]
    fn the_consent_page_is_linked_before_the_shop_is_known() {
        for platform in [Platform::Shopee, Platform::Lazada, Platform::TiktokShop] {
            let connecting = crate::connecting(platform).unwrap();
            assert!(connecting.has_consent_page());
            let policy = crate::default_policy(platform).unwrap();
            let country = &policy.countries[0];
            let credentials = connecting.shop(&connecting.app(filled).unwrap(), &country.code, None).unwrap();
            let redirect = "https://desk.example/shops/authorised";
            let link =
                crate::authorisation_link(platform, &country.address, &credentials, redirect, "the-state").unwrap();
            assert!(link.starts_with("https://") && link.contains("the-state") && link.contains("1001"), "{link}");
            assert!(!link.contains("secret"), "{link}");
        }
        assert!(!crate::connecting(Platform::Tokopedia).unwrap().has_consent_page());
    }

    #[test]
    fn a_missing_or_wrong_field_is_named_and_never_quoted() {
        let connecting = crate::connecting(Platform::Shopee).unwrap();
        let missing = connecting.app(|name| filled(name).filter(|_| name != "partner_key")).unwrap_err().to_string();
        assert!(missing.contains("Partner key: it is missing"), "{missing}");
        let wrong = connecting.app(|_| Some("s3cret")).unwrap_err().to_string();
        assert!(wrong.contains("Partner ID") && !wrong.contains("s3cret"), "{wrong}");
    }

    #[test]
    fn a_disconnected_shop_s_credentials_hold_no_token_and_its_app_can_be_used_again() {
        let credentials = r#"{"partner_id":1001,"partner_key":"k","push_keys":["p"],"shop_id":7,"access_token":"a","refresh_token":"r","access_ends":9,"refresh_ends":10}"#;
        let without: Value = serde_json::from_str(&without_tokens(credentials).unwrap()).unwrap();
        assert_eq!(
            without,
            serde_json::json!({"partner_id": 1001, "partner_key": "k", "push_keys": ["p"], "shop_id": 7})
        );
        let connecting = crate::connecting(Platform::Shopee).unwrap();
        let app = connecting.app_of(credentials).unwrap();
        let expected = serde_json::json!({"partner_id": 1001, "partner_key": "k", "push_keys": ["p"]});
        assert_eq!(serde_json::from_str::<Value>(&app).unwrap(), expected);
        assert_eq!(connecting.app_id(&app).unwrap(), "1001");
    }

    #[test]
    fn the_browser_s_last_address_tells_code_and_shop() {
        let parameter = |name: &str| match name {
            "code" => Some("c"),
            "shop_id" => Some("7"),
            _ => None,
        };
        let returned = crate::connecting(Platform::Shopee).unwrap().returned(parameter).unwrap();
        assert_eq!((returned.code.as_str(), returned.account.as_deref()), ("c", Some("7")));
        assert_eq!(crate::connecting(Platform::Lazada).unwrap().returned(parameter).unwrap().account, None);
        assert!(crate::connecting(Platform::Lazada).unwrap().returned(|_| None).is_none());
    }
}
