import { lostAtEveryStep } from "./cluster/lost-at-every-step.js";

lostAtEveryStep({
  what: "the source's network is cut",
  machine: ({ source }) => source,
  lose: (source) => source.cutLink("lan"),
  restore: async (source) => {
    await source.restoreLink("lan");
    await source.waitForSsh(60_000);
  },
  goesOn: false,
});
