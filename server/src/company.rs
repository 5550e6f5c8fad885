//! Bots that keep players company, for whoever tries a game alone: `--bots 20`. And those that the
//! teardown lab sends in to leave.
//!
//! Data flow: settings or order, address -> **`Company`** -> a process of `gamekeeper-bot` ->
//! players like all others. They come in by the front door: the server treats them as anybody else.
//! They end with the server, however that ends, because they end with their standard input.

use std::{
    env, fmt,
    io::{self, Read as _},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::{config::ListenAddr, lab::Order};

/// The name of the bots' program, beside the server's own.
const PROGRAM: &str = "gamekeeper-bot";

/// The longest that bots stay, whatever happens.
const STAY_MAX: &str = "24h";

/// How long bots of the lab play before they leave: so long that one sees them.
const PLAY_BEFORE_LEAVING: &str = "2s";

/// Bytes that are read from a pipe in one look, at most.
const PIPE_BYTES_MAX: u64 = 64 * 1024;

/// The program of the bots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bots(PathBuf);

/// A process of bots. It is ended when this is dropped.
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
        let mut command = self.command(count, address);
        command.args(["--duration", STAY_MAX]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Company)
    }

    /// Lets bots play for a moment and then leave as they are ordered to. What they do can be read
    /// from their standard output, and what is wrong from their standard error, both without
    /// waiting.
    ///
    /// The loop stands still until the program is started: this is for demonstrations.
    ///
    /// # Errors
    ///
    /// What the system says if the program cannot be started.
    pub fn leave(&self, order: &Order) -> io::Result<Company> {
        let mut command = self.command(order.bots, &ListenAddr::Tcp(order.target));
        command
            .args(["--events", "--no-retry", "--duration", PLAY_BEFORE_LEAVING])
            .args(["--departure", order.cause, "--transport", order.transport.label()])
            .args(["--name", order.cause, "--seed", &order.run.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let company = Company(command.spawn()?);
        if let Some(said) = &company.0.stdout {
            rustix::io::ioctl_fionbio(said, true)?;
        }
        if let Some(complaints) = &company.0.stderr {
            rustix::io::ioctl_fionbio(complaints, true)?;
        }
        Ok(company)
    }

    fn command(&self, count: u32, address: &ListenAddr) -> Command {
        let mut command = Command::new(&self.0);
        command
            .args(["--until-input-ends", "--bots", &count.to_string()])
            .args(["--target", &reachable(address).to_string()])
            .stdin(Stdio::piped());
        command
    }
}

impl Company {
    /// What they have said since the last look, and what they have complained of; nothing more is
    /// waited for.
    pub fn listen(&mut self, said: &mut Vec<u8>, complaints: &mut Vec<u8>) {
        // An error is "nothing yet", or the end, which `has_ended` tells of.
        let _ = self.0.stdout.as_mut().map(|pipe| pipe.take(PIPE_BYTES_MAX).read_to_end(said));
        let _ =
            self.0.stderr.as_mut().map(|pipe| pipe.take(PIPE_BYTES_MAX).read_to_end(complaints));
    }

    /// Ends them, without waiting for that.
    pub fn kill(&mut self) {
        // If it fails, they have ended.
        let _ = self.0.kill();
    }

    /// Whether they have ended, and if so whether well. They may have said something before.
    pub fn has_ended(&mut self) -> Option<bool> {
        match self.0.try_wait() {
            Ok(status) => status.map(|status| status.success()),
            // Nobody can say any more how it ended.
            Err(_) => Some(false),
        }
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
pub fn reachable(address: &ListenAddr) -> ListenAddr {
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
            "there are no bots: {} is missing; build it as the server was built, with \
             `cargo build --release -p gamekeeper-bot`, and start it again",
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
