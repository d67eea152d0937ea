import { MessageChannel, Worker } from "node:worker_threads";

/** Longer than any wait of a worker, so that a worker says itself what it waited for. */
const LIFETIME_MS = 60_000;

/** Two workers, each in a thread of its own, with a port between them; resolves with what they return. */
export async function runPair(roles: [string, string], data: object): Promise<[unknown, unknown]> {
  const { port1, port2 } = new MessageChannel();
  const workers = [port1, port2].map((port, index) => {
    const workerData = { ...data, port, role: roles[index] };
    return new Worker(new URL("./roles.js", import.meta.url), { workerData, transferList: [port] });
  });
  try {
    return (await Promise.all(workers.map((worker) => result(worker)))) as [unknown, unknown];
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function result(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("a worker did not end")), LIFETIME_MS);
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker ended with ${code} and no result`)));
    worker.once("message", () => clearTimeout(timer));
    worker.once("error", () => clearTimeout(timer));
  });
}
