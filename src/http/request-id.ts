// Names each request, so that an answer, a log line and a report of a client can be joined.
// A client's own name is kept when it is harmless. Never repeats within a process.
import { randomBytes } from 'node:crypto';

export function requestIds(): (given: string | string[] | undefined) => string {
  const prefix = randomBytes(6).toString('hex');
  let last = 0;
  return (given) => {
    if (typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given)) return given;
    last++;
    return `${prefix}-${last.toString(36)}`;
  };
}
