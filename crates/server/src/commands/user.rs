//! `countermand user`: who may sign in, and tokens for programs. Passwords and tokens are shown once.

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::auth::{passwords, secrets};
use crate::clock::now;
use crate::permissions::{Permission, Role};
use domain::ids::{MerchantId, ShopId, UserId};
use serde_json::json;
use std::path::Path;
use store::log::{self, Entry};
use store::people::{self, UserRecord};
use store::shops::{self, WarehouseRecord};
use store::{Session, StoreError, new_id};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a user; prints the password and an API token, once
    #[command(after_help = "Example:\n  countermand user add --email me@example.com --role owner")]
    Add(Add),
    /// Make another API token for a user; prints it, once
    #[command(after_help = "Example:\n  countermand user token --email me@example.com --name reports")]
    Token(Token),
    /// Set a new password for a user; prints it, once
    #[command(after_help = "Example:\n  countermand user password --email me@example.com")]
    Password(Password),
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// What the user signs in with
    #[arg(long)]
    email: String,
    /// Whose user; made if it is not there
    #[arg(long, default_value = "main")]
    merchant: String,
    /// owner, agent, warehouse or viewer
    #[arg(long)]
    role: Option<String>,
    /// A permission, beside those of the role; may be repeated
    #[arg(long = "permission", value_name = "WORD")]
    permissions: Vec<String>,
    /// Only this shop (our id); may be repeated
    #[arg(long = "shop", value_name = "ID")]
    shops: Vec<String>,
    /// A password of your own; else one is made
    #[arg(long)]
    password: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// Whose token
    #[arg(long)]
    email: String,
    /// What it is for
    #[arg(long, default_value = "token")]
    name: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Whose password
    #[arg(long)]
    email: String,
    /// A password of your own; else one is made
    #[arg(long)]
    password: Option<String>,
}

pub(super) async fn run(called: &Called, command: Command) -> Result<(), Failure> {
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    match command {
        Command::Add(wish) => add(called, &desk, wish).await,
        Command::Token(wish) => token(called, &desk, &wish).await,
        Command::Password(wish) => password(called, &desk, wish).await,
    }
}

fn permissions(wish: &Add) -> Result<Vec<String>, Failure> {
    let mut granted: Vec<Permission> = Vec::new();
    if let Some(word) = &wish.role {
        let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        let unknown = || Failure::new(format!("--role: “{word}” is no role; write one of: {}", roles.join(", ")));
        granted.extend(Role::parse(word).ok_or_else(unknown)?.permissions());
    }
    for word in &wish.permissions {
        let known: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        let unknown =
            || Failure::new(format!("--permission: “{word}” is unknown; write some of: {}", known.join(", ")));
        granted.push(Permission::parse(word).ok_or_else(unknown)?);
    }
    if granted.is_empty() {
        return Err(Failure::new("a user needs --role or --permission; “--role owner” may do everything"));
    }
    granted.sort_unstable();
    granted.dedup();
    Ok(granted.into_iter().map(|permission| permission.as_str().to_owned()).collect())
}

fn checked_email(email: &str) -> Result<String, Failure> {
    let email = email.trim().to_lowercase();
    let plain = email.len() <= 200 && !email.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let parts = email.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    if plain && parts.is_some() {
        Ok(email)
    } else {
        Err(Failure::new(format!("--email: “{email}” is no e-mail address")))
    }
}

/// A user with a token, in this transaction.
pub(super) async fn add_user(
    session: &mut Session,
    user: &UserRecord,
    password: &str,
    api_token: &str,
) -> Result<(), Failure> {
    let hash = passwords::hash(password)?;
    people::add(session, user, &hash, now()).await.map_err(|error| match error {
        StoreError::Exists(_) => Failure::new(format!("--email: {} is a user already", user.email)),
        other => other.into(),
    })?;
    people::add_token(session, &secrets::hash(api_token), user, "first", now()).await?;
    let detail = format!("may: {}", user.permissions.join(", "));
    log_user(session, user, "user.added", &detail).await
}

async fn log_user(session: &mut Session, user: &UserRecord, action: &str, detail: &str) -> Result<(), Failure> {
    let entry = Entry { actor: "terminal", action, shop: None, order: None, subject: &user.email, detail };
    Ok(log::write(session, &user.merchant, now(), &entry).await?)
}

/// A merchant with its first warehouse, if it is not there.
pub(super) async fn add_merchant(session: &mut Session, merchant: &MerchantId) -> Result<(), Failure> {
    shops::add_merchant(session, merchant, merchant.as_str(), now()).await?;
    if shops::warehouses(session, merchant).await?.is_empty() {
        let id = domain::ids::WarehouseId::parse("main")?;
        shops::add_warehouse(session, merchant, &WarehouseRecord { id, name: "Main warehouse".to_owned() }).await?;
    }
    Ok(())
}

async fn add(called: &Called, desk: &Desk, wish: Add) -> Result<(), Failure> {
    let email = checked_email(&wish.email)?;
    let permissions = permissions(&wish)?;
    let merchant = MerchantId::parse(wish.merchant.as_str())?;
    let mut limited = Vec::with_capacity(wish.shops.len());
    let mut session = desk.store.begin().await?;
    for shop in &wish.shops {
        let id = ShopId::parse(shop.as_str())?;
        if desk.store.shop(&mut session, &merchant, &id).await?.is_none() {
            return Err(Failure::new(format!("--shop: there is no shop “{shop}”; “countermand shop list” lists them")));
        }
        limited.push(id);
    }
    add_merchant(&mut session, &merchant).await?;
    let user = UserRecord {
        merchant,
        id: UserId::parse(new_id("usr", now()))?,
        email,
        permissions,
        shops: (!limited.is_empty()).then_some(limited),
    };
    let password = wish.password.unwrap_or_else(secrets::password);
    let api_token = secrets::api_token();
    add_user(&mut session, &user, &password, &api_token).await?;
    session.commit().await?;
    let words =
        format!("{} may sign in.\nPassword:  {password}\nAPI token: {api_token}\nNeither is shown again.", user.email);
    let value = json!({
        "user": user.id.as_str(), "email": user.email, "merchant": user.merchant.as_str(),
        "permissions": user.permissions, "password": password, "api_token": api_token,
    });
    called.say(&value, &words);
    Ok(())
}

async fn known(session: &mut Session, email: &str) -> Result<UserRecord, Failure> {
    let email = checked_email(email)?;
    let found = people::by_email(session, &email).await?;
    found.map(|(user, _)| user).ok_or_else(|| Failure::new(format!("--email: nobody signs in with {email}")))
}

async fn token(called: &Called, desk: &Desk, wish: &Token) -> Result<(), Failure> {
    let mut session = desk.store.begin().await?;
    let user = known(&mut session, &wish.email).await?;
    let api_token = secrets::api_token();
    people::add_token(&mut session, &secrets::hash(&api_token), &user, &wish.name, now()).await?;
    log_user(&mut session, &user, "user.token_added", &wish.name).await?;
    session.commit().await?;
    called.say(
        &json!({"email": user.email, "name": wish.name, "api_token": api_token}),
        &format!("API token: {api_token}\nIt is not shown again."),
    );
    Ok(())
}

async fn password(called: &Called, desk: &Desk, wish: Password) -> Result<(), Failure> {
    let mut session = desk.store.begin().await?;
    let user = known(&mut session, &wish.email).await?;
    let password = wish.password.unwrap_or_else(secrets::password);
    people::set_password(&mut session, &user, &passwords::hash(&password)?).await?;
    log_user(&mut session, &user, "user.password_set", "new password").await?;
    session.commit().await?;
    called.say(
        &json!({"email": user.email, "password": password}),
        &format!("Password: {password}\nIt is not shown again."),
    );
    Ok(())
}
