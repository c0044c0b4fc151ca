// What a frame of HBase's protocol is: which kind of call, and whether a reply says that all was
// done. Reads no more of it than that, and never changes a byte.
import { messages } from '../../../src/hbase/messages.ts';
import { readVarint } from '../../../src/hbase/varint.ts';

/**
 * The method's own name (`Multi`, `Mutate`, `GetClusterStatus` …), but for scans, which are told
 * apart: of hbase:meta, and of a table its begin, its next part and its end.
 */
export type RpcKind = string;

export interface SeenRequest {
  readonly callId: number;
  readonly kind: RpcKind;
}

export interface SeenReply {
  readonly callId: number;
  /** Done as a whole: no exception, and none inside for a region or an action either. */
  readonly applied: boolean;
  readonly end: number;
}

export function readRequest(frame: Buffer): SeenRequest {
  const part = { value: 0, end: 0 };
  readVarint(frame, 0, part);
  const headerEnd = part.end + part.value;
  const header = messages.requestHeader.decode(frame.subarray(part.end, headerEnd));
  const { callId, methodName } = header;
  if (methodName !== 'Scan') return { callId, kind: methodName };
  readVarint(frame, headerEnd, part);
  return { callId, kind: scanKind(frame.subarray(part.end, part.end + part.value)) };
}

export function readReply(
  frame: Buffer,
  kindOf: (callId: number) => RpcKind | undefined,
): SeenReply {
  const part = { value: 0, end: 0 };
  readVarint(frame, 0, part);
  const end = part.end + part.value;
  const { callId, exception } = messages.responseHeader.decode(frame.subarray(part.end, end));
  if (exception) return { callId, applied: false, end };
  if (kindOf(callId) !== 'Multi') return { callId, applied: true, end };
  readVarint(frame, end, part);
  const message = frame.subarray(part.end, part.end + part.value);
  return { callId, applied: !multiFailedSomewhere(message), end };
}

function scanKind(message: Buffer): RpcKind {
  const { scan, region, closeScanner } = messages.scanRequest.decode(message);
  if (scan) {
    const name = Buffer.from(region?.value ?? []).toString('latin1');
    return name.startsWith('hbase:meta,') ? 'MetaScan' : 'ScanOpen';
  }
  return closeScanner === true ? 'ScanClose' : 'ScanNext';
}

const regionResult = 1;
const actionResult = 1;
const regionException = 2;
const actionException = 3;

/** MultiResponse: 1 = a region's result: 2 = its exception, 1 = an action's: 3 = its exception. */
function multiFailedSomewhere(message: Buffer): boolean {
  return hasField(message, regionResult, (region) => {
    if (hasField(region, regionException, () => true)) return true;
    return hasField(region, actionResult, (action) =>
      hasField(action, actionException, () => true),
    );
  });
}

/** Whether any field of that number, with a length, fulfils the condition. */
function hasField(message: Buffer, number: number, is: (bytes: Buffer) => boolean): boolean {
  const part = { value: 0, end: 0 };
  for (let at = 0; at < message.length;) {
    readVarint(message, at, part);
    const tag = part.value;
    at = part.end;
    if ((tag & 7) === 1) at += 8;
    else if ((tag & 7) === 5) at += 4;
    else {
      readVarint(message, at, part);
      at = part.end;
      if ((tag & 7) !== 2) continue;
      if (tag >>> 3 === number && is(message.subarray(at, at + part.value))) return true;
      at += part.value;
    }
  }
  return false;
}
