// A client that knows nothing yet: it asks HBase where regions are now.
import { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import { clientOptions } from '../client-options.ts';

export async function withFreshClient<T>(
  zookeeper: string,
  use: (client: HBaseClient) => Promise<T>,
): Promise<T> {
  const client = new HBaseClient(clientOptions(zookeeper));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
