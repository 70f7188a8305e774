import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Transform, type TransformCallback } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

export interface TcpProxyOptions {
  readonly targetPort: number;
  readonly targetHost?: string;
  /** Added to every chunk on its way, in ms each way. */
  readonly delayMs?: number;
  /** Bandwidth each way and connection. */
  readonly bytesPerSecond?: number;
}

/** A bad network between a client and a server on loopback. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Bytes that were let through, client → server and server → client, over all connections. */
  readonly bytes: { readonly up: number; readonly down: number };
  /** Breaks every connection (TCP reset); new ones still work. */
  cut(): void;
  /** Breaks every connection as soon as so many more bytes came from the server. */
  cutAfter(bytes: number): void;
  /** From now on nothing passes, and nobody is told: a pulled cable. `false` lets it flow again. */
  blackhole(on?: boolean): void;
  stop(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 and a free port. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  const state: { cutAt: number; open: Promise<void>; release: () => void } = {
    cutAt: Infinity,
    open: Promise.resolve(),
    release: () => undefined,
  };

  function cut(): void {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  }

  function wire(direction: "up" | "down"): Transform {
    return new Transform({
      highWaterMark: 64 * 1024,
      transform(chunk: Buffer, _encoding, done: TransformCallback) {
        void (async () => {
          if (options.delayMs !== undefined) await sleep(options.delayMs);
          if (options.bytesPerSecond !== undefined) await sleep((chunk.length / options.bytesPerSecond) * 1000);
          await state.open;
          bytes[direction] += chunk.length;
          if (bytes.down >= state.cutAt) {
            state.cutAt = Infinity;
            cut();
          }
          done(null, chunk);
        })();
      },
    });
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({
      port: options.targetPort,
      host: options.targetHost ?? "127.0.0.1",
      noDelay: true,
      allowHalfOpen: true,
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined); // breaking connections is what this is for
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.pipe(wire("up")).pipe(target);
    target.pipe(wire("down")).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref(); // a test that fails before it stops the proxy must not hang the run

  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    bytes,
    cut,
    cutAfter: (more) => {
      state.cutAt = bytes.down + more;
    },
    blackhole: (on = true) => {
      state.release();
      if (!on) return;
      state.open = new Promise((resolve) => {
        state.release = resolve;
      });
    },
    async stop() {
      state.release();
      cut();
      server.ref().close();
      await once(server, "close");
    },
  };
}
