import { beforeEach, describe, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { completenessOf } from '../../src/store/completeness.ts';
import {
  decodeRecord,
  encodeRecord,
  RegistryChain,
  WriterRegistry,
} from '../../src/store/registry.ts';
import type { RegistryEntry, WriterRecord } from '../../src/store/registry.ts';
import { metaQualifier, writerRow } from '../../src/store/key-layout.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

const writer = '00000000000000a0' as WriterId;
const timedOut = (): Error => new CounterError('TIMED_OUT', 'retry');

function record(change: Partial<WriterRecord> = {}): WriterRecord {
  return {
    state: 'open',
    sealedBy: null,
    registeredMs: null,
    watermarkMs: 1000,
    position: 0,
    trimmed: 1,
    host: 'h',
    bootId: 'b',
    startedMs: 5,
    folder: { device: '1', inode: '2' },
    ...change,
  };
}

function entry(change: Partial<WriterRecord>, id = 1): RegistryEntry {
  return {
    writer: id.toString(16).padStart(16, '0') as WriterId,
    record: record(change),
    nonce: '',
    bytes: Buffer.alloc(0),
  };
}

/** A record that is right but for what is given. */
function altered(change: Readonly<Record<string, unknown>>): Buffer {
  const json: unknown = JSON.parse(encodeRecord(record(), 'a').toString('utf8', 1));
  const text = JSON.stringify({ ...(json as object), ...change });
  return Buffer.from(`\u0001${text}`);
}

describe('a chain of records', () => {
  let rows: MemoryRowStore;
  let registry: WriterRegistry;
  let chain: RegistryChain;

  beforeEach(() => {
    rows = new MemoryRowStore();
    registry = new WriterRegistry(rows);
    chain = new RegistryChain(registry, writer);
  });

  async function standing(): Promise<WriterRecord | undefined> {
    return (await registry.read(writer))?.record;
  }

  test('begins where nothing stands and goes on from what it wrote', async () => {
    expect(await chain.advance(() => record())).toBe('done');
    const next = chain.advance((before) => ({ ...record(before), position: 7 }));
    expect(await next).toBe('done');
    expect(await standing()).toEqual(record({ position: 7 }));
  });

  test('a lost reply to a write of its own is no foreign link', async () => {
    let lost = 0;
    rows.failAfter = (operation) =>
      operation === 'checkAndPut' && lost++ === 0 ? timedOut() : undefined;
    expect(await chain.advance(() => record({ position: 1 }))).toBe('done');
    expect(await chain.advance(() => record({ position: 2 }))).toBe('done');
    expect(await standing()).toEqual(record({ position: 2 }));
  });

  test('a write whose outcome stayed unknown is adopted when it turns out to stand', async () => {
    await chain.advance(() => record());
    rows.failAfter = (operation) => (operation === 'checkAndPut' ? timedOut() : undefined);
    rows.failBefore = (operation) => (operation === 'scan' ? timedOut() : undefined);
    await expect(chain.advance(() => record({ position: 1 }))).rejects.toThrow('TIMED_OUT');
    rows.failAfter = undefined;
    rows.failBefore = undefined;
    const seen: number[] = [];
    const next = chain.advance((before) => {
      seen.push(before?.position ?? -1);
      return record({ position: 2 });
    });
    expect(await next).toBe('done');
    // The change is asked again over what really stood: `registered` is thus written once.
    expect(seen).toEqual([0, 1]);
  });

  test('a record that somebody else wrote is foreign', async () => {
    await chain.advance(() => record());
    const other = new RegistryChain(registry, writer, await registry.read(writer));
    expect(await other.advance(() => record({ state: 'sealed', sealedBy: 'itself' }))).toBe('done');
    expect(await chain.advance(() => record({ position: 3 }))).toBe('foreign');
    expect((await standing())?.state).toBe('sealed');
  });

  test('an id that is taken is foreign to whoever draws it again', async () => {
    await new RegistryChain(registry, writer).advance(() => record());
    expect(await chain.advance(() => record())).toBe('foreign');
  });

  test('a record that vanished is foreign: it was ours to replace, not to begin anew', async () => {
    await chain.advance(() => record());
    const emptied = new RegistryChain(new WriterRegistry(new MemoryRowStore()), writer);
    expect(await emptied.advance(() => record())).toBe('done');
    const moved = new RegistryChain(
      new WriterRegistry(new MemoryRowStore()),
      writer,
      await registry.read(writer),
    );
    expect(await moved.advance(() => record())).toBe('foreign');
  });
});

test('a record reads back as it was written; 01 and JSON', () => {
  const bytes = encodeRecord(record({ registeredMs: 17 }), 'abc');
  expect(bytes.toString('latin1')).toBe(
    '\u0001{"state":"open","sealedBy":null,"position":0,"trimmed":1,"host":"h","bootId":"b",' +
      '"folder":{"device":"1","inode":"2"},"registered":17,"watermark":1000,"started":5,' +
      '"nonce":"abc"}',
  );
  expect(decodeRecord(writer, bytes)).toEqual({
    record: record({ registeredMs: 17 }),
    nonce: 'abc',
  });
});

test.each([
  ['another format', Buffer.from('\u0002{}')],
  ['no JSON', Buffer.from('\u0001{')],
  ['no record', Buffer.from('\u0001null')],
  ['a moment that no date can tell', altered({ watermark: 9e15 })],
  ['half a position', altered({ position: 0.5 })],
  ['no folder', altered({ folder: undefined })],
  ['a folder without a name', altered({ folder: { device: 7, inode: '2' } })],
  ['no host', altered({ host: null })],
  ['an unknown state', Buffer.from('\u0001{"state":"asleep","nonce":"a"}')],
])('a record with %s is refused, never guessed', (_, bytes) => {
  expect(() => decodeRecord(writer, bytes)).toThrow('RECORD_INVALID');
});

describe('completeThrough', () => {
  test('is nothing where nobody ever wrote', () => {
    expect(completenessOf({ entries: [], unreadable: [] }).completeThroughMs).toBeNull();
  });

  test('is the least watermark of the open writers', () => {
    const entries = [
      entry({ watermarkMs: 9 }),
      entry({ watermarkMs: 5 }),
      entry({ watermarkMs: 1, state: 'sealed' }),
    ];
    expect(completenessOf({ entries, unreadable: [] }).completeThroughMs).toBe(5);
  });

  test('is the greatest of all where none is open; the lost are named', () => {
    const entries = [
      entry({ watermarkMs: 9, state: 'sealed' }),
      entry({ watermarkMs: 3, state: 'lost', lostMs: 4 }, 2),
    ];
    expect(completenessOf({ entries, unreadable: [] })).toEqual({
      completeThroughMs: 9,
      greatestWatermarkMs: 9,
      lost: [{ writer: '0000000000000002', watermarkMs: 3, lostMs: 4 }],
      unreadable: [],
      heldBackBy: null,
    });
  });
});

test('one that cannot be read hides none of the others, and says where it stands', async () => {
  const rows = new MemoryRowStore();
  const registry = new WriterRegistry(rows);
  const other = '00000000000000b0' as WriterId;
  await new RegistryChain(registry, other).advance(() => record());
  const bytes = Buffer.from('\u0002newer');
  const check = { row: writerRow(writer), qualifier: metaQualifier, expected: null, value: bytes };
  await rows.checkAndPut('meta', check, { timeoutMs: 1000 });
  const { entries, unreadable, strangers } = await registry.readAll();
  expect(entries).toMatchObject([{ writer: other, record: record() }]);
  expect(unreadable).toMatchObject([{ writer, bytes, record: undefined }]);
  expect(unreadable[0]?.reason).toContain('RECORD_INVALID');
  expect(strangers).toBe(0);
  expect(completenessOf({ entries, unreadable })).toMatchObject({
    completeThroughMs: null,
    greatestWatermarkMs: 1000,
    heldBackBy: writer,
  });
  const chain = new RegistryChain(registry, writer);
  expect(await chain.advance(() => record())).toBe('foreign');
  expect(await chain.verify()).toBe('foreign');
  // But by whoever was shown exactly this.
  const shown = new RegistryChain(registry, writer, await registry.read(writer));
  expect(await shown.advance((standing) => standing ?? record({ position: 9 }))).toBe('done');
  expect((await registry.read(writer))?.record?.position).toBe(9);
});

test('the moment of a loss is kept with the record, and absent where nobody was lost', () => {
  const lost = record({ state: 'lost', lostMs: 7 });
  expect(decodeRecord(writer, encodeRecord(lost, 'n')).record).toEqual(lost);
  expect(encodeRecord(record(), 'n').toString()).not.toContain('lost');
  expect(() => encodeRecord(record({ watermarkMs: 0.5 }), 'n')).toThrow('whole');
});
