"""A server to compare with: the one of the classic question, in Python 3.

One thread reads from each client, and the main thread sends every state to everybody, one after
the other. With ``--errors naive`` a failed send is not handled, so the first player whose
connection is gone when a state is sent ends the server. With ``--errors caught`` it ends that
player. It speaks as much of Gamekeeper's protocol (docs/protocol.md) as the bots need.
"""

import argparse
import itertools
import socket
import struct
import threading
import time

WELCOME, SNAPSHOT = 0, 1
GAME = b"benchmark"


def varint(number):
    if number <= 250:
        return struct.pack("<B", number)
    if number < 1 << 16:
        return struct.pack("<BH", 251, number)
    return struct.pack("<BI", 252, number)


def text(data):
    return varint(len(data)) + data


def frame(body):
    return struct.pack("<I", len(body)) + body


class Room:
    def __init__(self):
        self.clients = []


class Server:
    def __init__(self, options):
        self.options = options
        self.rooms = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def run(self):
        host, port = self.listener.getsockname()
        print(f"listening tcp {host}:{port}\nready", flush=True)
        threading.Thread(target=self.accept, daemon=True).start()
        self.play()

    def accept(self):
        for player in itertools.count(1):
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client, player), daemon=True).start()

    def serve(self, client, player):
        """Everything that one client says, from its hello to its end."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client.makefile("rb", buffering=1024) as stream:
            try:
                hello = self.read_frame(stream)
                if hello is None:
                    return
                client.sendall(frame(self.welcome(player)))
                self.seat(client, player)
                while self.read_frame(stream) is not None:
                    pass  # Inputs are counted by nobody.
            except OSError:
                pass  # The end of this thread is the end of reading. The others play on.

    @staticmethod
    def read_frame(stream):
        header = stream.read(4)
        if len(header) < 4:
            return None
        (length,) = struct.unpack("<I", header)
        return stream.read(length)

    def welcome(self, player):
        room = (player - 1) // self.options.room_size + 1
        parts = [varint(WELCOME), varint(player), varint(room), varint(0)]
        parts += [varint(self.options.tick_hz), varint(self.options.room_size), text(GAME)]
        parts += [varint(1), varint(player), text(b"player"), varint(0)]
        return b"".join(parts) + varint(0) + b"\0"

    def seat(self, client, player):
        index = (player - 1) // self.options.room_size
        with self.lock:
            while len(self.rooms) <= index:
                self.rooms.append(Room())
            self.rooms[index].clients.append(client)

    def play(self):
        """The loop of the game: every state to everybody."""
        period = 1.0 / self.options.tick_hz
        padding = bytes(self.options.state_bytes - 12)
        due = time.monotonic()
        for tick in itertools.count(1):
            due = max(due + period, time.monotonic() - period)
            time.sleep(max(0.0, due - time.monotonic()))
            stamp = struct.pack("<QI", time.monotonic_ns(), tick)
            body = varint(SNAPSHOT) + varint(tick) + text(stamp + padding)
            self.send_to_all(frame(body))

    def send_to_all(self, state):
        with self.lock:
            rooms = [list(room.clients) for room in self.rooms]
        for room, clients in enumerate(rooms):
            for client in clients:
                if self.options.errors == "naive":
                    client.sendall(state)
                    continue
                try:
                    client.sendall(state)
                except OSError:
                    with self.lock:
                        self.rooms[room].clients.remove(client)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", choices=["naive", "caught"], required=True)
    parser.add_argument("--room-size", type=int, default=50)
    parser.add_argument("--tick-hz", type=int, default=20)
    parser.add_argument("--state-bytes", type=int, default=1024)
    Server(parser.parse_args()).run()


if __name__ == "__main__":
    main()
