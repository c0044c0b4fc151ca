// Measures: what a number counts. The codes are stored and never change their meaning.

export const measureNames = ['impressions', 'clicks'] as const;
export type MeasureName = (typeof measureNames)[number];

/** 1 impressions, 2 clicks; 16 + r and 64 + r: the same, filtered for reason r. */
export type MeasureCode = number;

export const measureCodes = { impressions: 1, clicks: 2 } as const satisfies Record<
  MeasureName,
  MeasureCode
>;

export const measureCodeMax = 255;
