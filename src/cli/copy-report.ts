// What a copy has done, in the words of its command: lines for a person, an object for a program,
// and what an operator must know because it is not as it should be. Only computes.
import type { BothTotals, Totals } from '../copy/ad-totals.ts';
import type { Comparison } from '../copy/comparison.ts';
import type { CopiedTable } from '../copy/copy.ts';
import type { CopyStoreReport } from '../copy-store.ts';
import { counted } from './progress.ts';

type Outcome = 'dry_run' | 'done' | 'differs' | 'refused' | 'unrecovered';

export function outcomeOf({ copied, unrecovered }: CopyStoreReport): Outcome {
  if (copied === undefined) return 'dry_run';
  if (copied.refused > 0) return 'refused';
  const { missing = 0, ahead = 0 } = copied.comparison ?? {};
  if (missing + ahead > 0) return 'differs';
  return unrecovered.length > 0 ? 'unrecovered' : 'done';
}

export function linesOf(report: CopyStoreReport, retentionDays: number): string[] {
  const { source, target, holdings, copied } = report;
  const { writers, writersNew, tables } = holdings;
  const open = writers.filter(({ record }) => record.state === 'open').length;
  const verb = copied === undefined ? 'Would copy' : copied.settled ? 'Copied' : 'Copied in part:';
  const lines = [
    `${verb} ${source.place} (${source.salts} salts) to ${target.place} (${target.salts} salts)`,
    `  writers    ${counted(writers.length)}, ${counted(writersNew)} of them new there${
      open === 0 ? '' : `; ${counted(open)} open`
    }`,
  ];
  for (const [table, { rows, cells, rowsExpired }] of Object.entries(tables)) {
    if (rows + rowsExpired === 0 && table !== 'counts') continue;
    const age = table === 'tokens' ? 'their time to live' : `${retentionDays} days`;
    const old = rowsExpired === 0 ? '' : `; ${counted(rowsExpired, 'row')} beyond ${age} left out`;
    lines.push(`  ${table.padEnd(10)} ${counted(rows, 'row')}, ${counted(cells, 'cell')}${old}`);
  }
  if (copied === undefined && open > 0) {
    lines.push('  first the journals of the open writers are recovered into the embedded store');
  }
  if (copied?.comparison !== undefined) lines.push(`  compared   ${comparedOf(copied.comparison)}`);
  return lines;
}

function comparedOf({ ads, source, target, adsDiffering }: Comparison): string {
  const what = counted(ads, 'ad');
  if (adsDiffering === 0) return `${what}: ${totalsOf(source)} in both`;
  const differ = `${counted(adsDiffering)} differ`;
  return `${what}, ${differ}: ${totalsOf(source)} here, ${totalsOf(target)} there`;
}

function totalsOf({ impressions, clicks, filtered }: Totals): string {
  const more = filtered === 0n ? '' : `, ${counted(filtered)} filtered`;
  return `${counted(impressions, 'impression')} and ${counted(clicks, 'click')}${more}`;
}

/** What an operator must know, each with what helps. */
export function complaintsOf({ copied, unrecovered }: CopyStoreReport): string[] {
  const lines = unrecovered.map(({ writer, fate, reason = fate }) => {
    return `the journal of writer ${writer} is not all in the embedded store: ${reason}`;
  });
  if (unrecovered.length > 0) lines.push('what it holds is told by adcounter recover');
  if (copied === undefined) return lines;
  const { refused, firstRefusal, comparison } = copied;
  if (refused > 0) {
    const why = firstRefusal?.message ?? 'no reason given';
    lines.push(`HBase refuses ${counted(refused, 'cell')} for good, the first: ${why}`);
  }
  if (comparison === undefined) return lines;
  const { missing, ahead, adsDiffering, examples } = comparison;
  for (const { ad, source, target } of examples) {
    lines.push(`ad ${JSON.stringify(ad)}: ${totalsOf(source)} here, ${totalsOf(target)} there`);
  }
  if (adsDiffering > examples.length) lines.push('and more');
  if (missing > 0) {
    lines.push(
      `HBase lacks ${counted(missing, 'cell')}; its writers stay open until a copy succeeds`,
    );
  }
  if (ahead > 0) {
    const why = 'a later state of this store was copied before';
    lines.push(
      `HBase has more in ${counted(ahead, 'cell')}: ${why}, and nothing of it was taken back`,
    );
  }
  return lines;
}

export function jsonOf(report: CopyStoreReport): string {
  const { source, target, holdings, copied, unrecovered } = report;
  const comparison = copied?.comparison;
  const shown = {
    outcome: outcomeOf(report),
    source,
    target,
    writers: holdings.writers.length,
    writersNew: holdings.writersNew,
    tables: holdings.tables satisfies Readonly<Record<CopiedTable, unknown>>,
    refused: copied?.refused ?? 0,
    compared: comparison === undefined ? null : shapeOf(comparison),
    unrecovered: unrecovered.map(({ writer, fate, reason }) => ({ writer, fate, reason })),
  };
  return JSON.stringify(shown, (_, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    // No number of JSON holds it: as text it is exact at least.
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
  });
}

function shapeOf(comparison: Comparison): Readonly<Record<string, unknown>> & BothTotals {
  const { ads, adsDiffering, source, target, missing, ahead, examples } = comparison;
  return { ads, adsDiffering, source, target, missing, ahead, examples };
}
