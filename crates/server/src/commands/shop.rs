//! `countermand shop`: connecting shops.

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::auth::secrets;
use crate::clock::{SystemClock, now};
use crate::metrics::Metrics;
use crate::network::HttpNetwork;
use crate::webhooks;
use connectors::connector::Connector;
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::time::{Moment, Span};
use engine::{Clock, Network};
use serde_json::json;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use store::log::{self, Entry};
use store::shops::{self, NOT_COUNTED, ShopRecord};
use store::{StoreError, new_id};

/// How far back the first sweep of a shop reaches.
const FIRST_REACH: Span = Span::from_seconds(90 * 86_400);

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
pub(super) struct Link {
    #[command(flatten)]
    app: App,
    /// Where the platform sends the seller's browser afterwards
    #[arg(long, value_name = "URL")]
    redirect: String,
}

/// A shop to be connected.
pub(super) struct NewShop {
    pub(super) merchant: MerchantId,
    pub(super) platform: Platform,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) address: String,
    pub(super) credentials: String,
    pub(super) code: Option<String>,
    /// The pushes' address, made of the platform's own id of the shop.
    pub(super) callback_url: Option<String>,
    /// Changes before this moment of the platform's clock are not asked for.
    pub(super) swept_to: Moment,
}

pub(super) async fn run(called: &Called, command: Command) -> Result<(), Failure> {
    let settings = called.sources.settings(Path::new(DATA))?;
    match command {
        Command::Add(wish) => add(called, &Desk::open(settings).await?, wish).await,
        Command::List { merchant } => list(called, &Desk::open(settings).await?, merchant.as_deref()).await,
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

/// Gets tokens for the code, if there is one, and keeps the shop. Tokens are kept before they are used.
pub(super) async fn connect(
    desk: &Desk,
    network: &dyn Network,
    clock: &dyn Clock,
    wish: NewShop,
) -> Result<ShopRecord, Failure> {
    let policy = desk.settings.policies.get(&wish.platform).cloned();
    let policy = policy.ok_or(connectors::OpenError::Platform(wish.platform))?;
    let open = |credentials: &str| connectors::open(wish.platform, &wish.address, credentials, Arc::clone(&policy));
    let mut credentials = wish.credentials.clone();
    if let Some(code) = &wish.code {
        let connector = open(&credentials)?;
        let call = connector.exchange_code(code, clock.platform_now(wish.platform));
        let received = network.send(call.request, policy.call_timeout).await;
        let received = received.map_err(|error| Failure::new(format!("{}: {error}", wish.address)))?;
        let renewed =
            (call.read)(&received).map_err(|error| Failure::new(format!("no tokens for the code: {error}")))?;
        credentials = renewed.credentials;
    }
    let connector: Box<dyn Connector> = open(&credentials)?;
    let mut session = desk.store.begin().await?;
    let warehouses = shops::warehouses(&mut session, &wish.merchant).await?;
    let warehouse = warehouses.into_iter().next();
    let warehouse = warehouse
        .ok_or_else(|| Failure::new("the merchant has no warehouse; “countermand user add” makes the first"))?;
    let shop = ShopRecord {
        merchant: wish.merchant,
        id: ShopId::parse(new_id("shp", now()))?,
        platform: wish.platform,
        account: connector.shop_account().to_owned(),
        name: wish.name,
        region: wish.region,
        address: wish.address,
        callback_url: wish.callback_url,
        warehouse: warehouse.id,
        credentials,
        grant_version: 1,
        authorised: true,
        alert: None,
        stock_from: NOT_COUNTED,
        swept_to: wish.swept_to,
    };
    desk.store.add_shop(&mut session, &shop, now()).await.map_err(|error| match error {
        StoreError::Exists(_) => Failure::new(format!("the shop {} is connected already", shop.account)),
        other => other.into(),
    })?;
    let detail = format!("{} {} connected", shop.platform.title(), shop.account);
    let entry = Entry {
        actor: "terminal",
        action: "shop.added",
        shop: Some(&shop.id),
        order: None,
        subject: &shop.account,
        detail: &detail,
    };
    log::write(&mut session, &shop.merchant, now(), &entry).await?;
    session.commit().await?;
    Ok(shop)
}

async fn add(called: &Called, desk: &Desk, wish: Add) -> Result<(), Failure> {
    let platform = Platform::parse(&wish.app.platform).map_err(|error| Failure::new(format!("--platform: {error}")))?;
    let merchant = desk.merchant(wish.merchant.as_deref()).await?;
    let network = HttpNetwork::new(Arc::new(Metrics::default()))?;
    let new = NewShop {
        merchant,
        platform,
        name: wish.name,
        region: wish.region,
        address: wish.app.address,
        credentials: read_credentials(&wish.app.credentials)?,
        code: wish.code,
        callback_url: wish.callback_url,
        swept_to: now().minus(FIRST_REACH),
    };
    let shop = connect(desk, &network, &SystemClock, new).await?;
    let (engine, _) = desk.engine(Arc::new(SystemClock))?;
    let mut session = desk.store.begin().await?;
    let mut callback_url = shop.callback_url.clone();
    if callback_url.is_none()
        && let Some(public_url) = called.sources.public_url(None)?
    {
        let url = webhooks::address(public_url.as_str(), platform, &shop.account);
        shops::set_callback_url(&mut session, &shop.merchant, &shop.id, &url).await?;
        callback_url = Some(url);
    }
    engine.sync_now(&mut session, &shop.merchant, "terminal", &shop.id).await?;
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

async fn list(called: &Called, desk: &Desk, merchant: Option<&str>) -> Result<(), Failure> {
    let merchant = desk.merchant(merchant).await?;
    let mut session = desk.store.read().await?;
    let shops = desk.store.shops(&mut session, &merchant).await?;
    let values: Vec<_> = shops
        .iter()
        .map(|shop| {
            json!({
                "shop": shop.id.as_str(), "platform": shop.platform.as_str(), "account": shop.account, "name": shop.name,
                "region": shop.region, "authorised": shop.authorised, "alert": shop.alert,
            })
        })
        .collect();
    let lines: Vec<String> = shops
        .iter()
        .map(|shop| {
            let alert = shop.alert.as_deref().map(|alert| format!("  ({alert})")).unwrap_or_default();
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
