//! What can go wrong with the store, and what to do about it.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the row meanwhile.
    #[error("{0} was changed meanwhile; read it again and repeat")]
    Conflict(&'static str),
    /// A row that must be unique exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// A value in the database is none of ours.
    #[error("the database holds “{value}” in {column}, which this version cannot read; was it written by a newer one?")]
    Unreadable {
        /// The column.
        column: String,
        /// What it holds.
        value: String,
    },
    /// The address of the database is not understood.
    #[error("“{0}” is no database; write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")]
    Address(String),
    /// Sealed credentials cannot be opened with this key.
    #[error("credentials cannot be opened with this key; use the key they were sealed with")]
    WrongKey,
    /// The key file or setting is no key.
    #[error("{0} is no key: 64 hexadecimal digits are expected")]
    BadKey(String),
    /// A migration failed.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database was too busy or went away: the same may succeed when repeated.
    #[error("the database is busy or away; try again: {0}")]
    Away(#[source] sqlx::Error),
    /// Anything else of the database.
    #[error("the database refused a statement: {0}")]
    Database(#[source] sqlx::Error),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl StoreError {
    pub(crate) fn unreadable(column: &str, value: impl ToString) -> Self {
        Self::Unreadable { column: column.to_owned(), value: value.to_string() }
    }

    /// Whether the same may succeed when repeated.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Conflict(_))
    }
}

/// Sorts the database's errors into ours.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => StoreError::Exists(cause.message().to_owned()),
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            // SQLite busy and locked; PostgreSQL serialization failure, deadlock, shutting down, too many connections.
            Some("5" | "6" | "517" | "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "53300") => {
                StoreError::Away(error)
            }
            _ => StoreError::Database(error),
        },
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => StoreError::Away(error),
        _ => StoreError::Database(error),
    }
}
