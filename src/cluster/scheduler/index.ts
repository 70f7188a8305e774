export { schedule } from "./schedule.js";
export { scheduleOneHost } from "./one-host.js";
