//! Users, their sessions and their API tokens. Secrets are kept as hashes only.

use crate::error::StoreError;
use crate::orders::{json_list, parsed};
use crate::session::{Row, Session, args, statements};
use domain::ids::{MerchantId, ShopId, UserId};
use domain::time::Moment;

/// A user as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 6 and of the columns")]
pub struct UserRecord {
    pub merchant: MerchantId,
    pub id: UserId,
    pub email: String,
    /// The permissions' words.
    pub permissions: Vec<String>,
    /// Only these shops; `None` means all.
    pub shops: Option<Vec<ShopId>>,
}

/// A signed-in session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose.
    pub user: UserRecord,
    /// What every form must repeat.
    pub csrf: String,
    /// When it ends.
    pub expires_at: Moment,
}

macro_rules! user {
    () => {
        "u.merchant_id, u.user_id, u.email, u.permissions, u.shops"
    };
}

statements! {
    ADD = "insert into users (merchant_id, user_id, email, password_hash, permissions, shops, created_at) values ($1, $2, $3, $4, $5, $6, $7)";
    ADD_SIGN_IN = "insert into sign_ins (email, merchant_id, user_id) values ($1, $2, $3)";
    BY_EMAIL = concat!("select ", user!(), ", u.password_hash from sign_ins s join users u on u.merchant_id = s.merchant_id and u.user_id = s.user_id \
        where s.email = $1");
    SET_PASSWORD = "update users set password_hash = $3 where merchant_id = $1 and user_id = $2";
    ANY = "select count(*) as users from sign_ins";
    BEGIN_SESSION = "insert into sessions (token_hash, merchant_id, user_id, csrf, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)";
    SESSION = concat!("select ", user!(), ", s.csrf, s.expires_at from sessions s join users u on u.merchant_id = s.merchant_id \
        and u.user_id = s.user_id where s.token_hash = $1 and s.expires_at > $2");
    END_SESSION = "delete from sessions where token_hash = $1";
    FORGET_SESSIONS = "delete from sessions where expires_at <= $1";
    ADD_TOKEN = "insert into api_tokens (token_hash, merchant_id, user_id, name, created_at) values ($1, $2, $3, $4, $5)";
    TOKEN = concat!("select ", user!(), " from api_tokens t join users u on u.merchant_id = t.merchant_id and u.user_id = t.user_id where t.token_hash = $1");
}

/// Adds a user who may sign in.
///
/// # Errors
/// [`StoreError::Exists`] when the e-mail address is taken.
pub async fn add(session: &mut Session, user: &UserRecord, password_hash: &str, now: Moment) -> Result<(), StoreError> {
    let permissions = json_list(user.permissions.iter().map(String::as_str));
    let shops = user.shops.as_ref().map(|shops| json_list(shops.iter().map(ShopId::as_str)));
    session
        .execute(
            ADD,
            args![
                user.merchant.as_str(),
                user.id.as_str(),
                &user.email,
                password_hash,
                &permissions,
                shops.as_deref(),
                now.millis()
            ],
        )
        .await?;
    session.execute(ADD_SIGN_IN, args![&user.email, user.merchant.as_str(), user.id.as_str()]).await.map(drop)
}

/// The user of an e-mail address, with the password's hash.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_email(session: &mut Session, email: &str) -> Result<Option<(UserRecord, String)>, StoreError> {
    let row = session.row(BY_EMAIL, args![email]).await?;
    row.map(|row| Ok((read(&row)?, row.text("password_hash")?))).transpose()
}

/// Sets a user's password.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn set_password(session: &mut Session, user: &UserRecord, password_hash: &str) -> Result<(), StoreError> {
    session.execute(SET_PASSWORD, args![user.merchant.as_str(), user.id.as_str(), password_hash]).await.map(drop)
}

/// Whether anybody may sign in at all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn any(session: &mut Session) -> Result<bool, StoreError> {
    session.row(ANY, &[]).await?.map_or(Ok(false), |row| Ok(row.int("users")? > 0))
}

/// Begins a session under the hash of its token.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn begin_session(
    session: &mut Session,
    token_hash: &str,
    user: &UserRecord,
    csrf: &str,
    now: Moment,
    expires_at: Moment,
) -> Result<(), StoreError> {
    let args = args![token_hash, user.merchant.as_str(), user.id.as_str(), csrf, now.millis(), expires_at.millis()];
    session.execute(BEGIN_SESSION, args).await.map(drop)
}

/// The session of a token's hash, unless it has ended.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn session(
    session: &mut Session,
    token_hash: &str,
    now: Moment,
) -> Result<Option<SessionRecord>, StoreError> {
    let row = session.row(SESSION, args![token_hash, now.millis()]).await?;
    row.map(|row| {
        Ok(SessionRecord {
            user: read(&row)?,
            csrf: row.text("csrf")?,
            expires_at: Moment::from_millis(row.int("expires_at")?),
        })
    })
    .transpose()
}

/// Ends a session.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end_session(session: &mut Session, token_hash: &str) -> Result<(), StoreError> {
    session.execute(END_SESSION, args![token_hash]).await.map(drop)
}

/// Forgets sessions that have ended.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn forget_sessions(session: &mut Session, now: Moment) -> Result<u64, StoreError> {
    session.execute(FORGET_SESSIONS, args![now.millis()]).await
}

/// Adds an API token of a user, by its hash.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn add_token(
    session: &mut Session,
    token_hash: &str,
    user: &UserRecord,
    name: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let args = args![token_hash, user.merchant.as_str(), user.id.as_str(), name, now.millis()];
    session.execute(ADD_TOKEN, args).await.map(drop)
}

/// Whose API token this is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn by_token(session: &mut Session, token_hash: &str) -> Result<Option<UserRecord>, StoreError> {
    session.row(TOKEN, args![token_hash]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<UserRecord, StoreError> {
    let list = |column: &'static str, text: &str| -> Result<Vec<String>, StoreError> {
        serde_json::from_str(text).map_err(|_| StoreError::unreadable(column, text))
    };
    let shops = match row.optional_text("shops")? {
        Some(text) => {
            let shops = list("shops", &text)?;
            let parsed: Result<Vec<_>, _> = shops.into_iter().map(ShopId::parse).collect();
            Some(parsed.map_err(|_| StoreError::unreadable("shops", &text))?)
        }
        None => None,
    };
    Ok(UserRecord {
        merchant: parsed(row, "merchant_id", |text| MerchantId::parse(text))?,
        id: parsed(row, "user_id", |text| UserId::parse(text))?,
        email: row.text("email")?,
        permissions: list("permissions", &row.text("permissions")?)?,
        shops,
    })
}
