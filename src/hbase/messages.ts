// The messages that go through protobufjs, with types. Reads nothing by the hundred thousand.
// Promises: bytes that are no such message fail as STORE_REPLY_INVALID. Never knows sockets.
import protobuf from 'protobufjs';
import { CounterError } from '../model/errors.ts';
import { protoText } from './proto.ts';

/** A 64-bit number as protobufjs hands it out; ids are handed back as they came. */
export interface Int64 {
  toNumber(): number;
}

export interface Message<Encoded, Decoded = Encoded> {
  encode(value: Encoded): Buffer;
  /** With its length before it, as every part of a frame is sent. */
  encodeDelimited(value: Encoded): Buffer;
  decode(bytes: Uint8Array): Decoded;
}

const root = protobuf.parse(protoText).root;

export function message<Encoded, Decoded = Encoded>(
  name: string,
  from: protobuf.Root = root,
): Message<Encoded, Decoded> {
  const type = from.lookupType(name);
  return {
    encode: (value) => asBuffer(type.encode(type.fromObject(value as object)).finish()),
    encodeDelimited: (value) =>
      asBuffer(type.encodeDelimited(type.fromObject(value as object)).finish()),
    decode: (bytes) => {
      try {
        return type.decode(bytes) as unknown as Decoded;
      } catch (error) {
        throw new CounterError('STORE_REPLY_INVALID', 'retry', {
          detail: `the bytes are no ${name}`,
          cause: error,
        });
      }
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface ServerNameMessage {
  readonly hostName: string;
  readonly port: number;
  readonly startCode: Int64 | number;
}
export interface TableNameMessage {
  readonly namespace: Uint8Array;
  readonly qualifier: Uint8Array;
}
export interface RegionInfoMessage {
  readonly regionId: Int64 | number;
  readonly tableName: TableNameMessage;
  readonly startKey: Uint8Array;
  readonly endKey: Uint8Array;
  readonly offline: boolean;
  readonly split: boolean;
}
export interface RegionSpecifier {
  /** 1: by its whole name, 2: by its encoded name. */
  readonly type: 1 | 2;
  readonly value: Uint8Array;
}
/** By which the master knows a procedure that is asked for again. */
export interface Nonces {
  readonly nonceGroup: number;
  readonly nonce: number;
}
export interface RegionInfoResponse {
  readonly compactionState: number;
  readonly splittable: boolean;
  readonly mergeable: boolean;
}
export interface ExceptionResponse {
  readonly exceptionClassName: string;
  readonly stackTrace: string;
  readonly doNotRetry: boolean;
  /** Where the region is now, if the server knows. */
  readonly hostname?: string;
  readonly port?: number;
}
export interface ResponseHeader {
  readonly callId: number;
  readonly exception?: ExceptionResponse | null;
  readonly cellBlockMeta?: { readonly length: number } | null;
}
export interface RequestHeader {
  readonly callId: number;
  readonly methodName: string;
  readonly requestParam: true;
  readonly cellBlockMeta?: { readonly length: number };
  readonly timeout: number;
}
export interface ScanRequest {
  readonly region?: RegionSpecifier;
  readonly scan?: {
    readonly column: readonly { readonly family: Uint8Array }[];
    readonly startRow: Uint8Array;
    readonly includeStartRow?: boolean;
    readonly stopRow: Uint8Array;
    readonly cacheBlocks?: boolean;
    readonly maxResultSize: number;
    readonly reversed?: boolean;
    readonly caching: number;
  };
  readonly scannerId?: Int64;
  readonly numberOfRows?: number;
  readonly closeScanner?: boolean;
  readonly nextCallSeq?: number;
  readonly clientHandlesHeartbeats?: boolean;
}
export interface CellMessage {
  readonly row: Uint8Array;
  readonly qualifier: Uint8Array;
  readonly timestamp: Int64;
  readonly value: Uint8Array;
}
export interface ScanResponse {
  readonly cellsPerResult: readonly number[];
  readonly scannerId: Int64;
  readonly moreResults: boolean;
  readonly results: readonly { readonly cell: readonly CellMessage[] }[];
  readonly partialFlagPerResult: readonly boolean[];
  readonly moreResultsInRegion: boolean;
  readonly heartbeatMessage: boolean;
}
export interface MutateRequest {
  readonly region: RegionSpecifier;
  readonly mutation: {
    readonly row: Uint8Array;
    readonly mutateType: number;
    readonly columnValue: readonly {
      readonly family: Uint8Array;
      readonly qualifierValue: readonly { qualifier: Uint8Array; value: Uint8Array }[];
    }[];
    readonly durability: number;
  };
  readonly condition?: {
    readonly row: Uint8Array;
    readonly family: Uint8Array;
    readonly qualifier: Uint8Array;
    readonly compareType: number;
    readonly comparator: { readonly name: string; readonly serializedComparator: Uint8Array };
  };
}
export interface AttributeMessage {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}
export interface TableSchemaMessage {
  readonly tableName: TableNameMessage;
  readonly attributes: readonly AttributeMessage[];
  readonly columnFamilies: readonly {
    readonly name: Uint8Array;
    readonly attributes: readonly AttributeMessage[];
  }[];
}
export interface ProcedureResult {
  readonly state: number;
  readonly exception?: {
    readonly genericException?: { readonly className: string; readonly message: string };
  } | null;
}
export interface ClusterStatus {
  readonly clusterStatus: {
    readonly liveServers: readonly {
      readonly server: ServerNameMessage;
      readonly serverLoad: { readonly reportEndTime: Int64 };
    }[];
  };
}

export const messages = {
  connectionHeader: message<{
    readonly userInfo: { readonly effectiveUser: string };
    readonly serviceName: string;
    readonly cellBlockCodecClass: string;
  }>('ConnectionHeader'),
  requestHeader: message<RequestHeader>('RequestHeader'),
  responseHeader: message<ResponseHeader>('ResponseHeader'),
  metaRegionServer: message<{ readonly server: ServerNameMessage }>('MetaRegionServer'),
  master: message<{ readonly master: ServerNameMessage }>('Master'),
  regionInfo: message<RegionInfoMessage>('RegionInfo'),
  nameBytesPair: message<{ readonly name: string; readonly value: Uint8Array }>('NameBytesPair'),
  regionSpecifier: message<RegionSpecifier>('RegionSpecifier'),
  scanRequest: message<ScanRequest>('ScanRequest'),
  scanResponse: message<ScanResponse>('ScanResponse'),
  mutateRequest: message<MutateRequest>('MutateRequest'),
  mutateResponse: message<{ readonly processed: boolean }>('MutateResponse'),
  binaryComparator: message<{ comparable: { value: Uint8Array } }>('BinaryComparator'),
  createTable: message<
    Nonces & {
      readonly tableSchema: TableSchemaMessage;
      readonly splitKeys: readonly Uint8Array[];
    }
  >('CreateTableRequest'),
  createNamespace: message<
    Nonces & { readonly namespaceDescriptor: { readonly name: Uint8Array } }
  >('CreateNamespaceRequest'),
  getNamespace: message<{ readonly namespaceName: string }>('GetNamespaceDescriptorRequest'),
  getTables: message<{ readonly tableNames: readonly TableNameMessage[] }>(
    'GetTableDescriptorsRequest',
  ),
  tables: message<{ readonly tableSchema: readonly TableSchemaMessage[] }>(
    'GetTableDescriptorsResponse',
  ),
  moveRegion: message<{
    readonly region: RegionSpecifier;
    readonly destServerName: ServerNameMessage;
  }>('MoveRegionRequest'),
  splitRegion: message<
    Nonces & { readonly regionInfo: RegionInfoMessage; readonly splitRow: Uint8Array }
  >('SplitTableRegionRequest'),
  mergeRegions: message<Nonces & { readonly region: readonly RegionSpecifier[] }>(
    'MergeTableRegionsRequest',
  ),
  flushRegion: message<{ readonly region: RegionSpecifier }>('FlushRegionRequest'),
  compactRegion: message<{ readonly region: RegionSpecifier; readonly major: boolean }>(
    'CompactRegionRequest',
  ),
  getRegionInfo: message<{ readonly region: RegionSpecifier; readonly compactionState: boolean }>(
    'GetRegionInfoRequest',
  ),
  regionInfoResponse: message<RegionInfoResponse>('GetRegionInfoResponse'),
  procedure: message<{ readonly procId: Int64 }>('ProcedureResponse'),
  getProcedureResult: message<{ readonly procId: Int64 }>('GetProcedureResultRequest'),
  procedureResult: message<ProcedureResult>('GetProcedureResultResponse'),
  getClusterStatus: message<{ readonly options: readonly number[] }>('GetClusterStatusRequest'),
  clusterStatus: message<ClusterStatus>('GetClusterStatusResponse'),
};
