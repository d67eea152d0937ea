import { type Data, type List, Message, type Struct, type StructCtor } from "capnp-es";
import { Envelope } from "./data.js";

/** Writes a message of one segment, which is what every reader of the data plane takes. */
export function encode<T extends Struct>(type: StructCtor<T>, fill: (root: T) => void): Uint8Array {
  const message = new Message();
  fill(message.initRoot(type));
  return new Uint8Array(message.toArrayBuffer());
}

/** Sets one element of a list of data, for which capnp-es has nothing: it can only copy other data there. */
export function setData(list: List<Data>, index: number, bytes: Uint8Array): void {
  const payload = new Message().initRoot(Envelope)._initPayload(bytes.length);
  payload.copyBuffer(bytes);
  list.set(index, payload);
}
