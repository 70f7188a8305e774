/** Starts an appliance ahead, prints QEMU's process id, and waits to be killed. */
import { localHost } from "../../src/lib/host/local-host.js";
import { startWaiting } from "../../src/migrators/conversion/guestfs/waiting.js";

const { session } = await startWaiting({ host: localHost(), kvm: false });
process.stdout.write(await session.run("get-pid"));
setInterval(() => undefined, 1000);
