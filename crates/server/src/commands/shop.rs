//! `countermand shop`: connecting shops.

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::auth::secrets;
use crate::clock::{SystemClock, rfc3339};
use crate::webhooks;
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::time::Moment;
use engine::{Engine, FIRST_REACH, NewShop};
use serde_json::json;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use store::shops::{self, ShopRecord};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Connect a shop
    #[command(
        after_help = "Example:\n  countermand shop add --platform PLATFORM --address https://HOST --credentials app.json --code CODE --name \"My shop\" --region MY\nThe credentials are the platform's, as JSON; “countermand shop link” makes the address where the seller gets the code."
    )]
    Add(Add),
    /// List the shops
    #[command(after_help = "Example:\n  countermand shop list --json")]
    List {
        /// Whose shops; needed where there are several merchants
        #[arg(long)]
        merchant: Option<String>,
    },
    /// Stop asking a shop: its orders stay readable, and it may be connected again
    #[command(after_help = "Example:\n  countermand shop disconnect shp_0193\n“countermand shop list” shows the ids.")]
    Disconnect(Disconnect),
    /// Print the address where a seller authorises this program
    #[command(
        after_help = "Example:\n  countermand shop link --platform PLATFORM --address https://HOST --credentials app.json --redirect https://desk.example.com/"
    )]
    Link(Link),
}

#[derive(Debug, clap::Args)]
pub(super) struct App {
    /// The marketplace
    #[arg(long)]
    platform: String,
    /// Base address of its API
    #[arg(long, value_name = "URL")]
    address: String,
    /// File with the credentials as JSON; “-” reads standard input
    #[arg(long, value_name = "FILE")]
    credentials: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    app: App,
    /// The code that the authorisation page answered with; not needed where the credentials hold tokens
    #[arg(long)]
    code: Option<String>,
    /// What people call the shop
    #[arg(long)]
    name: String,
    /// Its market, as the platform writes it
    #[arg(long)]
    region: String,
    /// Whose shop; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
    /// The address that the platform pushes to, as it is saved there; else it is made of COUNTERMAND_PUBLIC_URL
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Disconnect {
    /// Our id of the shop
    shop: String,
    /// Whose shop; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Link {
    #[command(flatten)]
    app: App,
    /// Where the platform sends the seller's browser afterwards
    #[arg(long, value_name = "URL")]
    redirect: String,
}

pub(super) async fn run(called: &Called, command: Command) -> Result<(), Failure> {
    let settings = called.sources.settings(Path::new(DATA))?;
    match command {
        Command::Add(wish) => add(called, &Desk::open(settings).await?, wish).await,
        Command::List { merchant } => list(called, &Desk::open(settings).await?, merchant.as_deref()).await,
        Command::Disconnect(wish) => disconnect(called, &Desk::open(settings).await?, &wish).await,
        Command::Link(wish) => link(called, &wish),
    }
}

fn read_credentials(name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match name {
        "-" => std::io::stdin().read_to_string(&mut text).map(drop),
        name => std::fs::read_to_string(name).map(|read| text = read),
    };
    read.map_err(|error| Failure::new(format!("--credentials: {name} cannot be read: {error}")))?;
    Ok(text)
}

fn link(called: &Called, wish: &Link) -> Result<(), Failure> {
    let platform = Platform::parse(&wish.app.platform).map_err(|error| Failure::new(format!("--platform: {error}")))?;
    let credentials = read_credentials(&wish.app.credentials)?;
    let state = secrets::token();
    let link = connectors::authorisation_link(platform, &wish.app.address, &credentials, &wish.redirect, &state)?;
    let words = format!(
        "{link}\n\nOpen it as the seller. The browser comes back to {} with a code: check that its state is\n{state}\nand run “countermand shop add … --code CODE”.",
        wish.redirect
    );
    called.say(&json!({"link": link, "state": state}), &words);
    Ok(())
}

/// Gets tokens, where the credentials hold none, and keeps the shop. Tokens are kept before they are used.
pub(super) async fn connect(engine: &Engine, merchant: &MerchantId, wish: NewShop) -> Result<ShopRecord, Failure> {
    let authorised = engine.gain_access(wish).await?;
    let mut session = engine.store().begin().await?;
    let shop = engine.keep_shop(&mut session, merchant, "terminal", authorised).await?;
    session.commit().await?;
    Ok(shop)
}

async fn add(called: &Called, desk: &Desk, wish: Add) -> Result<(), Failure> {
    let platform = Platform::parse(&wish.app.platform).map_err(|error| Failure::new(format!("--platform: {error}")))?;
    let merchant = desk.merchant(wish.merchant.as_deref()).await?;
    let new = NewShop {
        platform,
        name: Some(wish.name),
        region: wish.region,
        address: wish.app.address,
        credentials: read_credentials(&wish.app.credentials)?,
        code: wish.code,
        callback_url: wish.callback_url,
        expected: None,
        reach: FIRST_REACH,
    };
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let shop = connect(&engine, &merchant, new).await?;
    let mut session = desk.store.begin().await?;
    let mut callback_url = shop.callback_url.clone();
    if callback_url.is_none()
        && let Some(public_url) = called.sources.public_url(None)?
    {
        let url = webhooks::address(public_url.as_str(), platform, &shop.account);
        shops::set_callback_url(&mut session, &shop.merchant, &shop.id, &url).await?;
        callback_url = Some(url);
    }
    session.commit().await?;
    let pushes = callback_url.clone().unwrap_or_else(|| {
        format!("your public address followed by {}", webhooks::address("", platform, &shop.account))
    });
    called.say(
        &json!({"shop": shop.id.as_str(), "account": shop.account, "callback_url": callback_url}),
        &format!(
            "{} {} is connected as {}.\nLet the platform push to {pushes}",
            platform.title(),
            shop.account,
            shop.id
        ),
    );
    Ok(())
}

async fn disconnect(called: &Called, desk: &Desk, wish: &Disconnect) -> Result<(), Failure> {
    let merchant = desk.merchant(wish.merchant.as_deref()).await?;
    let shop = ShopId::parse(wish.shop.as_str())?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut session = desk.store.begin().await?;
    let changed = engine.disconnect_shop(&mut session, &merchant, "terminal", &shop).await?;
    session.commit().await?;
    let words = if changed { "It is disconnected." } else { "It was disconnected already." };
    called.say(&json!({"shop": shop.as_str(), "changed": changed}), words);
    Ok(())
}

/// When a shop's tokens end: the access token, and the authorisation where the platform says so.
fn tokens_end(desk: &Desk, shop: &ShopRecord) -> Option<(Moment, Option<Moment>)> {
    let policies = Some(&desk.settings.policies).filter(|_| shop.connected)?;
    let opened = connectors::open(shop.platform, &shop.address, &shop.credentials, policies).ok()?;
    Some((opened.access_ends(), opened.refresh_ends()))
}

async fn list(called: &Called, desk: &Desk, merchant: Option<&str>) -> Result<(), Failure> {
    let merchant = desk.merchant(merchant).await?;
    let mut session = desk.store.read().await?;
    let shops = desk.store.shops(&mut session, &merchant).await?;
    let values: Vec<_> = shops
        .iter()
        .map(|shop| {
            let ends = tokens_end(desk, shop);
            json!({
                "shop": shop.id.as_str(), "platform": shop.platform.as_str(), "account": shop.account, "name": shop.name,
                "region": shop.region, "connected": shop.connected, "authorised": shop.authorised, "alert": shop.alert,
                "access_ends": ends.map(|(access, _)| rfc3339(access)),
                "authorisation_ends": ends.and_then(|(_, refresh)| refresh).map(rfc3339),
            })
        })
        .collect();
    let lines: Vec<String> = shops
        .iter()
        .map(|shop| {
            let alert = match (shop.connected, &shop.alert) {
                (false, _) => "  (disconnected)".to_owned(),
                (true, alert) => alert.as_deref().map(|alert| format!("  ({alert})")).unwrap_or_default(),
            };
            format!("{}  {} {} {}  {}{alert}", shop.id, shop.platform.title(), shop.region, shop.account, shop.name)
        })
        .collect();
    let words = if lines.is_empty() {
        "No shop is connected; see “countermand shop add --help”.".to_owned()
    } else {
        lines.join("\n")
    };
    called.say(&json!({"shops": values}), &words);
    Ok(())
}
