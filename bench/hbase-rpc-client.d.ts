// hbase-rpc-client as its own users see it, for the run beside ours; and the parts of it that make
// its bytes, for the run without a server.

declare module 'hbase-rpc-client' {
  export interface Put {
    add(family: string, qualifier: Buffer, value: Buffer): void;
    getFields(): unknown;
  }
  export interface Column {
    readonly value: Buffer;
  }
  export interface Row {
    /** Missing: the end. */
    readonly row?: Buffer;
    readonly columns: readonly Column[];
  }
  export interface Client {
    mput(
      table: string,
      puts: readonly Put[],
      done: (error: unknown, results: readonly unknown[]) => void,
    ): void;
    getScanner(
      table: string,
      start: Buffer,
      stop: Buffer,
    ): {
      each(visit: (error: unknown, row: Row) => void, done: (error: unknown) => void): void;
      close(): void;
    };
    /** From a result of the wire to what its users get. */
    _parseResponse(result: unknown): Row;
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
    readonly Put: new (row: Buffer, version: number) => Put;
  };
  export default hbase;
}
