// One page of per-site rows, and the cursor that leads to the next.
// Promises: a total order, ties broken by site, so that pages neither repeat nor miss a row
// whose numbers stay. The cursor is opaque to callers and checked like any input.
import type { SiteId } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import { siteSorts } from './answers.ts';
import type { PageOptions, SiteSort } from './answers.ts';
import type { Sums } from './sums.ts';

export interface SitePage {
  readonly rows: readonly (readonly [SiteId, Sums])[];
  readonly nextCursor: string | undefined;
}

/** What a row is sorted by; the site decides where the numbers are equal. */
interface RowKey {
  readonly value: number;
  readonly site: string;
}

export class SitePager {
  readonly #page: PageOptions;
  readonly #order: Order;
  readonly #after: RowKey | undefined;

  /** Fails with `CURSOR_INVALID`, before anything is read. */
  constructor(page: PageOptions) {
    this.#page = page;
    this.#order = orderOf(page.sort);
    this.#after = page.cursor === undefined ? undefined : parseCursor(page.cursor, page.sort);
  }

  pageOf(sums: ReadonlyMap<SiteId, Sums>): SitePage {
    const { limit, sort } = this.#page;
    // As many rows as the page shows are kept in order, and one more to know of a next page.
    const kept: { readonly key: RowKey; readonly sums: Sums }[] = [];
    for (const [site, siteSums] of sums) {
      const key = { value: sortValueOf(siteSums, sort), site };
      if (this.#after !== undefined && this.#order(key, this.#after) <= 0) continue;
      const last = kept.at(-1);
      if (kept.length > limit && last !== undefined && this.#order(key, last.key) > 0) continue;
      kept.splice(placeOf(kept, key, this.#order), 0, { key, sums: siteSums });
      if (kept.length > limit + 1) kept.pop();
    }
    const rows = kept.slice(0, limit);
    const last = rows.at(-1);
    const more = kept.length > limit && last !== undefined;
    return {
      rows: rows.map((row) => [row.key.site as SiteId, row.sums]),
      nextCursor: more ? formatCursor(sort, last.key) : undefined,
    };
  }
}

type Order = (left: RowKey, right: RowKey) => number;

function orderOf(sort: SiteSort): Order {
  const direction = sort.startsWith('-') ? -1 : 1;
  return (left, right) =>
    direction * (left.value - right.value) ||
    (left.site < right.site ? -1 : left.site > right.site ? 1 : 0);
}

function sortValueOf(sums: Sums, sort: SiteSort): number {
  if (sort === 'site') return 0;
  return sort.endsWith('impressions') ? sums.impressions : sums.clicks;
}

/** Where the key belongs among the sorted rows. */
function placeOf(rows: readonly { readonly key: RowKey }[], key: RowKey, order: Order): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && order(row.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** base64url of JSON [sort, value, site] of the last row shown. */
function formatCursor(sort: SiteSort, key: RowKey): string {
  return Buffer.from(JSON.stringify([sort, key.value, key.site])).toString('base64url');
}

function parseCursor(cursor: string, sort: SiteSort): RowKey {
  const parsed = parseJson(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(parsed) || parsed.length !== 3) throw invalidCursor('it is not one of ours');
  const [cursorSort, value, site]: readonly unknown[] = parsed;
  const known = siteSorts.find((one) => one === cursorSort);
  if (known === undefined || !Number.isSafeInteger(value) || typeof site !== 'string') {
    throw invalidCursor('it is not one of ours');
  }
  if (known !== sort) throw invalidCursor(`it belongs to sort=${known}`);
  const key = { value: Number(value), site };
  if (formatCursor(known, key) !== cursor) throw invalidCursor('it is not one of ours');
  return key;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalidCursor(detail: string): CounterError {
  return new CounterError('CURSOR_INVALID', 'give-up', { detail });
}
