// What a sequence does to its row, drawn from a seed: every kind of write, on few cells, with few
// versions, so that they meet. Many sequences put to one cell alone, at equal or falling versions.
// Versions lie far before or far behind the server's clock, never near it: its stamps differ from
// run to run, and nothing else may.
import type { Put, RowDelete } from '../../src/model/rows.ts';

type Cells = readonly Omit<Put, 'row'>[];

/** Of one row; the whole table goes through `flush` and `majorCompact`. */
export type Step =
  | { readonly kind: 'put'; readonly puts: Cells }
  | { readonly kind: 'delete'; readonly one: RowDelete }
  | {
      readonly kind: 'checkAndPut';
      readonly qualifier: Buffer;
      readonly expected: Buffer | null;
      readonly value: Buffer;
    }
  | { readonly kind: 'mutateRow'; readonly puts: Cells; readonly deletes: readonly RowDelete[] }
  | TableStep;

/** What is done to the whole table, with all sequences at once. */
export type TableStep = { readonly kind: 'flush' } | { readonly kind: 'majorCompact' };

type OwnKind = 'put' | 'deleteVersion' | 'deleteUpTo' | 'deleteRow' | 'checkAndPut' | 'mutateRow';
type Random = () => number;

export const ownStepsMin = 20;
const everyKind: readonly OwnKind[] = [
  'put',
  'put',
  'deleteVersion',
  'deleteUpTo',
  'checkAndPut',
  'mutateRow',
];
const weighted: readonly OwnKind[] = [
  ...Array.from({ length: 8 }, (): OwnKind => 'put'),
  'deleteVersion',
  'deleteVersion',
  'deleteUpTo',
  'deleteRow',
  'checkAndPut',
  'checkAndPut',
  'mutateRow',
  'mutateRow',
  'mutateRow',
];
const yearMs = 365 * 86_400_000;

/** Where in a batch of sequences the table is flushed and compacted; null: their own step. */
export function schedule(random: Random): readonly (TableStep | null)[] {
  const steps: (TableStep | null)[] = [];
  for (let own = 0; own < ownStepsMin; own++) {
    steps.push(null);
    if (random() < 0.15) steps.push({ kind: 'flush' });
    if (random() < 0.08) steps.push({ kind: 'majorCompact' });
  }
  for (const kind of ['flush', 'majorCompact'] as const) {
    const at = 5 + Math.floor(random() * (steps.length - 8));
    if (!steps.some((step) => step?.kind === kind)) steps.splice(at, 0, { kind });
  }
  return steps;
}

/** Draws the steps of one sequence, each from what its row shows before it. */
export class RandomSequence {
  readonly #random: Random;
  readonly #oneCell: boolean;
  readonly #qualifiers: readonly Buffer[];
  readonly #kinds: OwnKind[];
  readonly #past: number;
  readonly #future: number;
  /** How often a version lies in the future. */
  readonly #ahead: number;
  #falling: number;
  #values = 0;

  constructor(random: Random, startMs: number) {
    this.#random = random;
    this.#oneCell = random() < 0.4;
    const all = ['a', 'b', 'c'].map((name) => Buffer.from(name));
    this.#qualifiers = all.slice(0, this.#oneCell ? 1 : 1 + this.#below(3));
    this.#past = startMs - (random() < 0.5 ? 1_800_000 : 7_200_000);
    this.#future = startMs + yearMs;
    this.#ahead = [0, 0.5, 1, 1][this.#below(4)] ?? 1;
    this.#falling = (random() < this.#ahead ? this.#future : this.#past) + 30;
    const more = Array.from({ length: ownStepsMin - everyKind.length }, () =>
      this.#oneOf(weighted),
    );
    this.#kinds = [...everyKind, ...more];
    for (let i = this.#kinds.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const kinds = this.#kinds;
      [kinds[i], kinds[j]] = [kinds[j] ?? 'put', kinds[i] ?? 'put'];
    }
  }

  next(shown: readonly Put[]): Step {
    const kind = this.#kinds.pop() ?? 'put';
    switch (kind) {
      case 'put':
        return { kind, puts: this.#puts(this.#random() < 0.2 ? 1 + this.#below(3) : 1) };
      case 'deleteVersion':
        return { kind: 'delete', one: this.#delete('version', shown) };
      case 'deleteUpTo':
        return { kind: 'delete', one: this.#delete('upTo', shown) };
      case 'deleteRow':
        return { kind: 'delete', one: { kind: 'row', version: this.#versionNear(shown[0]) } };
      case 'checkAndPut':
        return this.#checkAndPut(shown);
      case 'mutateRow':
        return this.#random() < 0.5 ? this.#fold(shown) : this.#mixed(shown);
      default:
        return kind satisfies never;
    }
  }

  #puts(count: number): Omit<Put, 'row'>[] {
    return Array.from({ length: count }, () => this.#put(this.#oneOf(this.#qualifiers)));
  }

  #put(qualifier: Buffer): Omit<Put, 'row'> {
    const empty = this.#random() < 0.05;
    const value = empty ? Buffer.alloc(0) : this.#value();
    return { qualifier, value, version: this.#version() };
  }

  #delete(kind: 'version' | 'upTo', shown: readonly Put[]): RowDelete {
    const qualifier = this.#oneOf(this.#qualifiers);
    const cell = shown.find((one) => one.qualifier.equals(qualifier));
    return { kind, qualifier, version: this.#versionNear(cell) };
  }

  /** As expected, absent, as it never stood. */
  #checkAndPut(shown: readonly Put[]): Step {
    const qualifier = this.#oneOf(this.#qualifiers);
    const stands = shown.find((one) => one.qualifier.equals(qualifier))?.value ?? null;
    const right = stands === null || stands.length === 0 ? null : stands;
    const draw = this.#random();
    let expected = right;
    if (draw > 0.9) expected = Buffer.from('other');
    else if (draw > 0.75) expected = null;
    return { kind: 'checkAndPut', qualifier, expected, value: this.#value() };
  }

  /** What is read is deleted at exactly its versions, and put once more in one cell. */
  #fold(shown: readonly Put[]): Step {
    const [into, ...others] = this.#qualifiers;
    const deletes = shown
      .filter(({ qualifier }) => others.some((other) => other.equals(qualifier)))
      .map(({ qualifier, version }): RowDelete => ({ kind: 'upTo', qualifier, version }));
    const puts = into === undefined ? [] : [this.#put(into)];
    return { kind: 'mutateRow', puts, deletes };
  }

  #mixed(shown: readonly Put[]): Step {
    const count = 1 + this.#below(2);
    const deletes = Array.from({ length: count }, () =>
      this.#random() < 0.15
        ? ({ kind: 'row', version: this.#versionNear(shown[0]) } as const)
        : this.#delete(this.#random() < 0.5 ? 'version' : 'upTo', shown),
    );
    return { kind: 'mutateRow', puts: this.#puts(this.#below(3)), deletes };
  }

  /** On one cell equal to the one before or lower; else any of a few. */
  #version(): number {
    if (this.#oneCell) {
      if (this.#random() < 0.45) this.#falling -= 1 + this.#below(3);
      if (this.#falling > this.#past + 30 && this.#random() > this.#ahead) {
        this.#falling = this.#past + 30;
      }
      return this.#falling;
    }
    return (this.#random() < this.#ahead ? this.#future : this.#past) + 1 + this.#below(6);
  }

  /** What a cell shows, or beside it. */
  #versionNear(cell: Put | undefined): number {
    const draw = this.#random();
    if (cell !== undefined && draw < 0.5) return cell.version;
    // Never beside a stamp of the server, which the next run does not draw again.
    if (cell !== undefined && draw < 0.7 && this.#isDrawn(cell.version)) {
      return cell.version + (draw < 0.6 ? 1 : -1);
    }
    const base = this.#random() < this.#ahead ? this.#future : this.#past;
    return base + 1 + this.#below(this.#oneCell ? 30 : 6);
  }

  #isDrawn(version: number): boolean {
    return [this.#past, this.#future].some((base) => Math.abs(version - base) < 100);
  }

  /** No two alike, so that a value tells which step it is of. */
  #value(): Buffer {
    return Buffer.from(`v${++this.#values}`);
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #oneOf<T>(list: readonly T[]): T {
    const one = list[this.#below(list.length)];
    if (one === undefined) throw new Error('an empty list has none');
    return one;
  }
}

/** On one line, for a person. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case 'put':
      return `put ${step.puts.map(putText).join(' ')}`;
    case 'delete':
      return `delete ${deleteText(step.one)}`;
    case 'checkAndPut': {
      const expected = step.expected === null ? 'absent' : `"${step.expected.toString()}"`;
      return `checkAndPut ${step.qualifier.toString()} ${expected} → "${step.value.toString()}"`;
    }
    case 'mutateRow':
      return [step.kind, 'put', step.puts.map(putText), 'delete', step.deletes.map(deleteText)]
        .flat()
        .join(' ');
    case 'flush':
    case 'majorCompact':
      return step.kind;
    default:
      return step satisfies never;
  }
}

function putText({ qualifier, version, value }: Omit<Put, 'row'>): string {
  return `${qualifier.toString()}@${version}="${value.toString()}"`;
}

function deleteText(one: RowDelete): string {
  const cell = one.kind === 'row' ? '' : ` ${one.qualifier.toString()}`;
  return `${one.kind}${cell}@${one.version}`;
}
