import { lostAtEveryStep, POWER } from "./cluster/lost-at-every-step.js";

lostAtEveryStep({
  what: "the other host loses power",
  machine: ({ peer }) => peer,
  ...POWER,
  goesOn: true,
});
