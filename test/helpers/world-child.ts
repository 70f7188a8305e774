import { runWorld } from "../demo/world.js";

/** A world with a tap, a mount and a process in it, which ends when its standard input does. */
const PROGRAM = 'ip tuntap add name demo0 mode tap; sleep 1000 & echo "$0"; cat >/dev/null; exit 7';

process.exitCode = await runWorld((work) => ["sh", "-c", PROGRAM, work]);
