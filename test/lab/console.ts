import { connect } from "node:net";
import { once } from "node:events";

/** Ctrl-]: what ends a session, as with telnet and virsh console. */
const LEAVE = 0x1d;

/** Joins this terminal to a machine's serial console until Ctrl-] is pressed or the machine is switched off. */
export async function attachConsole(path: string): Promise<void> {
  const socket = connect(path);
  await once(socket, "connect");
  process.stderr.write("the console; Ctrl-] leaves it\n");
  const { stdin } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  socket.pipe(process.stdout, { end: false });
  stdin.on("data", (data: Buffer) => {
    if (data.includes(LEAVE)) socket.destroy();
    else socket.write(data);
  });
  stdin.once("end", () => socket.destroy());
  socket.write("\r"); // makes the machine show its prompt
  await once(socket, "close");
  if (stdin.isTTY) stdin.setRawMode(false);
  stdin.destroy();
}
