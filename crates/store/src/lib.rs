//! Facts on disk.
//!
//! One SQL text serves SQLite and PostgreSQL (`dialect.rs` holds what differs). A [`Store`] hands out [`Session`]s, each
//! one transaction; the functions that read and write rows stand with their subject and take a session. Every table's
//! key begins with the merchant, and no query crosses it, but for the few directory tables that find the merchant.

mod dialect;
mod error;
mod new_id;
mod sealing;
mod session;

pub mod apps;
pub mod audits;
pub mod batches;
pub mod bundles;
pub mod cancellations;
pub mod cases;
pub mod closed_listings;
pub mod consents;
pub mod default_answers;
pub mod explain;
pub mod handovers;
pub mod idempotency;
pub mod jobs;
pub mod labels;
pub mod log;
pub mod mappings;
pub mod order_lists;
pub mod orders;
pub mod pack_rules;
pub mod people;
pub mod prints;
pub mod proof;
pub mod public_address;
pub mod requests;
pub mod scans;
pub mod shelves;
pub mod shipments;
pub mod shop_stock;
pub mod shops;
pub mod stock;
pub mod stock_ins;
pub mod stock_pushes;
pub mod stock_rules;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "trial"))]
pub mod trial;
pub mod warehouse_links;
pub mod warehouse_orders;
pub mod warehouse_shelves;
pub mod warehouses;
#[cfg(test)]
mod warehouses_tests;

pub use dialect::Engine;
pub use error::StoreError;
pub use new_id::new_id;
pub use sealing::{SealingKey, random_bytes};
pub use session::Session;

use error::classify;
use session::Transaction;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::str::FromStr as _;
use std::time::Duration;
use stock_pushes::WantedAtCommit;

/// Readers on SQLite at once; it has one writer.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL per process.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a statement waits for another writer, and a session for a free connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// What an accepted command survives on SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut (`synchronous=full`).
    #[default]
    PowerCut,
    /// A crash of the program, not always a power cut (`synchronous=normal`): faster, and for a seller who can live
    /// with asking the marketplaces again what the last second was about.
    Crash,
}

enum Pools {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

/// The database.
#[derive(Clone)]
pub struct Store {
    pools: std::sync::Arc<Pools>,
    key: SealingKey,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `sqlite:PATH` (made if it is not there) or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Address`] for anything else, or what the database says.
    pub async fn open(address: &str, key: SealingKey, durability: Durability) -> Result<Self, StoreError> {
        let pools = if let Some(path) = address.strip_prefix("sqlite:") {
            let synchronous = match durability {
                Durability::PowerCut => SqliteSynchronous::Full,
                Durability::Crash => SqliteSynchronous::Normal,
            };
            let options = SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .pragma("cache_size", "-16000")
                // A page that changes again and again is copied back to the file less often; the log grows to about 16 MB.
                .pragma("wal_autocheckpoint", "4000")
                .statement_cache_capacity(256);
            let pool =
                |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(BUSY_TIMEOUT);
            let write = pool(1).connect_with(options.clone()).await.map_err(classify)?;
            let read = pool(SQLITE_READERS).connect_with(options).await.map_err(classify)?;
            Pools::Sqlite { write, read }
        } else if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            let options =
                PgConnectOptions::from_str(address).map_err(|_| StoreError::Address(without_password(address)))?;
            let options = options.application_name("countermand").statement_cache_capacity(256);
            let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(BUSY_TIMEOUT);
            Pools::Postgres(pool.connect_with(options).await.map_err(classify)?)
        } else {
            return Err(StoreError::Address(without_password(address)));
        };
        Ok(Self { pools: std::sync::Arc::new(pools), key })
    }

    /// Which database this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &*self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// The key that credentials are sealed with.
    #[must_use]
    pub const fn key(&self) -> &SealingKey {
        &self.key
    }

    /// Brings the schema up to date. Safe to call at every start and from several processes at once.
    ///
    /// # Errors
    /// [`StoreError::Migration`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &*self.pools {
            Pools::Sqlite { write, .. } => migrator(SQLITE_MIGRATIONS).run(write).await?,
            Pools::Postgres(pool) => migrator(POSTGRES_MIGRATIONS).run(pool).await?,
        }
        Ok(())
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// [`StoreError::Away`] when no connection is to be had in time.
    pub async fn begin(&self) -> Result<Session, StoreError> {
        let transaction = match &*self.pools {
            Pools::Sqlite { write, .. } => {
                Transaction::Sqlite(write.begin_with("begin immediate").await.map_err(classify)?)
            }
            Pools::Postgres(pool) => Transaction::Postgres(pool.begin().await.map_err(classify)?),
        };
        Ok(Session { transaction, pushes: WantedAtCommit::default() })
    }

    /// Begins a transaction that only reads, and sees one moment.
    ///
    /// # Errors
    /// [`StoreError::Away`] when no connection is to be had in time.
    pub async fn read(&self) -> Result<Session, StoreError> {
        let transaction = match &*self.pools {
            Pools::Sqlite { read, .. } => Transaction::Sqlite(read.begin().await.map_err(classify)?),
            Pools::Postgres(pool) => Transaction::Postgres(
                pool.begin_with("begin isolation level repeatable read read only").await.map_err(classify)?,
            ),
        };
        Ok(Session { transaction, pushes: WantedAtCommit::default() })
    }

    /// Ends all connections; what is under way is rolled back.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

fn without_password(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(host)) if host > scheme => format!("{}://…{}", &address[..scheme], &address[host..]),
        _ => address.to_owned(),
    }
}

type MigrationFile = (i64, &'static str, &'static str);

const SQLITE_MIGRATIONS: &[MigrationFile] = &[
    (1, "orders cancellations stock", include_str!("../migrations/sqlite/0001_orders_cancellations_stock.sql")),
    (2, "cancels of lines", include_str!("../migrations/sqlite/0002_cancels_of_lines.sql")),
    (3, "batches", include_str!("../migrations/sqlite/0003_batches.sql")),
    (4, "apps consents public address", include_str!("../migrations/sqlite/0004_apps_consents_public_address.sql")),
    (5, "shipments labels", include_str!("../migrations/sqlite/0005_shipments_labels.sql")),
    (6, "cancellation requests", include_str!("../migrations/sqlite/0006_cancellation_requests.sql")),
    (7, "stock ins", include_str!("../migrations/sqlite/0007_stock_ins.sql")),
    (8, "third party warehouses", include_str!("../migrations/sqlite/0008_third_party_warehouses.sql")),
    (9, "doors", include_str!("../migrations/sqlite/0009_doors.sql")),
    (10, "stock pushes mappings", include_str!("../migrations/sqlite/0010_stock_pushes_mappings.sql")),
    (11, "audits stock rules", include_str!("../migrations/sqlite/0011_audits_stock_rules.sql")),
    (12, "guided repacks", include_str!("../migrations/sqlite/0012_guided_repacks.sql")),
    (13, "default answers", include_str!("../migrations/sqlite/0013_default_answers.sql")),
    (14, "goods of lines", include_str!("../migrations/sqlite/0014_goods_of_lines.sql")),
    (16, "unexplained units", include_str!("../migrations/sqlite/0016_unexplained_units.sql")),
    (17, "request alerts", include_str!("../migrations/sqlite/0017_request_alerts.sql")),
    (18, "lines at warehouses", include_str!("../migrations/sqlite/0018_lines_at_warehouses.sql")),
    (19, "told destinations", include_str!("../migrations/sqlite/0019_told_destinations.sql")),
    (22, "revived units", include_str!("../migrations/sqlite/0022_revived_units.sql")),
    (23, "statuses before the cancel", include_str!("../migrations/sqlite/0023_statuses_before_the_cancel.sql")),
];
const POSTGRES_MIGRATIONS: &[MigrationFile] = &[
    (1, "orders cancellations stock", include_str!("../migrations/postgres/0001_orders_cancellations_stock.sql")),
    (2, "cancels of lines", include_str!("../migrations/postgres/0002_cancels_of_lines.sql")),
    (3, "batches", include_str!("../migrations/postgres/0003_batches.sql")),
    (4, "apps consents public address", include_str!("../migrations/postgres/0004_apps_consents_public_address.sql")),
    (5, "shipments labels", include_str!("../migrations/postgres/0005_shipments_labels.sql")),
    (6, "cancellation requests", include_str!("../migrations/postgres/0006_cancellation_requests.sql")),
    (7, "stock ins", include_str!("../migrations/postgres/0007_stock_ins.sql")),
    (8, "third party warehouses", include_str!("../migrations/postgres/0008_third_party_warehouses.sql")),
    (9, "doors", include_str!("../migrations/postgres/0009_doors.sql")),
    (10, "stock pushes mappings", include_str!("../migrations/postgres/0010_stock_pushes_mappings.sql")),
    (11, "audits stock rules", include_str!("../migrations/postgres/0011_audits_stock_rules.sql")),
    (12, "guided repacks", include_str!("../migrations/postgres/0012_guided_repacks.sql")),
    (13, "default answers", include_str!("../migrations/postgres/0013_default_answers.sql")),
    (14, "goods of lines", include_str!("../migrations/postgres/0014_goods_of_lines.sql")),
    (16, "unexplained units", include_str!("../migrations/postgres/0016_unexplained_units.sql")),
    (17, "request alerts", include_str!("../migrations/postgres/0017_request_alerts.sql")),
    (18, "lines at warehouses", include_str!("../migrations/postgres/0018_lines_at_warehouses.sql")),
    (19, "told destinations", include_str!("../migrations/postgres/0019_told_destinations.sql")),
    (22, "revived units", include_str!("../migrations/postgres/0022_revived_units.sql")),
    (23, "statuses before the cancel", include_str!("../migrations/postgres/0023_statuses_before_the_cancel.sql")),
];

fn migrator(files: &[MigrationFile]) -> Migrator {
    let migration = |(version, title, sql): &MigrationFile| {
        let sql = sqlx::SqlSafeStr::into_sql_str(*sql);
        Migration::new(*version, (*title).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

/// Every statement by module, for the tests that prepare them all and look at their plans.
#[cfg(test)]
const ALL_STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("apps", apps::STATEMENTS),
    ("audits", audits::STATEMENTS),
    ("batches", batches::STATEMENTS),
    ("bundles", bundles::STATEMENTS),
    ("cancellations", cancellations::STATEMENTS),
    ("cases", cases::STATEMENTS),
    ("closed_listings", closed_listings::STATEMENTS),
    ("consents", consents::STATEMENTS),
    ("default_answers", default_answers::STATEMENTS),
    ("handovers", handovers::STATEMENTS),
    ("explain", explain::STATEMENTS),
    ("idempotency", idempotency::STATEMENTS),
    ("jobs", jobs::STATEMENTS),
    ("labels", labels::STATEMENTS),
    ("log", log::STATEMENTS),
    ("mappings", mappings::STATEMENTS),
    ("order_lists", order_lists::STATEMENTS),
    ("orders", orders::STATEMENTS),
    ("pack_rules", pack_rules::STATEMENTS),
    ("people", people::STATEMENTS),
    ("prints", prints::STATEMENTS),
    ("proof", proof::STATEMENTS),
    ("public_address", public_address::STATEMENTS),
    ("requests", requests::STATEMENTS),
    ("scans", scans::STATEMENTS),
    ("shelves", shelves::STATEMENTS),
    ("shipments", shipments::STATEMENTS),
    ("shop_stock", shop_stock::STATEMENTS),
    ("shops", shops::STATEMENTS),
    ("stock", stock::STATEMENTS),
    ("stock_ins", stock_ins::STATEMENTS),
    ("stock_pushes", stock_pushes::STATEMENTS),
    ("stock_rules", stock_rules::STATEMENTS),
    ("warehouse_links", warehouse_links::STATEMENTS),
    ("warehouse_orders", warehouse_orders::STATEMENTS),
    ("warehouse_shelves", warehouse_shelves::STATEMENTS),
    ("warehouses", warehouses::STATEMENTS),
];
