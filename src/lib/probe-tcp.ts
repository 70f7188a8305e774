import { connect } from "node:net";

/**
 * What a TCP port says. `refused` is an answer too: something is alive at that address. `silent` covers a timeout and
 * every way in which the network says that nobody is there.
 */
export type TcpAnswer = "open" | "refused" | "silent";

/** Knocks at a port once. @param timeoutMs how long to wait for an answer */
export function probeTcp(host: string, port: number, timeoutMs: number): Promise<TcpAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const answer = (what: TcpAnswer): void => {
      socket.destroy();
      resolve(what);
    };
    socket.once("connect", () => answer("open"));
    socket.once("timeout", () => answer("silent"));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      answer(error.code === "ECONNREFUSED" || error.code === "ECONNRESET" ? "refused" : "silent");
    });
  });
}
