// hbase-rpc-client as its own users see it, for the run beside ours.

declare module 'hbase-rpc-client' {
  class Put {
    constructor(row: Buffer, version: number);
    add(family: string, qualifier: Buffer, value: Buffer): void;
  }
  interface Client {
    mput(
      table: string,
      puts: readonly Put[],
      done: (error: unknown, results: readonly unknown[]) => void,
    ): void;
    readonly zk: { close(): void };
    readonly servers: Readonly<Record<string, { readonly socket: { destroy(): void } }>>;
    on(event: 'error', listener: (error: unknown) => void): void;
  }
  const hbase: {
    (options: {
      readonly zookeeperHosts: readonly string[];
      readonly zookeeperRoot: string;
      readonly callTimeout: number;
    }): Client;
    readonly Put: typeof Put;
  };
  export default hbase;
}
