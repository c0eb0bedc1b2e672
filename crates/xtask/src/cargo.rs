//! Chores that are programs of the workspace: cargo builds and runs them.

use std::process::{Command, ExitCode};

/// Runs the desk's bench, or parts of it.
pub(crate) fn bench(parts: &[String]) -> ExitCode {
    run(Command::new("cargo").args(["bench", "--package", "countermand", "--bench", "desk", "--"]).args(parts))
}

/// Runs the torture with so many orders; it says what it did.
pub(crate) fn torture(orders: u32) -> ExitCode {
    let mut test = Command::new("cargo");
    test.args(["test", "--release", "--package", "countermand", "--test", "it", "torture", "--", "--nocapture"]);
    run(test.env("COUNTERMAND_TORTURE_ORDERS", orders.to_string()))
}

/// Runs the torture of stock-ins with so many orders; it says what it did.
pub(crate) fn torture_stock_in(orders: u32) -> ExitCode {
    let mut test = Command::new("cargo");
    test.args([
        "test",
        "--release",
        "--package",
        "countermand",
        "--test",
        "it",
        "stock_in_at_once",
        "--",
        "--nocapture",
    ]);
    run(test.env("COUNTERMAND_STOCK_IN_ORDERS", orders.to_string()))
}

/// Orders of the bulk torture.
const BULK_ORDERS: &str = "10000";

/// Runs the torture of one large batch; it says what it did.
pub(crate) fn torture_bulk() -> ExitCode {
    let mut test = Command::new("cargo");
    test.args(["test", "--release", "--package", "countermand", "--test", "it", "bulk::", "--", "--nocapture"]);
    run(test.args(["--test-threads", "1"]).env("COUNTERMAND_BULK_ORDERS", BULK_ORDERS))
}

/// Rounds of the race.
const RACE_ROUNDS: &str = "200";

/// Runs the race for one order from many connections.
pub(crate) fn torture_race() -> ExitCode {
    let mut test = Command::new("cargo");
    test.args(["test", "--release", "--package", "countermand", "--test", "it", "race::", "--", "--nocapture"]);
    run(test.args(["--test-threads", "1"]).env("COUNTERMAND_RACE_ROUNDS", RACE_ROUNDS))
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
