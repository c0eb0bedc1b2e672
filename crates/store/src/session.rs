//! One transaction on either database, with one way to run a statement and one way to read a row.

use crate::dialect::{self, Engine};
use crate::error::{StoreError, classify};
use crate::stock_pushes::{self, WantedAtCommit};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite};

/// A value bound to a statement's `$n`.
#[derive(Debug, Clone)]
pub(crate) enum Arg<'a> {
    /// Text or null.
    Text(Option<&'a str>),
    /// Text owned by the argument.
    Owned(String),
    /// A number or null.
    Int(Option<i64>),
    /// A truth value or null.
    Bool(Option<bool>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}
impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}
impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}
impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}
impl From<Option<String>> for Arg<'_> {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Text(None), Self::Owned)
    }
}
impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}
impl From<u32> for Arg<'_> {
    fn from(number: u32) -> Self {
        Self::Int(Some(i64::from(number)))
    }
}
impl From<Option<i64>> for Arg<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}
impl From<bool> for Arg<'_> {
    fn from(truth: bool) -> Self {
        Self::Bool(Some(truth))
    }
}
impl From<Option<bool>> for Arg<'_> {
    fn from(truth: Option<bool>) -> Self {
        Self::Bool(truth)
    }
}
impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Lists the arguments of a statement: `args![merchant, 5_i64, None::<&str>]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::session::Arg::from($value)),*] };
}
pub(crate) use args;

/// Names statements and lists them, so that one test prepares them all on both databases.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*
        /// Every statement of this module, for the test that prepares them all.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use statements;

pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A transaction. Dropped without [`Session::commit`], it rolls back.
pub struct Session {
    pub(crate) transaction: Transaction,
    pub(crate) pushes: WantedAtCommit,
}

/// A row of an answer.
pub(crate) enum Row {
    /// From SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// From PostgreSQL.
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! bind {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for arg in $args {
            query = match arg {
                Arg::Text(text) => query.bind(text.map(str::to_owned)),
                Arg::Owned(text) => query.bind(text.clone()),
                Arg::Int(number) => query.bind(*number),
                Arg::Bool(truth) => query.bind(*truth),
                Arg::Bytes(bytes) => query.bind(bytes.to_vec()),
            };
        }
        query
    }};
}

impl Session {
    /// Which database this runs on.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self.transaction {
            Transaction::Sqlite(_) => Engine::Sqlite,
            Transaction::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement that changes rows; answers how many.
    pub(crate) async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let changed = match &mut self.transaction {
            Transaction::Sqlite(transaction) => {
                bind!(sql, args).execute(&mut **transaction).await.map(|done| done.rows_affected())
            }
            Transaction::Postgres(transaction) => bind!(AssertSqlSafe(dialect::postgres(sql)), args)
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
        };
        changed.map_err(classify)
    }

    /// Runs a statement that answers rows.
    pub(crate) async fn rows(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        match &mut self.transaction {
            Transaction::Sqlite(transaction) => {
                let rows = bind!(sql, args).fetch_all(&mut **transaction).await.map_err(classify)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Transaction::Postgres(transaction) => {
                let query = bind!(AssertSqlSafe(dialect::postgres(sql)), args);
                let rows = query.fetch_all(&mut **transaction).await.map_err(classify)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs a statement that answers one row or none.
    pub(crate) async fn row(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Begins a part that can be undone by itself: one order of a batch.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn savepoint(&mut self) -> Result<(), StoreError> {
        self.execute("savepoint one_order", &[]).await.map(drop)
    }

    /// Keeps what was done since [`Session::savepoint`].
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn release(&mut self) -> Result<(), StoreError> {
        self.execute("release savepoint one_order", &[]).await.map(drop)
    }

    /// Undoes what was done since [`Session::savepoint`].
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn undo(&mut self) -> Result<(), StoreError> {
        self.execute("rollback to savepoint one_order", &[]).await?;
        self.release().await
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`StoreError`] of the database; nothing was kept then.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let pushes = std::mem::take(&mut self.pushes);
        stock_pushes::want(&mut self, pushes).await?;
        match self.transaction {
            Transaction::Sqlite(transaction) => transaction.commit().await.map_err(classify),
            Transaction::Postgres(transaction) => transaction.commit().await.map_err(classify),
        }
    }
}

macro_rules! get {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($column).map_err(classify),
            Row::Postgres(row) => row.try_get($column).map_err(classify),
        }
    };
}

impl Row {
    /// A text that is never null.
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        get!(self, column)
    }

    /// A text or null.
    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        get!(self, column)
    }

    /// A number that is never null.
    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        get!(self, column)
    }

    /// A number or null.
    pub(crate) fn optional_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        get!(self, column)
    }

    /// A truth value that is never null.
    pub(crate) fn truth(&self, column: &str) -> Result<bool, StoreError> {
        get!(self, column)
    }

    /// A truth value or null.
    pub(crate) fn optional_truth(&self, column: &str) -> Result<Option<bool>, StoreError> {
        get!(self, column)
    }

    /// Bytes that are never null.
    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        get!(self, column)
    }

    /// A count of units.
    pub(crate) fn units(&self, column: &str) -> Result<u32, StoreError> {
        let number = self.int(column)?;
        u32::try_from(number).map_err(|_| StoreError::unreadable(column, number))
    }
}
