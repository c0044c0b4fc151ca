// The stored rows stand still: bytes made today equal the golden file, and it is still read. A
// difference is a new format version (docs/FORMATS.md), never a new golden file.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { AdId, Cell, SiteId } from '../../src/model/cell.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { putCell, RowEntries } from '../../src/store/cell-codec.ts';
import { orderedKey, versionedValue } from '../../src/store/embedded/ordered-key.ts';
import { writerRow } from '../../src/store/key-layout.ts';
import { decodeLayout, encodeLayout } from '../../src/store/layout.ts';
import { decodeRecord, encodeRecord } from '../../src/store/registry.ts';

/** `name hex` a line. */
function golden(name: string): Record<string, string> {
  const text = readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8');
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
}

const writer = '1122334455667788' as WriterId;
const cell: Cell = {
  writer,
  ad: 'näme' as AdId,
  site: 'example.com' as SiteId,
  eventQuarter: 2_000_000,
  lag: 300,
  counts: [1, 1, 2, 300, 16, 4_503_599_627_370],
};

test('counts, and the same cell in the embedded store', () => {
  const batch = new PutBatch();
  putCell(batch, cell, 16);
  const { row, qualifier, value, version } = batch.at(0);
  expect({
    row: row.toString('hex'),
    qualifier: qualifier.toString('hex'),
    value: value.toString('hex'),
    version: String(version),
    embeddedKey: orderedKey('counts', row, qualifier).toString('hex'),
    embeddedValue: versionedValue(version, value).toString('hex'),
  }).toEqual(golden('counts-1.txt'));
});

test('the golden cell of counts is read as what was put', () => {
  const { qualifier: qualifierHex = '', value: valueHex = '', version } = golden('counts-1.txt');
  const qualifierEnd = qualifierHex.length / 2;
  const day = Math.floor(cell.eventQuarter / 96);
  const entries = new RowEntries({ site: cell.site, day });
  entries.add({
    bytes: Buffer.from(qualifierHex + valueHex, 'hex'),
    rowStart: 0,
    rowEnd: 0,
    qualifierStart: 0,
    qualifierEnd,
    valueStart: qualifierEnd,
    valueEnd: qualifierEnd + valueHex.length / 2,
    version: Number(version),
  });
  const read = entries.merged().map(({ writer: by, site, eventQuarter, lag, counts }) => {
    return { writer: by, ad: cell.ad, site, eventQuarter, lag, counts: [...counts] };
  });
  expect(read).toEqual([cell]);
});

test('meta: layout and writer', () => {
  const layout = { salts: 16, created: '2026-11-24T00:00:00.000Z' };
  const record = {
    state: 'sealed',
    sealedBy: 'recoverer',
    registeredMs: 1_800_000_000_000,
    watermarkMs: 1_800_000_000_001,
    position: 7,
    trimmed: 3,
    host: 'h',
    bootId: 'b',
    startedMs: 1_799_999_999_999,
    folder: { device: '18446744073709551615', inode: '2' },
  } as const;
  const files = golden('meta-1.txt');
  expect({
    layout: encodeLayout(layout).toString('hex'),
    writerRow: writerRow(writer).toString('hex'),
    writer: encodeRecord(record, '0123456789abcdef').toString('hex'),
  }).toEqual(files);
  expect(decodeLayout(Buffer.from(files['layout'] ?? '', 'hex'))).toEqual(layout);
  expect(decodeRecord(writer, Buffer.from(files['writer'] ?? '', 'hex'))).toEqual({
    record,
    nonce: '0123456789abcdef',
  });
});
