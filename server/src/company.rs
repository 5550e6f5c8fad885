//! Bots that keep players company, for whoever tries a game alone: `--bots 20`.
//!
//! Data flow: settings, address -> **`Company`** -> a process of `gamekeeper-bot` -> players like
//! all others. They come in by the front door: the server treats them as anybody else. They end
//! with the server, however that ends, because they end with their standard input.

use std::{
    env, fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::config::ListenAddr;

/// The name of the bots' program, beside the server's own.
const PROGRAM: &str = "gamekeeper-bot";

/// The longest that bots stay, whatever happens.
const STAY_MAX: &str = "24h";

/// The program of the bots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bots(PathBuf);

/// Bots that play.
#[derive(Debug)]
pub struct Company(Child);

impl Bots {
    /// Finds their program.
    ///
    /// # Errors
    ///
    /// [`NoBots`], if it is not beside the server's own.
    pub fn find() -> Result<Self, NoBots> {
        let beside = env::current_exe().unwrap_or_default().with_file_name(PROGRAM);
        if beside.is_file() { Ok(Self(beside)) } else { Err(NoBots(beside)) }
    }

    /// Lets so many of them play at an address.
    ///
    /// # Errors
    ///
    /// What the system says if the program cannot be started.
    pub fn play(&self, count: u32, address: &ListenAddr) -> io::Result<Company> {
        let child = Command::new(&self.0)
            .args(["--until-input-ends", "--duration", STAY_MAX])
            .args(["--bots", &count.to_string(), "--target", &reachable(address).to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Company(child))
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        // Whatever it does now, there is nobody left to do it with. If even this fails, it ends
        // with its input, which ends with this process.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where somebody on this machine connects to reach who listens there.
fn reachable(address: &ListenAddr) -> ListenAddr {
    match address {
        ListenAddr::Tcp(all) if all.ip().is_unspecified() => {
            let here = match all {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            ListenAddr::Tcp(SocketAddr::new(here, all.port()))
        }
        other => other.clone(),
    }
}

/// The bots' program is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBots(PathBuf);

impl fmt::Display for NoBots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there are no bots to play: {} is missing; build it as the server was built, with \
             `cargo build --release -p gamekeeper-bot`, or leave out --bots",
            self.0.display()
        )
    }
}

impl std::error::Error for NoBots {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_reached_here() {
        let tcp = |text: &str| ListenAddr::Tcp(text.parse().expect("an address"));
        assert_eq!(reachable(&tcp("0.0.0.0:7777")), tcp("127.0.0.1:7777"));
        assert_eq!(reachable(&tcp("[::]:7777")), tcp("[::1]:7777"));
        assert_eq!(reachable(&tcp("192.0.2.1:1")), tcp("192.0.2.1:1"));
        let unix = ListenAddr::Unix("/run/x".into());
        assert_eq!(reachable(&unix), unix);
    }
}
