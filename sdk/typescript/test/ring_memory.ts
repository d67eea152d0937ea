import * as cell from "../src/cell.js";
import { SharedMemory } from "../src/map/memory.js";
import { type RingPlace, RingWriter } from "../src/map/ring.js";

/** Memory with nothing but an empty ring, whose indices start at `start`. */
export function ringMemory(start: number): { memory: SharedMemory; place: RingPlace } {
  const page = cell.BYTE_RING_PAGE_BYTES;
  const place = { writerPage: 0, readerPage: page, data: 2 * page };
  const memory = new SharedMemory(new SharedArrayBuffer(2 * page + cell.BYTE_RING_CAPACITY_BYTES_MAX));
  RingWriter.initialise(memory, place);
  memory.store(place.writerPage + cell.BYTE_RING_WRITTEN_OFFSET, start);
  memory.store(place.readerPage + cell.BYTE_RING_READ_OFFSET, start);
  return { memory, place };
}
