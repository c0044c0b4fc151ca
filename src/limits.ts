// Every bound of the service, in one place. Units last; what must relate is asserted below.
import { assert } from './model/assert.ts';

// ── HBase room ──
/** A request or reply frame beyond this is refused. */
export const hbaseFrameBytesMax = 64 * 1_048_576;
/** Puts of one Multi call: cell block bytes. */
export const hbaseMultiBytesMax = 2 * 1_048_576;
/** What one scan reply may carry. */
export const hbaseScanReplyBytesMax = 2 * 1_048_576;

assert(hbaseMultiBytesMax < hbaseFrameBytesMax, 'a Multi fits a frame');
