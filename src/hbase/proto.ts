// The part of HBase 2's wire protocol that is in use: names, numbers and types are HBase's own.
// What is sent or read by the hundred thousand (actions of a Multi, cells) is done by hand instead.
// Kept as text in a module, so that the built package needs no file beside it.

export const protoText = `
syntax = "proto2";

message UserInformation { required string effective_user = 1; }
message ConnectionHeader {
  optional UserInformation user_info = 1;
  optional string service_name = 2;
  optional string cell_block_codec_class = 3;
}
message CellBlockMeta { optional uint32 length = 1; }
message RequestHeader {
  optional uint32 call_id = 1;
  optional string method_name = 3;
  optional bool request_param = 4;
  optional CellBlockMeta cell_block_meta = 5;
  optional uint32 timeout = 7;
}
message ExceptionResponse {
  optional string exception_class_name = 1;
  optional string stack_trace = 2;
  optional string hostname = 3;
  optional int32 port = 4;
  optional bool do_not_retry = 5;
}
message ResponseHeader {
  optional uint32 call_id = 1;
  optional ExceptionResponse exception = 2;
  optional CellBlockMeta cell_block_meta = 3;
}

message ServerName {
  required string host_name = 1;
  optional uint32 port = 2;
  optional uint64 start_code = 3;
}
message MetaRegionServer { required ServerName server = 1; }
message Master { required ServerName master = 1; }

message TableName { required bytes namespace = 1; required bytes qualifier = 2; }
message RegionInfo {
  required uint64 region_id = 1;
  required TableName table_name = 2;
  optional bytes start_key = 3;
  optional bytes end_key = 4;
  optional bool offline = 5;
  optional bool split = 6;
}
message RegionSpecifier { required uint32 type = 1; required bytes value = 2; }
message NameBytesPair { required string name = 1; optional bytes value = 2; }
message BytesBytesPair { required bytes first = 1; required bytes second = 2; }
message Column { required bytes family = 1; repeated bytes qualifier = 2; }

message Cell {
  optional bytes row = 1;
  optional bytes family = 2;
  optional bytes qualifier = 3;
  optional uint64 timestamp = 4;
  optional bytes value = 6;
}
message Result { repeated Cell cell = 1; optional int32 associated_cell_count = 2; }
message Scan {
  repeated Column column = 1;
  optional bytes start_row = 3;
  optional bytes stop_row = 4;
  optional bool cache_blocks = 8;
  optional uint64 max_result_size = 10;
  optional bool reversed = 15;
  optional uint32 caching = 17;
  optional bool include_start_row = 21;
}
message ScanRequest {
  optional RegionSpecifier region = 1;
  optional Scan scan = 2;
  optional uint64 scanner_id = 3;
  optional uint32 number_of_rows = 4;
  optional bool close_scanner = 5;
  optional uint64 next_call_seq = 6;
  optional bool client_handles_heartbeats = 8;
}
message ScanResponse {
  repeated uint32 cells_per_result = 1;
  optional uint64 scanner_id = 2;
  optional bool more_results = 3;
  repeated Result results = 5;
  repeated bool partial_flag_per_result = 7;
  optional bool more_results_in_region = 8;
  optional bool heartbeat_message = 9;
}

message QualifierValue {
  optional bytes qualifier = 1;
  optional bytes value = 2;
  optional uint64 timestamp = 3;
  optional uint32 delete_type = 4;
}
message ColumnValue { required bytes family = 1; repeated QualifierValue qualifier_value = 2; }
message MutationProto {
  optional bytes row = 1;
  optional uint32 mutate_type = 2;
  repeated ColumnValue column_value = 3;
  optional uint32 durability = 6;
}
message Comparator { required string name = 1; optional bytes serialized_comparator = 2; }
message ByteArrayComparable { optional bytes value = 1; }
message BinaryComparator { required ByteArrayComparable comparable = 1; }
message Condition {
  required bytes row = 1;
  optional bytes family = 2;
  optional bytes qualifier = 3;
  optional uint32 compare_type = 4;
  optional Comparator comparator = 5;
}
message MutateRequest {
  required RegionSpecifier region = 1;
  required MutationProto mutation = 2;
  optional Condition condition = 3;
}
message MutateResponse { optional Result result = 1; optional bool processed = 2; }
message Action { optional uint32 index = 1; optional MutationProto mutation = 2; }
message RegionAction {
  required RegionSpecifier region = 1;
  optional bool atomic = 2;
  repeated Action action = 3;
}
message MultiRequest { repeated RegionAction region_action = 1; }
message ResultOrException {
  optional uint32 index = 1;
  optional Result result = 2;
  optional NameBytesPair exception = 3;
}
message RegionActionResult {
  repeated ResultOrException result_or_exception = 1;
  optional NameBytesPair exception = 2;
}
message MultiResponse { repeated RegionActionResult region_action_result = 1; }

message ColumnFamilySchema { required bytes name = 1; repeated BytesBytesPair attributes = 2; }
message TableSchema {
  optional TableName table_name = 1;
  repeated BytesBytesPair attributes = 2;
  repeated ColumnFamilySchema column_families = 3;
}
message CreateTableRequest {
  required TableSchema table_schema = 1;
  repeated bytes split_keys = 2;
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message NamespaceDescriptor { required bytes name = 1; }
message CreateNamespaceRequest {
  required NamespaceDescriptor namespace_descriptor = 1;
  optional uint64 nonce_group = 2;
  optional uint64 nonce = 3;
}
message GetNamespaceDescriptorRequest { required string namespace_name = 1; }
message GetTableDescriptorsRequest { repeated TableName table_names = 1; }
message GetTableDescriptorsResponse { repeated TableSchema table_schema = 1; }
message MoveRegionRequest {
  required RegionSpecifier region = 1;
  optional ServerName dest_server_name = 2;
}
message SplitTableRegionRequest {
  required RegionInfo region_info = 1;
  optional bytes split_row = 2;
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message MergeTableRegionsRequest {
  repeated RegionSpecifier region = 1;
  optional uint64 nonce_group = 4;
  optional uint64 nonce = 5;
}
message FlushRegionRequest { required RegionSpecifier region = 1; }
message CompactRegionRequest { required RegionSpecifier region = 1; optional bool major = 2; }
message GetRegionInfoRequest {
  required RegionSpecifier region = 1;
  optional bool compaction_state = 2;
}
message GetRegionInfoResponse {
  optional uint32 compaction_state = 2;
  optional bool splittable = 4;
  optional bool mergeable = 5;
}
message ProcedureResponse { optional uint64 proc_id = 1; }
message GetProcedureResultRequest { required uint64 proc_id = 1; }
message GenericExceptionMessage { optional string class_name = 1; optional string message = 2; }
message ForeignExceptionMessage { optional GenericExceptionMessage generic_exception = 2; }
message GetProcedureResultResponse {
  required uint32 state = 1;
  optional ForeignExceptionMessage exception = 5;
}
message GetClusterStatusRequest { repeated uint32 options = 1; }
message ServerLoad { optional uint64 report_end_time = 8; }
message LiveServerInfo { required ServerName server = 1; required ServerLoad server_load = 2; }
message ClusterStatus { repeated LiveServerInfo live_servers = 2; }
message GetClusterStatusResponse { required ClusterStatus cluster_status = 1; }
`;
