//! Chores that are programs of the workspace: cargo builds and runs them.

use std::path::Path;
use std::process::{Command, ExitCode};

/// Runs the desk's bench, or parts of it.
pub(crate) fn bench(parts: &[String]) -> ExitCode {
    run(Command::new("cargo").args(["bench", "--package", "countermand", "--bench", "desk", "--"]).args(parts))
}

/// Runs the torture with so many orders; it says what it did.
pub(crate) fn torture(orders: u32) -> ExitCode {
    round("torture::", "COUNTERMAND_TORTURE_ORDERS", &orders.to_string())
}

/// Runs the torture of stock-ins with so many orders.
pub(crate) fn torture_stock_in(orders: u32) -> ExitCode {
    round("stock_in_at_once::", "COUNTERMAND_STOCK_IN_ORDERS", &orders.to_string())
}

/// Runs the torture of one large batch of 10,000 orders.
pub(crate) fn torture_bulk() -> ExitCode {
    round("bulk::", "COUNTERMAND_BULK_ORDERS", "10000")
}

/// Runs the torture of 500 answers to buyers.
pub(crate) fn torture_answers() -> ExitCode {
    round("answers::", "COUNTERMAND_ANSWERS", "500")
}

/// Runs 200 rounds of the race for one order from many connections.
pub(crate) fn torture_race() -> ExitCode {
    round("race::", "COUNTERMAND_RACE_ROUNDS", "200")
}

/// Runs tests in their full size, one after the other, in a release build.
fn round(tests: &str, variable: &str, size: &str) -> ExitCode {
    let mut test = Command::new("cargo");
    test.args(["test", "--release", "--package", "countermand", "--test", "it", tests, "--"]);
    run(test.args(["--nocapture", "--test-threads", "1"]).env(variable, size))
}

/// Replays every month of a folder; it says what agreed. Where the folder cannot be named, the test says so.
pub(crate) fn replay(folder: &Path) -> ExitCode {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut test = Command::new("cargo");
    test.args(["test", "--package", "countermand", "--test", "it", "replay::every_month", "--", "--nocapture"]);
    run(test.env("COUNTERMAND_REPLAY", folder))
}

fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: cargo does not start: {error}; install Rust, then try again");
            ExitCode::FAILURE
        }
    }
}
