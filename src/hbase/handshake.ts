// What opens a connection to a server of HBase: who asks, what for, and in which form cells go.
// Cell blocks, which the package's own handshake does not ask for. Only computes.
import { messages } from './messages.ts';

export type Service = 'ClientService' | 'MasterService' | 'AdminService';

const preamble = Buffer.from([...Buffer.from('HBas'), 0, 80]); // version 0, simple authentication
const cellBlockCodecClass = 'org.apache.hadoop.hbase.codec.KeyValueCodec';

export function handshake(options: { readonly user: string; readonly service: Service }): Buffer {
  const header = messages.connectionHeader.encode({
    userInfo: { effectiveUser: options.user },
    serviceName: options.service,
    cellBlockCodecClass,
  });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length, 0);
  return Buffer.concat([preamble, length, header]);
}
