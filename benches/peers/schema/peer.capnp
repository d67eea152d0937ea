# The calls of the benchmark's Cap'n Proto peer.
@0xd2a7c4e5b6f10893;

interface Peer {
  # Reads the bytes and answers with bytes of its own.
  ask @0 (data :Data) -> (data :Data);
  # Reads the bytes; the library lets so many calls be under way that the connection stays busy.
  note @1 (data :Data) -> stream;
}
