import { connect } from "node:net";
import { LEDGER_PORT } from "../../helpers/server-image.js";

const ANSWER_MS = 10_000;

/** The next number of a ledger service. */
export function askLedger(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: LEDGER_PORT });
    let text = "";
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`${address} does not answer`)));
    socket.on("data", (data) => (text += data.toString()));
    socket.once("error", reject);
    socket.once("close", () => (text === "" ? reject(new Error(`${address} said nothing`)) : resolve(Number(text))));
  });
}
