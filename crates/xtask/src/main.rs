//! The project's chores, run as `cargo xtask CHORE`. Each chore is one module and one [`Chore`].

mod tidy;

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
}

fn main() -> ExitCode {
    match Arguments::parse().chore {
        Chore::Tidy => tidy::run(),
    }
}
