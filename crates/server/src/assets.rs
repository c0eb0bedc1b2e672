//! Scripts, styles and pictures: part of the binary, told apart by a hash of their content.

use crate::app::App;
use crate::pages;
use crate::problem::Problem;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

/// A file that is served under `/assets/`.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its name.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// Hex digits of the content's hash in addresses and entity tags.
const HASH_DIGITS: usize = 16;

fn hashes() -> &'static [(Asset, String)] {
    static HASHES: OnceLock<Vec<(Asset, String)>> = OnceLock::new();
    HASHES.get_or_init(|| {
        let hash = |asset: &Asset| hex::encode(Sha256::digest(asset.bytes)).chars().take(HASH_DIGITS).collect();
        pages::ASSETS.iter().map(|asset| (*asset, hash(asset))).collect()
    })
}

/// The address of an asset, which changes with its content, so that browsers may keep it for good.
#[must_use]
pub fn address(name: &str) -> String {
    match hashes().iter().find(|(asset, _)| asset.name == name) {
        Some((_, hash)) => format!("/assets/{name}?v={hash}"),
        None => format!("/assets/{name}"),
    }
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/assets/{name}", get(one))
}

async fn one(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = hashes().iter().find(|(asset, _)| asset.name == name);
    let (asset, hash) = found.ok_or_else(|| Problem::not_found("asset"))?;
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes());
    let cache = (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned());
    if known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag), cache]).into_response());
    }
    let headers = [(header::CONTENT_TYPE, asset.media_type.to_owned()), (header::ETAG, tag), cache];
    Ok((headers, asset.bytes).into_response())
}
