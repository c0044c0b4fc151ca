// Measures: what a number counts. The codes are stored and never change their meaning.

export const measureNames = ['impressions', 'clicks'] as const;
export type MeasureName = (typeof measureNames)[number];

/** 1 impressions, 2 clicks; 16 + r and 64 + r: the same, filtered for reason r. */
export type MeasureCode = number;

export const measureCodes = { impressions: 1, clicks: 2 } as const satisfies Record<
  MeasureName,
  MeasureCode
>;

/** Reasons for which events are stored but not counted, by their stored number. */
export const filterReasons = ['bot', 'prefetch', 'unresolved_macro', 'unknown_ad'] as const;

const filteredFrom = { impressions: 16, clicks: 64 } as const;
const filterReasonEnd = 48;

/** What a stored measure counts. */
export interface MeasureMeaning {
  readonly measure: MeasureName;
  /** Undefined: counted; else the reason's name, or its number where this release has no name. */
  readonly filteredFor: string | undefined;
}

/** Undefined: a later release's measure. */
export function meaningOf(code: MeasureCode): MeasureMeaning | undefined {
  for (const measure of measureNames) {
    if (code === measureCodes[measure]) return { measure, filteredFor: undefined };
    const reason = code - filteredFrom[measure];
    if (reason >= 0 && reason < filterReasonEnd) {
      return { measure, filteredFor: filterReasons[reason] ?? `reason_${reason}` };
    }
  }
  return undefined;
}
