// Owns the answer to whether memory has room for more cells. Refuses in time: by what the cells
// cost at their most, and by what the last collections left of V8's heap, whoever holds it.
// Promises not to flap: once full, counting goes on when there is room worth the name.
// Never forgets a cell: what is not confirmed stays, and what is confirmed is counted on.
import {
  heapCellsShare,
  heapCellsShareMin,
  heapReserveBytes,
  memoryRoomShare,
  waitingEventBytes,
} from '../limits.ts';

export interface MemoryBoundOptions {
  readonly maxBytes: number;
  /** Held by others than the counters, as a recovery holds a quarter of a dead writer. */
  readonly otherBytes?: () => number;
  /** Whether the process itself is near its end, whatever the cells cost. */
  readonly heapIsShort?: () => boolean;
}

/** `short`: of the whole heap, so that not even what needs no new cell is let in. */
export type MemoryRoom = 'ok' | 'full' | 'short';

export class MemoryBound {
  readonly maxBytes: number;
  readonly #otherBytes: () => number;
  readonly #heapIsShort: () => boolean;
  #isFull = false;

  constructor(options: MemoryBoundOptions) {
    this.maxBytes = options.maxBytes;
    this.#otherBytes = options.otherBytes ?? (() => 0);
    this.#heapIsShort = options.heapIsShort ?? (() => false);
  }

  /** What is held in all, by cells of so many bytes. */
  heldBytes(cellBytes: number): number {
    return cellBytes + this.#otherBytes();
  }

  room(cellBytes: number): MemoryRoom {
    const held = this.heldBytes(cellBytes);
    const bound = this.#isFull ? this.maxBytes * (1 - memoryRoomShare) : this.maxBytes;
    this.#isFull = held > bound;
    if (this.#heapIsShort()) return 'short';
    return this.#isFull ? 'full' : 'ok';
  }

  /** Whether all that waits could open a cell of its own and the bound would still be kept. */
  mayHold(held: { readonly cellBytes: number; readonly waiting: number }): boolean {
    if (this.room(held.cellBytes) !== 'ok') return false;
    const atMost = this.heldBytes(held.cellBytes) + held.waiting * waitingEventBytes;
    // Near the bound a request is refused before the cells reach it: that is full, too.
    this.#isFull = atMost > this.maxBytes;
    return !this.#isFull;
  }

  /** Whether what counts in cells that are there may be let in although there is no room. */
  get mayReuse(): boolean {
    return !this.#heapIsShort();
  }
}

/** The bound of one process: what was configured, but never what would end it. */
export function memoryBytesMaxOf(configuredBytes: number, heapLimitBytes: number): number {
  const rest = (heapLimitBytes - heapReserveBytes) * heapCellsShare;
  const cellsMax = Math.max(rest, heapLimitBytes * heapCellsShareMin);
  return Math.floor(Math.min(configuredBytes, cellsMax));
}
