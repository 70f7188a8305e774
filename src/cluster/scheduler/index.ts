export { scheduleOneHost as schedule } from "./one-host.js";
