//! Sellers' order exports, read before anything starts.

use crate::commands::Failure;
use crate::settings::SettingError;
use ::sandbox::shopee::export::{self, ExportError};
use serde_json::Value;
use std::path::PathBuf;

fn lines(error: &ExportError) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}

/// The orders of these files as the sandbox takes them, rewound to a moment if one is given. Every fault of every file
/// is told, one line each.
pub(super) fn read(paths: &[PathBuf], as_of: Option<&str>) -> Result<Option<Value>, Failure> {
    let as_of = as_of.map(|text| {
        export::moment(text).ok_or_else(|| SettingError {
            place: "--as-of".to_owned(),
            problem: format!("“{text}” is no day"),
            remedy: "write it as 2024-09-10 or \"2024-09-10 18:30\"".to_owned(),
        })
    });
    let as_of = as_of.transpose()?;
    if paths.is_empty() {
        return Ok(None);
    }
    let mut exports = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        match export::read(path) {
            Ok(export) => exports.push(export),
            Err(error) => faults.extend(lines(&error)),
        }
    }
    if !faults.is_empty() {
        return Err(Failure(faults));
    }
    let joined = export::Export::join(exports).map_err(|error| Failure(lines(&error)))?;
    Ok(Some(match as_of {
        Some(moment) => joined.as_of(moment).to_json(),
        None => joined.to_json(),
    }))
}
