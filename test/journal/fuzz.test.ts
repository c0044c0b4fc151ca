// Mutated journals: overwritten, moved, swapped, cut and lengthened at random. Whatever comes out,
// the replay ends, counts nothing that a cell never had, and calls no journal whole that is not.
// FUZZ_RUNS sets how many; the seed is printed on failure.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MemoryDisk } from './memory-disk.ts';
import { appendAll, folder, newJournal, replayAll, someSteps, WriterModel } from './workload.ts';

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const mutation = fc.record({
  kind: fc.constantFrom('random', 'zero', 'copy', 'swap', 'cut', 'grow', 'byte'),
  file: place,
  at: place,
  from: place,
  length: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 4_096 })),
  junk: fc.uint8Array({ minLength: 16, maxLength: 64 }),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutate(files: Buffer[], { kind, file, at, from, length, junk }: Mutation): void {
  const index = Math.floor(file * files.length);
  const bytes = files[index] ?? Buffer.alloc(0);
  const start = Math.floor(at * bytes.length);
  const source = Math.floor(from * bytes.length);
  const end = Math.min(bytes.length, start + length);
  switch (kind) {
    case 'random':
      bytes.fill(junk, start, end);
      break;
    case 'zero':
      bytes.fill(0, start, end);
      break;
    case 'copy':
      bytes.copy(bytes, start, source, Math.min(bytes.length, source + length));
      break;
    case 'swap':
      files[index] = files[0] ?? bytes;
      files[0] = bytes;
      break;
    case 'cut':
      files[index] = bytes.subarray(0, start);
      break;
    case 'grow':
      files[index] = Buffer.concat([bytes.subarray(0, start), junk, bytes.subarray(start)]);
      break;
    case 'byte':
      if (start < bytes.length) bytes[start] = junk[0] ?? 0;
      break;
  }
}

test('whatever happens to its bytes, a replay counts only what was', async () => {
  const { disk, journal } = await newJournal({ segmentBytes: 4_096 });
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(250, 77));
  const real = new Set<string>();
  for (const state of model.states) {
    for (const [key, counts] of state) real.add(`${key}: ${String(counts)}`);
  }
  const names = disk.filesOf(folder);
  const law = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (all) => {
    const files = names.map((name) => disk.bytesOf(`${folder}/${name}`));
    for (const one of all) mutate(files, one);
    const mutated = new MemoryDisk();
    files.forEach((bytes, i) => mutated.put(`${folder}/${names[i] ?? ''}`, bytes));
    const { survey, state, quarters } = await replayAll(mutated, folder, model.registeredMs);
    const lines = [...state].map(([key, counts]) => `${key}: ${String(counts)}`);
    expect(lines.filter((line) => !real.has(line))).toEqual([]);
    const alarms = survey.alarms + quarters.reduce((sum, quarter) => sum + quarter.alarms, 0);
    const isWhole = survey.isGapFree(1, 250);
    const isComplete = lines.length === model.states.at(-1)?.size;
    expect(isWhole && !isComplete).toBe(false);
    // A head that is missing altogether may have been trimmed: the registry knows, not we.
    const { firstPosition, lastPosition } = survey;
    expect(!isWhole && alarms === 0 && firstPosition === 1 && lastPosition === 250).toBe(false);
  });
  await fc.assert(law, { numRuns: Number(process.env['FUZZ_RUNS'] ?? 400) });
}, 3_600_000);
