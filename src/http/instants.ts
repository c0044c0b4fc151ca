// Reads moments as people write them: ISO 8601 instants with a zone, and bare dates.
// Exact: a day that does not exist is refused, never rolled over. Never guesses a zone.

// Fixed widths and no nested repetition: the time to match is bounded by the length.
const instantShape = new RegExp(
  '^(\\d{4})-(\\d\\d)-(\\d\\d)[Tt](\\d\\d):(\\d\\d)(?::(\\d\\d)(?:[.,](\\d{1,9}))?)?' +
    '(?:[Zz]|([+-])(\\d\\d)(?::?(\\d\\d))?)$',
);
const dateShape = /^(\d{4})-(\d\d)-(\d\d)$/;
const textLengthMax = 40;

/** Milliseconds since 1970 UTC; undefined when it is no instant, or before 1970. */
export function instantOf(text: string): number | undefined {
  const parts = text.length > textLengthMax ? null : instantShape.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = parts;
  const dayMs = dayOf(year, month, day);
  if (dayMs === undefined) return undefined;
  const h = Number(hour);
  const m = Number(minute);
  const s = Number(second ?? 0);
  const zoneH = Number(zoneHour ?? 0);
  const zoneM = Number(zoneMinute ?? 0);
  if (h > 23 || m > 59 || s > 59 || zoneH > 23 || zoneM > 59) return undefined;
  const fractionMs = fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
  const zoneMs = (zoneH * 60 + zoneM) * 60_000 * (sign === '-' ? -1 : 1);
  const atMs = dayMs + ((h * 60 + m) * 60 + s) * 1_000 + fractionMs - zoneMs;
  return atMs < 0 ? undefined : atMs;
}

/** The first moment of a UTC day; undefined when it is no date, or before 1970. */
export function dateOf(text: string): number | undefined {
  const parts = text.length > textLengthMax ? null : dateShape.exec(text);
  return parts === null ? undefined : dayOf(parts[1], parts[2], parts[3]);
}

function dayOf(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
): number | undefined {
  if (Number(year) < 1970) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return exists ? date.getTime() : undefined;
}
