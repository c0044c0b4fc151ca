// What a region server answers in the moment it wakes from a pause so long that it was replaced:
// asked over a connection of its own, past the client's caution. A measurement, not a test.
import { setTimeout as sleep } from 'node:timers/promises';
import { readResults, decodeScanResponse } from '../../../src/hbase/cell-block.ts';
import { Connections } from '../../../src/hbase/connections.ts';
import type { HBaseClient, Place } from '../../../src/hbase/hbase-client.ts';
import type { ServerAddress } from '../../../src/hbase/host-map.ts';
import { messages } from '../../../src/hbase/messages.ts';
import type { Int64, ScanRequest } from '../../../src/hbase/messages.ts';
import { durabilityCode, mutateTypePut } from '../../../src/hbase/multi-codec.ts';
import { silentObserver } from '../../../src/hbase/observer.ts';
import type { Region } from '../../../src/hbase/regions.ts';
import type { Put } from '../../../src/model/rows.ts';
import { putAll, read } from '../cells.ts';
import { codeOf } from './watch.ts';

const rows = 200;
const rowsOfFirstReply = 10;
const qualifier = Buffer.from([1]);
const askedForMs = 5_000;
const patienceMs = 90_000;

export class ZombieProbe {
  readonly facts: string[] = [];
  readonly #client: HBaseClient;
  readonly #place: Place;
  readonly #region: Region;
  readonly #connections = new Connections({
    user: 'adcounter',
    hostMap: new Map(),
    observer: silentObserver,
  });
  #scannerId: Int64 | null = null;
  #asked: Promise<void>[] = [];
  #wokeMs = Infinity;

  /** The region is the whole table's only one, and at the server that will be paused. */
  constructor(client: HBaseClient, place: Place, region: Region) {
    this.#client = client;
    this.#place = place;
    this.#region = region;
  }

  get server(): ServerAddress {
    return this.#region.server;
  }

  /** The old state, and a scanner that has begun to read it. */
  async beforePause(): Promise<void> {
    await putAll(this.#client, this.#place, state(1));
    const first = await this.#scan({ ...this.#open(), numberOfRows: rowsOfFirstReply });
    this.#scannerId = first.scannerId;
  }

  /** The region is elsewhere: the new state is put there, then the paused server is asked. */
  async whilePaused(): Promise<void> {
    await putAll(this.#client, this.#place, state(2));
    const { cells } = await read(this.#client, this.#place);
    const isNew = cells.length === rows && cells.every(({ value }) => value[0] === 2);
    this.facts.push(`while it was paused: new state confirmed and read elsewhere: ${isNew}`);
    const scannerId = this.#scannerId;
    if (scannerId !== null) {
      const next = { scannerId, numberOfRows: rows, clientHandlesHeartbeats: true };
      this.#asked.push(this.#ask('an open scanner, asked during the pause', next));
    }
    this.#asked.push(this.#ask('a new scan, asked during the pause', this.#open()));
    this.#asked.push(this.#askWrite('a check-and-put on the old state, sent during the pause'));
    await sleep(500);
  }

  /** Asks on and on from the moment of the wake, then looks whether anything was written. */
  async afterWake(): Promise<void> {
    this.#wokeMs = performance.now();
    let answers = new Map<string, { count: number; lastMs: number }>();
    while (performance.now() < this.#wokeMs + askedForMs) {
      const answer = await this.#answer(this.#open());
      const seen = answers.get(answer) ?? { count: 0, lastMs: 0 };
      answers = answers.set(answer, { count: seen.count + 1, lastMs: this.#sinceWake() });
      await sleep(5);
    }
    await Promise.all(this.#asked);
    for (const [answer, { count, lastMs }] of answers) {
      this.facts.push(`new scans after the wake: ${count} × ${answer}, the last at ${lastMs} ms`);
    }
    const { cells } = await read(this.#client, this.#place);
    const stands = cells.filter(({ value }) => value[0] === 2).length;
    this.facts.push(`afterwards ${stands} of ${rows} rows are in the new state elsewhere`);
    this.#connections.close();
  }

  async #ask(what: string, request: ScanRequest): Promise<void> {
    const answer = await this.#answer(request);
    this.facts.push(`${what}: ${answer}, at ${this.#sinceWake()} ms`);
  }

  async #answer(request: ScanRequest): Promise<string> {
    try {
      const { olds, news } = await this.#scan(request);
      return `${olds} old rows and ${news} new ones`;
    } catch (error) {
      return `${codeOf(error)} (${reasonOf(error)})`;
    }
  }

  async #scan(request: ScanRequest): Promise<{
    readonly scannerId: Int64;
    readonly olds: number;
    readonly news: number;
  }> {
    const reply = await this.#connections.call(this.server, 'ClientService', {
      method: 'Scan',
      body: messages.scanRequest.encodeDelimited(request),
      cellBytes: 0,
      timeoutMs: patienceMs,
    });
    const response = decodeScanResponse(reply);
    const seen = { olds: 0, news: 0 };
    readResults(
      reply,
      (cell) => {
        if (cell.bytes[cell.valueStart] === 1) seen.olds++;
        else seen.news++;
      },
      response,
    );
    return { ...seen, scannerId: response.scannerId };
  }

  async #askWrite(what: string): Promise<void> {
    const row = state(1)[0]?.row ?? Buffer.alloc(1);
    const { family } = this.#place;
    const body = messages.mutateRequest.encodeDelimited({
      region: { type: 1, value: this.#region.name },
      mutation: {
        row,
        mutateType: mutateTypePut,
        columnValue: [{ family, qualifierValue: [{ qualifier, value: Buffer.from([9]) }] }],
        durability: durabilityCode.sync_wal,
      },
      condition: {
        row,
        family,
        qualifier,
        compareType: 2,
        comparator: {
          name: 'org.apache.hadoop.hbase.filter.BinaryComparator',
          serializedComparator: messages.binaryComparator.encode({
            comparable: { value: Buffer.from([1]) },
          }),
        },
      },
    });
    const request = { method: 'Mutate', body, cellBytes: 0, timeoutMs: patienceMs };
    let answer: string;
    try {
      const reply = await this.#connections.call(this.server, 'ClientService', request);
      const message = reply.bytes.subarray(reply.messageStart, reply.messageEnd);
      answer = `done: ${messages.mutateResponse.decode(message).processed}`;
    } catch (error) {
      answer = `${codeOf(error)} (${reasonOf(error)})`;
    }
    this.facts.push(`${what}: ${answer}, at ${this.#sinceWake()} ms`);
  }

  #open(): ScanRequest {
    const { family } = this.#place;
    const empty = Buffer.alloc(0);
    return {
      region: { type: 1, value: this.#region.name },
      scan: {
        column: [{ family }],
        startRow: empty,
        stopRow: empty,
        maxResultSize: 1_048_576,
        caching: rows,
      },
      numberOfRows: rows,
      clientHandlesHeartbeats: true,
    };
  }

  #sinceWake(): number {
    return Math.round(performance.now() - this.#wokeMs);
  }
}

function state(n: number): Put[] {
  return Array.from({ length: rows }, (_, i) => {
    return { row: Buffer.from([1, i]), qualifier, value: Buffer.from([n]), version: n };
  });
}

/** The exception's name, or what the connection ended with. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /\w+Exception/.exec(text)?.[0] ?? text.slice(0, 60);
}
