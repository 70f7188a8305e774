import { connect, type Socket } from "node:net";

/** A client that speaks NBD by hand, without the care that QEMU and libnbd take before they ask for something. */
export interface NbdClient {
  /** @returns the server's error number, 0 when it did it; and the data of a read */
  request(kind: number, offset: number, length: number, payload?: Buffer): Promise<{ error: number; data: Buffer }>;
  close(): void;
}

export const NBD = { read: 0, write: 1, flush: 3, trim: 4 } as const;
const OPTION_MAGIC = Buffer.from("IHAVEOPT");

/** Negotiates with the oldest option, which every server knows. */
export async function nbdClient(path: string): Promise<NbdClient> {
  const socket = connect(path);
  const take = taker(socket);
  await take(18);
  socket.write(u32(3)); // fixed newstyle, no zeroes
  socket.write(Buffer.concat([OPTION_MAGIC, u32(1), u32(0)])); // the export without a name
  await take(10);
  return {
    async request(kind, offset, length, payload) {
      const head = Buffer.alloc(28);
      head.writeUInt32BE(0x25609513, 0);
      head.writeUInt16BE(kind, 6);
      head.writeBigUInt64BE(42n, 8);
      head.writeBigUInt64BE(BigInt(offset), 16);
      head.writeUInt32BE(length, 24);
      socket.write(payload === undefined ? head : Buffer.concat([head, payload]));
      const answer = await take(16);
      const error = answer.readUInt32BE(4);
      return { error, data: kind === NBD.read && error === 0 ? await take(length) : Buffer.alloc(0) };
    },
    close: () => void socket.destroy(),
  };
}

function u32(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return data;
}

/** Takes a socket's bytes in pieces of a given length. */
function taker(socket: Socket): (length: number) => Promise<Buffer> {
  let kept = Buffer.alloc(0);
  let wake = (): void => undefined;
  socket.on("data", (data: Buffer) => {
    kept = Buffer.concat([kept, data]);
    wake();
  });
  socket.on("close", () => wake());
  return async (length) => {
    while (kept.length < length) {
      if (socket.destroyed) throw new Error("the NBD server ended the connection");
      await new Promise<void>((resolve) => (wake = resolve));
    }
    const taken = kept.subarray(0, length);
    kept = kept.subarray(length);
    return taken;
  };
}
