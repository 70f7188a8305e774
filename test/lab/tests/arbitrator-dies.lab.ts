import { lostAtEveryStep, POWER } from "./cluster/lost-at-every-step.js";

lostAtEveryStep({
  what: "the tie-breaker loses power",
  machine: ({ arbitrator }) => arbitrator,
  ...POWER,
  goesOn: true,
});
