//! A server to compare with: tokio, one task for each client and one for each room.
//!
//! It is written as one would write it first, with the usual pieces: an interval that makes a
//! room's states, a broadcast channel that shares them, and in each client's task a `select!`
//! between the socket and the channel. A client that reads slowly lags behind in the channel and
//! then gets the newest states. It speaks as much of Gamekeeper's protocol as the bots need.

use std::{error::Error, io, sync::Arc, time::Duration};

use gamekeeper_protocol::{
    ClientMessage, FrameDecoder, Member, PlayerId, Presence, RoomId, ServerMessage, Tick, Welcome,
    codec::Bytes,
    games::benchmark::{self, STAMP_BYTES, Stamp},
    limits::CLIENT_FRAME_BYTES_MAX,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast::{self, Receiver, Sender, error::RecvError},
    time::{MissedTickBehavior, interval},
};

/// States that may wait for a client before it lags.
const STATES_WAITING_MAX: usize = 4;

/// Bytes read from a socket at once.
const READ_BYTES: usize = 1024;

type AnyError = Box<dyn Error + Send + Sync>;

/// What is the same for all rooms.
#[derive(Clone, Copy)]
struct Settings {
    room_size: u32,
    tick_hz: u16,
    state_bytes: usize,
}

/// `PROGRAM ADDR ROOM_SIZE TICK_HZ STATE_BYTES`
#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: ADDR ROOM_SIZE TICK_HZ STATE_BYTES");
    let listener = TcpListener::bind(next()?).await?;
    let room_size = next()?.parse::<u32>()?.max(1);
    let tick_hz = next()?.parse::<u16>()?.max(1);
    let state_bytes = next()?.parse::<usize>()?.max(STAMP_BYTES);
    let settings = Settings { room_size, tick_hz, state_bytes };
    println!("listening tcp {}\nready", listener.local_addr()?);
    let mut rooms: Vec<Sender<Arc<[u8]>>> = Vec::new();
    for player in 0.. {
        let (stream, _) = listener.accept().await?;
        let room = player / room_size;
        if rooms.len() <= room as usize {
            let (states, _) = broadcast::channel(STATES_WAITING_MAX);
            tokio::spawn(play_room(states.clone(), settings));
            rooms.push(states);
        }
        let states = rooms[room as usize].clone();
        tokio::spawn(async move {
            // Whatever is wrong with one client ends its task and nothing else.
            let _ = serve(stream, PlayerId(player + 1), RoomId(room + 1), &states, settings).await;
        });
    }
    Ok(())
}

/// Makes a state at every tick.
async fn play_room(states: Sender<Arc<[u8]>>, settings: Settings) -> Result<(), AnyError> {
    let mut ticks = interval(Duration::from_secs(1) / u32::from(settings.tick_hz));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut body = vec![0; settings.state_bytes];
    for tick in 1.. {
        ticks.tick().await;
        let stamp = Stamp { encoded_at_ns: monotonic_ns(), tick: Tick(tick) };
        body[..STAMP_BYTES].copy_from_slice(&stamp.to_bytes());
        let mut frame = Vec::new();
        ServerMessage::Snapshot { tick: Tick(tick), body: Bytes(&body) }.encode(&mut frame)?;
        // Nobody may be listening yet, or any more.
        let _ = states.send(frame.into());
    }
    Ok(())
}

/// One client, from its hello to its end.
async fn serve(
    mut stream: TcpStream,
    player: PlayerId,
    room: RoomId,
    states: &Sender<Arc<[u8]>>,
    settings: Settings,
) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
    let mut buffer = [0; READ_BYTES];
    let mut states: Option<Receiver<Arc<[u8]>>> = match hear(&mut stream, &mut buffer).await? {
        0 => return Ok(()),
        count => greet(&buffer[..count], &mut decoder, &mut stream, player, room, settings)
            .await?
            .then(|| states.subscribe()),
    };
    let Some(states) = &mut states else { return Err("the hello came in pieces".into()) };
    loop {
        tokio::select! {
            heard = hear(&mut stream, &mut buffer) => match heard? {
                0 => return Ok(()),
                count => answer(&buffer[..count], &mut decoder, &mut stream).await?,
            },
            state = states.recv() => match state {
                Ok(frame) => stream.write_all(&frame).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

async fn hear(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    stream.read(buffer).await
}

/// Answers a hello with a welcome; says whether it was one.
async fn greet(
    mut bytes: &[u8],
    decoder: &mut FrameDecoder,
    stream: &mut TcpStream,
    player: PlayerId,
    room: RoomId,
    settings: Settings,
) -> Result<bool, AnyError> {
    let Some(frame) = decoder.next_frame(&mut bytes)? else { return Ok(false) };
    let ClientMessage::Hello(hello) = ClientMessage::decode(frame)? else { return Ok(false) };
    let welcome = Welcome {
        player,
        room,
        tick: Tick(0),
        tick_hz: settings.tick_hz,
        seats: u16::try_from(settings.room_size)?,
        game: benchmark::NAME,
        members: vec![Member { player, name: hello.name, presence: Presence::Here }],
        events_before: 0,
        resume: None,
    };
    let mut reply = Vec::new();
    ServerMessage::Welcome(welcome).encode(&mut reply)?;
    stream.write_all(&reply).await?;
    Ok(true)
}

/// Takes in what a player says: inputs are dropped, pings answered, a goodbye is the end.
async fn answer(
    mut bytes: &[u8],
    decoder: &mut FrameDecoder,
    stream: &mut TcpStream,
) -> Result<(), AnyError> {
    while let Some(frame) = decoder.next_frame(&mut bytes)? {
        match ClientMessage::decode(frame)? {
            ClientMessage::Input { .. } | ClientMessage::Pong { .. } => {}
            ClientMessage::Ping { nonce } => {
                let mut reply = Vec::new();
                ServerMessage::Pong { nonce }.encode(&mut reply)?;
                stream.write_all(&reply).await?;
            }
            ClientMessage::Goodbye => return Err("goodbye".into()),
            ClientMessage::Hello(_) => return Err("a second hello".into()),
        }
    }
    Ok(())
}

fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
