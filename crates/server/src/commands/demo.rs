//! `countermand demo`: the desk with fake marketplaces, connected through the ordinary connectors.

mod control;
mod import;

use super::desk::{Desk, local_url, serve};
use super::sandbox::{ORDERS, SEED};
use super::shop::connect;
use super::user::{add_merchant, add_user};
use super::{Called, Failure, print_line};
use crate::api::warehouses::push_address;
use crate::app::App;
use crate::auth::secrets;
use crate::clock::{SANDBOX_CLOCK_EVERY, SandboxClock, now};
use crate::data_folder::DataFolder;
use crate::network::client;
use crate::permissions::Permission;
use crate::settings::Role;
use crate::webhooks;
use control::Control;
use domain::ids::{MerchantId, UserId};
use domain::platform::Platform;
use domain::provider::Provider;
use domain::time::Span;
use engine::{Engine, NewAccount, NewShop};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use store::people::{self, UserRecord};
use store::shops::{self, ShopRecord};
use store::warehouses::{self, RuleRecord};
use tokio::net::TcpListener;

/// The demo's merchant.
const MERCHANT: &str = "demo";
/// Who signs in.
const EMAIL: &str = "demo@countermand.example";
/// What a restart needs to know.
const STATE: &str = "demo.json";
/// How far back the first sweep reaches: beyond the oldest imported order.
const REACH: Span = Span::from_seconds(800 * 86_400);
/// Authorisations that are tried at a sandbox that makes faults.
const GRANTS_TRIED: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to listen on [COUNTERMAND_LISTEN; default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// How many orders each marketplace makes up at the first start
    #[arg(long, default_value_t = ORDERS)]
    orders: u32,
    /// The same seed makes the same orders
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// A seller's order export (xlsx or csv) in place of made-up orders; may be repeated
    #[arg(long = "import", value_name = "FILE")]
    imports: Vec<PathBuf>,
    /// Rewind the imported orders to this moment, such as 2024-09-10
    #[arg(long, value_name = "DATE", requires = "imports")]
    as_of: Option<String>,
    /// Control address of a sandbox that runs already
    #[arg(long, value_name = "URL")]
    sandbox: Option<String>,
}

/// What a restart needs to know; only its owner may read it.
#[derive(Clone, Serialize, Deserialize)]
struct State {
    password: String,
    api_token: String,
    /// The orders are there and the stock is counted.
    done: bool,
}

impl State {
    fn read(folder: &DataFolder) -> Result<Self, Failure> {
        if let Some(text) = folder.read(STATE)? {
            let damaged =
                |error| Failure::new(format!("{STATE} in the data folder is damaged ({error}); choose another folder"));
            return serde_json::from_str(&text).map_err(damaged);
        }
        let state = Self { password: secrets::password(), api_token: secrets::api_token(), done: false };
        state.write(folder)?;
        Ok(state)
    }

    fn write(&self, folder: &DataFolder) -> Result<(), Failure> {
        Ok(folder.write_private(STATE, &serde_json::to_string(self)?)?)
    }
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let import = import::read(&arguments.imports, arguments.as_of.as_deref())?;
    // Gone with the process, where no folder is given.
    let temporary = tempfile::Builder::new().prefix("countermand-demo-").tempdir()?;
    let settings = called.sources.settings(temporary.path())?;
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    let listen = called.sources.listen(arguments.listen.as_ref(), usual)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(format!("cannot listen on {listen}: {error}; choose another address with --listen"))
    })?;

    let folder = DataFolder::open(&settings.data)?;
    let _lock = folder.lock()?;
    let desk = Desk::open(settings).await?;
    desk.free_jobs().await?;
    let state = State::read(&folder)?;
    let embedded = start_sandbox(&arguments, &folder, import.is_some()).await?;
    let control_url = match (&embedded, &arguments.sandbox) {
        (Some(running), _) => running.control_url().to_owned(),
        (None, Some(url)) => url.clone(),
        (None, None) => return Err(Failure::new("no sandbox runs")),
    };
    let served =
        Demo { desk, folder, state, control: Control::new(client(false)?, &control_url) }.serve(listener, import).await;
    if let Some(running) = embedded {
        running.shutdown().await;
    }
    served
}

async fn start_sandbox(
    arguments: &Arguments,
    folder: &DataFolder,
    importing: bool,
) -> Result<Option<::sandbox::Running>, Failure> {
    if arguments.sandbox.is_some() {
        return Ok(None);
    }
    let settings = ::sandbox::Settings {
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        control_port: 0,
        data: Some(folder.path().join("sandbox")),
        seed: arguments.seed,
        orders: if importing { 0 } else { arguments.orders },
    };
    Ok(Some(::sandbox::start(settings).await?))
}

/// Which of the shops has goods at the third-party warehouse, and which: few, because the warehouse takes 150 calls a minute.
const WAREHOUSE_SHOP: usize = 2;
const WAREHOUSE_SKUS: &str = "CLOCK";
/// What the warehouse is called, and whom to call there.
const WAREHOUSE_NAME: &str = "Fake fulfilment";
const WAREHOUSE_CONTACT: &str = "Dock office, +60 3 5550 0100, dock@warehouse.example";

struct Demo {
    desk: Desk,
    folder: DataFolder,
    state: State,
    control: Control,
}

impl Demo {
    async fn serve(mut self, listener: TcpListener, import: Option<Value>) -> Result<(), Failure> {
        let sandbox = self.control.get("/").await?;
        let imported = match &import {
            Some(_) if self.state.done => {
                tracing::warn!("this data folder has its orders already: --import is left out");
                None
            }
            Some(export) => Some(self.control.post("/import", export).await?),
            None => None,
        };
        let imported = imported.as_ref().and_then(|imported| imported["shop"].as_str());
        let clock = Arc::new(SandboxClock::new(client(false)?, self.control.address()));
        clock.refresh().await.map_err(|error| Failure::new(format!("{}/clock: {error}", self.control.address())))?;
        let public_url = local_url(&listener)?;
        let (engine, metrics) = self.desk.engine(clock.clone())?;
        let merchant = self.people().await?;
        let shops = self.shops(&engine, &merchant, &sandbox, imported, public_url.as_str()).await?;
        self.warehouse(&engine, &merchant, &sandbox, &shops, public_url.as_str()).await?;
        if !self.state.done {
            self.fill(clock.clone(), &shops).await?;
        }
        let app = App::new(self.desk.store.clone(), engine, clock.clone(), metrics, &public_url);
        let following = tokio::spawn(follow(app.clone(), clock));
        print_line(&self.ready(&public_url, sandbox).to_string());
        let served = serve(&app, Some(listener), Role::All).await;
        app.stop();
        let _ = following.await;
        served
    }

    /// The merchant, its warehouse and its user, as far as they are missing.
    async fn people(&self) -> Result<MerchantId, Failure> {
        let merchant = MerchantId::parse(MERCHANT)?;
        let mut session = self.desk.store.begin().await?;
        add_merchant(&mut session, &merchant).await?;
        if people::by_email(&mut session, EMAIL).await?.is_none() {
            let user = UserRecord {
                merchant: merchant.clone(),
                id: UserId::parse(store::new_id("usr", now()))?,
                email: EMAIL.to_owned(),
                permissions: Permission::ALL.iter().map(|permission| permission.as_str().to_owned()).collect(),
                shops: None,
            };
            add_user(&mut session, &user, &self.state.password, &self.state.api_token).await?;
        }
        session.commit().await?;
        Ok(merchant)
    }

    /// One shop of each marketplace that the sandbox has: connected at the first start, found again later; its
    /// addresses are set anew, because ports change.
    async fn shops(
        &self,
        engine: &Engine,
        merchant: &MerchantId,
        sandbox: &Value,
        imported: Option<&str>,
        public_url: &str,
    ) -> Result<Vec<ShopRecord>, Failure> {
        let mut session = self.desk.store.read().await?;
        let known = self.desk.store.shops(&mut session, merchant).await?;
        drop(session);
        let mut shops = Vec::new();
        for &platform in Platform::ALL {
            let Some(address) = sandbox[platform.as_str()].as_str() else { continue };
            if !self.desk.settings.policies.contains_key(&platform) {
                continue;
            }
            let shop = match known.iter().find(|shop| shop.platform == platform) {
                Some(shop) => shop.clone(),
                None => self.authorise(engine, merchant, platform, address, sandbox, imported).await?,
            };
            let pushes = webhooks::address(public_url, platform, &shop.account);
            let mut session = self.desk.store.begin().await?;
            shops::set_address(&mut session, merchant, &shop.id, address).await?;
            shops::set_callback_url(&mut session, merchant, &shop.id, &pushes).await?;
            session.commit().await?;
            self.control.put("/push-target", &json!({"platform": platform.as_str(), "url": pushes})).await?;
            shops.push(shop);
        }
        Ok(shops)
    }

    /// A grant of our own, as a seller's browser would bring it back: the printed credentials stay their owner's.
    async fn authorise(
        &self,
        engine: &Engine,
        merchant: &MerchantId,
        platform: Platform,
        address: &str,
        sandbox: &Value,
        imported: Option<&str>,
    ) -> Result<ShopRecord, Failure> {
        let known = self.control.get(&format!("/shops?platform={platform}")).await?;
        let known = known["shops"].as_array().cloned().unwrap_or_default();
        let wanted = known.iter().find(|shop| imported.is_some() && shop["shop"].as_str() == imported);
        let shop = wanted.or_else(|| known.first());
        let shop = shop.ok_or_else(|| Failure::new(format!("the sandbox has no shop on {}", platform.title())))?;
        let text = |name: &str| shop[name].as_str().unwrap_or_default().to_owned();
        let mut refused = Failure::new("the sandbox gives no authorisation");
        for _ in 0..GRANTS_TRIED {
            let wish = json!({"platform": platform.as_str(), "shop": text("shop")});
            let grant = self.control.post("/grants", &wish).await?;
            let new = NewShop {
                platform,
                name: Some(text("name")),
                region: text("region"),
                address: address.to_owned(),
                credentials: control::app_credentials(&sandbox["credentials"][platform.as_str()], &grant).to_string(),
                code: grant["code"].as_str().map(str::to_owned),
                callback_url: None,
                expected: None,
                reach: REACH,
            };
            match connect(engine, merchant, new).await {
                Ok(shop) => return Ok(shop),
                Err(failure) => refused = failure,
            }
        }
        Err(refused)
    }

    /// The sandbox's third-party warehouse, and some goods of one shop that lie there: connected at the first start, found
    /// again later.
    async fn warehouse(
        &self,
        engine: &Engine,
        merchant: &MerchantId,
        sandbox: &Value,
        shops: &[ShopRecord],
        public_url: &str,
    ) -> Result<(), Failure> {
        let (Some(address), Some(shop)) = (sandbox["warehouse"].as_str(), shops.get(WAREHOUSE_SHOP)) else {
            return Ok(());
        };
        let mut session = self.desk.store.read().await?;
        let known = self.desk.store.warehouse_accounts(&mut session, merchant).await?;
        drop(session);
        let account = match known.into_iter().next() {
            Some(account) => account,
            None => {
                let route = secrets::token();
                let credentials = sandbox["credentials"]["warehouse"].to_string();
                let new = NewAccount {
                    provider: Provider::Shipbob,
                    name: WAREHOUSE_NAME,
                    address,
                    credentials: &credentials,
                    contact: WAREHOUSE_CONTACT,
                    destination: None,
                    route: &route,
                };
                let account = engine.try_account(merchant, &new).await?;
                let rule = RuleRecord {
                    shop: shop.id.clone(),
                    sku_prefix: WAREHOUSE_SKUS.to_owned(),
                    warehouse: account.warehouse.clone(),
                    withdraw_on_request: false,
                };
                let mut session = self.desk.store.begin().await?;
                engine.add_account(&mut session, EMAIL, &account, &route).await?;
                engine.save_warehouse_rule(&mut session, merchant, EMAIL, &rule).await?;
                session.commit().await?;
                account
            }
        };
        let mut session = self.desk.store.begin().await?;
        warehouses::set_address(&mut session, merchant, &account.warehouse, address).await?;
        let route = warehouses::route_of(&mut session, merchant, &account.warehouse).await?.unwrap_or_default();
        session.commit().await?;
        let pushes = push_address(public_url, account.provider, &route);
        self.control.put("/push-target", &json!({"platform": "warehouse", "url": pushes})).await?;
        Ok(())
    }

    /// Reads every order and counts the stock: opening stock is what the listings have and open orders hold.
    ///
    /// Nobody else calls the sandbox yet: this need not keep to the platforms' budgets, as every later call does.
    async fn fill(&mut self, clock: Arc<SandboxClock>, shops: &[ShopRecord]) -> Result<(), Failure> {
        let mut policies = self.desk.settings.policies.clone();
        for policy in policies.values_mut().map(Arc::make_mut) {
            policy.calls_per_second = 0;
            policy.budgets.clear();
        }
        let (engine, _) = self.desk.engine_by(policies, clock)?;
        self.control.put("/limits", &json!({"lifted": true})).await?;
        for shop in shops {
            engine.first_sync(&shop.merchant, &shop.id).await?;
            engine.count_from_listings(&shop.merchant, &shop.id).await?;
        }
        // Every shop is counted: from here on what they sell together is what each of them shows.
        let mut session = self.desk.store.begin().await?;
        for shop in shops {
            engine.switch_stock_push(&mut session, &shop.merchant, "demo", &shop.id, true).await?;
        }
        session.commit().await?;
        self.control.put("/limits", &json!({"lifted": false})).await?;
        self.state.done = true;
        self.state.write(&self.folder)
    }

    fn ready(&self, public_url: &url::Url, mut sandbox: Value) -> Value {
        let credentials = sandbox["credentials"].take();
        if let Value::Object(members) = &mut sandbox {
            members.retain(|name, _| name != "ready" && name != "credentials");
        }
        json!({
            "ready": true,
            "url": public_url.as_str().trim_end_matches('/'),
            "email": EMAIL,
            "password": self.state.password,
            "api_token": self.state.api_token,
            "sandbox": sandbox,
            "credentials": credentials,
        })
    }
}

/// Keeps the platforms' clock at the sandbox's.
async fn follow(app: App, clock: Arc<SandboxClock>) {
    let mut was_told = false;
    loop {
        tokio::select! {
            () = app.stopped() => return,
            () = tokio::time::sleep(SANDBOX_CLOCK_EVERY) => {}
        }
        match clock.refresh().await {
            Ok(()) => was_told = false,
            Err(error) => {
                if !was_told {
                    tracing::warn!(error, "the sandbox does not say what time it has; its last word counts");
                }
                was_told = true;
            }
        }
    }
}
