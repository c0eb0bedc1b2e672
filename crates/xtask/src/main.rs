//! The project's chores, run as `cargo xtask CHORE`. Each chore is one module and one [`Chore`].

mod cargo;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the rules that the compiler does not: crate edges, licences, sources, layout, text
    Tidy,
    /// Measure: cancels per second beside the raw limit, page times, memory and start time
    Bench {
        /// Only these parts: start, cancels, pages, pushes, requests, stock-in, isolation, labels
        parts: Vec<String>,
    },
    /// Kill the real binary three times under every fault, and look at what the marketplace received
    Torture {
        /// How many orders are cancelled
        #[arg(long, default_value_t = 1_000)]
        orders: u32,
        /// Cancel about 10,000 orders as one batch instead, killed at half
        #[arg(long)]
        bulk: bool,
        /// Let agree, reject, ship and pack race for one order from 50 connections instead, in 200 rounds
        #[arg(long, conflicts_with = "bulk")]
        race: bool,
        /// Answer 500 buyers' requests instead, killed half way
        #[arg(long, conflicts_with_all = ["bulk", "race"])]
        answers: bool,
        /// Stock the orders in instead, over 50 connections at once, killed at half
        #[arg(long)]
        stock_in: bool,
    },
    /// Live through every month of a real shop's exports once more, and compare with what the files say
    Replay {
        /// The folder of the months (xlsx)
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().chore {
        Chore::Tidy => tidy::run(),
        Chore::Bench { parts } => cargo::bench(&parts),
        Chore::Torture { bulk: true, .. } => cargo::torture_bulk(),
        Chore::Torture { answers: true, .. } => cargo::torture_answers(),
        Chore::Torture { race: true, .. } => cargo::torture_race(),
        Chore::Torture { orders, stock_in: true, .. } => cargo::torture_stock_in(orders),
        Chore::Torture { orders, .. } => cargo::torture(orders),
        Chore::Replay { folder } => cargo::replay(&folder),
    }
}
