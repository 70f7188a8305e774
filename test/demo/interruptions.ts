import type { GuestOverview } from "../../src/migrators/status.js";
import { CUTOVER_STEPS } from "../../src/migrators/cutover/index.js";
import { guestStore, type GuestRecord } from "../../src/migrators/guest-store.js";
import { runDisturbed } from "../helpers/own-process.js";
import type { Checks } from "./checks.js";
import { configFile, GUEST, stateFolder } from "./config.js";
import { runsInLibvirt } from "./libvirt.js";
import { Rehome } from "./rehome.js";
import { say } from "./say.js";
import { isSwitchedOn } from "./source.js";

type Moment = (record: GuestRecord) => boolean;

/** Kills (-9) the first copy in its middle, as a power cut of the machine that rehome runs on would. */
export async function killStage(work: string, checks: Checks): Promise<void> {
  await kill(work, checks, "stage", "its first pass", (record) => record.type === "pass-started");
}

/** Kills `rehome cutover` at the beginning of each of its steps, one run after the other; each goes on where the last was. */
export async function killInEachStep(work: string, checks: Checks): Promise<void> {
  for (const { name, title } of CUTOVER_STEPS) {
    const begins: Moment = (record) => record.type === "step" && record.event === "started" && record.step === name;
    await kill(work, checks, "cutover", `"${title}"`, begins);
  }
}

async function kill(work: string, checks: Checks, command: string, where: string, at: Moment): Promise<void> {
  say(`rehome ${command} ${GUEST}, killed in ${where}`);
  const { status, output } = await runDisturbed([command, GUEST, "--config", configFile(work)], {
    journal: () => guestStore(stateFolder(work), GUEST).records(),
    at,
    disturb: (end) => end(),
  });
  if (status !== undefined) throw new Error(`rehome ${command} was not killed in ${where}: ${output}`);
  await checkOneCopy(work, checks, where);
}

/** Never two running copies, and the one that runs is the one that counts. */
async function checkOneCopy(work: string, checks: Checks, where: string): Promise<void> {
  const { guests } = (await new Rehome(work).json("status", GUEST)) as { readonly guests: readonly GuestOverview[] };
  const [{ authoritative, because, next } = { authoritative: "nobody", because: "", next: "" }] = guests;
  const running = [
    ...((await isSwitchedOn(work)) ? ["source"] : []),
    ...((await runsInLibvirt(GUEST)) ? ["guest"] : []),
  ];
  say(`the ${authoritative} counts (${because}); next: ${next}`);
  checks.check(
    `killed in ${where}: ${running.join(" and ") || "neither copy"} runs, the ${authoritative} counts`,
    running.every((copy) => copy === authoritative) && next.startsWith("rehome "),
    `${running.join(" and ")} run`,
  );
}
