import type { FakeHost } from "./fake-host.js";

/** What rehome asks of a resource at once, answered by what the host answers to each `drbdadm`. */
export function playState(host: FakeHost): FakeHost {
  return host.on(/^sh -c said=\$\(drbdadm role /, async ({ argv }) => {
    const name = argv[4] ?? "";
    const ask = async (what: string): Promise<string> => {
      const { exitCode, stdout } = await host.run(["drbdadm", what, name]);
      return exitCode === 0 ? stdout : "";
    };
    const isAdjusted = argv[2]?.includes("adjust") === true && (await ask("role")).startsWith("Secondary");
    if (isAdjusted) await host.run(["drbdadm", "adjust", name]);
    return [await ask("role"), await ask("cstate"), await ask("dstate"), ""].join("--\n");
  });
}
