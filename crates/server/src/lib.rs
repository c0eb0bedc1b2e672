//! Countermand: the cancellation desk of a seller who sells on several marketplaces.
//!
//! The only place that knows HTTP in, HTML out, the wall clock and the real network.
//!
//! | Where | What |
//! |---|---|
//! | `http.rs`, `problem.rs`, `auth.rs`, `permissions.rs` | what surrounds every request |
//! | `api/` | the HTTP API; the files mirror the addresses |
//! | `pages.rs`, `pages/`, `assets.rs` | the desk in a browser |
//! | `batch_result.rs` | the result of a batch as a workbook |
//! | `label_page.rs` | a label that is a web page, shown as that page |
//! | `label_pdf.rs` | labels merged into one PDF |
//! | `counts.rs` | how many orders stand in each list |
//! | `connect.rs`, `public_address.rs` | connecting shops; where marketplaces reach the server |
//! | `webhooks.rs`, `webhooks/`, `events.rs` | pushes in, events out |
//! | `workers.rs` | the engine's ticks |
//! | `network.rs`, `clock.rs` | what the engine is given from outside |
//! | `commands/`, `settings.rs`, `data_folder.rs` | the command line |

pub mod api;
pub mod app;
pub mod assets;
pub mod auth;
mod batch_result;
pub mod clock;
pub mod commands;
pub mod connect;
pub mod counts;
pub mod data_folder;
pub mod events;
pub mod http;
pub mod intake;
pub mod label_page;
pub mod label_pdf;
mod manual_orders;
mod mappings;
pub mod metrics;
pub mod network;
mod opening_stock;
pub mod pages;
pub mod permissions;
pub mod picks;
pub mod problem;
pub mod public_address;
pub mod settings;
pub mod sheets;
mod stock_ins;
pub mod webhooks;
pub mod workers;
