//! The client side of Gamekeeper's protocol, and bots on top of it.
//!
//! ```text
//!   socket ── fleet ──> bytes ── connection ──> events ── brain ──> input
//!   socket <── fleet ── bytes <── connection <───────────────────── input
//! ```
//!
//! There are two ways to use this crate.
//!
//! **To write a game client**, take [`connection::Connection`]: it has no socket and no clock, so
//! it fits into any engine's loop. Pair it with [`retry::Retry`] for a server that comes and goes.
//!
//! ```no_run
//! use std::{io::{Read, Write}, net::TcpStream};
//! use gamekeeper_bot::{clock::Moment, connection::{Connection, Event, Operation}};
//!
//! let mut socket = TcpStream::connect("127.0.0.1:7777")?;
//! let mut connection = Connection::new("arena", "ada", Moment::now())?;
//! let mut buffer = [0; 65536];
//! while connection.ended().is_none() {
//!     match socket.write(connection.unsent()) {
//!         Ok(count) => connection.advance(count),
//!         Err(error) => connection.handle_error(Operation::Write, &error),
//!     }
//!     match socket.read(&mut buffer) {
//!         Ok(0) => connection.handle_eof(),
//!         Ok(count) => connection.handle_bytes(&buffer[..count], Moment::now(), |event| {
//!             if let Event::Snapshot { tick, body, .. } = event {
//!                 // Draw the world.
//! #               let _ = (tick, body);
//!             }
//!         }),
//!         Err(error) => connection.handle_error(Operation::Read, &error),
//!     }
//!     connection.handle_timeout(Moment::now());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! When the connection is lost, the seat is not: after [`retry`] has said how long to wait, the
//! client comes back with what the connection hands out, and says hello anew if there is nothing.
//!
//! ```
//! # use gamekeeper_bot::{clock::Moment, connection::{Connection, NameTooLong}};
//! fn again(lost: &Connection, now: Moment) -> Option<Result<Connection, NameTooLong>> {
//!     let ended = lost.ended()?;
//!     ended.is_worth_a_retry().then(|| match lost.way_back() {
//!         Some(way_back) => Ok(Connection::resume(&way_back, now)),
//!         None => Connection::new("arena", "ada", now),
//!     })
//! }
//! ```
//!
//! **To try a server**, take [`fleet::Fleet`]: thousands of seeded bots on one thread that play,
//! leave in all the ways of [`departure::Departure`], and measure what they see. The program
//! `gamekeeper-bot` and the load test are built on it.
//!
//! A client that meets a server which resets, refuses, or never answers ends with a clear
//! [`connection::Ended`] and connects again with back-off and jitter, if it is told to. It never
//! writes to a socket after that socket's first error.
//!
//! Nothing here depends on the server's code: a client that shared it could not show a mistake on
//! the wire.
//!
//! Modules from the pure to the busy: [`limits`], [`clock`], [`dice`], [`retry`], [`departure`],
//! [`manner`], [`transport`], [`brain`], [`connection`], [`people`], [`fleet`], [`privilege`],
//! [`machine`], [`units`], [`cli`].

pub mod brain;
pub mod cli;
pub mod clock;
pub mod connection;
pub mod departure;
pub mod dice;
pub mod fleet;
pub mod limits;
pub mod machine;
pub mod manner;
pub mod people;
pub mod privilege;
pub mod retry;
pub mod transport;
pub mod units;
