// Which release reads which journal: the table in docs/FORMATS.md, held against bytes that earlier
// releases wrote (test/golden/). A version in the row of this release without golden bytes, or
// bytes that are not read any more, fail here.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { decodeLayout } from '../../src/store/layout.ts';
import { decodeRecord } from '../../src/store/registry.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { version } from '../../src/version.ts';
import { MemoryDisk } from './memory-disk.ts';
import { folder, replayAll } from './workload.ts';

const golden = new URL('../golden/', import.meta.url);

function bytesOf(name: string): Buffer {
  const text = readFileSync(new URL(name, golden), 'utf8');
  return Buffer.from(text.replaceAll(/#.*$|\s/gm, ''), 'hex');
}

/** The versions that a release reads, by the table. */
function readBy(release: string, what: string): string[] {
  const rows = readFileSync('docs/FORMATS.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const head = rows.find((cells) => cells[0] === 'version of');
  const row = rows.find((cells) => cells[0] === what);
  const column = head?.indexOf(release) ?? -1;
  return (row?.[column] ?? '').split(', ').filter((cell) => /^\d+$/.test(cell));
}

const release = version.split('.').slice(0, 2).join('.');

describe('this release has a column, and reads the bytes of each version that stands in it', () => {
  const segments = readBy(release, 'journal segment');

  test('the journal has versions', () => {
    expect(segments).not.toEqual([]);
    const kept = readdirSync(golden).flatMap((name) => /^journal-(\d+)-/.exec(name)?.[1] ?? []);
    expect([...new Set(kept)].sort()).toEqual(segments);
  });

  test.each(segments)('journal %s', async (format) => {
    const disk = new MemoryDisk();
    const pattern = new RegExp(`^journal-${format}-(.*)\\.hex$`);
    for (const name of readdirSync(golden)) {
      const segment = pattern.exec(name)?.[1];
      if (segment === undefined) continue;
      const bytes = bytesOf(name);
      expect(bytes[4]).toBe(Number(format));
      disk.put(`${folder}/${segment}`, bytes);
    }
    const { survey, quarters } = await replayAll(disk);
    expect(survey.problems).toEqual([]);
    expect(survey.isGapFree(1, survey.lastPosition ?? 0)).toBe(true);
    expect(quarters.flatMap(({ cells }) => cells).length).toBeGreaterThan(0);
  });

  test.each(readBy(release, 'writer in `meta`'))('meta %s', (format) => {
    const text = readFileSync(new URL(`meta-${format}.txt`, golden), 'utf8');
    const { layout = '', writer = '' } = Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    ) as Record<string, string>;
    expect(decodeLayout(Buffer.from(layout, 'hex')).salts).toBe(16);
    const id = '1122334455667788' as WriterId;
    expect(decodeRecord(id, Buffer.from(writer, 'hex')).record.position).toBe(7);
  });
});

test('a segment of the next version is refused by name, and left as it is', async () => {
  const disk = new MemoryDisk();
  const { crc32 } = await import('node:zlib');
  const bytes = bytesOf('journal-1-00000001.segment.hex');
  bytes[4] = 2;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 60)), 60);
  const name = `${folder}/00000001.segment`;
  disk.put(name, bytes);
  const { survey } = await replayAll(disk);
  expect(survey.problems).toMatchObject([{ kind: 'segment_refused', detail: 'format 2' }]);
  expect(survey.isGapFree(1, 0)).toBe(false);
  expect(disk.bytesOf(name)).toEqual(bytes);
});
