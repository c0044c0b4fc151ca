// The messages of a diagnosis, apart from those of the client: what the master says of all servers,
// what servers and tables say of themselves, and a pair of puts that stand or fall together.
// Names, numbers and types are HBase's own; what is not read is left out.
import protobuf from 'protobufjs';
import { message } from './messages.ts';
import type { Int64, RegionSpecifier, ServerNameMessage } from './messages.ts';

const root = protobuf.parse(`
syntax = "proto2";

message ServerName {
  required string host_name = 1;
  optional uint32 port = 2;
  optional uint64 start_code = 3;
}
message HBaseVersionFileContent { required string version = 1; }
message ServerLoad { repeated bytes region_loads = 5; optional uint64 report_end_time = 8; }
message LiveServerInfo { required ServerName server = 1; required ServerLoad server_load = 2; }
message ClusterStatus {
  optional HBaseVersionFileContent hbase_version = 1;
  repeated LiveServerInfo live_servers = 2;
  repeated ServerName dead_servers = 3;
  repeated bytes regions_in_transition = 4;
}
message GetClusterStatusResponse { required ClusterStatus cluster_status = 1; }

message VersionInfo { required string version = 1; }
message RegionServerInfo { optional VersionInfo version_info = 2; }
message TableState { required uint32 state = 1; }

message RegionSpecifier { required uint32 type = 1; required bytes value = 2; }
message QualifierValue {
  optional bytes qualifier = 1;
  optional bytes value = 2;
  optional uint64 timestamp = 3;
}
message ColumnValue { required bytes family = 1; repeated QualifierValue qualifier_value = 2; }
message MutationProto {
  optional bytes row = 1;
  optional uint32 mutate_type = 2;
  repeated ColumnValue column_value = 3;
}
message Action { optional uint32 index = 1; optional MutationProto mutation = 2; }
message RegionAction {
  required RegionSpecifier region = 1;
  optional bool atomic = 2;
  repeated Action action = 3;
}
message MultiRequest { repeated RegionAction region_action = 1; }
message NameBytesPair { required string name = 1; optional bytes value = 2; }
message ResultOrException { optional uint32 index = 1; optional NameBytesPair exception = 3; }
message RegionActionResult {
  repeated ResultOrException result_or_exception = 1;
  optional NameBytesPair exception = 2;
}
message MultiResponse { repeated RegionActionResult region_action_result = 1; }
`).root;

export interface ClusterStatus {
  readonly clusterStatus: {
    readonly hbaseVersion?: { readonly version: string } | null;
    readonly liveServers: readonly {
      readonly server: ServerNameMessage;
      readonly serverLoad: {
        readonly reportEndTime: Int64 | number;
        /** One for each region that it has open; not looked into. */
        readonly regionLoads: readonly Uint8Array[];
      };
    }[];
    readonly deadServers: readonly ServerNameMessage[];
    readonly regionsInTransition: readonly Uint8Array[];
  };
}

interface PutMessage {
  readonly row: Uint8Array;
  readonly mutateType: number;
  readonly columnValue: readonly {
    readonly family: Uint8Array;
    readonly qualifierValue: readonly {
      readonly qualifier: Uint8Array;
      readonly value: Uint8Array;
      readonly timestamp: number;
    }[];
  }[];
}

export interface MultiRequest {
  readonly regionAction: readonly {
    readonly region: RegionSpecifier;
    /** All of its actions or none. */
    readonly atomic: boolean;
    readonly action: readonly { readonly index: number; readonly mutation: PutMessage }[];
  }[];
}

interface MayFail {
  readonly exception?: { readonly name: string; readonly value: Uint8Array } | null;
}

export interface MultiResponse {
  readonly regionActionResult: readonly (MayFail & {
    readonly resultOrException: readonly MayFail[];
  })[];
}

export const diagnosisMessages = {
  clusterStatus: message<ClusterStatus>('GetClusterStatusResponse', root),
  regionServerInfo: message<{ readonly versionInfo?: { readonly version: string } | null }>(
    'RegionServerInfo',
    root,
  ),
  tableState: message<{ readonly state: number }>('TableState', root),
  multiRequest: message<MultiRequest>('MultiRequest', root),
  multiResponse: message<MultiResponse>('MultiResponse', root),
};
