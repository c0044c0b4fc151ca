// What we write is what HBase's own client reads, byte for byte, and the other way round.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { Put } from '../../src/model/rows.ts';
import { lineOf, putAll, randomOf, read } from './cells.ts';
import { runJava } from './java/run.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

const hostileRows = 1_000;

describeOnHBase("beside HBase's own client", (on) => {
  test('a thousand hostile rows go both ways byte for byte', async () => {
    const seed = Date.now() % 1_000_000;
    // Region names with bytes that are no text: the keys lie among the rows.
    const splits = ['40', '80ff00', 'c3a9', 'ff'].map((hex) => Buffer.from(hex, 'hex'));
    const place = await newTable(on(), splits);
    const ours = hostileCells(seed, 1);
    const theirs = hostileCells(seed + 1, 2);
    await putAll(on().client, place, ours);
    const folder = await mkdtemp(path.join(tmpdir(), 'adcounter-java-'));
    const file = path.join(folder, 'cells');
    await writeFile(file, theirs.map((cell) => `${lineOf(cell)}\n`).join(''));
    const seenByJava = await runJava(on().shared, ['exchange', place.table, file]);
    await rm(folder, { recursive: true });
    const expected = inOrder([...ours, ...theirs]).map(lineOf);
    expect({ seed, lines: seenByJava.trimEnd().split('\n') }).toEqual({ seed, lines: expected });
    const seenByUs = (await read(on().client, place)).cells.map(lineOf);
    expect({ seed, lines: seenByUs }).toEqual({ seed, lines: expected });
  }, 120_000);
});

/** Distinct cells: every byte value, rows that begin alike, empty qualifiers and values. */
function hostileCells(seed: number, family: number): Put[] {
  const random = randomOf(seed);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)));
  const cells: Put[] = [];
  let row = Buffer.from([family]);
  for (let i = 0; i < hostileRows; i++) {
    const grown = row.length < 300 && random(3) === 0;
    // One row the prefix of the next, also by a zero byte; or a new one anywhere in the table.
    row = grown
      ? Buffer.concat([row, random(2) === 0 ? Buffer.alloc(1) : bytes(1 + random(3))])
      : Buffer.concat([Buffer.from([i & 0xff]), bytes(random(40)), Buffer.from([family])]);
    const qualifier = Buffer.concat([bytes(random(4)), Buffer.from([family])]);
    cells.push({
      row,
      qualifier: random(8) === 0 && family === 1 ? Buffer.alloc(0) : qualifier,
      value: bytes(random(5) === 0 ? 0 : random(60)),
      version: 1 + random(0x1_0000_0000) * 1_000_000,
    });
  }
  const distinct = new Map(
    cells.map((cell) => [`${cell.row.toString('hex')}/${cell.qualifier.toString('hex')}`, cell]),
  );
  return [...distinct.values()];
}

function inOrder(cells: readonly Put[]): Put[] {
  return [...cells].sort(
    (a, b) => a.row.compare(b.row) || a.qualifier.compare(b.qualifier) || b.version - a.version,
  );
}
