import { connect } from "node:net";

/**
 * What a TCP port says. `refused` is an answer too: something is alive at that address. `silent` is a timeout, or the
 * network's word that nobody is there. `unknown` is everything that says more about us than about the other side: a name
 * that cannot be resolved, no route, no file descriptor left.
 */
export type TcpAnswer = "open" | "refused" | "silent" | "unknown";

const BY_CODE: Readonly<Record<string, TcpAnswer>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "silent",
  EHOSTUNREACH: "silent",
  EHOSTDOWN: "silent",
};

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
      answer(BY_CODE[error.code ?? ""] ?? "unknown");
    });
  });
}
