import { lostAtEveryStep, POWER } from "./cluster/lost-at-every-step.js";

lostAtEveryStep({
  what: "the host that the guest is copied to loses power",
  machine: ({ target }) => target,
  ...POWER,
  goesOn: false,
});
