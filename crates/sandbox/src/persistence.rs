//! The journal: what a sandbox with a data folder remembers across restarts and kills.
//!
//! One line of JSON per transaction, written before the answer goes out: an array of `[owner, record]` pairs, each
//! record a whole entity in its new state, so that the last one wins. A line that a kill cut short is dropped with
//! the answer that was never sent. Lines are handed to the system, not synced to the disk: they survive the end of
//! the process, not that of the machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;

/// The name of the journal in the data folder.
const FILE: &str = "sandbox.journal";
/// The name of a journal being written anew.
const NEW_FILE: &str = "sandbox.journal.new";
/// Locked while a sandbox works on the folder; the system unlocks it when the process ends.
const LOCK: &str = "sandbox.lock";
/// The journal is written anew when it grew by so many bytes.
const REWRITE_AFTER_BYTES: u64 = 64 << 20;

/// A record that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Unreadable {
        Unreadable(error.to_string())
    }
}

/// Where changed entities go.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    kept: Kept<'a>,
    failed: Option<io::Error>,
}

#[derive(Debug)]
enum Kept<'a> {
    /// Nowhere: the sandbox has no data folder.
    Forgotten,
    /// In one line, which is one transaction.
    Line(Vec<u8>),
    /// Each in a line of its own, in a journal that nobody reads before it is whole.
    Lines(&'a mut BufWriter<File>),
}

impl Changes<'_> {
    /// Changes of one transaction.
    pub(crate) fn of_transaction() -> Changes<'static> {
        Changes { kept: Kept::Line(Vec::new()), failed: None }
    }

    /// Changes that nobody keeps.
    pub(crate) fn forgotten() -> Changes<'static> {
        Changes { kept: Kept::Forgotten, failed: None }
    }

    /// Adds an entity in its new state.
    pub(crate) fn put(&mut self, owner: &str, record: &impl Serialize) {
        let written = match &mut self.kept {
            Kept::Forgotten => Ok(()),
            Kept::Line(line) => {
                line.push(if line.is_empty() { b'[' } else { b',' });
                serde_json::to_writer(line, &(owner, record)).map_err(io::Error::from)
            }
            Kept::Lines(file) => serde_json::to_writer(&mut **file, &[(owner, record)])
                .map_err(io::Error::from)
                .and_then(|()| file.write_all(b"\n")),
        };
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}

/// The journal file.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    _lock: File,
    file: File,
    grown: u64,
}

impl Journal {
    /// Reads what is there, record by record, and goes on behind the last whole line. Answers whether there was any.
    pub(crate) fn open(
        folder: &Path,
        mut restore: impl FnMut(&str, &str) -> Result<(), Unreadable>,
    ) -> io::Result<(Journal, bool)> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let lock = OpenOptions::new().create(true).append(true).open(folder.join(LOCK))?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another sandbox works on this data folder: end that one first, or choose another folder",
            ));
        }
        let file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
        let mut reader = BufReader::new(&file);
        let mut whole = 0_u64;
        let mut line = Vec::new();
        let mut number = 0_u64;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            let damaged = |reason: String| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "{} line {number} cannot be read ({reason}): move the file away to start anew",
                        path.display()
                    ),
                )
            };
            let records: Vec<(&str, &RawValue)> =
                serde_json::from_slice(&line).map_err(|error| damaged(error.to_string()))?;
            for (owner, record) in records {
                restore(owner, record.get()).map_err(|error| damaged(error.to_string()))?;
            }
            whole += read as u64;
        }
        file.set_len(whole)?;
        Ok((Journal { folder: folder.to_owned(), _lock: lock, file, grown: 0 }, whole > 0))
    }

    /// Writes a transaction; once this returns, it survives the end of the process.
    pub(crate) fn append(&mut self, changes: Changes<'_>) -> io::Result<()> {
        if let Some(error) = changes.failed {
            return Err(error);
        }
        let Kept::Line(mut line) = changes.kept else { return Ok(()) };
        if line.is_empty() {
            return Ok(());
        }
        line.extend_from_slice(b"]\n");
        self.grown += line.len() as u64;
        self.file.write_all(&line)
    }

    /// The journal has grown so much that it should be written anew.
    pub(crate) fn is_long(&self) -> bool {
        self.grown > REWRITE_AFTER_BYTES
    }

    /// Replaces the journal by one that holds only the present state; a kill leaves the old one or the new one.
    pub(crate) fn rewrite(&mut self, everything: impl FnOnce(&mut Changes<'_>)) -> io::Result<()> {
        let fresh = self.folder.join(NEW_FILE);
        let mut writer = BufWriter::new(File::create(&fresh)?);
        let mut changes = Changes { kept: Kept::Lines(&mut writer), failed: None };
        everything(&mut changes);
        if let Some(error) = changes.failed {
            return Err(error);
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&fresh, self.folder.join(FILE))?;
        self.file = OpenOptions::new().append(true).open(self.folder.join(FILE))?;
        self.grown = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path) -> (Journal, Vec<(String, String)>) {
        let mut records = Vec::new();
        let (journal, _) = Journal::open(folder, |owner, record| {
            records.push((owner.to_owned(), record.to_owned()));
            Ok(())
        })
        .unwrap();
        (journal, records)
    }

    #[test]
    fn what_was_appended_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = read(folder.path());
        let mut changes = Changes::of_transaction();
        changes.put("shopee", &1);
        changes.put("clock", &"x");
        journal.append(changes).unwrap();
        drop(journal);
        let (_, records) = read(folder.path());
        assert_eq!(records, [("shopee".to_owned(), "1".to_owned()), ("clock".to_owned(), "\"x\"".to_owned())]);
    }

    #[test]
    fn a_line_cut_short_by_a_kill_is_dropped_and_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "[[\"a\",1]]\n[[\"a\",2").unwrap();
        let (mut journal, records) = read(folder.path());
        assert_eq!(records.len(), 1);
        let mut changes = Changes::of_transaction();
        changes.put("a", &3);
        journal.append(changes).unwrap();
        drop(journal);
        assert_eq!(read(folder.path()).1.len(), 2);
    }

    #[test]
    fn a_rewritten_journal_holds_only_the_present_state() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = read(folder.path());
        for number in 0..10 {
            let mut changes = Changes::of_transaction();
            changes.put("a", &number);
            journal.append(changes).unwrap();
        }
        journal.rewrite(|everything| everything.put("a", &9)).unwrap();
        let mut changes = Changes::of_transaction();
        changes.put("a", &10);
        journal.append(changes).unwrap();
        drop(journal);
        assert_eq!(read(folder.path()).1.len(), 2);
    }

    #[test]
    fn two_sandboxes_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = read(folder.path());
        let error = Journal::open(folder.path(), |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("another sandbox"), "{error}");
        drop(journal);
        assert!(Journal::open(folder.path(), |_, _| Ok(())).is_ok());
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "[[\"a\",1]]\nnonsense\n").unwrap();
        let error = Journal::open(folder.path(), |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
