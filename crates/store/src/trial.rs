//! Throw-away databases for tests: a SQLite file in a temporary folder, or a database of its own on a PostgreSQL cluster
//! that this process starts and that ends with it.

use crate::{Durability, SealingKey, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database that goes when this is dropped (SQLite) or when the process ends (PostgreSQL).
pub struct Trial {
    /// The store, migrated.
    pub store: Store,
    /// Its address, for a second store or process on the same data.
    pub address: String,
    folder: Option<tempfile::TempDir>,
}

impl Trial {
    /// A fresh SQLite file.
    ///
    /// # Panics
    /// When no temporary folder or database can be made.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("sqlite:{}", folder.path().join("countermand.db").display());
        Self { store: open(&address).await.expect("a fresh SQLite database"), address, folder: Some(folder) }
    }

    /// A fresh database on this process's own PostgreSQL cluster.
    ///
    /// # Panics
    /// When PostgreSQL's server programs are not installed or do not start.
    pub async fn postgres() -> Self {
        let address = Cluster::of_this_process().fresh_database();
        Self { store: open(&address).await.expect("a fresh PostgreSQL database"), address, folder: None }
    }

    /// Opens the same database again, as a restarted process would.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn reopen(&self) -> Store {
        open(&self.address).await.expect("the same database")
    }

    /// Changes the database behind the store's back, checks switched off, as somebody with a database tool would.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn tamper(&self, statements: &[String]) {
        if let Some(path) = self.address.strip_prefix("sqlite:") {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(std::time::Duration::from_secs(15));
            let mut connection = options.connect().await.expect("the same database");
            connection.execute("pragma ignore_check_constraints = on").await.expect("switched off");
            for statement in statements {
                connection.execute(AssertSqlSafe(statement.as_str()).into_sql_str()).await.expect("changed");
            }
            connection.close().await.expect("closed");
        } else {
            let mut connection = PgConnection::connect(&self.address).await.expect("the same database");
            let checks = "do $$ declare it record; begin for it in select conname from pg_constraint \
                where conrelid = 'balances'::regclass and contype = 'c' loop execute 'alter table balances drop constraint ' \
                || quote_ident(it.conname); end loop; end $$";
            connection.execute(checks).await.expect("switched off");
            for statement in statements {
                connection.execute(AssertSqlSafe(statement.as_str()).into_sql_str()).await.expect("changed");
            }
            connection.close().await.expect("closed");
        }
    }

    /// The folder of the SQLite file, for what a test wants to put beside it.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(tempfile::TempDir::path)
    }
}

/// The key that trial databases are sealed with: 64 hexadecimal digits.
pub const KEY: &str = "4242424242424242424242424242424242424242424242424242424242424242";

async fn open(address: &str) -> Result<Store, StoreError> {
    let store = Store::open(address, SealingKey::from_hex(KEY, "the trial key")?, Durability::PowerCut).await?;
    store.migrate().await?;
    Ok(store)
}

/// Makes two tests of one: on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($trial:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "the body names what it uses")]
            use super::*;

            async fn course($trial: $crate::trial::Trial) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $(#[$attribute])*
            async fn on_sqlite() {
                course($crate::trial::Trial::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $(#[$attribute])*
            async fn on_postgres() {
                course($crate::trial::Trial::postgres().await).await;
            }
        }
    )*};
}

/// A PostgreSQL cluster in a temporary folder, reached through a socket there; nothing listens on the network.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// Ends the server when its standard input closes, which is when this process ends, however it ends.
    _keeper: Child,
}

impl Cluster {
    /// The cluster of this process, started when first asked for.
    ///
    /// # Panics
    /// When PostgreSQL's server programs are not installed or do not start.
    pub fn of_this_process() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(|| Self::start("fsync=off"))
    }

    /// Makes an empty database and answers its address.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[must_use]
    pub fn fresh_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("trial_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", &[&name]);
        self.address(&name)
    }

    fn address(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// A cluster that keeps what it answered through a power cut, as a real one does; for benches.
    ///
    /// # Panics
    /// When PostgreSQL's server programs are not installed or do not start.
    #[must_use]
    pub fn durable() -> Self {
        Self::start("fsync=on")
    }

    fn start(durability: &str) -> Self {
        let programs = server_programs().expect("PostgreSQL's server programs (initdb, postgres) are needed: `./x test` installs them, or install Debian's package postgresql");
        let folder = tempfile::Builder::new().prefix("countermand-pg-").tempdir().expect("a temporary folder").keep();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        run(as_postgres(&programs.join("initdb")).arg("--pgdata").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]));
        let script = r#"
            "$@" &
            server=$!
            cat > /dev/null
            kill -INT $server
            wait $server
            rm -rf "$FOLDER"
        "#;
        let mut keeper = as_postgres(Path::new("sh"));
        keeper
            .args(["-c", script, "sh"])
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                durability,
                "-c",
                "max_connections=200",
                "-c",
                "log_min_messages=fatal",
            ]);
        keeper
            .env("FOLDER", &folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let keeper = keeper.spawn().expect("PostgreSQL starts");
        let cluster = Self { folder, programs, _keeper: keeper };
        cluster.wait_until_ready();
        cluster
    }

    fn wait_until_ready(&self) {
        // pg_isready waits for nothing by itself; psql's connection attempt answers at once either way.
        for _ in 0..600 {
            let mut ready = Command::new(self.programs.join("pg_isready"));
            ready.arg("--quiet").arg("--timeout=1").arg("--host").arg(&self.folder);
            if ready.status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL did not get ready in {}", self.folder.display());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        run(command.arg("--host").arg(&self.folder).arg("--username=postgres").args(arguments));
    }
}

fn server_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

fn is_root() -> bool {
    let identity = Command::new("id").arg("-u").output();
    identity.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to run as root; then it runs as the user that its package made.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["--preserve-environment", "-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let output = command.current_dir("/").output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
