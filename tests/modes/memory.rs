//! What a connection takes of the server's memory. No mode of the catalogue; it is here because
//! bytes can only be counted in a process that does nothing else.

use gamekeeper_tests::memory_net::full_rooms;

use crate::{ALLOCATOR, Shown, modes, scene::say};

modes! {
    alone {
        c05_a_connection_takes_less_than_two_kibibytes
    }
}

/// Connections of the smaller server, and by how many more the larger one has.
const CONNECTIONS: usize = 1_000;

/// Heap bytes that one more connection with a player may take, its seat and its share of the room
/// included, when nothing waits for it. What the kernel holds for its socket comes on top.
const BYTES_MAX: usize = 2_048;

fn c05_a_connection_takes_less_than_two_kibibytes() -> Shown {
    let heap_bytes = |connections| {
        let before = ALLOCATOR.allocated();
        let server = full_rooms("benchmark", connections);
        assert_eq!(server.hub().connections(), connections);
        ALLOCATOR.allocated() - before
    };
    // The difference leaves out what a server takes that has no connections at all.
    let bytes = (heap_bytes(2 * CONNECTIONS) - heap_bytes(CONNECTIONS)) / CONNECTIONS;
    say(&format!("memory: {bytes} bytes of heap for each connection"));
    assert!(bytes <= BYTES_MAX, "{bytes} bytes for each connection");
    Ok(())
}
