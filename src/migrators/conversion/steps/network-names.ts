import type { Distribution, NicPlan } from "../../types.js";
import { joinFindings, NOTHING, readText, writeText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";
import { hasSystemd } from "./console-getty.js";

const LINK_FOLDER = "/etc/systemd/network";
const RULES = "/etc/udev/rules.d/70-persistent-net.rules";

/** The source's names for its NICs, tied to their MACs, which the guest keeps: its network configuration goes on working. */
export const networkNames: Step = {
  name: "network names",
  async check(context) {
    const nics = context.plan.nics.filter((nic) => isName(nic.name) && isMac(nic.mac));
    const odd = context.plan.nics.filter((nic) => !nics.includes(nic));
    const systemd = await hasSystemd(context.files);
    return joinFindings([
      { edits: [], warnings: odd.map((nic) => `the name ${JSON.stringify(nic.name)} of a NIC cannot be kept`) },
      { edits: [], warnings: kernelNames(nics) },
      systemd ? await checkLinks(context, nics) : NOTHING,
      await checkRules(context, nics, !systemd || hasOldUdev(context.distribution)),
    ]);
  },
};

/** As the kernel allows it, less what udev's files would read as something else. */
function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name);
}

function isMac(mac: string): boolean {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac);
}

/** udev cannot give a name that the kernel has given to another NIC, so NICs named ethN must come in that order. */
function kernelNames(nics: readonly NicPlan[]): readonly string[] {
  const wrong = nics.filter((nic, index) => /^eth\d+$/.test(nic.name) && nic.name !== `eth${index}`);
  return wrong.map((nic) => `${nic.name} is not in its place among the guest's NICs and may get another name`);
}

async function checkLinks({ files }: StepContext, nics: readonly NicPlan[]): Promise<Finding> {
  const edits: Edit[] = [];
  const wanted = new Map(nics.map((nic) => [`10-rehome-${nic.name}.link`, nic]));
  for (const [name, nic] of wanted) {
    const path = `${LINK_FOLDER}/${name}`;
    const text = linkFile(nic);
    if ((await readText(files, path)) !== text) edits.push(writeText(path, text, [`${nic.mac} is ${nic.name}`]));
  }
  for (const name of await files.list(LINK_FOLDER)) {
    if (!/^10-rehome-[A-Za-z0-9_.-]+\.link$/.test(name) || wanted.has(name)) continue;
    edits.push({ kind: "remove", path: `${LINK_FOLDER}/${name}`, what: ["the name of a NIC that is no more"] });
  }
  return { edits, warnings: [] };
}

/** systemd.link(5). The driver keeps bridges, bonds and VLANs out, which have the MAC of the NIC below them. */
function linkFile(nic: NicPlan): string {
  return [
    "# Keeps the name that this NIC had before the server was moved, so that its configuration goes on working.",
    "[Match]",
    `MACAddress=${nic.mac.toLowerCase()}`,
    "Driver=virtio_net",
    "",
    "[Link]",
    `Name=${nic.name}`,
    "",
  ].join("\n");
}

/** Before systemd 240, a name that the initramfs gave is not changed by a .link file any more, but by a rule. */
function hasOldUdev({ id, version }: Distribution): boolean {
  const number = Number.parseFloat(version);
  return Number.isFinite(number) && number < (id === "ubuntu" ? 19.04 : 10);
}

/** Rules for our MACs stay when they say what we want; wrong ones and those that claim our names go. */
async function checkRules({ files }: StepContext, nics: readonly NicPlan[], needed: boolean): Promise<Finding> {
  const before = await readText(files, RULES);
  if (before === undefined && !needed) return NOTHING;
  const kept: string[] = [];
  const dropped: string[] = [];
  const named = new Set<string>();
  for (const line of (before ?? "").replace(/\n$/, "").split("\n")) {
    const verdict = judgeRule(line, nics);
    if (verdict.keep) kept.push(line);
    else dropped.push(`the old rule for ${verdict.name} is gone`);
    if (verdict.keep && verdict.name !== undefined) named.add(verdict.name);
  }
  const added = needed ? nics.filter((nic) => !named.has(nic.name)) : [];
  const what = [...dropped, ...added.map((nic) => `${nic.mac} is ${nic.name}`)];
  if (what.length === 0) return NOTHING;
  const lines = [...kept, ...added.map(rule)].filter((line, index) => line !== "" || index > 0);
  return { edits: [writeText(RULES, `${lines.join("\n")}\n`, what)], warnings: [] };
}

type Verdict = { keep: true; name?: string } | { keep: false; name: string };

function judgeRule(line: string, nics: readonly NicPlan[]): Verdict {
  const name = /\bNAME="([^"]+)"/.exec(line)?.[1];
  if (/^\s*#/.test(line) || name === undefined) return { keep: true };
  const mac = /\bATTRS?\{address\}=="([^"]+)"/.exec(line)?.[1]?.toLowerCase();
  const nic = nics.find((candidate) => candidate.mac.toLowerCase() === mac);
  if (nic === undefined) return nics.some((other) => other.name === name) ? { keep: false, name } : { keep: true };
  const foreign = /\bKERNELS==|\bID==|\bDRIVERS=="(?!\?\*")|\bBUS==/.test(line); // bound to the hardware that it was
  return nic.name === name && !foreign ? { keep: true, name } : { keep: false, name };
}

function rule(nic: NicPlan): string {
  return (
    `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${nic.mac.toLowerCase()}", ` +
    `ATTR{dev_id}=="0x0", ATTR{type}=="1", NAME="${nic.name}"`
  );
}
