//! Gamekeeper and others on the same workload, in one run, so that the figures can be compared.
//!
//! ```text
//!   options ── plan ──> run ── measure ──> samples ── report ──> render: table, JSON, Markdown
//!                        ^ process: one contender at a time      ^ statistics
//! ```
//!
//! A machine is not the same from one minute to the next. So the contenders take turns: every round
//! measures each of them once, and a figure is the median over the rounds, with the smallest and
//! the largest beside it. What is compared is compared within a round.
//!
//! All contenders are measured in the same way, Gamekeeper included: processor time and memory are
//! what the kernel says of the process, and everything else is what the bots see. Nobody is asked
//! about itself. A contender that cannot be run is listed with the reason.
//!
//! The plan, the figures, the search and the tables are pure. Only [`run`], [`floor`] and the
//! modules behind them touch the world.

pub mod contender;
pub mod floor;
mod measure;
pub mod options;
pub mod plan;
mod process;
mod programs;
pub mod render;
pub mod report;
pub mod run;
pub mod sample;
pub mod search;
pub mod statistics;
pub mod usage;
pub mod workload;
