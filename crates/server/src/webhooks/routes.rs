//! Where pushes go: every name that one may come to, and what verifies those that come to it. Both are read from the
//! database at most every five seconds, so that thousands of pushes a second cost it nothing.

use crate::app::App;
use crate::problem::Problem;
use connectors::connector::Connector;
use domain::ids::{MerchantId, ShopId};
use domain::platform::Platform;
use domain::time::{Moment, Span};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::shops::ShopRecord;
use store::{Session, StoreError, apps, public_address, shops};

/// How old the names may be before an unknown one makes them be read again: pushes with made-up names stay cheap.
const NAMES_AGE: Span = Span::from_seconds(5);
/// How old a route may be: how long another process may go on to take pushes that were switched off in this one.
const ROUTE_AGE: Span = Span::from_seconds(5);
/// Merchants that may have registered the same app; more than this are not tried.
const SAME_APP_MAX: usize = 8;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Shop(MerchantId, ShopId),
    App(MerchantId),
}

/// What verifies the pushes that come to a name, and the shops that they may speak of.
pub(crate) struct Route {
    pub(crate) merchant: MerchantId,
    /// The shop that is meant where a push names none.
    pub(crate) shop: Option<ShopId>,
    /// The address that pushes are signed with, where a person said that it is another.
    pub(crate) callback_url: Option<String>,
    /// The merchant's public address, where a person gave one.
    pub(crate) public_url: Option<String>,
    pub(crate) connector: Box<dyn Connector>,
    /// The merchant's connected shops on the platform by the platform's own id.
    pub(crate) shops: HashMap<String, ShopId>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("merchant", &self.merchant).field("shop", &self.shop).finish_non_exhaustive()
    }
}

type Name = (Platform, String);

#[derive(Debug, Default)]
struct Read {
    names_at: Option<Moment>,
    names: HashMap<Name, Vec<Named>>,
    routes: HashMap<Name, (Moment, Vec<Arc<Route>>)>,
}

/// Names and routes, as last read.
#[derive(Debug, Default)]
pub struct Directory {
    read: Mutex<Read>,
}

impl Directory {
    fn read(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was read, because shops, apps or addresses were changed here.
    pub fn forget(&self) {
        *self.read() = Read::default();
    }

    /// What may verify a push that came to this name; empty for one that nobody has.
    pub(crate) async fn routes(&self, app: &App, platform: Platform, name: &str) -> Result<Vec<Arc<Route>>, Problem> {
        let key = (platform, name.to_owned());
        let now = app.clock.now();
        {
            let read = self.read();
            if let Some((at, routes)) = read.routes.get(&key)
                && now.since(*at) < ROUTE_AGE
            {
                return Ok(routes.clone());
            }
            let is_fresh = read.names_at.is_some_and(|at| now.since(at) < NAMES_AGE);
            if is_fresh && !read.names.contains_key(&key) {
                return Ok(Vec::new());
            }
        }
        let mut session = app.store.read().await?;
        let names = names(&mut session).await?;
        let mut routes = Vec::new();
        for named in names.get(&key).into_iter().flatten().take(SAME_APP_MAX) {
            routes.extend(route(app, &mut session, platform, named).await?.map(Arc::new));
        }
        let mut read = self.read();
        (read.names_at, read.names) = (Some(now), names);
        if !routes.is_empty() {
            read.routes.retain(|_, (at, _)| now.since(*at) < ROUTE_AGE);
            read.routes.insert(key, (now, routes.clone()));
        }
        Ok(routes)
    }
}

async fn names(session: &mut Session) -> Result<HashMap<Name, Vec<Named>>, StoreError> {
    let mut names: HashMap<Name, Vec<Named>> = HashMap::new();
    for it in shops::directory(session).await? {
        // What no marketplace knows, none pushes about.
        if connectors::connecting(it.platform).is_err() {
            continue;
        }
        let named = Named::Shop(it.merchant, it.shop.clone());
        names.entry((it.platform, it.shop.as_str().to_owned())).or_default().push(named.clone());
        // Two merchants cannot have the same account: the first keeps the route.
        names.entry((it.platform, it.account)).or_insert_with(|| vec![named]);
    }
    for (merchant, platform, app) in apps::directory(session).await? {
        names.entry((platform, app)).or_default().push(Named::App(merchant));
    }
    Ok(names)
}

async fn route(app: &App, session: &mut Session, platform: Platform, named: &Named) -> Result<Option<Route>, Problem> {
    let merchant = match named {
        Named::Shop(merchant, _) | Named::App(merchant) => merchant.clone(),
    };
    let all = app.store.shops(session, &merchant).await?;
    let all: Vec<ShopRecord> = all.into_iter().filter(|it| it.connected && it.platform == platform).collect();
    let policy = app.engine.policy(platform)?;
    let opened = match named {
        Named::Shop(_, id) => {
            let Some(shop) = all.iter().find(|shop| shop.id == *id) else { return Ok(None) };
            connectors::open(platform, &shop.address, &shop.credentials, app.engine.policies())
        }
        Named::App(_) => {
            let Some(kept) = app.store.app(session, &merchant, platform).await? else { return Ok(None) };
            let Some(country) = policy.countries.first().cloned() else { return Ok(None) };
            let credentials =
                connectors::connecting(platform).and_then(|it| it.shop(&kept.credentials, &country.code, None));
            credentials.and_then(|credentials| {
                connectors::open(platform, &country.address, &credentials, app.engine.policies())
            })
        }
    };
    let connector = opened.map_err(|error| Problem::internal(error.to_string()))?;
    let shop = match named {
        Named::Shop(_, id) => all.iter().find(|shop| shop.id == *id),
        Named::App(_) => None,
    };
    Ok(Some(Route {
        callback_url: shop.and_then(|shop| shop.callback_url.clone()),
        shop: shop.map(|shop| shop.id.clone()),
        public_url: public_address::of(session, &merchant).await?.map(|address| address.url),
        connector,
        shops: all.into_iter().map(|shop| (shop.account, shop.id)).collect(),
        merchant,
    }))
}
