//! A long wire: two hosts on this machine, and between them a delay that a test chooses.
//!
//! Each end is a network namespace with a TUN device; a thread carries the packets from one to the
//! other, each after its time, or drops them while the wire is *cut*. So real TCP of the real
//! kernel runs over a network that is as slow and as broken as a test wants it, which loopback
//! never is. It needs the privilege to make namespaces and `/dev/net/tun`; where that is missing,
//! [`Wire::lay`] says why.

use std::{
    collections::VecDeque,
    error::Error,
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};
use tappers::{AddAddress, AddAddressV4, Tun};

/// The longest packet that a TUN device hands out.
const PACKET_BYTES_MAX: usize = 65_536;

/// Why something cannot be done here.
type Why = Box<dyn Error + Send + Sync>;

/// Two hosts and what is between them. Gone when dropped.
pub struct Wire {
    server: Host,
    client: Host,
    cut: Arc<AtomicBool>,
    unplugged: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    carrier: Option<JoinHandle<()>>,
}

/// One end of a wire: a machine of its own, as far as the network is concerned.
struct Host {
    namespace: OwnedFd,
}

impl Wire {
    /// The address of the server's end.
    pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// The address of the clients' end.
    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

    /// A wire on which every packet takes `one_way`.
    ///
    /// # Errors
    ///
    /// What this machine does not allow.
    pub fn lay(one_way: Duration) -> Result<Self, Why> {
        let (server, server_device) = Host::new(Self::SERVER)?;
        let (client, client_device) = Host::new(Self::CLIENT)?;
        let [cut, stop, unplugged] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let carrier = Carrier {
            devices: [Some(server_device), Some(client_device)],
            unplugged: Arc::clone(&unplugged),
            stand_in: None,
            under_way: [VecDeque::new(), VecDeque::new()],
            one_way,
            cut: Arc::clone(&cut),
        };
        let stopped = Arc::clone(&stop);
        let carrier = thread::spawn(move || carrier.carry_until(&stopped));
        Ok(Self { server, client, cut, unplugged, stop, carrier: Some(carrier) })
    }

    /// Does something on the server's end: a socket made there stays there.
    pub fn on_server<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.server.visit(act)
    }

    /// Does something on the clients' end: a socket made there stays there.
    pub fn on_client<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.client.visit(act)
    }

    /// Takes the server's network device away: from there, no way leads to anybody any more.
    pub fn unplug_server(&self) {
        self.unplugged.store(true, Ordering::Relaxed);
    }

    /// From now on every packet is lost, in both directions, or none is any more.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(carrier) = self.carrier.take() {
            let _ = carrier.join();
        }
    }
}

impl Host {
    /// A host with one device and one address. It lives as long as something refers to it.
    fn new(address: Ipv4Addr) -> Result<(Self, Tun), Why> {
        // A thread of its own, because the new namespace is the thread's from then on.
        let made = thread::spawn(move || -> Result<(Self, Tun), Why> {
            #[expect(deprecated, reason = "only flags that are not used here make it unsafe")]
            rustix::thread::unshare(UnshareFlags::NEWNET)
                .map_err(|error| format!("no network namespace can be made: {error}"))?;
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let namespace = open("/proc/thread-self/ns/net", flags, Mode::empty())?;
            let mut device =
                Tun::new().map_err(|error| format!("no TUN device can be made: {error}"))?;
            let mut request = AddAddressV4::new(address);
            request.set_netmask(24);
            device.add_addr(AddAddress::V4(request))?;
            device.set_up()?;
            device.set_nonblocking(true)?;
            debug_assert!(device.addrs()?.iter().any(|info| info.address() == IpAddr::V4(address)));
            Ok((Self { namespace }, device))
        });
        made.join().map_err(|_| "the thread that makes a host panicked")?
    }

    fn visit<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let visit = scope.spawn(|| {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.namespace.as_fd(), network)
                    .expect("whoever made the namespace may enter it");
                act()
            });
            visit.join().expect("the visitor's own panic has been printed")
        })
    }
}

/// Carries packets from each device to the other.
struct Carrier {
    /// The server's and the clients', as long as they are plugged in.
    devices: [Option<Tun>; 2],
    unplugged: Arc<AtomicBool>,
    stand_in: Option<std::fs::File>,
    /// Packets from each device, and when each arrives at the other.
    under_way: [VecDeque<(Instant, Vec<u8>)>; 2],
    one_way: Duration,
    cut: Arc<AtomicBool>,
}

impl Carrier {
    fn carry_until(mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        while !stop.load(Ordering::Relaxed) {
            self.wait();
            if self.unplugged.load(Ordering::Relaxed) && self.devices[0].take().is_some() {
                // In the place of the descriptor that is gone, for tests that count them.
                self.stand_in = std::fs::File::open("/dev/null").ok();
            }
            for from in 0..2 {
                while let Some(Ok(bytes)) =
                    self.devices[from].as_ref().map(|device| device.recv(&mut buffer))
                {
                    if !self.cut.load(Ordering::Relaxed) {
                        let arrives = Instant::now() + self.one_way;
                        self.under_way[from].push_back((arrives, buffer[..bytes].to_vec()));
                    }
                }
                let now = Instant::now();
                while let Some((_, packet)) =
                    self.under_way[from].pop_front_if(|(arrives, _)| *arrives <= now)
                {
                    if !self.cut.load(Ordering::Relaxed)
                        && let Some(device) = &self.devices[1 - from]
                    {
                        // A full queue loses packets, as on any wire.
                        let _ = device.send(&packet);
                    }
                }
            }
        }
    }

    /// Until a packet comes, or is to arrive, or it is time to look whether to stop.
    fn wait(&self) {
        let next = self.under_way.iter().filter_map(|queue| queue.front()).map(|(at, _)| *at).min();
        let pause = next.map_or(Duration::from_millis(20), |at| {
            at.saturating_duration_since(Instant::now()).min(Duration::from_millis(20))
        });
        let devices = self.devices.iter().flatten();
        let mut devices: Vec<_> =
            devices.map(|device| PollFd::new(device, PollFlags::IN)).collect();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(pause.as_nanos()).expect("at most 20 ms"),
        };
        let _ = poll(&mut devices, Some(&timeout));
    }
}
