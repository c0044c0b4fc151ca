// Measures the events of a JSON body on its bytes, before JSON.parse sees it.
// So no object that is parsed has more keys than fit 2 KiB (nobody can flood a hash table),
// whatever the body. Never judges whether the JSON is right; on broken JSON any answer will do.

export interface EventSizes {
  /** The largest item of the array of events, from its first byte to its last. */
  readonly largestEventBytes: number;
  /** All that stands around the items, blanks left out: a lone event counts here. */
  readonly envelopeBytes: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const arrayStart = 0x5b;
const arrayEnd = 0x5d;
const objectStart = 0x7b;
const objectEnd = 0x7d;

/**
 * Items are what stands directly in the outermost array, or, in an outermost object, directly in
 * an array that is the value of one of its keys.
 */
export function eventSizesOf(bytes: Uint8Array): EventSizes {
  const length = bytes.length;
  let largest = 0;
  let envelope = 0;
  let depth = 0;
  /** The depth of items; 0 while outside every array of items. */
  let itemDepth = 0;
  let itemStart = -1;
  let itemEnd = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte <= 0x20) continue;
    const start = i;
    if (byte === quote) i = stringEnd(bytes, i);
    const closes = byte === arrayEnd || byte === objectEnd;
    if (closes) depth--;
    const leaves = closes && itemDepth > 0 && depth < itemDepth;
    if (itemDepth > 0 && (leaves || (byte === comma && depth === itemDepth))) {
      if (itemStart >= 0) largest = Math.max(largest, itemEnd - itemStart);
      itemStart = -1;
      if (leaves) itemDepth = 0;
    } else if (itemDepth > 0) {
      if (itemStart < 0) itemStart = start;
      itemEnd = i + 1;
    } else {
      envelope += i + 1 - start;
    }
    if (byte === arrayStart || byte === objectStart) {
      depth++;
      if (byte === arrayStart && itemDepth === 0 && depth <= 2) itemDepth = depth;
    }
  }
  if (itemStart >= 0) largest = Math.max(largest, itemEnd - itemStart);
  return { largestEventBytes: largest, envelopeBytes: envelope };
}

/** The index of the closing quote, or of the last byte where there is none. */
function stringEnd(bytes: Uint8Array, start: number): number {
  for (let i = start + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === quote) return i;
    if (byte === backslash) i++;
  }
  return bytes.length - 1;
}
