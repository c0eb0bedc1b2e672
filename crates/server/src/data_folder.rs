//! The data folder: database file, sealing key, and the lock that keeps a second server away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use store::{SealingKey, StoreError};

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The folder or a file in it cannot be made or read.
    #[error("{path}: {source}; choose another data folder with --data")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another server works on it.
    #[error("another countermand works on {0}; end it first, or choose another data folder with --data")]
    Locked(String),
    /// The key is wrong.
    #[error(transparent)]
    Key(#[from] StoreError),
}

/// The lock of a data folder: it goes with the process, however that ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holding the file holds the lock")] File);

/// A folder that exists.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// [`DataError::File`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        std::fs::create_dir_all(path).map_err(|source| DataError::File { path: path.display().to_string(), source })?;
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the lock that one server holds.
    ///
    /// # Errors
    /// [`DataError::Locked`] while another holds it.
    pub fn lock(&self) -> Result<Lock, DataError> {
        let path = self.0.join("lock");
        let failed = |source| DataError::File { path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(DataError::Locked(self.0.display().to_string())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The key that seals credentials: from the setting, else from the folder's key file, which is made when missing.
    ///
    /// # Errors
    /// [`DataError::Key`].
    pub fn key(&self, setting: Option<&str>) -> Result<SealingKey, DataError> {
        match setting {
            Some(digits) => Ok(SealingKey::from_hex(digits, "COUNTERMAND_KEY")?),
            None => Ok(SealingKey::from_file(&self.0.join("key"))?),
        }
    }

    /// Writes a file that only its owner may read, whole or not at all.
    ///
    /// # Errors
    /// [`DataError::File`].
    pub fn write_private(&self, name: &str, text: &str) -> Result<(), DataError> {
        let path = self.0.join(name);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| DataError::File { path: path.display().to_string(), source })
    }

    /// Reads a file, if it is there.
    ///
    /// # Errors
    /// [`DataError::File`].
    pub fn read(&self, name: &str) -> Result<Option<String>, DataError> {
        let path = self.0.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataError::File { path: path.display().to_string(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_kept_away_until_the_first_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::open(folder.path()).expect("opened");
        let lock = data.lock().expect("free");
        assert!(matches!(data.lock(), Err(DataError::Locked(_))));
        drop(lock);
        assert!(data.lock().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_only_its_owner_s() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::open(folder.path()).expect("opened");
        data.write_private("demo.json", "secret").expect("written");
        let mode = std::fs::metadata(folder.path().join("demo.json")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(data.read("demo.json").expect("read").as_deref(), Some("secret"));
        assert_eq!(data.read("other").expect("read"), None);
    }
}
