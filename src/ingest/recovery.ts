// Owns what dead writers left in the data folder: their frames are put under their own ids, then
// the writer is sealed and its files go aside. Putting may be done twice by anybody; registering
// and sealing wait for the proof of death. A journal with a gap is put, named and left open.
import path from 'node:path';
import type { Disk } from '../journal/disk.ts';
import { replayFolder } from '../journal/replay.ts';
import { moveSegmentsAside } from '../journal/writer-folder.ts';
import { watermarkBeyondStoreMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { toError } from '../model/errors.ts';
import { parseWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderLock } from '../store/embedded/folder-lock.ts';
import { RegistryChain } from '../store/registry.ts';
import type { QuarterInDoubt } from '../store/shown-cells.ts';
import type { StoreLink } from '../store/store-link.ts';
import { DeathProof } from './death-proof.ts';
import type { HostIdentity } from './host-identity.ts';
import { blankRecord } from './estate.ts';
import type { Estate } from './estate.ts';
import { EstatePuts } from './estate-puts.ts';
import type { CellsRefused } from './estate-puts.ts';
import { fateOf, RecoveryBook } from './recovery-book.ts';
import type { RecoveryMetrics, Fate } from './recovery-book.ts';
import { registerDead } from './registration.ts';
import { sweepFolders } from './sweep.ts';
import { readWriterNote } from './writer-run.ts';

export interface RecoveryOptions {
  readonly disk: Disk;
  /** `<data>/journal`: a folder per writer. */
  readonly journalFolder: string;
  readonly link: StoreLink;
  readonly identity: HostIdentity;
  readonly isOwn: (writer: WriterId) => boolean;
  readonly tryLock: (folder: string) => Promise<FolderLock | undefined>;
  readonly monotonicMs: () => number;
  readonly retentionDays: number;
  readonly metrics: RecoveryMetrics;
  readonly log: Log;
}

interface PutEstate {
  readonly estate: Estate;
  /** What was found wrong in its frames. */
  readonly alarms: number;
}

export class Recovery {
  readonly book: RecoveryBook;
  readonly #options: RecoveryOptions;
  readonly #proof: DeathProof;
  /** Sealed: nothing is left to do. */
  readonly #closed = new Set<WriterId>();
  /** Put as far as it can be: an operator decides. */
  readonly #leftOpen = new Map<WriterId, 'gap' | 'other_store' | 'no_record'>();
  /** Put, but not yet proven dead. */
  readonly #put = new Map<WriterId, PutEstate>();
  readonly #puts: EstatePuts;
  #pass: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.book = new RecoveryBook(options.metrics, options.log);
    this.#puts = new EstatePuts(options, this.book);
    this.#proof = new DeathProof({
      identity: options.identity,
      holdsStore: options.link.rows.kind !== 'hbase',
      monotonicMs: options.monotonicMs,
    });
  }

  /** Cells of dead writers that the store refuses for good. */
  get setAside(): CellsRefused {
    return this.#puts.setAside;
  }

  /** Of the cells of a quarter that is being put. */
  get heldBytes(): number {
    return this.#puts.heldBytes;
  }

  get inDoubt(): readonly QuarterInDoubt[] {
    return this.#puts.inDoubt;
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
      if (this.#closed.has(writer) || this.#puts.isWaiting(writer)) continue;
      if (this.#leftOpen.has(writer) && !(await this.#isDecided(writer))) continue;
      const folder = path.join(journalFolder, name);
      try {
        const fate = await this.#lookAt(writer, folder);
        if (fate !== undefined) this.book.judge(writer, folder, fate);
      } catch (thrown) {
        // One estate that cannot be settled must not keep the others waiting.
        failure ??= thrown;
        const error = toError(thrown);
        this.book.judge(writer, folder, fateOf(error), error.message);
        const what = 'What a dead writer left behind is not settled yet';
        log.warn('recovery.incomplete', what, { writer_id: writer, err: thrown });
        if (!link.up) break;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** What was left to an operator: its writer was called lost, or its record can be read again. */
  async #isDecided(writer: WriterId): Promise<boolean> {
    const record = (await this.#options.link.registry.read(writer))?.record;
    const isReadableNow = this.#leftOpen.get(writer) === 'no_record' && record !== undefined;
    return isReadableNow || record?.state === 'lost';
  }

  /** Whoever holds the lock is alive, or recovers already. Undefined: stopped in between. */
  async #lookAt(writer: WriterId, folder: string): Promise<Fate | undefined> {
    const lock = await this.#options.tryLock(folder);
    if (lock === undefined) return 'in_use';
    try {
      const put = this.#put.get(writer);
      if (put !== undefined) return await this.#sealPut(put);
      return await this.#settle(await this.#estateOf(writer, folder));
    } finally {
      await lock.release();
    }
  }

  async #estateOf(writer: WriterId, folder: string): Promise<Estate> {
    const { disk, link } = this.#options;
    const replay = await replayFolder({ disk, folder });
    const found = await link.registry.read(writer);
    const isUnreadable = found !== undefined && found.record === undefined;
    const entry = found?.record === undefined ? undefined : found;
    const note = await readWriterNote(disk, folder);
    const { device, inode } = await disk.status(folder);
    const suspect = { writer, entry, noted: note, folder: { device, inode } };
    return { writer, folder, replay, entry, isUnreadable, note, suspect };
  }

  async #settle(estate: Estate): Promise<Fate | undefined> {
    const { writer, replay, entry } = estate;
    if (estate.isUnreadable) return this.#putWithoutRecord(estate);
    const isDead = this.#proof.isDead(estate.suspect);
    const neverWrote = replay.segments.length === 0 && replay.alarms === 0;
    const { state, sealedBy } = entry?.record ?? {};
    // Whoever sealed itself had confirmed everything; a frame behind that never counts.
    if (sealedBy === 'itself') return this.#close(estate, 'over');
    if (neverWrote && state === 'sealed') return this.#close(estate, 'over');
    if (neverWrote && state === 'lost' && lacks(estate)) return this.#close(estate, 'lost');
    if (neverWrote && entry === undefined) {
      return isDead ? this.#close(estate, 'empty') : 'unregistered';
    }
    if (this.#isOfOtherStore(estate)) return 'other_store';
    this.book.began(estate);
    const { registry } = this.#options.link;
    const chain = new RegistryChain(registry, writer, entry);
    let registeredMs = replay.registeredMs ?? entry?.record.registeredMs ?? undefined;
    if (registeredMs === undefined && isDead) {
      const options = { registry, storeNowMs: this.#options.link.clockMs, log: this.#options.log };
      registeredMs = await registerDead(estate, chain, options);
    }
    if (registeredMs === undefined) return 'unregistered';
    const alarms = await this.#puts.putAll(estate, registeredMs, () => this.#stopped);
    if (alarms === undefined) return undefined;
    // Whoever sealed it had the proof.
    if (isDead || state === 'sealed') return this.#seal(estate, chain, alarms);
    this.#put.set(writer, { estate, alarms });
    return 'unproven';
  }

  /** By what its journal says of itself. The registry may say anything, so nothing is sealed. */
  async #putWithoutRecord(estate: Estate): Promise<Fate | undefined> {
    const { writer, folder, replay } = estate;
    this.book.began(estate);
    if (replay.registeredMs !== undefined) {
      const alarms = await this.#puts.putAll(estate, replay.registeredMs, () => this.#stopped);
      if (alarms === undefined) return undefined;
    }
    this.#leftOpen.set(writer, 'no_record');
    const what = 'The record of a dead writer cannot be read: its journal is counted and kept';
    this.#options.log.error('recovery.no_record', what, { writer_id: writer, folder });
    return 'no_record';
  }

  /** All was put in an earlier pass; only the proof of death was wanting. */
  async #sealPut({ estate, alarms }: PutEstate): Promise<Fate> {
    const { registry } = this.#options.link;
    const { writer } = estate;
    const entry = await registry.read(writer);
    if (entry !== undefined && entry.record === undefined) return 'no_record';
    const isSealed = entry?.record.state === 'sealed';
    if (!isSealed && !this.#proof.isDead({ ...estate.suspect, entry })) return 'unproven';
    this.#put.delete(writer);
    return this.#seal({ ...estate, entry }, new RegistryChain(registry, writer, entry), alarms);
  }

  async #seal(estate: Estate, chain: RegistryChain, alarms: number): Promise<Fate> {
    const { writer, replay, entry } = estate;
    const { log, link } = this.#options;
    // By the record as it stands now: the writer may have published more since it was put.
    const { state = 'open', position: published = 0 } = entry?.record ?? {};
    const position = replay.lastPosition ?? 0;
    if (state !== 'open' && position > published) {
      const what = 'A writer that was sealed or lost had more frames: what was complete was not';
      log.error('recovery.beyond_seal', what, { writer_id: writer, state });
    }
    if (state === 'sealed') return this.#close(estate, 'over');
    if (alarms > 0 || lacks(estate)) return this.#leaveOpen(estate);
    const watermarkMs = Math.min(
      (replay.lastAcceptMs ?? -1) + 1,
      link.clockMs + watermarkBeyondStoreMs,
    );
    const outcome = await chain.advance((standing) => ({
      ...(standing ?? blankRecord(estate, 0)),
      state: 'sealed',
      sealedBy: 'recoverer',
      position: Math.max(position, standing?.position ?? 0),
      watermarkMs: Math.max(standing?.watermarkMs ?? 0, watermarkMs),
    }));
    // Somebody else was faster, or it lives after all: the next pass looks again.
    if (outcome === 'foreign') return 'unproven';
    log.info('recovery.sealed', 'A dead writer is recovered', {
      writer_id: writer,
      frames: replay.segments.reduce((sum, segment) => sum + segment.frames, 0),
    });
    return this.#close(estate, 'sealed');
  }

  /**
   * Its files stay, since what is missing may yet be found. Of a lost writer they go aside, but for
   * those that the disk did not give: those may be readable after all.
   */
  async #leaveOpen(estate: Estate): Promise<Fate> {
    const { writer, folder, replay, entry } = estate;
    const { log } = this.#options;
    const fields = { writer_id: writer, folder };
    const isUnreadable = replay.problems.some(({ kind }) => kind === 'segment_unreadable');
    if (entry?.record.state === 'lost') {
      log.warn('recovery.lost', 'What is left of a lost writer is counted', fields);
      return isUnreadable ? 'unreadable' : this.#close(estate, 'lost');
    }
    if (!isUnreadable) this.#leftOpen.set(writer, 'gap');
    const what = 'A journal has a gap: what it holds is counted, its writer is left open';
    log.error('recovery.gap', what, fields);
    return isUnreadable ? 'unreadable' : 'gap';
  }

  async #close({ writer, folder, replay }: Estate, fate: Fate): Promise<Fate> {
    await moveSegmentsAside({ disk: this.#options.disk, folder });
    // Whoever sealed it, or moved its files, had put what an attempt here may have left.
    if (fate === 'over' || replay.segments.length === 0) this.book.putElsewhere(writer);
    this.#puts.forget(writer);
    this.#closed.add(writer);
    this.#proof.forget(writer);
    return fate;
  }

  /** Whoever was registered has a record: in the store that it counted for, and in no other. */
  #isOfOtherStore({ writer, folder, replay, entry }: Estate): boolean {
    const wasRegistered = replay.segments.some((segment) => segment.acceptanceQuarter !== null);
    if (entry !== undefined || !wasRegistered) return false;
    this.#leftOpen.set(writer, 'other_store');
    const what = 'This store does not know the writer of a journal: it counted for another store';
    this.#options.log.error('recovery.other_store', what, { writer_id: writer, folder });
    return true;
  }
}

/** Whether something of what it published is not in its folder. */
function lacks({ replay, entry }: Estate): boolean {
  const { trimmed = 1, position = 0 } = entry?.record ?? {};
  return !replay.isGapFree(trimmed, position);
}
