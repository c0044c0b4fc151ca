// npm run planted: is the simulation blind? Searches for a history that catches each planted bug,
// from seed 1 on, and prints which law caught it and when. --write keeps the seeds for the tests.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { catchPlanted, plantedNames, seedsFile } from './catch.ts';
import type { Caught } from './catch.ts';

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const names = positionals.length > 0 ? positionals : plantedNames();
const caught: Record<string, Caught> = {};
const widest = Math.max(...names.map((name) => name.length));

console.log(`${'bug'.padEnd(widest)}  law  seconds  seed`);
for (const name of names) {
  const from = { seed: Number(values.seed), seconds: Number(values.seconds) };
  const found = await catchPlanted(name, from);
  if (found !== undefined) caught[name] = { ...found, seconds: Math.round(found.seconds) };
  const { law, seconds, seed } = found ?? { law: '-', seconds: NaN, seed: NaN };
  const told = [law.padEnd(3), seconds.toFixed(1).padStart(7), String(seed).padStart(5)];
  console.log([name.padEnd(widest), ...told].join('  '));
}
console.log(`caught ${Object.keys(caught).length} of ${names.length}`);
if (values.write) writeFileSync(seedsFile, `${JSON.stringify(caught, undefined, 2)}\n`);
process.exitCode = Object.keys(caught).length === names.length ? 0 : 1;
