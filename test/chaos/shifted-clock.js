// Preloaded into a service under chaos: its wall clock is off by as many ms as a file says now.
// The product knows nothing of it; monotonic time and timers are the machine's.
import { readFileSync } from 'node:fs';

const file = process.env['CHAOS_CLOCK_FILE'] ?? '';
const lookEveryMs = 100;
const RealDate = Date;
const realNow = Date.now;
let offsetMs = 0;
let lookedAtMs = -lookEveryMs;

function shiftedNow() {
  const nowMs = performance.now();
  if (nowMs - lookedAtMs >= lookEveryMs) {
    lookedAtMs = nowMs;
    try {
      offsetMs = Number(readFileSync(file, 'utf8'));
    } catch {
      // Between two runs the file is away: the shift stays as it was.
    }
  }
  return realNow() + offsetMs;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget),
  apply: () => new RealDate(shiftedNow()).toString(),
  get: (target, name, self) => (name === 'now' ? shiftedNow : Reflect.get(target, name, self)),
});
