// Owns what dead writers left in the data folder: their frames are put under their own ids, then
// the writer is sealed and its files go aside. Putting may be done twice by anybody; registering
// and sealing wait for the proof of death. A journal with a gap is put, named and left open.
import path from 'node:path';
import type { Disk } from '../journal/disk.ts';
import { replayQuarter } from '../journal/replay-quarter.ts';
import { replayFolder } from '../journal/replay.ts';
import type { QuarterSegments } from '../journal/replay.ts';
import { moveSegmentsAside } from '../journal/writer-folder.ts';
import { flushTimeoutMs, watermarkBeyondStoreMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { CounterError } from '../model/errors.ts';
import { parseWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderLock } from '../store/embedded/folder-lock.ts';
import { RegistryChain } from '../store/registry.ts';
import type { StoreLink } from '../store/store-link.ts';
import { DeathProof } from './death-proof.ts';
import type { HostIdentity } from './host-identity.ts';
import { blankRecord, cellAt } from './estate.ts';
import type { Estate } from './estate.ts';
import { registerDead } from './registration.ts';
import { sweepFolders } from './sweep.ts';
import { readWriterNote } from './writer-run.ts';

export interface RecoveryMetrics {
  ledgerJournaled(counts: number): void;
  ledgerConfirmed(counts: number): void;
  replayedEvents(events: number): void;
  journalError(kind: 'torn' | 'corrupt'): void;
}

export interface RecoveryOptions {
  readonly disk: Disk;
  /** `<data>/journal`: a folder per writer. */
  readonly journalFolder: string;
  readonly link: StoreLink;
  readonly identity: HostIdentity;
  readonly isOwn: (writer: WriterId) => boolean;
  readonly tryLock: (folder: string) => Promise<FolderLock | undefined>;
  readonly monotonicMs: () => number;
  readonly metrics: RecoveryMetrics;
  readonly log: Log;
}

interface PutEstate {
  readonly estate: Estate;
  /** What was found wrong in its frames. */
  readonly alarms: number;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #proof: DeathProof;
  /** Sealed: nothing is left to do. */
  readonly #closed = new Set<WriterId>();
  /** Put, but with a gap: an operator decides. */
  readonly #leftOpen = new Set<WriterId>();
  /** Put, but not yet proven dead. */
  readonly #put = new Map<WriterId, PutEstate>();
  /** Counts found by a replay and not confirmed yet, by writer and quarter. */
  readonly #unconfirmed = new Map<string, number>();
  readonly #found = new Set<string>();
  readonly #reported = new Set<WriterId>();
  #pass: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#proof = new DeathProof({
      identity: options.identity,
      holdsStore: options.link.rows.kind !== 'hbase',
      monotonicMs: options.monotonicMs,
    });
  }

  /** Replayed and not confirmed: part of what the ledger calls unflushed. */
  get unflushedCounts(): number {
    let counts = 0;
    for (const unconfirmed of this.#unconfirmed.values()) counts += unconfirmed;
    return counts;
  }

  /** One look at every folder; one pass at a time. Throws where the store cannot be reached. */
  pass(): Promise<void> {
    this.#pass ??= this.#lookAtAll().finally(() => {
      this.#pass = undefined;
    });
    return this.#pass;
  }

  /** Deletes what was moved aside before the moment, and sealed writers' folders left empty. */
  async sweep(beforeMs: number): Promise<void> {
    const isOver = (writer: WriterId): boolean => this.#closed.has(writer);
    if (!this.#stopped) await sweepFolders({ ...this.#options, isOver, beforeMs });
  }

  /** Ends after the put under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pass?.catch(() => undefined);
  }

  async #lookAtAll(): Promise<void> {
    const { disk, journalFolder, isOwn, link, log } = this.#options;
    await link.reach();
    let failure: unknown;
    for (const name of await disk.list(journalFolder)) {
      const writer = parseWriterId(name);
      if (this.#stopped) return;
      if (writer === undefined || isOwn(writer)) continue;
      if (this.#closed.has(writer) || this.#leftOpen.has(writer)) continue;
      try {
        await this.#lookAt(writer, path.join(journalFolder, name));
      } catch (thrown) {
        // One estate that cannot be settled must not keep the others waiting.
        failure ??= thrown;
        const what = 'What a dead writer left behind is not settled yet';
        log.warn('recovery.incomplete', what, { writer_id: writer, err: thrown });
        if (!link.up) break;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Whoever holds the lock is alive, or recovers already. */
  async #lookAt(writer: WriterId, folder: string): Promise<void> {
    const lock = await this.#options.tryLock(folder);
    if (lock === undefined) return;
    try {
      const put = this.#put.get(writer);
      if (put === undefined) await this.#settle(await this.#estateOf(writer, folder));
      else await this.#sealPut(put);
    } finally {
      await lock.release();
    }
  }

  async #estateOf(writer: WriterId, folder: string): Promise<Estate> {
    const { disk, link } = this.#options;
    const replay = await replayFolder({ disk, folder });
    const entry = await link.registry.read(writer);
    const note = await readWriterNote(folder);
    const { device, inode } = await disk.status(folder);
    const suspect = { writer, entry, noted: note, folder: { device, inode } };
    return { writer, folder, replay, entry, note, suspect };
  }

  async #settle(estate: Estate): Promise<void> {
    const { writer, replay, entry } = estate;
    const isDead = this.#proof.isDead(estate.suspect);
    const neverWrote = replay.segments.length === 0 && replay.alarms === 0;
    const { state, sealedBy } = entry?.record ?? {};
    // Whoever sealed itself had confirmed everything; a frame behind that never counts.
    if (sealedBy === 'itself') return this.#close(estate);
    if (neverWrote && state === 'sealed') return this.#close(estate);
    if (neverWrote && entry === undefined) return isDead ? this.#close(estate) : undefined;
    if (this.#isOfOtherStore(estate)) return;
    this.#report(estate);
    const { segments } = replay;
    this.#options.log.info('recovery.began', 'What a dead writer left behind is read', {
      writer_id: writer,
      segments: segments.length,
    });
    const { registry } = this.#options.link;
    const chain = new RegistryChain(registry, writer, entry);
    let registeredMs = replay.registeredMs ?? entry?.record.registeredMs ?? undefined;
    if (registeredMs === undefined && isDead) {
      const options = { registry, storeNowMs: this.#options.link.clockMs, log: this.#options.log };
      registeredMs = await registerDead(estate, chain, options);
    }
    if (registeredMs === undefined) return;
    const alarms = await this.#putAll(estate, registeredMs);
    if (alarms === undefined) return;
    if (isDead) await this.#seal(estate, chain, alarms);
    else this.#put.set(writer, { estate, alarms });
  }

  /** All was put in an earlier pass; only the proof of death was wanting. */
  async #sealPut({ estate, alarms }: PutEstate): Promise<void> {
    const { registry } = this.#options.link;
    const { writer } = estate;
    const entry = await registry.read(writer);
    if (!this.#proof.isDead({ ...estate.suspect, entry })) return;
    this.#put.delete(writer);
    await this.#seal({ ...estate, entry }, new RegistryChain(registry, writer, entry), alarms);
  }

  /** Puts every quarter, oldest first. Answers what was found wrong; undefined: stopped. */
  async #putAll(estate: Estate, registeredMs: number): Promise<number | undefined> {
    const { replay } = estate;
    let alarms = replay.alarms;
    for (const quarter of replay.quarters(registeredMs)) {
      if (this.#stopped) return undefined;
      alarms += await this.#putQuarter(estate, quarter);
    }
    return alarms;
  }

  async #putQuarter(estate: Estate, segments: QuarterSegments): Promise<number> {
    const { disk, link, metrics } = this.#options;
    const { writer, folder } = estate;
    const quarter = segments.acceptanceQuarter;
    if (quarter === undefined) return 0;
    const found = await replayQuarter({ disk, folder }, segments);
    const place = `${writer} ${quarter}`;
    if (!this.#found.has(place)) {
      this.#found.add(place);
      this.#unconfirmed.set(place, found.counts);
      metrics.ledgerJournaled(found.counts);
      metrics.replayedEvents(found.counts);
    }
    const cells = {
      count: found.cells.length,
      at: (i: number) => cellAt(writer, quarter, found, i),
    };
    const store = await link.reach();
    const outcome = await store.putCells(cells, { timeoutMs: flushTimeoutMs });
    if (outcome.confirmedCount < found.cells.length) {
      const [cause] = outcome.failures.values();
      throw new CounterError('RECOVERY_INCOMPLETE', 'retry', { detail: `writer ${writer}`, cause });
    }
    metrics.ledgerConfirmed(this.#unconfirmed.get(place) ?? 0);
    this.#unconfirmed.delete(place);
    return found.alarms;
  }

  async #seal(estate: Estate, chain: RegistryChain, alarms: number): Promise<void> {
    const { writer, replay, entry } = estate;
    const { log } = this.#options;
    // By the record as it stands now: the writer may have published more since it was put.
    const { trimmed = 1, position: published = 0 } = entry?.record ?? {};
    const whole = alarms === 0 && replay.isGapFree(trimmed, published);
    if (entry?.record.state === 'sealed') {
      const counted = replay.lastPosition ?? 0;
      if (counted > entry.record.position) {
        const what = 'A sealed writer had more frames: what was called complete was not';
        log.error('recovery.beyond_seal', what, { writer_id: writer });
      }
      return this.#close(estate);
    }
    if (!whole) {
      // What could not be read now may be readable later.
      const unreadable = replay.problems.some(({ kind }) => kind === 'segment_unreadable');
      if (!unreadable) this.#leftOpen.add(writer);
      const what = 'A journal has a gap: what it holds is counted, its writer is left open';
      log.error('recovery.gap', what, { writer_id: writer, folder: estate.folder });
      return;
    }
    const position = replay.lastPosition ?? 0;
    const { clockMs } = this.#options.link;
    const watermarkMs = Math.min((replay.lastAcceptMs ?? -1) + 1, clockMs + watermarkBeyondStoreMs);
    const outcome = await chain.advance((standing) => ({
      ...(standing ?? blankRecord(estate, 0)),
      state: 'sealed',
      sealedBy: 'recoverer',
      position: Math.max(position, standing?.position ?? 0),
      watermarkMs: Math.max(standing?.watermarkMs ?? 0, watermarkMs),
    }));
    // Somebody else was faster, or it lives after all: the next pass looks again.
    if (outcome === 'foreign') return;
    log.info('recovery.sealed', 'A dead writer is recovered', {
      writer_id: writer,
      frames: replay.segments.reduce((sum, segment) => sum + segment.frames, 0),
    });
    await this.#close(estate);
  }

  async #close({ writer, folder }: Estate): Promise<void> {
    await moveSegmentsAside({ disk: this.#options.disk, folder });
    this.#closed.add(writer);
    this.#proof.forget(writer);
  }

  /** Whoever was registered has a record: in the store that it counted for, and in no other. */
  #isOfOtherStore({ writer, folder, replay, entry }: Estate): boolean {
    const wasRegistered = replay.segments.some((segment) => segment.acceptanceQuarter !== null);
    if (entry !== undefined || !wasRegistered) return false;
    this.#leftOpen.add(writer);
    const what = 'This store does not know the writer of a journal: it counted for another store';
    this.#options.log.error('recovery.other_store', what, { writer_id: writer, folder });
    return true;
  }

  #report({ writer, replay }: Estate): void {
    const { metrics, log } = this.#options;
    if (this.#reported.has(writer)) return;
    this.#reported.add(writer);
    for (const { kind, segment, detail } of replay.problems) {
      metrics.journalError(kind === 'torn_tail' ? 'torn' : 'corrupt');
      const fields = { writer_id: writer, kind, segment, detail };
      if (kind === 'torn_tail') log.info('journal.torn', 'A frame was cut by a crash', fields);
      else log.error('journal.corrupt', 'A journal is not as it was written', fields);
    }
  }
}
